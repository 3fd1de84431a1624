"""What is shown of runs beside each other."""

from __future__ import annotations

import io
from pathlib import Path

from reports.runs import RunsConsole

from .report_samples import a_run, a_step


def test_each_run_as_it_ends_and_all_at_the_end() -> None:
    told = io.StringIO()
    console = RunsConsole(told, 3)
    console.on_start()
    good = a_run(a_step())
    bad = a_run(a_step(verdict="failed", message="nobody answered"), verdict="failed")
    broken = a_run(verdict="error", error="no room")
    for done, result in enumerate((good, bad, broken), start=1):
        console.on_run(result, done)
    console.summary([(good, Path("out/good")), (bad, Path("out/bad"))])
    lines = [line.rstrip() for line in told.getvalue().splitlines()]
    assert lines[:6] == [
        "3 scenarios to run",
        "  1/3  passed   s  10.0 s  1 step: 1 passed",
        "  2/3  failed   s  10.0 s  1 step: 1 failed",
        "           one: nobody answered",
        "  3/3  error    s  10.0 s  no step was reached",
        "           no room",
    ]
    assert lines[-2:] == ["failed   s         10.0 s  out/bad/report.html", "2 of 3 scenarios: 1 passed, 1 failed"]
