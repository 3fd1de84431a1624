"""What a validator finds, in sentences: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import AddressValueError, NetmaskValueError
from typing import Any

from common.findings import Finding, Path, Tag, nearest
from common.forms import WRONG_TYPES, enumeration, known_members, own_words

_FORMS = {
    **WRONG_TYPES,
    "bool_parsing": "This must be true or false",
    "int_from_float": "This must be a JSON number without fraction",
    "int_parsing": "This must be a whole number",
    "int_parsing_size": "This must be a whole number, and a smaller one",
    "tuple_type": "This must be a JSON array",
    "path_type": "This must be a JSON string",
    "ip_v4_network": "This is no IPv4 prefix",
    "ip_v4_address": "This is no IPv4 address",
}
_HINTS = {
    "ip_v4_network": "Write one such as 10.5.0.0/24, its host bits zero.",
    "ip_v4_address": "Write one such as 10.5.0.1.",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "This must be {} or more"),
    "less_than_equal": ("le", "This must be {} or less"),
    "string_too_short": ("min_length", "This needs {} or more characters"),
    "string_too_long": ("max_length", "This takes {} characters at most"),
    "too_short": ("min_length", "This needs {} or more elements"),
    "too_long": ("max_length", "This takes {} elements at most"),
}
PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": (
        "This is no name",
        "Take letters, digits, '.', '_' and '-', with a letter or a digit first.",
    ),
    r"^[^\s/]+$": ("This is no name of a port", "Leave blanks and slashes out."),
    r"^(tcp://[^/]+:\d+|unix:///.+)$": ("This is no address of a Docker Engine", "Write tcp://HOST:PORT."),
    r"^((ssl|tcp):[^/]+:\d+|unix:/.+)$": ("This is no address in Open vSwitch's notation", "Write ssl:HOST:PORT."),
}
"""What a pattern asks for; a test looks that every pattern of a body has its sentence here."""
OTHERWISE = "This is other than described"


def finding(detail: Mapping[str, Any], model: Any = None, path: Path = ()) -> Finding:
    """One error of pydantic. Its place follows `path`; `model` is what the value was held against, if that is known."""
    location = tuple(detail["loc"])
    here = (*path, *location)
    if detail["type"] == "missing":
        return Finding(Tag.MISSING_ELEMENT, here, f"{here[-1] if here else 'The body'} is missing", "Give it.")
    if detail["type"] == "extra_forbidden":
        name = str(location[-1])[:60]
        known = known_members(model, location[:-1])
        hint = nearest(name, known, "Known members") if known else ""
        return Finding(Tag.UNKNOWN_ELEMENT, here, f'There is no member "{name}" here', hint)
    return Finding(Tag.INVALID_VALUE, here, *_words(detail))


def _words(detail: Mapping[str, Any]) -> tuple[str, str]:
    """What is wrong with a value, and what to write."""
    kind, limits = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        name, template = _BOUNDS[kind]
        return template.format(limits[name]), ""
    if kind == "string_pattern_mismatch" and limits["pattern"] in PATTERNS:
        return PATTERNS[limits["pattern"]]
    if kind in {"literal_error", "enum"}:
        return "This is no value of the enumeration", nearest(str(detail["input"])[:60], enumeration(detail), "Values")
    if isinstance(limits.get("error"), AddressValueError | NetmaskValueError):
        kind = "ip_v4_address"
    own = own_words(detail) if kind == "value_error" else OTHERWISE
    return _FORMS.get(kind, own), _HINTS.get(kind, "")
