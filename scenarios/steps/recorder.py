"""What a verb observes with: evidence files, waits with deadlines, and the fault that ended an observation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from reports.model import Check, EvidenceFile, Wait
from scenarios.steps.checks import check

T = TypeVar("T")
POLL_SECONDS, LOOK_SECONDS = 0.05, 0.01
"""Pauses between two questions, and between two looks at a file, which cost nearly nothing."""


class NetworkFault(Exception):
    """The network under test lacks what a verb needs to go on: a check that does not hold, and the verb's last one."""

    def __init__(self, what: str, expected: object, measured: object) -> None:
        self.check = check(what, False, expected=expected, measured=measured)
        super().__init__(f"{what}: expected {expected}, measured {measured}")


@dataclass
class Recorder:
    """Gathers what one step records; files go to *folder*, a sub-folder of the run's ``evidence/``."""

    folder: Path
    evidence: list[EvidenceFile] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    fault: Check | None = None

    @contextmanager
    def until_fault(self) -> Iterator[None]:
        """Remember the :class:`NetworkFault` that ends the block; what was seen before it is still worth judging."""
        try:
            yield
        except NetworkFault as fault:
            self.fault = fault.check

    def until(
        self, what: str, deadline: float, probe: Callable[[], T | None], *, pause: float = POLL_SECONDS, looks: int = 1
    ) -> T | None:
        """Poll *probe* at once and then each *pause*, until it returns something true or *deadline* seconds went by.

        It is called *looks* times at least: on a busy machine a single call may take all the time. Records how long it
        really took. Returns the last value of *probe*.
        """
        start, looked = time.monotonic(), 0
        while True:
            value, looked = probe(), looked + 1
            needed = time.monotonic() - start
            if value or (needed >= deadline and looked >= looks):
                self.waits.append(Wait(what=what, needed_seconds=round(needed, 3), deadline_seconds=deadline))
                return value
            time.sleep(min(pause, deadline - needed) if needed < deadline else pause)

    def path(self, name: str) -> Path:
        """Return where the evidence file *name* of this step is to be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name

    def file(self, path: Path, title: str, media: str) -> None:
        """List a file that was written at a place that :meth:`path` gave."""
        self.evidence.append(EvidenceFile(path=f"{self.folder.name}/{path.name}", title=title, media=media))

    def text(self, name: str, title: str, text: str, media: str = "text/plain") -> Path:
        """Keep *text* as an evidence file and return its path."""
        path = self.path(name)
        path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
        self.file(path, title, media)
        return path

    def json(self, name: str, title: str, data: Any) -> Path:
        """Keep *data* as a JSON evidence file and return its path."""
        return self.text(name, title, json.dumps(data, indent=2, sort_keys=True, default=str), "application/json")
