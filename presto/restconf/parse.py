"""From the bytes of a request to a typed input, with everything that is wrong on the way.

The published file allows unknown members everywhere. Here they are refused: a member that is misspelt, and so
ignored, would leave a firewall open or a tunnel unencrypted without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from common.findings import MAX_REPORTED, Finding, Path, Rejected, Tag, nearest
from common.forms import WRONG_TYPES, enumeration, known_members
from common.json_text import read_json
from presto.persistence.idempotency import KeyedRequest
from presto_api.restconf.tapi import Wire

MODULES = frozenset({"tapi-common", "tapi-connectivity", "tapi-path-computation", "tapi-topology"})
MEMBER_MODULES = MODULES | {"mef-sdwan", "mef-sdwan-connectivity", "mef-common", "mef-common-types"}
_DEEPEST = 32
_ILLEGAL, _STRINGS = "has characters that YANG strings cannot hold", "See RFC 7950 section 9.4."
_WRONG = {
    **WRONG_TYPES,
    "greater_than_equal": "This is too small for 32 bits",
    "less_than_equal": "This is too large for 32 bits",
}

Input = TypeVar("Input", bound=Wire)


@dataclass(frozen=True)
class Parsed:
    """The `input` member as plain values, published names without module, and what was wrong with its form.

    `request` is there when it came with an idempotency key.
    """

    values: dict[str, Any]
    findings: tuple[Finding, ...]
    request: KeyedRequest | None = None


def parse_body(content: bytes) -> Parsed:
    """Read `{"input": {…}}`; an empty body is an empty input.

    Raises Rejected when it is no JSON object of that form.
    """
    if not content.strip():
        return Parsed({}, ())
    try:
        document = read_json(content)
    except UnicodeDecodeError:
        _malformed("The body is not UTF-8.")
    except RecursionError:
        _malformed(f"The body is nested deeper than {_DEEPEST} levels.")
    except ValueError as error:
        _malformed(f"The body is not JSON: {error}.")
    if not isinstance(document, dict):
        _malformed('The body must be an object with the member "input".')
    findings: list[Finding] = []
    members = _plain(document, (), findings)
    others = islice((name for name in members if name != "input"), MAX_REPORTED + 1)
    findings += [_unknown((name,), ["input"]) for name in others]
    values = members.get("input", {})
    if not isinstance(values, dict):
        raise Rejected([Finding(Tag.INVALID_VALUE, ("input",), "The input must be an object", "")])
    return Parsed(values, tuple(findings))


def to_model(model: type[Input], parsed: Parsed) -> tuple[Input, tuple[Finding, ...]]:
    """The typed input and everything that is wrong with its members.

    Wrong members are left out of the result, so that the rest can be checked in the same go.
    """
    values, findings = parsed.values, list(parsed.findings)
    while True:
        try:
            return model.model_validate(values), tuple(findings)
        except ValidationError as error:
            details = error.errors(include_url=False)
            findings += [_finding(model, detail) for detail in details[: MAX_REPORTED + 1]]
            for detail in details:
                _leave_out(values, detail["loc"])


def only(model: type[Input], parsed: Parsed) -> Input:
    """The typed input of an operation that has no more to check. Raises Rejected."""
    given, findings = to_model(model, parsed)
    if findings:
        raise Rejected(findings)
    return given


def missing(given: Wire, *members: str) -> tuple[Finding, ...]:
    """One finding for each of these members that has no value."""
    values = given.model_dump(by_alias=True)
    return tuple(
        Finding(Tag.MISSING_ELEMENT, ("input", member), f"The input has no {member}", "Give it.")
        for member in members
        if not values[member]
    )


def all_given(given: Wire, *members: str) -> tuple[str, ...]:
    """The values of members that are text. Raises Rejected when one has none."""
    if findings := missing(given, *members):
        raise Rejected(findings)
    values = given.model_dump(by_alias=True)
    return tuple(values[member] for member in members)


def _malformed(message: str) -> NoReturn:
    raise Rejected([Finding(Tag.MALFORMED_MESSAGE, (), message.rstrip("."), "")]) from None


def _plain(value: Any, path: Path, findings: list[Finding]) -> Any:
    """Take module names off members, and leave out what has no place in YANG's JSON (RFC 7951): null, control codes."""
    if len(path) > _DEEPEST:
        _malformed(f"The body is nested deeper than {_DEEPEST} levels.")
    if isinstance(value, list):
        return [_plain(element, (*path, index), findings) for index, element in enumerate(value)]
    if not isinstance(value, dict):
        return value
    members: dict[str, Any] = {}
    for name, member in value.items():
        if not _legal(name):
            # Told at the object, because the name has no place in an answer either.
            findings.append(Finding(Tag.INVALID_VALUE, path, f"The name of a member {_ILLEGAL}", _STRINGS))
            continue
        module, _, plain = name.rpartition(":")
        key = plain if module in MEMBER_MODULES else name
        here = (*path, key)
        fault = _member_fault(key in members, member)
        if fault:
            findings.append(Finding(Tag.INVALID_VALUE, here, *fault))
        else:
            members[key] = _plain(member, here, findings)
    return members


def _member_fault(repeated: bool, member: Any) -> tuple[str, str] | None:
    if repeated:
        return "The member stands twice, with and without its module", "Keep one."
    if member is None:
        return "null is no value", "Leave the member out."
    texts = [text for text in (member if isinstance(member, list) else [member]) if isinstance(text, str)]
    if any(not _legal(text) for text in texts):
        return f"The text {_ILLEGAL}", _STRINGS
    return None


def _legal(text: str) -> bool:
    """Whether YANG's strings may have it (RFC 7950, section 9.4): they have less than a database stores."""
    return all(letter in "\t\n\r" or (letter >= " " and not "\ud800" <= letter <= "\udfff") for letter in text)


def _finding(model: type[Wire], detail: Any) -> Finding:
    path: Path = ("input", *detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(path, known_members(model, detail["loc"][:-1]))
    if detail["type"] == "literal_error":
        hint = nearest(str(detail["input"]), enumeration(detail), "Values")
        return Finding(Tag.INVALID_VALUE, path, "This is no value of the enumeration", hint)
    return Finding(Tag.INVALID_VALUE, path, _WRONG.get(detail["type"], detail["msg"]), "")


def _unknown(path: Path, known: list[str]) -> Finding:
    name = str(path[-1])
    message = f'There is no member "{name[:60]}" here'
    return Finding(Tag.UNKNOWN_ELEMENT, path, message, nearest(name, known, "Known members"))


def _leave_out(values: Any, location: tuple[int | str, ...]) -> None:
    """Remove the innermost member that a location is in; a list with a wrong element goes as a whole."""
    names = [number for number, part in enumerate(location) if isinstance(part, str)]
    for part in location[: names[-1]]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return  # the list that it is in went already, with another wrong element
    if isinstance(values, dict):
        values.pop(str(location[names[-1]]), None)
