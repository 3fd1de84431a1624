"""The criteria of policies: the names and values of MEF 70, and which of them this network can honour.

Values of MEF 70 and of its successor's schemas (`Yes`/`REQUIRED_ALWAYS` …) are both understood. A value that the
network cannot honour, with one tunnel for each pair of sites, is refused; what a policy demands of the underlay is
judged in `underlays`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from common.findings import Finding, Path, Reason, Tag, nearest
from presto.domain.model import Policy

BLOCK_NAMES = frozenset({"block", "BLOCK"})
RESERVED_NAMES = frozenset({"block", "none"})
"""Folded to lower case: MEF 70 reserves "block", the later schemas BLOCK and NONE."""

Encryption = Literal["required", "integrity-only"]


@dataclass(frozen=True)
class CriterionRule:
    """The values of one criterion: honoured ones, and known ones that are refused, with the reason."""

    honoured: tuple[str, ...]
    refused: Mapping[str, str]


CRITERIA: dict[str, CriterionRule] = {
    "ENCRYPTION": CriterionRule(("Yes", "Either", "REQUIRED_ALWAYS", "REQUIRED_PUBLIC_ONLY", "OPTIONAL"), {}),
    "PUBLIC-PRIVATE": CriterionRule(("Either", "Private-only", "PRIVATE_ONLY"), {}),
    "INTERNET-BREAKOUT": CriterionRule(
        ("No", "DISABLED"),
        dict.fromkeys(("Yes", "ENABLED"), "the sites have no Internet breakout"),
    ),
    "BILLING-METHOD": CriterionRule(("Either", "Flat-Rate-Only", "FLAT_RATE_ONLY", "USAGE_BASED_ONLY"), {}),
    "BACKUP": CriterionRule(("Yes", "No", "ENABLED", "DISABLED"), {}),
}
NOT_HONOURED = {
    "BANDWIDTH": "rates are not enforced",
    "PERFORMANCE": "paths are not chosen by their performance",
    "BUSINESS-IMPORTANCE": "flows are not ranked",
    "VIRTUAL-TOPOLOGY": "a service has one topology",
    "ALLOWED-DESTINATION-ZONES": "a service has one zone",
    "BLOCK-SOURCE": "a service has one zone",
    "AF-SECURITY-INGRESS": "security function policies are not built",
    "AF-SECURITY-EGRESS": "security function policies are not built",
}


def encryption(policies: Iterable[Policy], *, private: bool = False) -> Encryption:
    """What the tunnels of a service must do: encrypt, unless every policy says that either will do.

    REQUIRED_PUBLIC_ONLY says so where the underlay is private.

    All flows of a pair of sites share a tunnel, so the strictest policy decides; without any policy it encrypts.
    """
    values = [
        value.casefold()
        for policy in policies
        for criterion in policy.criteria
        if criterion.name == "ENCRYPTION"
        for value in criterion.parameters
    ]
    lax = {"either", "optional", *(["required_public_only"] if private else [])}
    return "integrity-only" if values and set(values) <= lax else "required"


def check_policies(policies: tuple[Policy, ...]) -> Iterator[Finding]:
    """Everything that is wrong with the policies of a service; paths start with `policies`."""
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        here: Path = ("policies", index)
        yield from _check_name(policy.identifier, here, seen)
        yield from _check_criteria(policy, here)
    yield from _check_same_criteria(policies)


def _check_name(name: str, here: Path, seen: set[str]) -> Iterator[Finding]:
    where = (*here, "identifier")
    if name.casefold() in RESERVED_NAMES:
        hint = "Map an application to it without defining it, or choose another name."
        yield Finding(Tag.INVALID_VALUE, where, f'Policy name "{name}" is reserved', hint, "MEF 70 R17")
    if name and name in seen:
        yield Finding(Tag.INVALID_VALUE, where, f'Policy "{name}" stands twice', "Rename one.", "MEF 70 R17")
    seen.add(name)


def _check_criteria(policy: Policy, here: Path) -> Iterator[Finding]:
    if not policy.criteria:
        message = f'Policy "{policy.identifier}" has no criteria'
        yield Finding(Tag.MISSING_ELEMENT, (*here, "criteria"), message, nearest("", CRITERIA), "MEF 70 R18")
    names: set[str] = set()
    for index, criterion in enumerate(policy.criteria):
        place = (*here, "criteria", index)
        if criterion.name in names:
            message = f'Criterion {criterion.name} stands twice in policy "{policy.identifier}"'
            yield Finding(Tag.INVALID_VALUE, (*place, "name"), message, "Keep one.", "MEF 70 R18")
        names.add(criterion.name)
        yield from _check_criterion(criterion.name, criterion.parameters, place)


def _check_criterion(name: str, values: tuple[str, ...], place: Path) -> Iterator[Finding]:
    where = (*place, "name")
    if name in NOT_HONOURED:
        message = f"{name} cannot be honoured: {NOT_HONOURED[name]}"
        yield Finding(Tag.INVALID_VALUE, where, message, "Leave it out of every policy.", reason=Reason.NOT_SUPPORTED)
    elif not name:
        yield Finding(Tag.MISSING_ELEMENT, where, "The criterion has no name", nearest("", CRITERIA))
    elif name not in CRITERIA:
        message = f'"{name}" is no policy criterion'
        yield Finding(Tag.INVALID_VALUE, where, message, nearest(name, CRITERIA), "MEF 70 R19")
    else:
        yield from _check_value(name, values, (*place, "parameters"))


def _check_value(name: str, values: tuple[str, ...], where: Path) -> Iterator[Finding]:
    rule = CRITERIA[name]
    if len(values) != 1:
        yield Finding(
            Tag.INVALID_VALUE,
            where,
            f"{name} needs exactly one value",
            nearest("", rule.honoured, "Values"),
            "MEF 70 R18",
        )
        return
    folded = values[0].casefold()
    if folded in {value.casefold() for value in rule.honoured}:
        return
    for value, reason in rule.refused.items():
        if value.casefold() == folded:
            message = f"{name} {values[0]} cannot be honoured: {reason}"
            hint = nearest("", rule.honoured, "Honoured")
            yield Finding(Tag.INVALID_VALUE, (*where, 0), message, hint, reason=Reason.NOT_SUPPORTED)
            return
    message = f'"{values[0]}" is no value of {name}'
    yield Finding(Tag.INVALID_VALUE, (*where, 0), message, nearest(values[0], (*rule.honoured, *rule.refused)))


def _check_same_criteria(policies: tuple[Policy, ...]) -> Iterator[Finding]:
    names = [{criterion.name for criterion in policy.criteria if criterion.name in CRITERIA} for policy in policies]
    everything: set[str] = set().union(*names)
    for index, (policy, own) in enumerate(zip(policies, names, strict=True)):
        missing = sorted(everything - own)
        if own and missing:
            message = f'Policy "{policy.identifier}" gives no value for {", ".join(missing)}, which another policy does'
            hint = "Every policy of a service gives values for the same criteria."
            yield Finding(Tag.MISSING_ELEMENT, ("policies", index, "criteria"), message, hint, "MEF 70 R21")
