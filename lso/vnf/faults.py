"""What is wrong with a product, as an exception and as the checks of a report."""

from __future__ import annotations

from reports.model import Check, Verdict


class ProductFault(Exception):
    """The product does not do what the contract says, so that a check cannot go on; the text says what it did."""


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
