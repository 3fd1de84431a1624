"""Collect what is wrong, with the place and a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from common.findings import FileFinding, closest
from common.text import counted

if TYPE_CHECKING:
    from orchestrator.tosca.documents.document import Document

Path = tuple[str | int, ...]
"""A place inside a document: keys and list indices from the top."""

INPUTS = "inputs"
"""What findings name instead of a file when a value came from the caller."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MAX_SHOWN = 60
_MAX_KNOWN = 120


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

    def add(self, place: Place, message: str, hint: str | None = None) -> None:
        """Note what is wrong at *place*."""
        if place.document is None:
            self.note(FileFinding(INPUTS, None, None, format_path(place.path), message, hint))
        else:
            line, column = place.document.mark(place.path)
            self.note(FileFinding(place.document.name, line, column, format_path(place.path), message, hint))

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


def format_path(path: Path) -> str:
    """The path as people write it: `node_types[lso.vnf.Example].properties.rules[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int) or not _PLAIN_KEY.fullmatch(part):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known name, or all of them when they are not too many to read."""
    names = sorted(known)
    if close := closest(name, tuple(names)):
        return f"did you mean {close}?"
    everything = ", ".join(names)
    return f"known: {everything}" if 0 < len(everything) <= _MAX_KNOWN else None


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
