"""What `lso run --prove` shows: each trial as it ends, then what every assertion is worth, and where the report is."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from reports.console import Console, plain_table
from reports.prove.model import ProveResult, SabotageResult, Status, Trial
from reports.prove.page import headline
from reports.text import count_text, duration_text, printable

_STYLE = {Status.PROVEN: "green", Status.VACUOUS: "bold red", Status.UNPROVEN: "bold yellow"}


class ProveConsole(Console):
    """Writes the progress of proving to a stream."""

    def on_sabotage(self, sabotage_id: str, title: str) -> None:
        """A sabotage is about to be done."""
        self._spin(f"{sabotage_id}: {title}")

    def on_trial(self, sabotage_id: str, trial: Trial) -> None:
        """What an assertion made of it."""
        self._stop_spinner()
        word = ("noticed", "green") if trial.noticed else ("MISSED ", "bold red")
        missed = f"{trial.verdict}: {trial.message}"
        if trial.demanded and trial.check:
            missed = f"{trial.verdict} by {trial.check!r}, not by {trial.demanded!r}"
        by = trial.check if trial.noticed else missed
        text = f"  {printable(sabotage_id)} – {printable(trial.step)}  "
        self._line(Text.assemble("  ", word, text, (duration_text(trial.seconds), "dim"), f"  {printable(by)}"))

    def on_sabotage_trouble(self, sabotage_id: str, error: str) -> None:
        """A sabotage made trouble itself."""
        self._stop_spinner()
        self._line(Text.assemble("  ", ("error  ", "bold yellow"), f"  {printable(sabotage_id)}  {printable(error)}"))

    def prove_summary(self, result: ProveResult, report_dir: Path) -> None:
        """The end: what every assertion is worth, what was not tried, and where the report is."""
        self._end_phase()
        self._stop_spinner()
        table, missed = plain_table("Status", "Step", "Sabotages", "Missed"), list[Text]()
        for one in result.assertions:
            tried = [trial for trial in result.trials if trial.step == one.id]
            if not tried and not result.complete:
                continue  # nobody has asked
            undetected = [it.id for it in result.sabotages for t in it.trials if t.step == one.id and not t.noticed]
            word = Text(f"{one.status:<8}", _STYLE[one.status])
            table.add_row(word, Text(f"{one.id} {one.verb}"), str(len(tried)), str(len(undetected)))
            missed += [Text(f"missed: {printable(name)} by {one.id}", _STYLE[one.status]) for name in undetected]
        self._table(table)
        for line in missed:
            self._line(line)
        for sabotage in result.sabotages:
            self._untried(sabotage)
        self._rich.print()
        if result.error:
            self._line(Text.assemble(("error: ", "bold yellow"), printable(result.error)))
        counts = f"{count_text(len(result.trials), 'trial')} in {duration_text(result.duration_seconds)}"
        self._line(Text(f"{result.verdict}: {headline(result)} {counts}"))
        self._line(Text(f"report: {report_dir / 'prove.html'}"))

    def _untried(self, sabotage: SabotageResult) -> None:
        for told, why in (("not tried", sabotage.reason), ("trouble", sabotage.error)):
            if why:
                self._line(Text(f"{told}: {printable(sabotage.id)}: {printable(why)}", style="dim"))
