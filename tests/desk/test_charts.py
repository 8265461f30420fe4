"""Charts say in words what they draw, and draw what is not there as not there."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from server.charts import Column, Part, ceiling, column_chart, share_bar, stacked_bar

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(str.replace(svg, "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def chart(columns: list[Column], top: int = 10) -> ElementTree.Element:
    return parsed(
        column_chart(columns, id="c", title="Lượt <b>", desc='"x" & y', series=1, axis=[(top, str(top))])
    )


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (3, 3), (5, 5), (11, 20), (26, 40), (41, 50), (99, 100), (1001, 2000)]
)
def test_an_axis_ends_on_a_round_number(value: int, top: int) -> None:
    assert ceiling(value) == top


def test_a_chart_has_title_and_description_and_escapes_them() -> None:
    found = chart([Column("1/5", 5, "5", "01/05: <5>")])
    labelled = found.get("aria-labelledby", "").split()
    texts = {each.get("id"): each.text for each in found if each.get("id")}
    assert [texts[id] for id in labelled] == ["Lượt <b>", '"x" & y']


def test_a_day_without_data_is_a_dash_and_a_day_of_nothing_a_column_of_no_height() -> None:
    found = chart(
        [Column("1/5", None, "—", "không"), Column("2/5", 0, "0", "0"), Column("3/5", 10, "10", "10")]
    )
    columns = found.findall(f"{SVG}rect")
    assert [float(each.get("height", "x")) > 0 for each in columns] == [False, True]
    assert len([each for each in found.findall(f"{SVG}line") if each.get("class") == "chart-none"]) == 1


def test_columns_stay_within_the_drawing() -> None:
    found = chart([Column(str(n), n, str(n), "") for n in range(45)], top=44)
    for each in found.findall(f"{SVG}rect"):
        assert float(each.get("x", "")) + float(each.get("width", "")) <= 340
        assert float(each.get("y", "")) >= 0


def test_parts_of_a_whole_fill_it_and_are_told_apart_by_pattern() -> None:
    found = parsed(stacked_bar([Part("a", 3, "a: 3"), Part("b", 1, "b: 1")], id="s", title="t", desc="d"))
    series = [each for each in found.findall(f"{SVG}rect") if "series" in each.get("class", "")]
    assert sum(float(each.get("width", "")) for each in series) == pytest.approx(340)
    assert any("url(#s-p2)" in each.get("fill", "") for each in found.findall(f"{SVG}rect"))
    assert stacked_bar([Part("a", 0, "a: 0")], id="s", title="t", desc="d")


def test_a_bar_is_never_longer_than_its_track() -> None:
    assert 'width="100.00"' in share_bar(1.3)
    assert share_bar(None) == ""
    assert "bar-goal" in share_bar(0.2, goal=0.8)


def test_nothing_in_a_chart_is_styled_inline() -> None:
    drawn = column_chart([], id="c", title="t", desc="d", series=1, axis=[(1, "1")]) + share_bar(0.5)
    assert not re.search(r"style=|<style|\son\w+=", drawn)
