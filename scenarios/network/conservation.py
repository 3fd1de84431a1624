"""Whether all that came into a site's switch went the way of its chain, once, by the counters of switch and VNFs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.file.format import BLOCK, Scenario
from scenarios.network import meters
from scenarios.network.chain import Hop, joints, owned
from scenarios.network.digests import since
from scenarios.network.firewall import DEFAULT, by_rule
from scenarios.steps.checks import check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from testbed.errors import Ended
from testbed.polling import poll
from testbed.ucpe_view import (
    FlowEntry,
    PortCount,
    SwitchCount,
    ViewError,
    Vnf,
    beside_rules,
    count,
    port_counts,
    taken_by_kernel,
)

STATISTICS = "statistics"
TRANSPARENT = ("firewall", STATISTICS)
"""Kinds whose VNFs hand on what they do not drop. A gateway makes other packets of those that it is given."""

SETTLING_SECONDS, SETTLING_LOOKS = 3.0, 4
"""How long counters may take to rest, and how often they are looked at for it on however busy a machine."""

INTENT, FLOW_TIMEOUT_SECONDS = "/var/lib/vnf/intent.json", 300
"""Where a VNF keeps its intent, and for how long a flow may be idle where that does not say it, by the contract."""


class VnfCount(Evidence):
    """What a VNF has *dropped* by its own counters, and what its *kernel* took: malformed packets, fragments joined.

    *status* is that of a statistics VNF, which *remembers* all its flows or may have forgotten some.
    """

    name: str
    dropped: dict[str, int]
    kernel: int
    status: dict[str, Any] = Field(default_factory=dict)
    remembers: bool = False


class SiteCount(Evidence):
    """What switch and transparent VNFs of a site have counted until one moment.

    *injected* is how many packets verbs have put on a VNF's port, as if the VNF had sent them. *digests* are those of
    all packets at each port; only how they differ from one moment to another is evidence.
    """

    switch: SwitchCount
    vnfs: tuple[VnfCount, ...]
    injected: dict[str, int]
    digests: str = Field(default="", exclude=True)


class SiteBooks(Evidence):
    """The counts of a site *before* the order and *now*, and the *transparent* VNFs on its way.

    *beside* is what makes or changes packets there beside rules. *early* is how many packets had come to each port
    when the service was active: of those that came shortly before the rules the switch counts some for these.
    *lan* is the prefix of its hosts, *gateway* the address there that is none of theirs. *digests* are of all packets
    at each port that came between, as the recorder tells them (``scenarios.network.digests``).
    """

    name: str
    hops: tuple[Hop, ...]
    transparent: tuple[str, ...]
    before: SiteCount
    now: SiteCount
    beside: tuple[str, ...]
    early: dict[str, int]
    digests: str
    lan: str = ""
    gateway: str = ""

    def entered(self) -> int:
        """Return how many packets came in by the LAN port and the WAN port since the order."""
        ends = self.hops[0].port, self.hops[-1].port
        before, now = (count.switch.ports for count in (self.before, self.now))
        return sum((now[port] - before.get(port, PortCount())).came for port in ends)


def site_count(context: Context, site: str) -> SiteCount:
    """Return what *site* has counted until now."""
    view = context.view(site)
    vnfs = (vnf for vnf in view.vnfs(context.service_id) if vnf.kind in TRANSPARENT) if context.service_id else ()
    kinds = TRANSPARENT if context.service_id else ()
    with ThreadPoolExecutor(2 + len(TRANSPARENT)) as pool:
        switch, digests = pool.submit(count, view), pool.submit(context.digests[site].read)
        statuses = dict(zip(kinds, pool.map(lambda kind: context.vnf_statuses(site, kind), kinds), strict=True))
    return SiteCount(
        switch=switch.result(),
        vnfs=tuple(
            VnfCount(
                name=vnf.name,
                dropped=dropped(context.scenario, site, statuses[vnf.kind].get(vnf.name, {})),
                kernel=taken_by_kernel(vnf),
                status=statuses[vnf.kind].get(vnf.name, {}) if vnf.kind == STATISTICS else {},
                remembers=_remembers(context, vnf),
            )
            for vnf in vnfs
        ),
        injected=dict(context.injected.get(site, {})),
        digests=digests.result(),
    )


def _remembers(context: Context, vnf: Vnf) -> bool:
    """Tell whether *vnf* meters flows and has all of them: it runs for less time than they may be idle."""
    if vnf.kind != STATISTICS:
        return False
    try:
        settings = json.loads(vnf.access.run(["cat", INTENT]))[STATISTICS]
        seconds = settings.get("flow_timeout_seconds", FLOW_TIMEOUT_SECONDS)
    except (ViewError, Ended, ValueError, KeyError):
        return False
    return bool(context.clock.now() - context.ordered_at < seconds)


def settled_count(context: Context, site: str) -> SiteCount:
    """Return what *site* has counted, once its switch has added up all; what there is when it does not in time."""
    counts: list[SiteCount] = []

    def settled() -> bool:
        counts.append(site_count(context, site))
        return counts[-1].switch.settled

    poll(settled, SETTLING_SECONDS, 0.05, SETTLING_LOOKS)
    return counts[-1]


def meter_counts(context: Context, site: str) -> dict[str, meters.MeterCount]:
    """Return what came to each statistics VNF of *site* since its counters were read before the order, by its name."""
    earlier = context.counted.get(site)
    if not earlier:
        return {}
    view = context.view(site)
    counts, given = port_counts(view), dict[str, dict[str, PortCount]]()
    for port in view.ports(context.service_id):
        if port.kind == STATISTICS:
            way = meters.LAN_TO_WAN if port.role == "lan" else meters.WAN_TO_LAN
            given.setdefault(port.vnf, {})[way] = counts[port.name] - earlier.switch.ports.get(port.name, PortCount())
    found = {}
    for vnf in view.vnfs(context.service_id):
        if len(given.get(vnf.name, ())) == len(meters.WAYS):
            was = of_vnf(earlier.vnfs, vnf.name)
            found[vnf.name] = meters.MeterCount(
                before=was.status if was else {},
                given=given[vnf.name],
                kernel=taken_by_kernel(vnf) - (was.kernel if was else 0),
                remembers=_remembers(context, vnf),
            )
    return found


def note_early(context: Context, site: str) -> None:
    """Remember how many packets have come to the ports of *site* when its service is first seen active."""
    if site not in context.early:
        context.early[site] = {name: port.came for name, port in port_counts(context.view(site)).items()}


def dropped(scenario: Scenario, site: str, status: Mapping[str, Any]) -> dict[str, int]:
    """Return what a transparent VNF's *status* says that it has dropped, by the reason.

    A firewall drops by the rules of the applications that the order blocks at *site*, and what no rule allows; a
    statistics VNF drops foreign frames.
    """
    if status.get("kind") != "firewall":
        return {"foreign": int(status.get("foreign", {}).get("packets", 0))}
    blocked = {*blocked_applications(scenario, site), DEFAULT}
    applications = {application.id for application in scenario.service.applications}
    return {rule: packets for rule, packets in by_rule(status).items() if _of(rule, applications) in blocked}


def blocked_applications(scenario: Scenario, site: str) -> set[str]:
    """Return the applications that the service blocks at *site*."""
    service = scenario.service
    overrides = next((point.overrides for point in service.endpoints if point.site == site), {})
    policies = {**service.mappings, **overrides}
    return {name for name, policy in policies.items() if policy in BLOCK}


def _of(rule: str, applications: set[str]) -> str:
    """Return the application that became *rule*, maybe as one of several, ``web``, ``web-2`` …"""
    return rule if rule in applications else re.sub(r"-\d+$", "", rule)


def site_books(context: Context, site: str, hops: Sequence[Hop]) -> SiteBooks:
    """Return the books of *site* now; *hops* are the ports of its chain."""
    view, now = context.view(site), site_count(context, site)
    all_that_came = {name: port.came for name, port in now.switch.ports.items()}
    own = context.scenario.topology.sites[site]
    return SiteBooks(
        name=site,
        hops=tuple(hops),
        transparent=tuple({port.vnf: None for port in view.ports(context.service_id) if port.kind in TRANSPARENT}),
        before=context.counted[site],
        now=now,
        beside=beside_rules(view),
        early=context.early.get(site, all_that_came),
        digests=since(context.counted[site].digests, now.digests),
        lan=str(own.lan),
        gateway=str(own.gateway),
    )


class Ledger:
    """The packets that a site counted since the order."""

    def __init__(self, books: SiteBooks, service_id: str) -> None:
        before, now = books.before.switch, books.now.switch
        self.hops = books.hops
        self.ports = {name: total - before.ports.get(name, PortCount()) for name, total in now.ports.items()}
        self.received = now.received - before.received
        self.unmatched = now.unmatched - before.unmatched
        earlier = {flow.identity: flow.packets for flow in before.rules}
        self.rules = [replace(rule, packets=rule.packets - earlier.get(rule.identity, 0)) for rule in now.rules]
        self.way = {here.port: there.port for one in joints(books.hops) for here, there in (one, one[::-1])}
        self._service = service_id

    def by_rule(self, port: str) -> int:
        """Return how many packets from *port* took the chain's own rule there."""
        return sum(rule.packets for rule in self.rules if rule.in_port == port and self.own(rule))

    def own(self, rule: FlowEntry) -> bool:
        """Tell whether *rule* is one of the chain's: of the service, from one port of a joint to the other alone."""
        joins = rule.in_port is not None and rule.outputs == (self.way.get(rule.in_port),)
        return joins and not rule.match and owned(rule, self._service)

    def unread(self) -> int:
        """Return how many packets came to the ports that the switch has not received."""
        return sum(port.came - port.lost_coming for port in self.ports.values()) - self.received

    def astray(self) -> int:
        """Return how many packets the switch received that no rule of the chain took, and not for lack of any rule."""
        return self.received - self.unmatched - sum(map(self.by_rule, self.way))

    def given(self, port: str) -> int:
        """Return how many packets the chain's rules sent out of *port*."""
        return self.by_rule(self.way[port])

    def left(self, port: str) -> int:
        """Return how many packets left the switch by *port*."""
        return self.ports.get(port, PortCount()).left


