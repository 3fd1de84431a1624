"""What `lso run --parallel` shows: each run as it ends, then all of them, with where their reports are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console as RichConsole
from rich.text import Text

from reports.console import STYLE, counts, plain_table
from reports.model import RunResult, Verdict
from reports.text import count_text, duration_text, printable
from reports.write import PAGE_NAME

_UNCUT = 100_000


class RunsConsole:
    """Writes the progress of `total` runs to a stream."""

    def __init__(self, stream: TextIO, total: int) -> None:
        width = None if stream.isatty() else _UNCUT
        self._rich = RichConsole(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._total = total

    def say(self, text: str) -> None:
        """A line as it is."""
        self._rich.print(Text(printable(text)))

    def on_start(self) -> None:
        """The runs begin: how many there are."""
        self.say(f"{count_text(self._total, 'scenario')} to run")

    def on_run(self, result: RunResult, done: int) -> None:
        """A run has ended; of one that did not pass, why."""
        head = (f"{done:>3}/{self._total}  ", "dim"), (f"{result.verdict:<7}", STYLE[result.verdict])
        self._rich.print(
            Text.assemble(*head, f"  {result.scenario.id}  ", (_took(result), "dim"), f"  {counts(result)}")
        )
        for line in why(result):
            self.say(f"           {line}")

    def summary(self, done: Sequence[tuple[RunResult, Path]]) -> None:
        """The end: a line for each run with its report, and how many came to which verdict."""
        table = plain_table("Verdict", "Scenario", "Time", "Report")
        for result, folder in done:
            style = STYLE[result.verdict]
            table.add_row(Text(result.verdict, style), Text(result.scenario.id), _took(result), str(folder / PAGE_NAME))
        self._rich.print()
        self._rich.print(table, soft_wrap=False)
        found = Counter(result.verdict for result, _ in done)
        words = ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict if found[verdict])
        self.say(f"{len(done)} of {count_text(self._total, 'scenario')}{': ' if words else ''}{words}")


def why(result: RunResult) -> list[str]:
    """Say why a run did not pass, a line each: its error, and the steps that are bad."""
    steps = [f"{step.id}: {step.message}" for step in result.steps if step.verdict.is_bad]
    return [result.error, *steps] if result.error else steps


def _took(result: RunResult) -> str:
    return duration_text(result.duration_seconds)
