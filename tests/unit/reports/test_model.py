from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reports.model import Check, Engine, EvidenceFile, RunResult, Series, TunnelPicture, Verdict

from .report_samples import SAMPLES, a_run, a_step, sample

P, F, E, S = Verdict.PASSED, Verdict.FAILED, Verdict.ERROR, Verdict.SKIPPED


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ((), S),
        ((P,), P),
        ((S,), S),
        ((S, S), S),
        ((P, S), P),
        ((S, P), P),
        ((P, F), F),
        ((F, S), F),
        ((F, E, P), E),
        ((E,), E),
    ],
)
def test_worst_verdict(verdicts: tuple[Verdict, ...], whole: Verdict) -> None:
    assert Verdict.worst(verdicts) is whole


@pytest.mark.parametrize("name", SAMPLES)
def test_round_trip(name: str) -> None:
    result = sample(name)
    assert RunResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../result.json", "a/../../b", "a\\b", "nul\0"])
def test_evidence_stays_in_its_folder(path: str) -> None:
    with pytest.raises(ValidationError, match="stay inside"):
        EvidenceFile(path=path, title="x")


def test_results_are_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_step().verdict = Verdict.FAILED  # type: ignore[misc]  # that is the test


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"verdict": "passed", "steps": (a_step(verdict="failed"),)}, "cannot be passed while its step 'one' is bad"),
        ({"verdict": "skipped", "steps": (a_step(verdict="error"),)}, "cannot be skipped"),
        ({"verdict": "failed", "error": "docker is gone"}, "carries an error"),
        ({"steps": (a_step(), a_step())}, "two steps with one id, 'one'"),
        ({"duration_seconds": -1}, "greater than or equal to 0"),
        ({"duration_seconds": float("nan")}, "duration_seconds"),
        ({"started_at": "2026-03-14T09:15:02"}, "timezone"),
        ({"schema_version": "2"}, "schema_version"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_refused_runs(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        a_run(**values)


def test_a_step_cannot_hide_a_bad_check() -> None:
    bad = Check(name="loss", verdict=Verdict.FAILED)
    with pytest.raises(ValidationError, match="cannot be passed while its check 'loss' is bad"):
        a_step(checks=(bad,))
    assert a_step(checks=(bad,), verdict="failed").verdict.is_bad


def test_series_needs_a_value_for_each_time() -> None:
    with pytest.raises(ValidationError, match="2 times and 1 values"):
        Series(name="tcp", unit="Mbit/s", x_seconds=(0, 1), y=(5,))


def test_either_end_names_the_same_tunnel() -> None:
    one, other = TunnelPicture(site_a="a", site_b="b"), TunnelPicture(site_a="b", site_b="a")
    assert one.element == other.element == "tunnel:a--b"


def test_engine_knows_whether_it_is_the_best() -> None:
    assert Engine(capability="ESP", chosen="kernel", best="kernel").is_best
    assert not Engine(capability="ESP", chosen="kernel-libipsec", best="kernel").is_best
