"""Which underlay carries a service: all its tunnels ride the same one, so it must do for every policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from common.findings import Finding, Path, Reason, Tag
from orchestrator.inventory import Inventory
from presto.domain.enrolled import wan_ids
from presto.domain.model import Policy, Swvc

Does = Callable[[str], bool]
Closed = AbstractSet[str]
"""Ids of underlays, of their UNIs and of their end points that orders have taken out of service."""


@dataclass(frozen=True)
class Demand:
    """A policy's value that not every underlay meets; `reason` says what is wrong when none does."""

    path: Path
    text: str
    reason: str
    met_by: Does


def common_underlays(inventory: Inventory, ucpes: list[str], closed: Closed = frozenset()) -> list[str]:
    """The underlays that every one of these uCPEs is connected to, in the order of the first one's ports.

    Those that are a backup at one of them come last (MEF 70 R32). What is `closed` connects nobody.
    """
    ports = [
        [wan.underlay for wan in inventory.ucpe(ucpe).wan if not (closed and closed & {*wan_ids(ucpe, wan)})]
        for ucpe in ucpes
    ]
    names = [name for name in dict.fromkeys(ports[0]) if all(name in others for others in ports)] if ports else []
    return sorted(names, key=lambda name: _is_backup(inventory, ucpes, name))


def carriers(swvc: Swvc, inventory: Inventory, ucpes: list[str], closed: Closed = frozenset()) -> list[str]:
    """The underlays that can carry a service between these uCPEs, best first."""
    allowed = _allowed(swvc, inventory, ucpes, closed)
    wanted = list(demands(swvc.policies, inventory, ucpes))
    return [name for name in allowed if all(demand.met_by(name) for demand in wanted)]


def carrier(swvc: Swvc, inventory: Inventory, ucpes: list[str], closed: Closed = frozenset()) -> str | None:
    """The underlay that carries a service: the one that it was accepted for, as long as that one can."""
    names = carriers(swvc, inventory, ucpes, closed)
    return swvc.carrier if swvc.carrier in names else next(iter(names), None)


def check_underlays(swvc: Swvc, inventory: Inventory, ucpes: list[str], closed: Closed) -> Iterator[Finding]:
    """Sites without a common underlay, and policies that none of these meets."""
    allowed = _allowed(swvc, inventory, ucpes, closed)
    if len(ucpes) > 1 and not allowed:
        yield _unconnected(inventory, ucpes, closed)
    wanted = list(demands(swvc.policies, inventory, ucpes))
    unmet = [demand for demand in wanted if not any(demand.met_by(name) for name in allowed)]
    for demand in unmet:
        hint = "Describe the underlays in the inventory of uCPEs, or change the policy."
        message = f"{demand.text} cannot be honoured: {demand.reason}"
        yield Finding(Tag.INVALID_VALUE, demand.path, message, hint, reason=Reason.NOT_SUPPORTED)
    if allowed and not unmet and not carriers(swvc, inventory, ucpes, closed):
        message = "No underlay of the sites meets all policies at once, and one carries all flows"
        hint = f"Leave one out: {', '.join(dict.fromkeys(demand.text for demand in wanted))}."
        yield Finding(Tag.INVALID_VALUE, ("policies",), message, hint, "MEF 70 R22")


def demands(policies: tuple[Policy, ...], inventory: Inventory, ucpes: list[str]) -> Iterator[Demand]:
    """What the policies of a service demand of the underlay; values that any underlay meets demand nothing."""
    backups = {wan.underlay for ucpe in ucpes for wan in inventory.ucpe(ucpe).wan if wan.backup}
    rules: dict[tuple[str, str], tuple[str, Does]] = {
        ("PUBLIC-PRIVATE", "private-only"): (
            "no underlay of the sites is known to be private",
            lambda name: inventory.underlay(name).type == "private",
        ),
        ("BILLING-METHOD", "flat-rate-only"): (
            "no underlay of the sites is known to have a flat rate",
            lambda name: inventory.underlay(name).billing == "flat-rate",
        ),
        ("BILLING-METHOD", "usage-based-only"): (
            "no underlay of the sites is known to be billed by usage",
            lambda name: inventory.underlay(name).billing == "usage-based",
        ),
        ("BACKUP", "no"): (
            "only a backup connects the sites",
            lambda name: name not in backups,
        ),
    }
    rules["BACKUP", "disabled"] = rules["BACKUP", "no"]
    for index, policy in enumerate(policies):
        for number, criterion in enumerate(policy.criteria):
            for position, value in enumerate(criterion.parameters):
                rule = rules.get((criterion.name, value.casefold().replace("_", "-")))
                if rule:
                    path = ("policies", index, "criteria", number, "parameters", position)
                    yield Demand(path, f"{criterion.name} {value}", *rule)


def _allowed(swvc: Swvc, inventory: Inventory, ucpes: list[str], closed: Closed) -> list[str]:
    names = common_underlays(inventory, ucpes, closed)
    return [name for name in names if not swvc.underlays or name in swvc.underlays]


def _is_backup(inventory: Inventory, ucpes: list[str], name: str) -> bool:
    return any(wan.backup for ucpe in ucpes for wan in inventory.ucpe(ucpe).wan if wan.underlay == name)


def _unconnected(inventory: Inventory, ucpes: list[str], closed: Closed) -> Finding:
    common = common_underlays(inventory, ucpes, closed)
    if not common and closed and common_underlays(inventory, ucpes):
        message = f"What connects {', '.join(ucpes)} is out of service"
        return Finding(Tag.IN_USE, ("end_points",), message, "Order the underlay and its ends active.")
    if not common:
        message = f"No underlay connects all of {', '.join(ucpes)}"
        return Finding(Tag.INVALID_VALUE, ("end_points",), message, "Connect the uCPEs to a common underlay.")
    message = f"None of the SWVC's UCSs connects all of {', '.join(ucpes)}"
    hint = f"These do: {', '.join(common)}."
    return Finding(Tag.INVALID_VALUE, ("underlays",), message, hint, "MEF 70 SWVC List of UCSs")
