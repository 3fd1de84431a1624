"""Texts that are none: JSON can escape what UTF-8 cannot carry and a database cannot keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from fastapi import Request

from presto.core.findings import Finding, Path, Rejected, Tag

_NO_TEXT = re.compile("[\0\ud800-\udfff]").search
_HINT = "Leave NUL characters and lone surrogates out."


async def check_texts(request: Request) -> None:
    """Raises Rejected with each place of the body where the name or the value of a member is no text."""
    document = None
    with suppress(ValueError, RecursionError):  # what is no JSON is refused with its form
        document = await request.json()
    if findings := list(_wrong(document)):
        raise Rejected(findings)


def _wrong(document: Any) -> Iterator[Finding]:
    """One thing after the other instead of by recursion: a body can be nested deeper than calls can."""
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and _NO_TEXT(value):
            yield Finding(Tag.INVALID_VALUE, path, "The text has characters that are no text", _HINT)
        elif isinstance(value, dict):
            named = {name: member for name, member in value.items() if not _NO_TEXT(name)}
            if len(named) < len(value):
                # The name itself could not be told.
                yield Finding(Tag.INVALID_VALUE, path, "A member's name has characters that are no text", _HINT)
            waiting += [((*path, name), member) for name, member in reversed(named.items())]
        elif isinstance(value, list):
            waiting += [((*path, number), value[number]) for number in reversed(range(len(value)))]
