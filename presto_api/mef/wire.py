"""Published types as models, and the way from the bytes of a request to them with everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError

from common.findings import MAX_REPORTED, Path, nearest
from common.forms import WRONG_TYPES, enumeration, own_words
from common.json_text import read_json
from common.text import NOT_STORABLE, not_storable
from presto_api.mef.problems import HttpError, Problem

_DEEPEST = 40
_TAGS = frozenset({"GeographicAddressRef", "GeographicSiteRef", "GeographicAddress_Query"})
_NULLABLE = frozenset({"ipv4ConnectionAddressing", "ipv6ConnectionAddressing", "subscriberIpv4Address"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LIMITS = {
    "ge": "This must be {} or more",
    "le": "This must be {} or less",
    "min_length": "This needs {} or more",
    "max_length": "This takes {} at most",
    "pattern": "This has characters that are not printable ASCII",
}
_FORMATS = frozenset({*WRONG_TYPES, "value_error", "string_pattern_mismatch"})


Model = TypeVar("Model", bound=BaseModel)


def moment(text: str) -> datetime:
    """An RFC 3339 date-time, in UTC. Raises ValueError."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("Write a date-time such as 2026-03-01T12:00:00Z (RFC 3339)")
    try:
        # Where time stood still, the standard has a second 60; fractions beyond microseconds are cut.
        plain = re.sub(r"(\.\d{6})\d+", r"\1", re.sub("^(.{17})60", r"\g<1>59", text.upper()))
        return datetime.fromisoformat(plain).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such moment") from None


def _moment_text(text: str) -> str:
    moment(text)
    return text


DateTime = Annotated[str, AfterValidator(_moment_text)]


def parse_json(content: bytes) -> dict[str, Any]:
    """The object in a body. Raises HttpError 400 when there is none."""
    try:
        document = read_json(content)
    except UnicodeDecodeError:
        raise HttpError(400, "invalidBody", "The body is not UTF-8") from None
    except RecursionError:
        raise HttpError(400, "invalidBody", "The body is nested too deep") from None
    except ValueError as error:
        raise HttpError(400, "invalidBody", f"The body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise HttpError(400, "invalidBody", "The body must be a JSON object")
    return document


def validate(model: type[Model], values: Any) -> tuple[Model | None, list[Problem]]:
    """The typed value, or everything that is wrong with its form."""
    if not _plain(values) and (problems := list(islice(_illegal(values, ()), MAX_REPORTED + 1))):
        return None, problems
    return typed(model, values)


def typed(model: type[Model], values: Any, path: Path = ()) -> tuple[Model | None, list[Problem]]:
    """As `validate`, for a part of what was validated; places start with `path`."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        return None, [_problem(model, detail, path) for detail in error.errors(include_url=False)[: MAX_REPORTED + 1]]


def _plain(value: Any) -> bool:
    """Whether there is nothing to find for `_illegal`, in a tenth of its time: that is asked of every body."""
    texts: list[str] = []
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        below: list[Any] = []
        for member in level:
            if isinstance(member, str):
                texts.append(member)
            elif isinstance(member, dict):
                texts += member
                below += member.values()
            elif isinstance(member, list):
                below += member
            elif member is None:
                return False
        level, depth = below, depth + 1
    return not level and not_storable("\n".join(texts)) is None


def _illegal(value: Any, path: Path) -> Iterator[Problem]:
    """What no member may be: null, and text that cannot be stored."""
    if len(path) > _DEEPEST:
        yield Problem("invalidFormat", path, "This is nested too deep")
    elif isinstance(value, str) and not_storable(value):
        yield Problem("invalidFormat", path, f"The text {NOT_STORABLE}")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _illegal(member, (*path, name))
        if any(map(not_storable, value)):
            yield Problem("unexpectedProperty", path, f"The name of a member {NOT_STORABLE}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _illegal(member, (*path, index))
    elif value is None and path[-1:] and path[-1] not in _NULLABLE:
        yield Problem("invalidFormat", path, "null is no value", "Leave the member out.")


def _problem(model: type[BaseModel], detail: Any, path: Path) -> Problem:
    location = tuple(part for before, part in pairwise(("", *detail["loc"])) if before != "place" or part not in _TAGS)
    here = (*path, *location)
    kind, rule = detail["type"], "W100 R7" if "serviceConfiguration" in path else ""
    if kind == "missing":
        if here[-1] == "policy" and "policyMap" in here:
            rule = "W100 R7; MEF 70 R55"
        return Problem("missingProperty", here, f"{here[-1]} is missing", "Give it.", rule)
    if kind == "extra_forbidden":
        text = f'There is no member "{str(here[-1])[:60]}" here'
        known = [str(field.alias) for field in model.model_fields.values()] if len(location) == 1 else []
        hint = nearest(str(here[-1]), known, "Known members") if known else ""
        return Problem("unexpectedProperty", here, text, hint, "MEF 99.1 R7")
    text, hint = _words(kind, detail)
    return Problem("invalidFormat" if kind in _FORMATS else "invalidValue", here, text, hint, _rule(kind, path))


def _words(kind: str, detail: Any) -> tuple[str, str]:
    """What is wrong with a value, and what to write."""
    limits = detail.get("ctx", {})
    for name, template in _LIMITS.items():
        if name in limits:
            return template.format(limits[name]), ""
    if kind == "literal_error":
        return "This is no value of the enumeration", nearest(str(detail["input"])[:60], enumeration(detail), "Values")
    if kind == "union_tag_invalid":
        return "This is no type of place", f"Types: {', '.join(sorted(_TAGS))}."
    if kind == "union_tag_not_found":
        return "The place has no @type", f"Types: {', '.join(sorted(_TAGS))}."
    return WRONG_TYPES.get(kind, own_words(detail)), ""


def _rule(kind: str, path: Path) -> str:
    """A payload's value outside its enumeration or range is a value that is not supported."""
    return "W100 R4" if kind not in _FORMATS and "serviceConfiguration" in path else ""
