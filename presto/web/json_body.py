"""From the bytes of a body to what its JSON says, within bounds and in time that grows with its size and no faster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from presto.web.limits import LARGE_BODY, LONGEST_NAME, MOST_VALUES, BodyTooBig

Read = TypeVar("Read")


def read_json(content: bytes) -> Any:
    """The document, whose objects have each member once.

    Raises BodyTooBig, and ValueError when it is no JSON (UnicodeDecodeError: no UTF-8), RecursionError when it is
    nested too deep.
    """
    document = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    # Commas and brackets are counted in no time, and there are at least as many of them, in texts or not, as of values.
    if sum(map(content.count, (b",", b"[", b"{"))) >= MOST_VALUES and _more_than(MOST_VALUES, document):
        raise BodyTooBig(f"The body has more than {MOST_VALUES} values")
    return document


async def apart(function: Callable[[bytes], Read], content: bytes) -> Read:
    """What a function reads from a body; on a thread where it is large, so that others are answered meanwhile."""
    return await asyncio.to_thread(function, content) if len(content) > LARGE_BODY else function(content)


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
