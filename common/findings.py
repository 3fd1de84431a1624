"""What is wrong, one value for each thing and all of them at once, and hints for words that nobody knows.

`Fault` is of a document or of values. `FileFinding` is a fault at its line of a file, for who wrote it. `Finding` is of
a request, for who sent it: it points into the core model (`("end_points", 1, "uni")`), and each API turns that into
its own notation.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

MAX_REPORTED = 1000
"""Things that one answer says are wrong: a body has room for many more than anybody reads."""

_COMPARED, _LISTED = 40, 30
"""Names that a hint compares with an unknown one, because each costs some 10 µs, and those that it lists."""

_LONGEST_WORD = 100
"""Characters of a word that a hint is looked for: comparing takes the time of its length squared."""

_LONGEST_TEXT = 2000
"""Characters of a sentence: it may repeat what was sent, which is as long as a body, and so may the next thousand."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")

Path = tuple[str | int, ...]
"""A place inside a document: keys and list indices from the top."""
Told = TypeVar("Told")


class Tag(StrEnum):
    """The kinds of error, by the names of RFC 8040 section 7."""

    ACCESS_DENIED = "access-denied"
    DATA_EXISTS = "data-exists"
    IN_USE = "in-use"
    INVALID_VALUE = "invalid-value"
    MALFORMED_MESSAGE = "malformed-message"
    MISSING_ELEMENT = "missing-element"
    NOT_FOUND = "not-found"
    OPERATION_FAILED = "operation-failed"
    OPERATION_NOT_SUPPORTED = "operation-not-supported"
    RESOURCE_DENIED = "resource-denied"
    TOO_BIG = "too-big"
    UNKNOWN_ELEMENT = "unknown-element"


class Reason(StrEnum):
    """What is wrong with a value, where APIs have codes that say more than the tag."""

    NOT_SUPPORTED = "not-supported"
    UNKNOWN_REFERENCE = "unknown-reference"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, what to do, and the rule it breaks (`MEF 70 R41`)."""

    tag: Tag
    path: Path
    message: str
    hint: str = ""
    rule: str = ""
    reason: Reason | None = None

    def __post_init__(self) -> None:
        """Cut what is too long to be read."""
        for name in ("message", "hint"):
            if len(text := getattr(self, name)) > _LONGEST_TEXT:
                object.__setattr__(self, name, text[: _LONGEST_TEXT - 1] + "…")

    @property
    def text(self) -> str:
        """The sentence for people."""
        rule = f" [{self.rule}]" if self.rule else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.message}{rule}.{hint}"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a document: where, what, and what to do, unless that follows from what is wrong."""

    path: Path
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return _sentence(format_path(self.path), self.message, self.hint)


@dataclass(frozen=True)
class FileFinding:
    """One thing that is wrong with a file, or with values that were given beside it. It never shows a secret value.

    `line` and `column` start at 1 and are None where there is no text to point into. `path` is the place inside the
    document for people, `node_templates.firewall.properties.rules[2].action`; `place` is the same for programs.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    message: str
    hint: str = ""
    place: Path = field(default=(), compare=False, repr=False)

    @property
    def order(self) -> tuple[bool, str, int, int]:
        """Sorts by file and line; what stands in no file comes last."""
        return self.line is None, self.file, self.line or 0, self.column or 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {_sentence(self.path, self.message, self.hint)}"


class Rejected(Exception):
    """The request is refused and nothing was changed; `findings` holds everything that is wrong with it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__()

    def __str__(self) -> str:
        """All of it in one line; made when somebody reads it, for it can be long."""
        return "; ".join(finding.text for finding in self.findings)


class Ambiguous(Rejected):
    """A name that several things have, each of another tenant; only who sees all tenants comes upon it.

    `kind` is what they are, in the plural; `ids` tell them apart.
    """

    def __init__(self, path: Path, kind: str, name: str, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        message, hint = f'{len(self.ids)} {kind} are called "{name}"', f"Give the id: {', '.join(self.ids)}."
        super().__init__([Finding(Tag.IN_USE, path, message, hint)])


def told(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that an answer tells, and last that there are more."""
    hint = "Correct these first."
    return first(tuple(findings), lambda following, message: Finding(following.tag, (), message, hint))


def first(found: Sequence[Told], rest: Callable[[Told, str], Told]) -> tuple[Told, ...]:
    """The first `MAX_REPORTED` of what is wrong; that it is not all is one more, made of the next one and a message."""
    if len(found) <= MAX_REPORTED:
        return tuple(found)
    return (*found[:MAX_REPORTED], rest(found[MAX_REPORTED], f"More than {MAX_REPORTED} things are wrong"))


def pointer(path: Path) -> str:
    """A path as RFC 6901 writes it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def format_path(path: Path) -> str:
    """A path as people write it: `node_types[lso.vnf.Example].properties.rules[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int) or not _PLAIN_KEY.fullmatch(part):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _sentence(place: str, message: str, hint: str) -> str:
    text = f"{place}: {message}" if place else message
    return f"{text} ({hint.rstrip('.')})" if hint else text


def nearest(word: str, known: Iterable[str], lead: str = "Known") -> str:
    """A hint for an unknown word: the nearest known one, or the first of them when none is near.

    They are told in the order in which they are given; those of a set, which has none, in alphabetical order.
    """
    names = tuple(sorted(known) if isinstance(known, set | frozenset) else known)
    if close := _closest(word, names):
        return f'Did you mean "{close}"?'
    return f"{lead}: {_listed(names) or 'none'}."


def _closest(word: str, known: tuple[str, ...]) -> str | None:
    """The known word nearest to an unknown one, in a time that does not grow with how many there are."""
    _, by_folded, ordered = _prepared(known)
    folded = word[: _LONGEST_WORD + 1].casefold()
    if len(folded) > _LONGEST_WORD:
        return None
    # In alphabetical order those with the same start stand around the place where the word would.
    first = max(0, min(bisect_left(ordered, folded) - _COMPARED // 2, len(ordered) - _COMPARED))
    likely = [name for name in ordered[first : first + _COMPARED] if len(name) <= _LONGEST_WORD]
    close = difflib.get_close_matches(folded, likely, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def _listed(known: tuple[str, ...]) -> str:
    """The first of these words, each once, and how many more there are."""
    names, _, _ = _prepared(known)
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


@lru_cache(maxsize=8)  # a thousand unknown words of one request are compared with the same names
def _prepared(known: tuple[str, ...]) -> tuple[Sequence[str], Mapping[str, str], Sequence[str]]:
    """The names each once, the same by how they are compared, and these in alphabetical order."""
    names = list(dict.fromkeys(filter(None, known)))
    by_folded = {name.casefold(): name for name in names}
    return names, by_folded, sorted(by_folded)
