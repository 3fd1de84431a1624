"""The security associations that ever stood for a service during a run, as its gateways tell of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scenarios.file.format import Scenario
from scenarios.network.chain import GATEWAY
from scenarios.steps.context import Context
from scenarios.steps.recorder import NetworkFault
from testbed.errors import ProbeError

History = dict[str, Any]
"""What ``/vnf/history`` of the contract says; or ``{"silent": reason}`` of a gateway that never told anything."""

_IDENTITY = {
    "ike": ("initiator_spi", "responder_spi"),
    "children": ("local_address", "remote_address", "spi_in", "spi_out"),
}
_GROUP = re.compile(r"(ecp|modp|curve|x)(\d+)(bp)?")
Flow = tuple[str, str, str]
"""Source and destination of ESP packets, and their SPI."""
IkeSpis = tuple[str, str]
"""The initiator's SPI of an IKE SA, and the responder's."""


class Histories:
    """What each site's gateway told of its past, gathered while it ran: with a gateway its own memory goes, too."""

    def __init__(self) -> None:
        self.told: dict[str, History] = {}

    def ask(self, context: Context) -> None:
        """Ask all gateways that run now, side by side, and keep what they told before."""
        sites = context.service_sites()
        with ThreadPoolExecutor() as pool:
            for site, answer in zip(sites, pool.map(lambda site: _answer(context, site), sites), strict=True):
                if answer:
                    self.told[site] = merged(self.told.get(site, {}), answer)


class Keys:
    """The keys of the security associations that gateways told of, gathered while these stood."""

    def __init__(self) -> None:
        self._associations: dict[tuple[Any, Any], Any] = {}

    @property
    def told(self) -> dict[str, Any]:
        """Return all of them as one document of ``/vnf/keys``."""
        return {"sas": list(self._associations.values())}

    def ask(self, context: Context) -> None:
        """Ask all gateways that run now, side by side, and keep what they told before."""
        with ThreadPoolExecutor() as pool:
            for answer in pool.map(lambda site: _answer(context, site, "/vnf/keys"), context.service_sites()):
                for entry in answer.get("sas", ()):
                    self._associations[entry.get("spi"), entry.get("destination")] = entry


def _answer(context: Context, site: str, program: str = "/vnf/history") -> History:
    try:
        return context.vnf_json(site, GATEWAY, program)
    except (NetworkFault, ProbeError) as fault:
        return {"silent": str(fault)}


def merged(before: History, now: History) -> History:
    """Return what a gateway told *before* and *now* as one: it may have been made anew meanwhile."""
    if "silent" in now or "silent" in before or not before:
        return before if "silent" in now and before else now
    together = {}
    for kind, facts in _IDENTITY.items():
        known = {tuple(entry[fact] for fact in facts): entry for entry in [*now[kind], *before[kind]]}
        together[kind] = list(known.values())
    return {**now, **together, "complete": before["complete"] and now["complete"]}


def flows(told: Mapping[str, History]) -> Iterator[Flow]:
    """Yield the ESP packets that the associations of both directions explain."""
    for history in told.values():
        for child in history.get("children", ()):
            yield child["remote_address"], child["local_address"], child["spi_in"]
            yield child["local_address"], child["remote_address"], child["spi_out"]


def sent(context: Context, told: Mapping[str, History]) -> dict[Flow, int]:
    """Return how many ESP packets each gateway says now that it has sent by each CHILD SA that carries packets.

    *told* says between which addresses that is. Left out is what a gateway does not tell, and an association that is
    being replaced: nobody counts to its end.
    """
    ends = {
        (site, child["spi_in"], child["spi_out"]): (child["local_address"], child["remote_address"], child["spi_out"])
        for site, history in told.items()
        for child in history.get("children", ())
    }
    sites = context.service_sites()
    with ThreadPoolExecutor() as pool:
        statuses = zip(sites, pool.map(lambda site: _answer(context, site, "/vnf/status"), sites), strict=True)
    children = (
        (site, child)
        for site, status in statuses
        for peer in status.get("peers", ())
        for child in peer.get("children", ())
    )
    return {
        ends[place]: child["packets_out"]
        for site, child in children
        if child["state"] == "INSTALLED" and (place := (site, child["spi_in"], child["spi_out"])) in ends
    }


def ike_spis(told: Mapping[str, History]) -> set[IkeSpis] | None:
    """Return the SPIs of the IKE SAs that stood, None when a gateway has not told all."""
    if not all(history.get("complete", False) for history in told.values()):
        return None
    return {(sa["initiator_spi"], sa["responder_spi"]) for history in told.values() for sa in history["ike"]}


def demands_encryption(scenario: Scenario) -> bool:
    """Tell whether the service's tunnels must encrypt: unless every policy leaves that open (MEF 70, ENCRYPTION)."""
    values = {
        str(value).casefold()
        for policy in scenario.service.policies
        for name, given in policy.criteria.items()
        if name == "ENCRYPTION"
        for value in (given if isinstance(given, list) else [given])
    }
    return not values or not values <= {"either", "optional"}


def algorithms(association: Mapping[str, Any]) -> str:
    """Return the algorithms of an IKE SA or a CHILD SA in one text; of the latter not each one has a group."""
    facts = ("protocol", "mode", "encryption", "integrity", "prf", *(() if "protocol" in association else ("dh",)))
    return " ".join(str(association[fact]) for fact in facts if association.get(fact))


def encrypts(child: Mapping[str, Any]) -> bool:
    """Tell whether a CHILD SA has a cipher: neither none, nor NULL (RFC 2410), nor GMAC alone (RFC 4543)."""
    return not str(child.get("encryption") or "NULL").startswith("NULL")


def strange_groups(history: History, peer: str) -> Iterator[str]:
    """Yield the groups of key exchanges with *peer* that are not of the proposals in the gateway's intent.

    A CHILD SA that replaced another one has a group of its own where its proposal names one; the first one of an IKE SA
    has none (RFC 7296, sections 1.2 and 2.17). Nothing is told of what a product does not tell.
    """
    for kind, name, word in (("ike", "ike", "IKE SA"), ("children", "esp", "CHILD SA")):
        proposal = str((history.get("proposals") or {}).get(name, ""))
        for one in history.get(kind, ()) if proposal else ():
            group = one.get("dh") or ""
            exchanged = group or ((kind == "ike" or one.get("rekeyed")) and "dh" in one)
            if one["peer"] == peer and exchanged and _plain(group) not in (_groups(proposal) or {""}):
                yield f"{word} with {group or 'none'}"


def _groups(proposal: str) -> set[str]:
    """Return the Diffie-Hellman groups that a proposal of the VNF contract names, as :func:`_plain` writes them."""
    kinds = {"x": "CURVE", "curve": "CURVE"}
    found = (_GROUP.fullmatch(word) for word in proposal.split("-"))
    return {f"{kinds.get(one[1], one[1].upper())}{one[2]}{(one[3] or '').upper()}" for one in found if one}


def _plain(group: str) -> str:
    """Return a group's name without marks: some write ``ECP_384``, others ``ECP384``."""
    return re.sub(r"[^A-Z0-9]", "", group.upper())
