"""Collect what is wrong, with the place and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from common.findings import Fault, FileFinding, Path, format_path
from common.text import counted
from common.yaml_reader import Document

INPUTS = "inputs"
"""What findings name instead of a file when a value came from the caller."""

_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A value's place; `document` is None for the values that the caller gave."""

    document: Document | None
    path: Path = ()

    def __truediv__(self, key: str | int) -> Place:
        return Place(self.document, (*self.path, key))


class Report:
    """Findings in the order in which they are met, each once."""

    def __init__(self) -> None:
        self._findings: dict[FileFinding, None] = {}

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note what is wrong at *place*."""
        if place.document is None:
            self.note(FileFinding(INPUTS, None, None, format_path(place.path), message, hint, place.path))
        else:
            self.note(place.document.finding(Fault(place.path, message, hint)))

    def note(self, finding: FileFinding) -> None:
        """Note a finding whose place is known already."""
        self._findings[finding] = None

    def extend(self, findings: Iterable[FileFinding]) -> None:
        """Take over what another report holds."""
        self._findings.update(dict.fromkeys(findings))

    @property
    def findings(self) -> tuple[FileFinding, ...]:
        """Everything found, by file and line; what the caller's inputs have wrong comes last."""
        return tuple(sorted(self._findings, key=attrgetter("order")))

    def __len__(self) -> int:
        return len(self._findings)


def show(value: Any) -> str:
    """A value for a message: what is long, has lines or is not a scalar is described instead."""
    if isinstance(value, str):
        if len(value) > _MAX_SHOWN or not value.isprintable():
            return f"text of {counted(len(value), 'character')}"
        return f'"{value}"'
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list | tuple) else "a map"
