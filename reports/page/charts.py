"""Line charts of measured series, with axes, units and the bounds that they were judged by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.model import Series
from reports.page.svg import group, line, tag, text
from reports.text import number_text

WIDTH, HEIGHT = 480.0, 236.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 466.0, 28.0, 196.0
LINES_PER_CHART = 3  # as many as stay apart in print, by dash as well as by tone


@dataclass(frozen=True)
class _Scale:
    """A linear map of values to positions, with round ticks."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def chart_groups(series: Iterable[Series]) -> list[tuple[Series, ...]]:
    """Series that belong in one chart: those of one unit, a few at a time."""
    by_unit: dict[str, list[Series]] = {}
    for item in series:
        by_unit.setdefault(item.unit, []).append(item)
    return [
        tuple(items[start : start + LINES_PER_CHART])
        for items in by_unit.values()
        for start in range(0, len(items), LINES_PER_CHART)
    ]


def line_chart(series: Sequence[Series]) -> Markup:
    """One SVG chart of series that share a unit."""
    times = [x for item in series for x in item.x_seconds]
    values = [y for item in series for y in item.y]
    if not times:
        return tag("p", "No samples were taken.", class_="muted")
    bounds = [bound for item in series for bound in (item.lower_bound, item.upper_bound) if bound is not None]
    x = _scale(min(0.0, *times), max(times), _LEFT, _RIGHT, 6)
    y = _scale(min(0.0, *values, *bounds), max(*values, *bounds, 0.0) * 1.06, _BOTTOM, _TOP, 4)
    parts = [_axes(x, y, series[0].unit), *_bounds(series, y)]
    parts += [_curve(item, index, x, y, filled=len(series) == 1) for index, item in enumerate(series)]
    label = "; ".join(f"{item.name}: {summary_text(item)}" for item in series)
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", class_="chart", role="img", aria_label=label)


def summary_text(series: Series) -> str:
    """`mean 221, 198 to 238 Mbit/s` of the samples."""
    if not series.y:
        return "no samples"
    mean = number_text(sum(series.y) / len(series.y))
    return f"mean {mean}, {number_text(min(series.y))} to {number_text(max(series.y))} {series.unit}"


def _scale(low: float, high: float, start: float, end: float, count: int) -> _Scale:
    if high <= low:
        high = low + 1
    step = round_step((high - low) / count)
    ticks = [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return _Scale(low, high, start, end, tuple(ticks))


def round_step(rough: float) -> float:
    """The next of 1, 2 and 5 times a power of ten that is not below `rough` (> 0)."""
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _axes(x: _Scale, y: _Scale, unit: str) -> Markup:
    rows = [line(_LEFT, y.at(tick), _RIGHT, y.at(tick), "grid") for tick in y.ticks]
    labels = [text(_LEFT - 8, y.at(tick) + 4, number_text(tick), 11, anchor="end", class_="muted") for tick in y.ticks]
    times = [text(x.at(tick), _BOTTOM + 18, number_text(tick), 11, anchor="middle", class_="muted") for tick in x.ticks]
    return group(
        *rows,
        line(_LEFT, y.at(max(y.low, 0.0)), _RIGHT, y.at(max(y.low, 0.0)), "axis"),
        *labels,
        *times,
        text(_LEFT - 44, 14, unit, 11, class_="muted", width=200),
        text(_RIGHT, _BOTTOM + 34, "seconds", 11, anchor="end", class_="muted"),
    )


def _bounds(series: Sequence[Series], y: _Scale) -> list[Markup]:
    """Each distinct bound once: a dashed line and its words."""
    lower = {item.lower_bound for item in series if item.lower_bound is not None}
    upper = {item.upper_bound for item in series if item.upper_bound is not None}
    worded = [(value, f"at least {number_text(value)}") for value in sorted(lower)]
    worded += [(value, f"at most {number_text(value)}") for value in sorted(upper)]
    return [
        group(
            line(_LEFT, y.at(value), _RIGHT, y.at(value), "bound"),
            text(_RIGHT, y.at(value) - 5, words, 11, anchor="end", class_="bound-label"),
        )
        for value, words in worded
    ]


def _curve(item: Series, index: int, x: _Scale, y: _Scale, *, filled: bool) -> Markup:
    points = [(x.at(time), y.at(value)) for time, value in zip(item.x_seconds, item.y, strict=True)]
    if not points:
        return Markup("")
    joined = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    zero = y.at(max(y.low, 0.0))
    area = f"{points[0][0]:.1f},{zero:.1f} {joined} {points[-1][0]:.1f},{zero:.1f}"
    return group(
        tag("polygon", points=area, class_="area") if filled and len(points) > 1 else Markup(""),
        tag("polyline", points=joined, class_=f"curve c{index}"),
        tag("circle", cx=points[-1][0], cy=points[-1][1], r=2.6, class_=f"end c{index}"),
    )
