"""What `make bench` prints, and that every figure is explained where people look for it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from bench import __main__ as program
from bench import sizes
from bench.figures import Figure

EXPLAINED = (Path(__file__).parents[2] / "docs" / "performance.md").read_text("utf-8")
NAMES = program.find_names()


def make_figure(value: float, goal: float | None, *, at_least: bool = False, figure: str = "one") -> Figure:
    return Figure("fake", figure, value, "ms", goal, "nothing", at_least)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A bench of its own, `python -m bench fake`; what it yields is in its `figures`."""
    module = ModuleType("bench.fake")

    def run() -> Iterator[Figure]:
        yield from module.figures

    vars(module).update(run=run, FIGURES=("one",), figures=[])
    monkeypatch.setitem(sys.modules, "bench.fake", module)
    monkeypatch.setattr(program, "find_names", lambda: ["fake"])
    return module


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_explained_in_the_section_of_its_bench(name: str) -> None:
    section = re.search(rf"^## `{name}`$(.*?)(?=^## |\Z)", EXPLAINED, re.M | re.S)
    assert section, f"docs/performance.md has no section on `{name}`"
    missing = [figure for figure in import_module(f"bench.{name}").FIGURES if f"`{figure}`" not in section[1]]
    assert not missing, f"docs/performance.md does not explain {missing}"


def test_a_line_holds_all_that_a_figure_is(fake: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    vars(fake)["figures"] = [make_figure(3.14159, 5)]
    assert program.main(["fake"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "bench": "fake",
        "figure": "one",
        "value": 3.14,
        "unit": "ms",
        "goal": 5,
        "ok": True,
        "against": "nothing",
    }


def test_a_missed_goal_is_said_and_is_the_exit_status(
    fake: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    vars(fake)["figures"] = [make_figure(6, 5), make_figure(4, 5)]
    assert program.main([]) == 1
    assert [json.loads(line)["ok"] for line in capsys.readouterr().out.splitlines()] == [False, True]


def test_a_goal_may_be_a_floor_and_may_be_missing() -> None:
    assert not make_figure(0.6, 0.7, at_least=True).ok
    assert make_figure(0.8, 0.7, at_least=True).ok
    assert make_figure(1e9, None).ok
    assert json.loads(make_figure(1, None).line())["goal"] is None


def test_a_figure_that_its_bench_does_not_declare_is_an_error(fake: ModuleType) -> None:
    vars(fake)["figures"] = [make_figure(1, 5, figure="another")]
    with pytest.raises(LookupError, match="another"):
        program.main(["fake"])


def test_an_unknown_bench_is_told_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["speed"]) == 2
    assert "gateway" in capsys.readouterr().err


def test_a_screen_weighs_all_that_it_imports_at_once_and_nothing_that_waits(tmp_path: Path) -> None:
    scripts = {
        "index-a.js": 'import{a}from"./shared-b.js";const go=()=>import("./Later-c.js");',
        "shared-b.js": "import'./base-d.js';",
        "base-d.js": 'import{x}from"./shared-b.js"',
        "Later-c.js": "",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
    assert sizes.reach(tmp_path, ["index-a.js"]) == {"index-a.js", "shared-b.js", "base-d.js"}


def test_a_script_too_small_to_be_compressed_weighs_what_is_sent(tmp_path: Path) -> None:
    small, large = tmp_path / "small.js", tmp_path / "large.js"
    small.write_bytes(b"x" * 40)
    large.write_bytes(b"x" * 4000)
    (tmp_path / "large.js.br").write_bytes(b"y" * 60)
    (tmp_path / "large.js.gz").write_bytes(b"y" * 160)
    figure = sizes.weigh("scripts", [small, large], 1)
    assert figure.value == pytest.approx(0.1)
    assert "gzip 0.2 kB" in figure.against
