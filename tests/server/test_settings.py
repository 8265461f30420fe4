from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import SETTINGS, BadSetting, read_settings

ROOT = Path(__file__).parents[2]


def gtn(*args: str, input: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GTN_", "COUCHDB_"))}
    return subprocess.run(
        [sys.executable, "-c", "from server.cli import main; main()", *args],
        cwd=ROOT,
        env={**kept, **variables},
        input=input,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nothing_set_means_this_machine_only() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.ward) == ("127.0.0.1", 8009, "09562")
    assert not settings.secure
    assert settings.couchdb_url == ""


def test_a_setting_is_typed() -> None:
    settings = read_settings({"GTN_PORT": " 80 ", "GTN_PUBLIC_URL": "https://Go.Example.vn/"})
    assert settings.port == 80
    assert settings.public_url == "https://go.example.vn"
    assert settings.public_host == "go.example.vn"
    assert settings.secure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GTN_PROT", "8009"),
        ("GTN_PORT", "eighty"),
        ("GTN_METRICS", "9109"),
        ("GTN_METRICS", "127.0.0.1:0"),
        ("GTN_PORT", "70000"),
        ("GTN_WARD", "9562"),
        ("GTN_WARD", "09562x"),
        ("GTN_PUBLIC_URL", "http://go.example.vn"),
        ("GTN_PUBLIC_URL", "https://go.example.vn/app"),
        ("GTN_PUBLIC_URL", "go.example.vn"),
        ("GTN_DATABASE_PREFIX", "9-"),
        ("GTN_DATABASE_PREFIX", "Test-"),
        ("GTN_TRUSTED_PROXY", "caddy"),
        ("GTN_LOG_LEVEL", "loud"),
        ("COUCHDB_URL", "127.0.0.1:5984"),
        ("COUCHDB_URL", "ftp://127.0.0.1"),
    ],
)
def test_what_cannot_be_meant_is_named_in_one_line(name: str, value: str) -> None:
    with pytest.raises(BadSetting) as caught:
        read_settings({name: value})
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_passwords_of_settings_are_not_shown() -> None:
    settings = read_settings({"COUCHDB_URL": "http://admin:geheim@127.0.0.1", "GTN_STORE_PASSWORD": "geheim"})
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "variables",
    [
        {"GTN_PROT": "8009"},
        {"GTN_PORT": "eighty"},
        {"COUCHDB_URL": "http://admin:x@127.0.0.1:1"},
        {"COUCHDB_URL": "nonsense"},
    ],
    ids=lambda variables: "-".join(variables),
)
def test_the_server_does_not_start_on_a_wrong_setting_and_says_why(
    variables: dict[str, str], tmp_path: Path
) -> None:
    ended = gtn("serve", **{"GTN_PORT": "0", "GTN_DATA": str(tmp_path), **variables})
    assert ended.returncode == 2, ended.stderr
    said = [line for line in ended.stderr.splitlines() if line.startswith("gtn: ")]
    assert len(said) == 1
    assert "Traceback" not in ended.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = gtn("serve", GTN_PORT="0", GTN_DATA=str(tmp_path / "file"))
    assert ended.returncode == 2
    assert "GTN_DATA" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_store_alone_asks_for_its_password(tmp_path: Path) -> None:
    ended = gtn("store", "serve", "--port", "0", "--data", str(tmp_path))
    assert ended.returncode == 2
    assert "GTN_STORE_PASSWORD" in ended.stderr


def test_the_schema_of_the_phone_is_the_one_of_the_documents() -> None:
    kept = (ROOT / "pwa/src/documents.schema.json").read_text(encoding="utf-8")
    assert json.loads(gtn("schema").stdout) == json.loads(kept), "run `make schema`"


def test_operators_find_every_setting_and_every_command() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    for name in SETTINGS:
        assert f"`{name}`" in guide, f"{name} is missing in docs/operators.md"
    for command in commands():
        assert f"`gtn {command}" in guide, f"gtn {command} is missing in docs/operators.md"
    for name in re.findall(r"GTN_[A-Z_]+[A-Z]", guide):
        assert name in SETTINGS, f"docs/operators.md explains {name}, which is no setting"


def commands() -> list[str]:
    import typer.main

    from server.cli import app

    found: list[str] = []

    def walk(command: object, words: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found.append(" ".join(words))
            return
        for name, child in inner.items():
            walk(child, (*words, name))

    walk(typer.main.get_command(app), ())
    assert len(found) > 8
    return found
