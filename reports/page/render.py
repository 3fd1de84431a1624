"""From a result to the text of the page: values for the template, and the template."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from reports.model import RunResult, Series, StepResult, Verdict
from reports.page.charts import chart_groups, line_chart, summary_text
from reports.page.narrow import narrow_drawing
from reports.page.picture import impairment_text, picture, spi_text
from reports.page.timeline import axis, bars
from reports.page.wide import wide_drawing
from reports.text import count_text, duration_text, error_title, number_text, printable
from reports.timing import where_time_went

FOLDER = Path(__file__).parent
_LONGEST_ROWS = 8
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Chart:
    """A drawn chart, the series in it and their words."""

    step: StepResult
    anchor: str
    drawing: Markup
    series: tuple[tuple[Series, str], ...]


def render_html(result: RunResult) -> str:
    """The page, ready to write as UTF-8. Every text of the result is escaped; evidence is linked under `evidence/`."""
    anchors = {step.id: f"step-{index}" for index, step in enumerate(result.steps, start=1)}
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    script = (FOLDER / "report.js").read_text(encoding="utf-8")
    return environment().get_template("report.html.j2").render(
        result=result,
        headline=headline(result),
        error_title=error_title(result.ending),
        counts=verdict_counts(result),
        anchors=anchors,
        bad_steps=[step for step in result.steps if step.verdict.is_bad],
        **_drawings(result, anchors),
        time_rows=where_time_went(result)[:_LONGEST_ROWS],
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=source_hash(style),
        script_hash=source_hash(script),
    )  # fmt: skip


def headline(result: RunResult) -> str:
    """What the run says, in one sentence."""
    total = len(result.steps)
    counts = verdict_counts(result)
    if result.ending != "complete":
        return _ended_early(result)
    if result.verdict is Verdict.ERROR:
        return f"The test-bed had an error, so this run does not judge the {result.subject} under test."
    if result.verdict is Verdict.FAILED:
        return (
            f"{counts[Verdict.FAILED]} of {count_text(total, 'step')} failed: the {result.subject} under test is wrong."
        )
    if result.verdict is Verdict.SKIPPED:
        return "Nothing was judged: no step of this run could be carried out."
    if counts[Verdict.SKIPPED]:
        return f"{counts[Verdict.PASSED]} of {count_text(total, 'step')} passed, {counts[Verdict.SKIPPED]} skipped."
    return f"All {count_text(total, 'step')} passed." if total != 1 else "The one step passed."


def _ended_early(result: RunResult) -> str:
    if result.ending == "refused":
        return "The API refused the order, so nothing was judged: the scenario is not valid."
    judged = [step for step in result.steps if step.verdict is not Verdict.SKIPPED]
    return f"The run was interrupted: {len(judged)} of {count_text(len(result.steps), 'step')} had a verdict by then."


def verdict_counts(result: RunResult) -> dict[Verdict, int]:
    """How many steps came out which way."""
    verdicts = [step.verdict for step in result.steps]
    return {verdict: verdicts.count(verdict) for verdict in Verdict}


def _drawings(result: RunResult, anchors: Mapping[str, str]) -> dict[str, Any]:
    drawn = picture(result, anchors)
    return {
        "picture": drawn,
        "wide": wide_drawing(drawn),
        "narrow": narrow_drawing(drawn),
        "charts": [chart for step in result.steps for chart in _charts(step, anchors[step.id])],
        "bars": bars(result, anchors),
        "axis": axis(result),
    }


def _charts(step: StepResult, anchor: str) -> list[Chart]:
    return [
        Chart(step, anchor, line_chart(members), tuple((series, summary_text(series)) for series in members))
        for members in chart_groups(step.series)
    ]


def environment() -> jinja2.Environment:
    """The templates of this folder, with the filters that they use."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=duration_text,
        evidence_link=_evidence_link,
        impairment=impairment_text,
        live=_live_text,
        number=number_text,
        prose=_prose,
        spis=spi_text,
    )
    return environment


def _live_text(step: StepResult, result: RunResult) -> str:
    """The command that shows the step's subject; for a lab that is gone, how to have one like it first."""
    if result.lab_kept or not result.lab:
        return step.live_command
    path = shlex.quote(result.scenario.path or result.scenario.id)
    again = f"lso run {path} --until {step.id} --keep    # it says which LAB is up then"
    return f"{again}\n{step.live_command.replace(result.lab, 'LAB')}"


def _prose(text: str) -> Markup:
    """A sentence, with what stands between backticks as code."""
    parts = _CODE.split(printable(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _finalize(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _evidence_link(path: str) -> str:
    """A relative link: a name with a colon, a question mark or a hash stays a file's name."""
    return "evidence/" + quote(path, safe="/")


def source_hash(source: str) -> str:
    """The hash that lets the page's own style or script through its content security policy (CSP level 2)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