def site_checks(books: SiteBooks, service_id: str) -> Iterator[Check]:
    """Yield the checks that nothing was lost, doubled or led astray at a site."""
    ledger, site = Ledger(books, service_id), f"site:{books.name}"
    known = {rule.identity for rule in books.before.switch.rules}
    foreign = [
        rule.text() for rule in ledger.rules if not ledger.own(rule) and (rule.packets or rule.identity not in known)
    ]
    yield equal(f"{books.name}: rules beside the chain's", foreign, [], element=site)
    yield equal(f"{books.name}: what copies or changes packets beside rules", books.beside, (), element=site)
    unread, astray = ledger.unread(), ledger.astray()
    yield equal(f"{books.name}: packets at the ports that the switch did not receive", unread, 0, element=site)
    yield equal(f"{books.name}: packets that took no rule of the chain", astray, 0, element=site)
    for hop in books.hops:
        yield _sent_check(books, ledger, hop)
    for lan, wan in zip(books.hops[1::2], books.hops[2::2], strict=False):
        if lan.vnf in books.transparent:
            yield from _vnf_checks(books, ledger, lan, wan)


def _sent_check(books: SiteBooks, ledger: Ledger, hop: Hop) -> Check:
    """Return the check that what left the switch by a port is what the chain's rule sent there."""
    left, most, source = ledger.left(hop.port), ledger.given(hop.port), ledger.way[hop.port]
    early = max(0, books.early.get(source, 0) - books.before.switch.ports.get(source, PortCount()).came)
    least = most - early
    where = f"{books.name}: packets to {hop.label}"
    message = f"{where}: the chain's rule sent {most:,}, and {left:,} left the switch there"
    expected = f"{least} to {most}" if early else most
    holds, element = least <= left <= most, _element(books.name, hop)
    return check(where, holds, expected=expected, measured=left, message=message, element=element)


