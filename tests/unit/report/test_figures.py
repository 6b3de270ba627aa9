"""The headline figure: the same bytes twice, themed by the page, and in words for who does not see it."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from harness.report.figures import description, frontier_svg
from harness.report.model import Frontier, FrontierPoint, Measured
from tests.unit.report import builders


def _many(number: int) -> Frontier:
    measured = [Measured(point=1 + index / 50, low=None, high=None, text="") for index in range(number)]
    points = tuple(
        FrontierPoint(
            language="c", configuration=f"cfg{index}", lane="default", time=one, memory=one, cpu=None, best=index == 0
        )
        for index, one in enumerate(measured)
    )  # fmt: skip
    return replace(builders.report().frontier, points=points)


@pytest.fixture(scope="module")
def svg() -> str:
    report = builders.report()
    return frontier_svg(report.frontier, report.styles)


def test_figure_when_drawn_twice_then_the_same_bytes(svg: str) -> None:
    report = builders.report()
    assert frontier_svg(report.frontier, report.styles) == svg


def test_figure_when_drawn_then_no_date_no_prolog_and_small(svg: str) -> None:
    assert svg.startswith("<svg")
    assert "<metadata>" not in svg
    assert "dc:date" not in svg
    assert len(svg.encode()) < 27_000


def test_figure_when_parsed_then_well_formed_with_text_as_text(svg: str) -> None:
    root = ET.fromstring(svg)
    texts = {"".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"c/glibc", "java/g1", "peak memory ÷ c/glibc", "wall time ÷ c/glibc"} <= texts
    assert root.get("role") == "img"


def test_figure_when_themed_then_every_colour_is_the_pages(svg: str) -> None:
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg))
    assert {"var(--ink)", "var(--lang-c)", "var(--lang-go)", "var(--lang-java)"} <= colours
    assert not [colour for colour in colours if colour.startswith("#")]


def test_figure_when_a_name_looks_like_mathematics_then_it_is_text() -> None:
    frontier = _many(2)
    odd = replace(frontier, points=(frontier.points[0], replace(frontier.points[1], configuration="$x_{$")))
    assert "c/$x_{$" in frontier_svg(odd, builders.report().styles)


def test_figure_when_many_points_are_near_then_each_has_its_label_inside() -> None:
    svg = frontier_svg(_many(12), builders.report().styles)
    root = ET.fromstring(svg)
    _, _, width, height = (float(value) for value in root.attrib["viewBox"].split())
    labels = [node for node in root.iter("{http://www.w3.org/2000/svg}text") if (node.text or "").startswith("c/cfg")]
    assert len(labels) == 12
    assert all(0 < float(node.attrib["x"]) < width and 0 < float(node.attrib["y"]) < height for node in labels)


def test_description_when_read_then_each_configuration_with_both_numbers() -> None:
    text = description(builders.report().frontier)
    assert "c/glibc: 1.00× the memory, 1.00× the time" in text
    assert text.count(";") == len(builders.RATIOS) - 1
