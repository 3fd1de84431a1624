"""YAML as plain data with the line and column of every value, read without any way to make objects or to grow.

The text is read event by event, so limits hold before anything large exists. Plain scalars follow the core schema of
YAML 1.2.2 (section 10.3). YAML 1.1 reads more into them: `0443` is 291 there, `22:30` is 1350, `1_000` is 1000, `yes`
is true, `2026-02-28` is a date. Here they are 443 and texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

import yaml

from common.findings import Fault, FileFinding, Path, format_path

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
Scalar = str | int | float | bool | None

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
WORDS = _WORDS | {word.title(): value for word, value in _WORDS.items()} | {"NULL": None, "TRUE": True, "FALSE": False}

_LONGEST = 40
_LARGEST = 2**63 - 1
"""What every program that reads JSON or SQL after us can hold as an integer."""


@dataclass(frozen=True)
class Limits:
    """How large a document may be; values that an alias repeats are counted again."""

    bytes: int = 256 * 1024
    depth: int = 40
    values: int = 20_000


class FaultReason(StrEnum):
    """What is wrong with a document, where callers decide by it."""

    DUPLICATE_KEY = "duplicate-key"


@dataclass(frozen=True)
class YamlFault(Fault):
    """One thing that is wrong with the YAML of a document, at *line* and *column* (from 1)."""

    line: int = 1
    column: int = 1
    reason: FaultReason | None = None


@dataclass(frozen=True)
class Document:
    """A YAML file: its name in messages, its plain data, where each value stands (line and column from 1), its faults.

    *complete* tells whether the data is all that stands in it.
    """

    name: str
    data: Any
    marks: dict[Path, tuple[int, int]] = field(repr=False)
    faults: tuple[YamlFault, ...] = ()
    complete: bool = True

    @property
    def findings(self) -> tuple[FileFinding, ...]:
        """What is wrong with the YAML."""
        return tuple(
            self._finding((fault.line, fault.column), fault.path, fault.message, fault.hint) for fault in self.faults
        )

    def finding(self, fault: Fault) -> FileFinding:
        """A fault at its place, or at the nearest one around it that stands in the file."""
        return self._finding(self.mark(fault.path), fault.path, fault.message, fault.hint)

    def _finding(self, mark: tuple[int, int], path: Path, message: str, hint: str) -> FileFinding:
        return FileFinding(self.name, *mark, format_path(path), message, hint, path)

    def mark(self, path: Path) -> tuple[int, int]:
        """The place of that value, or of the nearest one around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))


class _Stop(Exception):
    """Reading cannot go on; what is wrong has been noted."""


def read_yaml(content: bytes, limits: Limits | None = None, name: str = "") -> Document:
    """Read one YAML document with everything that is wrong with it; never raises."""
    reader = _Reader(limits or Limits())
    try:
        return Document(name, reader.read(content), reader.marks, tuple(reader.faults))
    except UnicodeDecodeError as error:
        reader.note((content[: error.start].count(b"\n") + 1, 1), (), "this is not UTF-8 text")
    except yaml.reader.ReaderError as error:
        reader.note((1, 1), (), f"a character is not allowed in YAML: {error.reason}")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.note((mark.line + 1, mark.column + 1) if mark else (1, 1), (), f"this is not YAML: {error.problem}")
    except _Stop:
        pass
    return Document(name, None, reader.marks, tuple(reader.faults), complete=False)


class _Reader:
    """Builds plain data out of the parser's events, with depth and number of values bounded."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.marks: dict[Path, tuple[int, int]] = {}
        self.faults: list[YamlFault] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def read(self, content: bytes) -> Any:
        if len(content) > self._limits.bytes:
            self._stop((1, 1), (), f"the file is larger than {self._limits.bytes} bytes")
        events: Iterator[Any] = yaml.parse(content.decode("utf-8-sig"), Loader=_LOADER)
        data = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self._values:
                    self._stop(_place(event), (), "a second document begins here, only one is read")
                self._version(event)
                data = self._value(next(events), events, ())
        if not self._values:
            self._stop((1, 1), (), "the file is empty")
        return data

    def _version(self, event: Any) -> None:
        if event.version not in {None, (1, 2)}:
            version = ".".join(map(str, event.version))
            self.note(_place(event), (), f"this says that it is YAML {version}", "YAML 1.2 is read: take %YAML away")

    def _value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        self._count(event, path, 1)
        self.marks.setdefault(path, _place(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag not in {None, "!"}:
            self.note(_place(event), path, f"the tag {event.tag} is not allowed", "write the plain value")
        before = self._values
        value = self._content(event, events, path)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._values - before + 1)
        return value

    def _content(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path) if event.implicit[0] and event.tag is None else event.value
        if len(path) >= self._limits.depth:
            self._stop(_place(event), path, f"values are nested deeper than {self._limits.depth} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._mapping(events, path)

    def _scalar(self, event: Any, path: Path) -> Any:
        try:
            return scalar(event.value)
        except Unreadable as error:
            self.note(_place(event), path, str(error), "text that looks like a number stands in quotes")
            return None

    def _sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(_place(event), path, "a key must be plain text")
            key, place = event.value, (*path, event.value)
            if key in entries:
                hint = f"the first one is on line {self.marks[place][0]}"
                message = f"the key {key} is here a second time"
                self.note(_place(event), place, message, hint, FaultReason.DUPLICATE_KEY)
            self.marks[place] = _place(event)
            entries[key] = self._value(next(events), events, place)
        return entries

    def _alias(self, event: Any, path: Path) -> Any:
        if event.anchor not in self._anchors:
            self._stop(_place(event), path, f"there is no anchor {event.anchor} before this alias")
        value, size = self._anchors[event.anchor]
        self._count(event, path, size)
        return value

    def _count(self, event: Any, path: Path, values: int) -> None:
        self._values += values
        if self._values > self._limits.values:
            self._stop(_place(event), path, f"the file holds more than {self._limits.values} values")

    def note(
        self, place: tuple[int, int], path: Path, message: str, hint: str = "", reason: FaultReason | None = None
    ) -> None:
        """Note what is wrong and go on."""
        self.faults.append(YamlFault(path, message, hint, *place, reason))

    def _stop(self, place: tuple[int, int], path: Path, message: str) -> NoReturn:
        self.note(place, path, message)
        raise _Stop


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


class Unreadable(ValueError):
    """A scalar that is a number by the schema and has no value that can be kept."""


def scalar(text: str) -> Scalar:
    """Return the value of the plain scalar *text*. Raises Unreadable."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return _integer(text)
    if FLOAT.fullmatch(text):
        return _float(text)
    if NO_NUMBER.fullmatch(text):
        raise Unreadable(f"{text} is no number that can be used here")
    return text


def _integer(text: str) -> int:
    if len(text) > _LONGEST:
        raise Unreadable("this number is too long")
    value = int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)
    if abs(value) > _LARGEST:
        raise Unreadable("this number is too large")
    return value


def _float(text: str) -> float:
    if len(text) > _LONGEST:
        raise Unreadable("this number is too long")
    if math.isinf(value := float(text)):
        raise Unreadable("this number is too large")
    return value
