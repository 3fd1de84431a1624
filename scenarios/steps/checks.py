"""Checks that a verb makes of its evidence, and the judgement that follows from them alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from reports.model import Check, Verdict


def words(value: object) -> str:
    """Return *value* as people write it: lists without brackets, nothing as "none", objects as JSON."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(map(words, value)) if isinstance(value, set | frozenset) else list(map(words, value))
        return ", ".join(items) or "none"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def check(
    name: str, holds: bool, *, expected: object, measured: object, message: str = "", element: str | None = None
) -> Check:
    """Return one comparison; *message* is the sentence that is shown when it does not hold."""
    return Check(
        name=name,
        verdict=Verdict.PASSED if holds else Verdict.FAILED,
        message="" if holds else message or f"{name}: expected {words(expected)}, measured {words(measured)}",
        expected=words(expected),
        measured=words(measured),
        element=element,
    )


def equal(name: str, measured: object, expected: object, *, message: str = "", element: str | None = None) -> Check:
    """Return the check that *measured* is *expected*."""
    return check(name, measured == expected, expected=expected, measured=measured, message=message, element=element)


@dataclass(frozen=True)
class Judgement:
    """What follows from evidence: its checks, one sentence that is true when all hold, or why it cannot be judged."""

    checks: Sequence[Check] = ()
    summary: str = ""
    error: Exception | None = None

    @property
    def verdict(self) -> Verdict:
        """Return failed when any check failed, passed when all held; error when nothing was proved."""
        if self.error or not self.checks:
            return Verdict.ERROR
        return Verdict.worst(check.verdict for check in self.checks)

    @property
    def message(self) -> str:
        """Return the summary of what passed, else what is wrong first of all."""
        if self.error:
            return f"{type(self.error).__name__}: {self.error}"
        if self.verdict is Verdict.PASSED:
            return self.summary
        failures = (check.message for check in self.checks if check.verdict.is_bad)
        return next(failures, "the step gathered no check, so it proved nothing")
