"""What `lso run` shows: phases and steps as they happen, then the verdicts, where time went, and the report's path.

On a terminal the step under way has a spinner with its elapsed time. Elsewhere each event is one plain line, so that
a log of a CI system reads well. NO_COLOR is honoured. Text of results is shown, never interpreted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console as RichConsole
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from reports.model import RunResult, StepResult, Verdict
from reports.text import count_text, duration_text, error_title, number_text, printable
from reports.timing import where_time_went

STYLE = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.ERROR: "bold yellow",
    Verdict.SKIPPED: "dim",
}
_UNCUT = 100_000
"""Columns where no terminal says how many: no value of a table is cut or broken for programs."""
_LONGEST_ROWS = 6


class Console:
    """Writes the progress of one run to `stream`. A context manager: leaving it stops the spinner.

    `clock` gives seconds; only differences matter.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        width = None if stream.isatty() else _UNCUT
        self._rich = RichConsole(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._clock = clock
        self._began = clock()
        self._phase: float | None = None
        self._silent = True
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_spinner()

    def on_phase(self, name: str) -> None:
        """A phase begins, and the one before it ends."""
        self._end_phase()
        self._phase = self._clock()
        self._line(Text(printable(name), style="bold"))
        self._spin(name)

    def on_step_started(self, step_id: str, title: str) -> None:
        """A step begins. Without a terminal nothing is written until it ends."""
        self._spin(f"{step_id}: {title}" if title else step_id)

    def on_step_finished(self, step: StepResult) -> None:
        """A step's verdict, and where it is bad what was expected and measured."""
        self._stop_spinner()
        sentence = Text.assemble(
            ("  ", ""), _word(step.verdict), f"  {printable(step.title or step.id)}", _took(step.duration_seconds)
        )
        self._line(sentence)
        if step.verdict is not Verdict.PASSED:
            self._explain(step)

    def summary(self, result: RunResult, report_dir: Path) -> None:
        """The end: tables of verdicts and of time, the verdict of the run, and where the report is."""
        self._end_phase()
        self._stop_spinner()
        self._table(_verdict_table(result))
        self._table(_time_table(result))
        self._rich.print()
        for timing in result.timings:
            goal = f" (goal {number_text(timing.goal_seconds)} s)" if timing.goal_seconds is not None else ""
            self._line(Text(f"{printable(timing.name)}: {duration_text(timing.seconds)}{goal}"))
        if result.error:
            self._line(Text.assemble((f"{error_title(result.ending)}: ", "bold yellow"), printable(result.error)))
        self._line(
            Text.assemble(_word(result.verdict), f"  {counts(result)} in {duration_text(result.duration_seconds)}")
        )
        self._line(Text(f"report: {report_dir / 'report.html'}"))
        if result.lab_kept:
            self._line(Text(f"lab {result.lab} is left up; lso down {result.lab} removes it"))

    def _explain(self, step: StepResult) -> None:
        if step.message:
            self._line(Text(f"           {printable(step.message)}"))
        for check in step.checks:
            if check.verdict.is_bad:
                line = f"           {check.name}: expected {check.expected or '-'}, measured {check.measured or '-'}"
                self._line(Text(printable(f"{line}; {check.message}" if check.message else line)))
        if step.hint:
            self._line(Text(f"           hint: {printable(step.hint)}"))

    def _end_phase(self) -> None:
        self._stop_spinner()
        if self._phase is None:
            return
        began, self._phase = self._phase, None
        now = self._clock()
        took, total = duration_text(now - began), duration_text(now - self._began)
        self._line(Text(f"  took {took}, {total} since the start", style="dim"))

    def _spin(self, what: str) -> None:
        """Show a spinner for `what` on a terminal; rich refreshes it from a thread of its own."""
        self._stop_spinner()
        if not self._rich.is_terminal:
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._rich, transient=True)
        self._progress.add_task(printable(what).replace("\n", " "), total=None)
        self._progress.start()

    def _stop_spinner(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _line(self, line: Text) -> None:
        self._rich.print(line)
        self._silent = False

    def _table(self, table: Table) -> None:
        if not self._silent:
            self._rich.print()
        self._rich.print(table, soft_wrap=False)
        self._silent = False


def _word(verdict: Verdict) -> tuple[str, str]:
    return f"{verdict:<7}", STYLE[verdict]


def _took(seconds: float) -> tuple[str, str]:
    return f"  {duration_text(seconds)}", "dim"


def counts(result: RunResult) -> str:
    verdicts = [step.verdict for step in result.steps]
    counted = [f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts]
    return f"{count_text(len(verdicts), 'step')}: {', '.join(counted)}" if counted else "no step was reached"


def plain_table(*columns: str) -> Table:
    """A table without lines; columns of figures stand right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        numeric = column in ("Time", "Share", "Waited")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    return table


def _verdict_table(result: RunResult) -> Table:
    table = plain_table("Verdict", "Step", "Time", "Result")
    for step in result.steps:
        word, style = _word(step.verdict)
        message = Text(printable(step.message or step.title))
        table.add_row(Text(word, style), Text(printable(step.id)), duration_text(step.duration_seconds), message)
    return table


def _time_table(result: RunResult) -> Table:
    table = plain_table("Where time went", "Time", "Share", "Waited")
    for row in where_time_went(result)[:_LONGEST_ROWS]:
        name = {"phase": f"phase {row.name}", "rest": "between the parts"}.get(row.kind, row.name)
        waited = duration_text(row.waited_seconds) if row.waited_seconds else "-"
        table.add_row(Text(printable(name)), duration_text(row.seconds), f"{row.share * 100:.0f} %", waited)
    return table
