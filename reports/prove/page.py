"""From what proving found to the text of a page that loads nothing, in the style of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from reports.model import Verdict
from reports.page.render import FOLDER, environment, source_hash
from reports.prove.model import ProveResult, SabotageResult, Status, Trial
from reports.text import count_text

LOOKS = {Status.PROVEN: Verdict.PASSED, Status.VACUOUS: Verdict.FAILED, Status.UNPROVEN: Verdict.SKIPPED}
"""Statuses look like verdicts: vacuous is red."""


@dataclass(frozen=True)
class Row:
    """A sabotage, and what each assertion made of it, by the assertion's id."""

    sabotage: SabotageResult
    trials: Mapping[str, Trial]

    @property
    def look(self) -> Verdict:
        """What the row looks like."""
        if self.sabotage.error:
            return Verdict.ERROR
        if not self.trials:
            return Verdict.SKIPPED
        return Verdict.PASSED if all(trial.noticed for trial in self.trials.values()) else Verdict.FAILED


def render_prove_html(result: ProveResult) -> str:
    """The page, ready to write as UTF-8. Every text of the result is escaped."""
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    return environment().get_template("prove.html.j2").render(
        result=result,
        headline=headline(result),
        rows=[Row(one, {trial.step: trial for trial in one.trials}) for one in result.sabotages],
        looks=LOOKS,
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=source_hash(style),
    )  # fmt: skip


def headline(result: ProveResult) -> str:
    """What it found, in one sentence."""
    vacuous, unproven = result.of(Status.VACUOUS), result.of(Status.UNPROVEN)
    if result.interrupted:
        return f"Interrupted after {count_text(len(result.trials), 'trial')}."
    if result.error:
        return "The test-bed had an error, so this says nothing of the assertions that are left."
    if vacuous:
        told = ", ".join(one.id for one in vacuous)
        return f"{count_text(len(vacuous), 'assertion')} did not notice a sabotage: {told}."
    if unproven and result.complete:
        told = ", ".join(one.id for one in unproven)
        return f"No assertion is vacuous; for {told} the catalogue has no sabotage that applies."
    if troubled := [one.id for one in result.sabotages if one.error]:
        return f"{count_text(len(troubled), 'sabotage')} made trouble: {', '.join(troubled)}."
    tried = [one for one in result.sabotages if one.trials]
    return f"{count_text(len(tried), 'sabotage')} tried, each was noticed by every assertion that must."
