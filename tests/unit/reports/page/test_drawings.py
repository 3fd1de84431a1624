from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from reports.model import RunResult, Series, TopologyPicture, UnderlayPicture
from reports.page.charts import chart_groups, line_chart, round_step, summary_text
from reports.page.narrow import narrow_drawing
from reports.page.picture import Picture, impairment_text, picture
from reports.page.timeline import bars
from reports.page.wide import wide_drawing

from ..report_samples import SAMPLES, a_run, a_step, sample

Draw = Callable[[Picture], Markup]
DRAWINGS: tuple[Draw, ...] = (wide_drawing, narrow_drawing)
DRAWN = [name for name in SAMPLES if sample(name).topology.sites]


def _drawn(draw: Draw, result: RunResult) -> ET.Element:
    anchors = {step.id: f"step-{index}" for index, step in enumerate(result.steps)}
    return ET.fromstring(draw(picture(result, anchors)))  # noqa: S314 - our own text


def _titles(root: ET.Element) -> list[str]:
    return [link.findtext("title") or "" for link in root.iter("a")]


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize("name", DRAWN)
def test_boxes_lie_inside_the_drawing_and_apart(draw: Draw, name: str) -> None:
    root = _drawn(draw, sample(name))
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    parts = [rect for rect in root.iter("rect") if "part" in rect.attrib["class"]]
    places = []
    for rect in root.iter("rect"):
        x, y, w, h = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert left <= x < x + w <= left + width
        assert top <= y < y + h <= top + height
        if rect in parts:
            places.append((x, y, w, h))
    for index, (x, y, w, h) in enumerate(places):
        for x2, y2, w2, h2 in places[:index]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, "two parts overlap"


@pytest.mark.parametrize("draw", DRAWINGS)
def test_a_vnf_is_red_only_where_it_failed(draw: Draw) -> None:
    titles = _titles(_drawn(draw, sample("failed")))
    assert "firewall of site-b: failed" in titles
    assert "firewall of site-a: passed" in titles
    assert "Tunnel site-a \N{EN DASH} site-b: passed" in titles


@pytest.mark.parametrize("draw", DRAWINGS)
def test_names_stay_text(draw: Draw) -> None:
    evil = "<b>\x1b"
    site = {
        "name": evil,
        "lan_prefix": evil,
        "hosts": [{"name": evil, "address": evil}],
        "chain": [{"name": evil, "kind": "firewall", "vendor": evil, "version": evil}],
        "wan": [{"port": evil, "underlay": evil, "address": evil}],
    }
    topology = TopologyPicture.model_validate(
        {
            "sites": [site, {**site, "name": "b"}],
            "underlays": [{"name": evil, "prefix": evil}],
            "tunnels": [{"site_a": evil, "site_b": "b", "underlay": evil, "algorithm": evil, "spis": [evil]}],
        }
    )
    root = _drawn(draw, a_run(a_step(verb="firewall.blocks"), topology=topology))
    assert {element.tag for element in root.iter()} <= {
        "svg",
        "g",
        "rect",
        "text",
        "title",
        "path",
        "line",
        "circle",
        "use",
        "a",
    }
    assert "<b>\ufffd" in [text.text for text in root.iter("text")]
    assert f"Topology: {evil}, b".replace("\x1b", "\ufffd") == root.attrib["aria-label"]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_what_nothing_judged_has_no_verdict(draw: Draw) -> None:
    result = a_run(a_step(verb="other"), topology=sample("passed").topology)
    root = _drawn(draw, result)
    assert _titles(root) == []
    assert not list(root.iter("use"))


def test_a_chain_is_drawn_in_order_from_the_lan() -> None:
    root = _drawn(wide_drawing, sample("passed"))
    names = [(float(text.attrib["x"]), text.text) for text in root.iter("text")]
    order = [text for _, text in sorted(names) if text in ("firewall", "statistics", "ipsec")]
    assert order == ["firewall", "statistics", "ipsec", "ipsec", "statistics", "firewall"]


