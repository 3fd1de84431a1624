from __future__ import annotations

import pytest

from reports.model import Phase, Wait
from reports.timing import where_time_went

from .report_samples import SAMPLES, a_run, a_step, sample


def _phase(name: str, start: float, length: float) -> Phase:
    return Phase(name=name, started_seconds=start, duration_seconds=length)


def test_each_second_is_named_once() -> None:
    result = a_run(
        a_step(
            id="a", started_seconds=4, duration_seconds=3, waits=(Wait(what="x", needed_seconds=2, deadline_seconds=9),)
        ),
        a_step(id="b", started_seconds=7, duration_seconds=1),
        phases=(_phase("topology", 0, 4), _phase("steps", 4, 5)),
    )
    rows = [(row.name, row.kind, row.seconds, row.waited_seconds) for row in where_time_went(result)]
    assert rows == [
        ("topology", "phase", 4, 0),
        ("a", "step", 3, 2),
        ("b", "step", 1, 0),
        ("steps", "phase", 1, 0),
        ("between", "rest", 1, 0),
    ]


def test_overlapping_phases_leave_no_negative_rest() -> None:
    rows = where_time_went(a_run(phases=(_phase("one", 0, 8), _phase("two", 2, 8))))
    assert [(row.name, row.seconds) for row in rows] == [("one", 8), ("two", 8)]


def test_a_run_that_took_no_time() -> None:
    assert where_time_went(a_run(duration_seconds=0)) == ()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_parts_make_the_whole(name: str) -> None:
    result = sample(name)
    assert sum(row.seconds for row in where_time_went(result)) == pytest.approx(result.duration_seconds, abs=0.01)
