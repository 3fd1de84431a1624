"""The time line: phases and steps as bars over the run's elapsed time, in percent of the width of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from reports.model import Phase, RunResult, StepResult
from reports.page.charts import round_step
from reports.page.svg import tag
from reports.text import duration_text, number_text


@dataclass(frozen=True)
class Bar:
    """A row of the time line; `anchor` is the page id of a step, empty for a phase."""

    name: str
    title: str
    drawing: Markup
    started: str
    duration: str
    anchor: str


def bars(result: RunResult, anchors: Mapping[str, str]) -> list[Bar]:
    """Phases and steps in the order of their start; a phase comes before the steps that it holds."""
    span = _span(result)
    rows = [(phase.started_seconds, 0, _phase_row(phase.name), phase.duration_seconds) for phase in result.phases]
    rows += [
        (step.started_seconds, 1, (step.id, step.title, str(step.verdict), anchors[step.id]), step.duration_seconds)
        for step in result.steps
    ]
    grid = Markup("").join(_lines(result))
    return [
        Bar(
            name=name,
            title=title,
            drawing=_drawing(start, length, span, style, grid),
            started=f"{start:.1f} s",
            duration=duration_text(length),
            anchor=anchor,
        )
        for start, _, (name, title, style, anchor), length in sorted(rows, key=lambda row: row[:2])
    ]


def axis(result: RunResult) -> Markup:
    """The scale above the bars."""
    span = _span(result)
    labels = [
        tag("text", f"{number_text(tick)} s", x=_percent(tick / span), y=12, font_size=11, class_="t muted",
            text_anchor="start" if tick == 0 else "middle")
        for tick in _ticks(span)
    ]  # fmt: skip
    return tag("svg", *labels, width="100%", height=16, aria_hidden="true", class_="scale")


def _phase_row(name: str) -> tuple[str, str, str, str]:
    return name, "", "phase", ""


def _span(result: RunResult) -> float:
    parts: list[Phase | StepResult] = [*result.phases, *result.steps]
    return max([part.started_seconds + part.duration_seconds for part in parts] + [result.duration_seconds, 0.001])


def _ticks(span: float) -> list[float]:
    """At most six, and none so near the end that its label would be cut."""
    step = round_step(span / 6)
    return [tick * step for tick in range(7) if tick * step <= span * 0.97]


def _lines(result: RunResult) -> Iterator[Markup]:
    span = _span(result)
    for tick in _ticks(span):
        x = _percent(tick / span)
        yield tag("line", x1=x, x2=x, y1=0, y2="100%", class_="grid")


def _drawing(start: float, length: float, span: float, style: str, grid: Markup) -> Markup:
    """The bar; its first two pixels are a line of fixed width, so that the shortest step can be seen."""
    x = _percent(start / span)
    bar = tag("rect", x=x, y=4, width=_percent(length / span), height=10, class_=f"bar v-{style}")
    edge = tag("line", x1=x, x2=x, y1=4, y2=14, class_=f"edge v-{style}")
    return tag("svg", grid, bar, edge, width="100%", height=18, aria_hidden="true", class_="lane")


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"
