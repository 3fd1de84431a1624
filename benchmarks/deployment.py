"""Two sites with three VNFs each: from the order to the established tunnel, and the whole run of the PoC scenario."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.poc import SCENARIO
from lso.api import api_server
from reports.model import RunResult, StepResult, Verdict
from scenarios.load import load
from scenarios.run import Options, run


class Quiet:
    """Hears of the run and says nothing."""

    def on_phase(self, name: str) -> None: ...

    def on_step_started(self, step_id: str, title: str) -> None: ...

    def on_step_finished(self, result: StepResult) -> None: ...


def complaints(result: RunResult) -> list[str]:
    """Return a line for each step of a run that is to blame for its verdict, and for the trouble that ended it."""
    bad = [f"{step.id} {step.verb} {step.verdict}: {step.message}" for step in result.steps if step.verdict.is_bad]
    return [*bad, *([result.error] if result.error else [])]


def main() -> None:
    """Run the scenario again and again; print each run's times and their medians beside the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    seconds: dict[str, list[float]] = {}
    goals: dict[str, float | None] = {}
    for _ in range(parser.parse_args().repeat):
        with tempfile.TemporaryDirectory(prefix="lso-benchmark-") as folder:
            result = run(load(SCENARIO), Path(folder), api_server, Quiet(), Options())
        if result.verdict is not Verdict.PASSED:
            raise SystemExit(f"the scenario {result.verdict}: {'; '.join(complaints(result))}")
        for timing in result.timings:
            seconds.setdefault(timing.name, []).append(timing.seconds)
            goals[timing.name] = timing.goal_seconds
        print("   ".join(f"{timing.name} {timing.seconds:5.2f} s" for timing in result.timings), flush=True)
    for name, values in seconds.items():
        print(f"{name}: {median(values):.2f} s (goal {goals[name]} s, median of {len(values)})")


if __name__ == "__main__":
    main()