def test_every_tunnel_is_drawn_once() -> None:
    result = sample("six-sites")
    for draw in DRAWINGS:
        paths = [path for path in _drawn(draw, result).iter("path") if "tunnel" in path.attrib["class"]]
        assert len(paths) == len(result.topology.tunnels) == 15
        assert len({path.attrib["d"] for path in paths}) == 15
        assert [path.attrib["class"] for path in paths].count("tunnel v-failed") == 1


@pytest.mark.parametrize(
    ("impairment", "text"),
    [
        ({}, "no impairment"),
        ({"delay_ms": 20}, "20 ms"),
        (
            {"delay_ms": 20, "jitter_ms": 5, "loss_percent": 0.1, "rate_mbit": 50},
            "20 ms ± 5 ms · 0.1 % loss · 50 Mbit/s",
        ),
        ({"rate_mbit": 0.5}, "0.5 Mbit/s"),
    ],
)
def test_impairment_text(impairment: dict[str, float], text: str) -> None:
    assert impairment_text(UnderlayPicture.model_validate({"name": "u", **impairment})) == text


def _series(*y: float, **values: float | str) -> Series:
    content = {"name": "s", "unit": "Mbit/s", "x_seconds": tuple(range(len(y))), "y": y, **values}
    return Series.model_validate(content)


@pytest.mark.parametrize(
    ("rough", "step"), [(0.07, 0.1), (1, 1), (1.01, 2), (3, 5), (5.2, 10), (47, 50), (120, 200), (0.0003, 0.0005)]
)
def test_round_step(rough: float, step: float) -> None:
    assert round_step(rough) == pytest.approx(step)


@pytest.mark.parametrize(
    "series",
    [
        [_series(0, 0)],
        [_series(5)],
        [_series(-4, 3)],
        [_series(1e9, 2e9), _series(3, 4)],
        [_series(1, 2, lower_bound=900, upper_bound=1000)],
    ],
)
def test_curves_and_bounds_lie_inside_the_chart(series: list[Series]) -> None:
    root = ET.fromstring(line_chart(series))  # noqa: S314 - our own text
    points = [tuple(map(float, p.split(","))) for line in root.iter("polyline") for p in line.attrib["points"].split()]
    assert len(points) == sum(len(item.y) for item in series)
    ends = [float(line.attrib["y1"]) for line in root.iter("line")] + [y for _, y in points]
    assert all(27 <= y <= 197 for y in ends)
    assert all(51 <= x <= 467 for x, _ in points)


def test_higher_values_are_drawn_higher() -> None:
    (line,) = ET.fromstring(line_chart([_series(1, 2, 3)])).iter("polyline")  # noqa: S314 - our own text
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert all(before > after for before, after in pairwise(heights))


def test_bounds_are_worded_once() -> None:
    chart = line_chart([_series(150, 160, lower_bound=100), _series(140, 150, lower_bound=100)])
    assert chart.count("at least 100") == 1
    assert "at most" not in chart


def test_series_share_a_chart_by_unit() -> None:
    series = [_series(1, name=str(index)) for index in range(4)] + [_series(1, name="j", unit="ms")]
    assert [[item.name for item in group] for group in chart_groups(series)] == [["0", "1", "2"], ["3"], ["j"]]


def test_empty_series() -> None:
    assert "No samples" in line_chart([_series()])
    assert summary_text(_series()) == "no samples"
    assert summary_text(_series(1, 2, 3)) == "mean 2, 1 to 3 Mbit/s"


@pytest.mark.parametrize("name", SAMPLES)
def test_bars_lie_inside_the_run(name: str) -> None:
    result = sample(name)
    rows = bars(result, {step.id: step.id for step in result.steps})
    assert len(rows) == len(result.phases) + len(result.steps)
    for row in rows:
        (bar,) = ET.fromstring(row.drawing).iter("rect")  # noqa: S314 - our own text
        start, width = (float(bar.attrib[key].removesuffix("%")) for key in ("x", "width"))
        assert 0 <= start <= start + width <= 100.02


def test_a_phase_stands_above_the_steps_in_it() -> None:
    result = sample("passed")
    names = [row.name for row in bars(result, {step.id: step.id for step in result.steps})]
    assert names[:5] == ["topology", "serve", "order", "steps", "service-active"]
