"""What a step gathers: checks, evidence, waits, series. The verdict follows from the checks alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from reports.model import Check, Evidence, Series, Verdict, Wait

T = TypeVar("T")
POLL_SECONDS = 0.05


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


class Fault(Exception):
    """The network under test lacks what a verb needs to go on: a check that did not hold, and the verb's last one."""

    def __init__(self, what: str, expected: object, measured: object) -> None:
        self.what, self.expected, self.measured = what, expected, measured
        super().__init__(f"{what}: expected {expected}, measured {measured}")


@dataclass
class Proof:
    """The growing evidence of one step; files go to *folder*, a sub-folder of the run's ``evidence/``."""

    step: str
    folder: Path
    checks: list[Check] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    hint: str = ""

    def check(
        self,
        name: str,
        holds: bool,
        *,
        expected: object,
        measured: object,
        message: str = "",
        element: str | None = None,
    ) -> bool:
        """Record one comparison; *message* is the sentence that is shown when it does not hold."""
        verdict = Verdict.PASSED if holds else Verdict.FAILED
        text = "" if holds else message or f"{name}: expected {words(expected)}, measured {words(measured)}"
        self.checks.append(
            Check(
                name=name,
                verdict=verdict,
                message=text,
                expected=words(expected),
                measured=words(measured),
                element=element,
            )
        )
        return holds

    def equal(
        self, name: str, measured: object, expected: object, *, message: str = "", element: str | None = None
    ) -> bool:
        """Record that *measured* is *expected*."""
        return self.check(
            name, measured == expected, expected=expected, measured=measured, message=message, element=element
        )

    def until(self, what: str, deadline: float, probe: Callable[[], T | None]) -> T | None:
        """Poll *probe* at once and then often, until it returns something true or *deadline* seconds went by.

        Records how long it really took. Returns the last value of *probe*.
        """
        start = time.monotonic()
        while True:
            value = probe()
            needed = time.monotonic() - start
            if value or needed >= deadline:
                self.waits.append(Wait(what=what, needed_seconds=round(needed, 3), deadline_seconds=deadline))
                return value
            time.sleep(POLL_SECONDS)

    def path(self, name: str) -> Path:
        """Return where the evidence file *name* of this step is to be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name

    def add_file(self, path: Path, title: str, media: str) -> None:
        """Register a file that was written at a place that :meth:`path` gave."""
        self.evidence.append(Evidence(path=f"{self.folder.name}/{path.name}", title=title, media=media))

    def add_text(self, name: str, title: str, text: str) -> None:
        """Keep *text* as evidence."""
        path = self.path(name)
        path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
        self.add_file(path, title, "text/plain")

    def add_json(self, name: str, title: str, data: Any) -> None:
        """Keep *data* as JSON evidence."""
        path = self.path(name)
        path.write_text(json.dumps(data, indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")
        self.add_file(path, title, "application/json")

    @property
    def verdict(self) -> Verdict:
        """Return failed when any check failed, passed when all held; a step without a check proved nothing: error."""
        if not self.checks:
            return Verdict.ERROR
        return Verdict.worst(check.verdict for check in self.checks)

    @property
    def first_failure(self) -> str:
        """Return the message of the first check that did not hold."""
        return next((check.message for check in self.checks if check.verdict.is_bad), "")
