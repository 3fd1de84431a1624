"""YAML documents with the line and column of every value, read without any way to make objects or to grow.

The text is read event by event, so limits hold before anything large exists. Scalars follow the core schema of
YAML 1.2, as TOSCA wants: `yes`, `22:30` and `2024-01-01` are text, not a truth value, a number and a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from orchestrator.model import Finding
from orchestrator.tosca.report import Path, Report, format_path

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_VALUES = 20_000
"""Of one document, repetitions by alias counted."""

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_BASED = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {word.title(): value for word, value in _WORDS.items()} | {"NULL": None, "TRUE": True, "FALSE": False}


@dataclass(frozen=True)
class Document:
    """A YAML file: its name in messages, its plain data and where each value stands (line and column from 1)."""

    name: str
    data: Any
    marks: dict[Path, tuple[int, int]] = field(repr=False)

    def mark(self, path: Path) -> tuple[int, int]:
        """The place of that value, or of the nearest one around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))


class _Stop(Exception):
    """Reading cannot go on; what is wrong has been reported."""


def read_document(name: str, content: bytes, report: Report) -> Document | None:
    """Read one YAML document; reports everything that is wrong and returns None if nothing can be used."""
    if len(content) > MAX_BYTES:
        report.note(Finding(name, 1, 1, "", f"the file is larger than {MAX_BYTES} bytes"))
        return None
    try:
        return _Reader(name, report).read(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        report.note(Finding(name, line, 1, "", "this is not UTF-8 text"))
    except yaml.reader.ReaderError as error:
        report.note(Finding(name, 1, 1, "", f"a character is not allowed in YAML: {error.reason}"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        report.note(Finding(name, line, column, "", f"this is not YAML: {error.problem}"))
    except _Stop:
        pass
    return None


class _Reader:
    """Builds plain data out of the parser's events, with depth and number of values bounded."""

    def __init__(self, name: str, report: Report) -> None:
        self._name = name
        self._report = report
        self._marks: dict[Path, tuple[int, int]] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def read(self, text: str) -> Document:
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        data = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self._values:
                    self._stop(event, (), "a second document begins here, only one is read")
                data = self._value(next(events), events, ())
        if not self._values:
            self._report.note(Finding(self._name, 1, 1, "", "the file is empty"))
            raise _Stop
        return Document(self._name, data, self._marks)

    def _value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        self._count(event, path, 1)
        self._marks.setdefault(path, _place(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag not in {None, "!"}:
            self._complain(event, path, f"the tag {event.tag} is not allowed", "write the plain value")
        before = self._values
        value = self._content(event, events, path)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._values - before + 1)
        return value

    def _content(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        if len(path) >= MAX_DEPTH:
            self._stop(event, path, f"values are nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._mapping(events, path)

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(event, path, "a key must be plain text")
            key, place = event.value, (*path, event.value)
            if key in entries:
                hint = f"the first one is on line {self._marks[place][0]}"
                self._complain(event, place, f"the key {key} is here a second time", hint)
            self._marks[place] = _place(event)
            entries[key] = self._value(next(events), events, place)
        return entries

    def _alias(self, event: Any, path: Path) -> Any:
        if event.anchor not in self._anchors:
            self._stop(event, path, f"there is no anchor {event.anchor} before this alias")
        value, size = self._anchors[event.anchor]
        self._count(event, path, size)
        return value

    def _count(self, event: Any, path: Path, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._stop(event, path, f"the file holds more than {MAX_VALUES} values")

    def _complain(self, event: Any, path: Path, message: str, hint: str | None = None) -> None:
        self._report.note(Finding(self._name, *_place(event), format_path(path), message, hint))

    def _stop(self, event: Any, path: Path, message: str) -> None:
        self._complain(event, path, message)
        raise _Stop


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text
