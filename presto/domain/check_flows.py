"""The rules for application flows and for what assigns policies to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from common.findings import Finding, Path, Reason, Tag, nearest
from presto.domain.criteria import check_flow, matches
from presto.domain.matches import Match
from presto.domain.model import Application, Policy, PolicyAssignment
from presto.domain.policies import BLOCK_NAMES, RESERVED_NAMES
from presto_api.mef.payload import MAX_FLOWS

Names = dict[str, None]
"""In their order, and found at once however many there are."""

_KINDS = {"flow": "application", "group": "application group", None: "application or group"}


def check_applications(applications: tuple[Application, ...]) -> Iterator[Finding]:
    """Unique names that are no group's, groups not reserved, criteria of its own; paths start with `applications`."""
    if len(applications) > MAX_FLOWS:
        message = f"A service has at most {MAX_FLOWS} applications, not {len(applications)}"
        yield Finding(Tag.INVALID_VALUE, ("applications",), message, "Leave some out, or make one of several.")
        return
    groups = {application.group for application in applications if application.group}
    seen: set[str] = set()
    before: dict[frozenset[Match], str] = {}
    for index, application in enumerate(applications):
        here: Path = ("applications", index)
        yield from _check_name(application.identifier, here, seen, groups)
        yield from _check_group(application.group, here)
        findings = list(check_flow(application, here))
        yield from findings
        packets = frozenset() if findings else _packets(application)
        if packets and packets in before:
            message = (
                f'Application "{application.identifier}" can never match: "{before[packets]}" has the same criteria'
            )
            hint = "The first one that matches decides: change one, or leave one out."
            yield Finding(Tag.INVALID_VALUE, (*here, "criteria"), message, hint, "MEF 70 R44")
        before.setdefault(packets, application.identifier)


def check_assignments(
    applications: tuple[Application, ...],
    policies: tuple[Policy, ...],
    assignments: tuple[PolicyAssignment, ...],
    path: Path,
) -> Iterator[Finding]:
    """Each flow or group at most once, and both names known; paths start with `path`."""
    flows = [application.identifier for application in applications]
    groups = [application.group for application in applications if application.group]
    names = {"flow": _names(flows), "group": _names(groups), None: _names([*flows, *groups])}
    identifiers = (policy.identifier for policy in policies)
    known = _names([*(name for name in identifiers if name.casefold() not in RESERVED_NAMES), "block"])
    seen: set[str] = set()
    for index, assignment in enumerate(assignments):
        here = (*path, index)
        yield from _check_flow_name(assignment, names[assignment.kind], seen, here)
        yield from _check_policy_name(assignment.policy, known, here)
        seen.add(assignment.application)


@lru_cache(maxsize=128)
def _packets(application: Application) -> frozenset[Match]:
    return frozenset(map(_canonical, matches(application)))


def _canonical(match: Match) -> Match:
    """The same packets, with the values of each field in one order."""
    fields = {name: values and tuple(sorted(set(values))) for name, values in vars(match).items()}
    return Match(**fields)


def _check_name(name: str, here: Path, seen: set[str], groups: set[str]) -> Iterator[Finding]:
    where = (*here, "identifier")
    if not name:
        yield Finding(Tag.MISSING_ELEMENT, where, "The application has no name", "Name it.", "MEF 70 R41")
    elif len(name) > 53 or any(not " " <= letter <= "~" for letter in name):
        message = f'"{name[:60]}" is no application name'
        yield Finding(Tag.INVALID_VALUE, where, message, "Use 1 to 53 printable ASCII characters.", "MEF 70 R41")
    elif name in seen:
        yield Finding(Tag.INVALID_VALUE, where, f'Application "{name}" stands twice', "Rename one.", "MEF 70 R41")
    elif name in groups:
        message = f'Application "{name}" has the name of an application group'
        yield Finding(Tag.INVALID_VALUE, where, message, "Rename one of them.", "MEF 70 R42")
    seen.add(name)


def _check_group(group: str | None, here: Path) -> Iterator[Finding]:
    where = (*here, "group")
    if group is not None and group.casefold() == "none":
        message, hint = f'Application group name "{group}" is reserved', "Leave it out or choose another name."
        yield Finding(Tag.INVALID_VALUE, where, message, hint, "MEF 70 R40")
    elif group == "" or (group and (len(group) > 53 or any(not " " <= letter <= "~" for letter in group))):
        hint = "Use 1 to 53 printable ASCII characters."
        yield Finding(Tag.INVALID_VALUE, where, "This is no application group name", hint, "MEF 70 R38")


def _names(names: Iterable[str]) -> Names:
    """Each once, in the order given."""
    return dict.fromkeys(names)


def _check_flow_name(assignment: PolicyAssignment, known: Names, seen: set[str], here: Path) -> Iterator[Finding]:
    name, where = assignment.application, (*here, "application")
    if not name:
        yield Finding(Tag.MISSING_ELEMENT, where, "No application is named", nearest("", known), "MEF 70 R51, R53")
    elif name in seen:
        message, hint = f'Application or group "{name}" is given a policy twice', "Keep one."
        yield Finding(Tag.INVALID_VALUE, where, message, hint, "MEF 70 R52")
    elif name not in known:
        message = f'There is no {_KINDS[assignment.kind]} "{name}"'
        yield _unknown(where, message, name, known)


def _check_policy_name(name: str, known: Names, here: Path) -> Iterator[Finding]:
    where = (*here, "policy")
    if not name:
        yield Finding(Tag.MISSING_ELEMENT, where, "No policy is named", nearest("", known), "MEF 70 R51, R53")
    elif name not in known and name not in BLOCK_NAMES:
        yield _unknown(where, f'There is no policy "{name}"', name, known)


def _unknown(where: Path, message: str, name: str, known: Iterable[str]) -> Finding:
    hint = nearest(name, known)
    return Finding(Tag.INVALID_VALUE, where, message, hint, "MEF 70 R51, R53", Reason.UNKNOWN_REFERENCE)