def _element(site: str, hop: Hop) -> str:
    return f"vnf:{site}/{hop.vnf}" if hop.vnf else f"site:{site}"


def _vnf_checks(books: SiteBooks, ledger: Ledger, lan: Hop, wan: Hop) -> Iterator[Check]:
    """Yield the checks that a VNF gave on what it was given, but for what its counters say that it dropped."""
    name, element = f"{books.name}: {lan.vnf}", _element(books.name, lan)
    earlier, now = (of_vnf(count.vnfs, lan.vnf) for count in (books.before, books.now))
    if now is None:
        yield equal(f"{name} ran all the time", False, True, element=element)
        return
    ports = [ledger.ports[hop.port] for hop in (lan, wan)]
    kernel = now.kernel - (earlier.kernel if earlier else 0)
    drops = sum(now.dropped.values()) - (sum(earlier.dropped.values()) if earlier else 0)
    given = [port.left - port.lost_leaving for port in ports]
    out = [port.came - injected(books, hop) for port, hop in zip(ports, (lan, wan), strict=True)]
    missing = sum(given) - sum(out) - kernel - drops
    told = f"{name} was given {count_text(sum(given), 'packet')}, {sum(out):,} came out"
    parts = f"{drops:,} are in its drop counters" + (f", {kernel:,} in its kernel's" if kernel else "")
    message = f"{told} and {parts}: {abs(missing):,} {'are missing' if missing > 0 else 'are too many'}"
    yield equal(f"{name}: packets missing", missing, 0, message=message, element=element)
    if now.status:
        by_way = dict(zip(meters.WAYS, ports, strict=True))
        until = meters.MeterCount(
            before=earlier.status if earlier else {}, given=by_way, kernel=kernel, remembers=now.remembers
        )
        yield from meters.port_checks(name, now.status, until, element)
    for direction, entered, left in (("lan to wan", given[0], out[1]), ("wan to lan", given[1], out[0])):
        most = entered + max(0, -kernel)
        message = f"{name}: {left:,} packets came out from {direction}, {entered:,} went in"
        yield check(
            f"{name}: packets from {direction}", left <= most, expected=f"≤ {most:,}", measured=f"{left:,}",
            message=message, element=element,
        )  # fmt: skip


def injected(books: SiteBooks, hop: Hop) -> int:
    """Return how many packets verbs have put on a VNF's port since the order, as if the VNF had sent them."""
    return books.now.injected.get(hop.port, 0) - books.before.injected.get(hop.port, 0)


def of_vnf(vnfs: Sequence[VnfCount], name: str) -> VnfCount | None:
    """Return what the VNF *name* has counted, None when it did not run."""
    return next((vnf for vnf in vnfs if vnf.name == name), None)
