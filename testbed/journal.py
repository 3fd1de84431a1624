"""The journal of a lab: everything it makes, written down before it is made.

One JSON object a line, appended with one ``write`` each: a process that is killed leaves at most a torn last line, and
whatever that line was about was not made yet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One thing that was about to be made: its *kind* (``container``, ``namespace`` …) and its *name* (path, id …)."""

    kind: str
    name: str


class Journal:
    """Append-only; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, kind: str, name: str) -> None:
        """Write down that *name* will be made next."""
        line = json.dumps({"kind": kind, "name": name}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield what was written, oldest first, only of *kind* when given."""
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                fields = json.loads(line)
            except ValueError:
                continue  # torn: its writer died, so it made nothing of that name
            if kind in (None, fields["kind"]):
                yield Entry(fields["kind"], fields["name"])
