"""Where a finding of the core stands in the published message."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from common.findings import Finding, Path, Tag

_SWVC = ("input", "swvc-service-attributes")
_ROOTS: Mapping[str, Path] = {
    "identifier": (*_SWVC, "swvc-identifier"),
    "mtu": (*_SWVC, "mtu"),
    "listed_end_points": (*_SWVC, "endpoints"),
    "reserved_prefixes": (*_SWVC, "reserved-prefixes", "prefix"),
    "applications": (*_SWVC, "applications", "application"),
    "policies": (*_SWVC, "policies", "policy"),
    "mappings": (*_SWVC, "application-policy-mappings", "mapping"),
    "service_type": ("input", "connectivity-constraint", "service-type"),
    "end_points": ("input", "end-point"),
    "service": ("input", "service-id-or-name"),
    "uni": ("input", "sip-id-or-name"),
    "path": ("input", "path-id-or-name"),
}
_MEMBERS: Mapping[tuple[str, str], Path] = {
    ("applications", "identifier"): ("app-id",),
    ("applications", "group"): ("app-group",),
    ("policies", "identifier"): ("policy-id",),
    ("mappings", "application"): ("app-id",),
    ("mappings", "policy"): ("policy-name",),
    ("end_points", "identifier"): ("swvc-endpoint-attributes", "endpoint-identifier"),
    ("end_points", "local_id"): ("local-id",),
    ("end_points", "uni"): ("service-interface-point", "service-interface-point-uuid"),
    ("end_points", "overrides"): ("swvc-endpoint-attributes", "policy-overrides", "policy-override"),
    ("end_points", "application"): ("app-id",),
    ("end_points", "policy"): ("policy-name",),
}
_CRITERIA = {"name": "pc-name", "parameters": "pc-param"}


def wire_path(path: Path) -> Path:
    """A path of the core model in published names; one that starts with `input` is a published path already."""
    if not path or path[0] == "input":
        return path
    root = str(path[0])
    found: list[str | int] = list(_ROOTS.get(root, (root,)))
    for part in path[1:]:
        if isinstance(part, int):
            found.append(part)
        else:
            found.extend(_MEMBERS.get((root, part), (_CRITERIA.get(part, part),)))
    return tuple(found)


def on_the_wire(findings: tuple[Finding, ...]) -> list[Finding]:
    """Findings with published paths. What only follows from a member that was left out is dropped.

    So is that a member is missing which was given, and refused.
    """
    form = [finding for finding in findings if finding.path[:1] == ("input",)]
    refused = {_named(finding.path) for finding in form}
    given = {_named(finding.path) for finding in form if finding.tag is not Tag.MISSING_ELEMENT}
    kept = []
    for finding in findings:
        path = wire_path(finding.path)
        if finding.path[:1] != ("input",):
            follows = _follows(path, refused)
        else:
            follows = finding.tag is Tag.MISSING_ELEMENT and path in given
        if not follows:
            kept.append(replace(finding, path=path))
    return kept


def in_an_update(findings: list[Finding]) -> list[Finding]:
    """The message of an update carries one end point, not a list: its place has no position."""
    return [replace(finding, path=_without_position(finding.path)) for finding in findings]


def _without_position(path: Path) -> Path:
    one = len(path) > 2 and path[1] == "end-point" and isinstance(path[2], int)
    return (*path[:2], *path[3:]) if one else path


def _follows(path: Path, refused: Collection[Path]) -> bool:
    """True when the place itself, or the list or container that it is in, was refused already."""
    return any(path[:length] in refused for length in range(1, len(path) + 1))


def _named(place: Path) -> Path:
    """Up to the last name: a list with a wrong element is refused as a whole."""
    last = max((number for number, part in enumerate(place) if isinstance(part, str)), default=-1)
    return place[: last + 1]
