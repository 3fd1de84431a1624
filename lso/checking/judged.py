"""Single comparisons of a check."""

from __future__ import annotations

from reports.model import Check, Verdict


def judged(name: str, holds: bool, expected: str = "", measured: str = "", message: str = "") -> Check:
    """Return the check *name*, passed when it *holds*."""
    return Check(
        name=name,
        verdict=Verdict.PASSED if holds else Verdict.FAILED,
        expected=expected,
        measured=measured,
        message=message,
    )


def noted(name: str, measured: str) -> Check:
    """Return what was measured where the contract has no bound."""
    return Check(name=name, verdict=Verdict.PASSED, measured=measured)
