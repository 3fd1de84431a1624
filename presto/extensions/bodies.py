"""Bodies with ambiguous JSON or texts that cannot be stored: refused before their members are checked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from fastapi import Request

from common.findings import MAX_REPORTED, Finding, Path, Rejected, Tag
from common.json_text import read_json
from common.text import NOT_STORABLE, STORABLE, not_storable
from presto.extensions.problems import Refused
from presto.web.limits import apart

MEDIA_TYPES = ("application/json", "application/merge-patch+json")


async def check_body(request: Request) -> None:
    """Raises Refused for a body that is not announced as JSON or is none, Rejected with texts that cannot be stored,
    BodyTooBig when it has too many values.
    """
    content = await request.body()
    if not content:
        return
    media = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media not in MEDIA_TYPES:
        raise Refused(415, f"Say what the body is: Content-Type: {MEDIA_TYPES[0]}")
    if findings := await apart(_findings, content):
        raise Rejected(findings)


def _findings(content: bytes) -> list[Finding]:
    return list(islice(_wrong(_parsed(content)), MAX_REPORTED + 1))


def _parsed(content: bytes) -> Any:
    """The framework takes the last one of two members of one name, and numbers that JSON does not have."""
    try:
        return read_json(content)
    except RecursionError:
        return None  # what is nested that deep is refused with its form
    except UnicodeDecodeError:
        raise Rejected([Finding(Tag.MALFORMED_MESSAGE, (), "The body is not UTF-8")]) from None
    except ValueError as error:
        reason = f"The body is not JSON: {error}"
        raise Rejected([Finding(Tag.MALFORMED_MESSAGE, (), reason)]) from None


def _wrong(document: Any) -> Iterator[Finding]:
    """One thing after the other instead of by recursion: a body can be nested deeper than calls can."""
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and not_storable(value):
            yield Finding(Tag.INVALID_VALUE, path, f"The text {NOT_STORABLE}", STORABLE)
        elif isinstance(value, dict):
            named = {name: member for name, member in value.items() if not not_storable(name)}
            if len(named) < len(value):
                # The name itself could not be told.
                yield Finding(Tag.INVALID_VALUE, path, f"The name of a member {NOT_STORABLE}", STORABLE)
            waiting += [((*path, name), member) for name, member in reversed(named.items())]
        elif isinstance(value, list):
            waiting += [((*path, number), value[number]) for number in reversed(range(len(value)))]
