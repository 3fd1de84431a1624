"""JSON as it is read from a body, within bounds, and as it is written to the database and read back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NoReturn

from pydantic_core import PydanticSerializationError, from_json, to_json

MAX_VALUES = 50_000
"""Values in a body, whatever its bytes: each may be wrong by itself and is looked at."""

LONGEST_NAME = 256
"""Characters of a member's name, which everything that is wrong below it repeats."""


class BodyTooBig(Exception):
    """More arrived than is taken, as the text says; nothing of it was used."""


def read_json(content: bytes) -> Any:
    """The document, whose objects have each member once.

    Raises BodyTooBig, and ValueError when it is no JSON (UnicodeDecodeError: no UTF-8), RecursionError when it is
    nested too deep.
    """
    text = content.decode("utf-8")
    document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=whole_number)
    # Commas and brackets are counted in no time, and there are at least as many of them, in texts or not, as of values.
    if sum(map(content.count, (b",", b"[", b"{"))) >= MAX_VALUES and _more_than(MAX_VALUES, document):
        raise BodyTooBig(f"The body has more than {MAX_VALUES} values")
    return document


def whole_number(text: str) -> int:
    """The number of these digits. Raises ValueError, in words of JSON, when they are more than Python takes."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"a number of {len(text)} characters is too long") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError(f"member {_repeated(name for name, _ in pairs)[:60]!r} stands twice")
    if members and len(name := max(members, key=len)) > LONGEST_NAME:
        raise ValueError(f"the name of member {name[:60]!r}… is longer than {LONGEST_NAME} characters")
    return members


def _repeated(names: Iterable[str]) -> str:
    """The first name that stands there for the second time."""
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # adds


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON value")


def _more_than(most: int, document: Any) -> bool:
    level, count = [document], 1
    while level and count <= most:
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
        level, count = below, count + len(below)
    return count > most


class Document(dict[str, Any]):
    """A JSON object that does not change any more, and so is serialised once for all columns that hold it."""

    @cached_property
    def text(self) -> str:
        """Its JSON text."""
        return json_text({**self})


def json_text(value: Any) -> str:
    """The JSON text of plain values, in a third of the time of `json.dumps`; it says the same."""
    if isinstance(value, Document):
        return value.text
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except PydanticSerializationError:  # text with lone surrogates is no UTF-8
        return json.dumps(value, separators=(",", ":"))


def json_value(text: str) -> Any:
    """The value of a JSON text, in two thirds of the time of `json.loads`; it says the same."""
    try:
        return from_json(text)
    except ValueError:  # lone surrogates, or very deep
        return json.loads(text)
