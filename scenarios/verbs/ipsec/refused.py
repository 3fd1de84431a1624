"""``ipsec.refused``: two gateways that must not connect do not, and nothing of the LANs crosses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check, tunnel_element
from reports.text import count_text
from scenarios.network import chain, tunnels, wire
from scenarios.network.associations import History
from scenarios.network.conservation import note_early
from scenarios.network.tunnels import Status, gateway_log, installed, peer_of, why_not
from scenarios.steps.checks import Judgement, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import NetworkFault, Recorder
from testbed import esp

SILENT = "its log does not say why"
DEPLOYED_SECONDS = 180.0
"""How long a deployment may take: minutes in a machine without hardware virtualisation."""

WATCHED_SECONDS = 2.0
"""How long canaries may be late."""


class GatewayLog(Evidence):
    """The last lines that the gateway of *site* wrote."""

    site: str
    log: File


class RefusedEvidence(Evidence):
    """Two *sites* that must not connect: what their gateways said, and what was seen of *probes* each way.

    *status* and *histories* are documents by site, *logs* what each gateway wrote, *far* the captures in
    the LANs that the probes were sent to, *links* those on the underlays.
    """

    sites: tuple[str, str]
    vnfs: dict[str, str]
    status: File
    histories: File
    logs: tuple[GatewayLog, ...]
    probes: tuple[wire.Probes, wire.Probes]
    far: tuple[wire.CaptureFile, wire.CaptureFile]
    links: tuple[wire.CaptureFile, ...]


class IpsecRefused(wire.UdpVerb, name="ipsec.refused"):
    """Prove that the gateways of two sites refuse each other, and that nothing of a LAN leaves without a tunnel.

    For scenarios whose sites must not connect: other keys, identities or proposals at either end.

    *Expected results*: both gateways run; no CHILD SA stands at either, and none that both ends had ever stood; of
    canaries that a host of each site sends to the other none arrives; no link of any underlay shows a canary, an ESP
    packet (RFC 4303, or in UDP by RFC 3948) or any other IP packet than IKE. The result says in one line what both logs
    give as the reason.

    *Fails when* the tunnel comes up all the same, or a gateway forwards without one.

    *Example*: ``{verb: ipsec.refused, with: {from: a1, to: b1, destination_port: 9001}}``
    """

    asks: ClassVar[str] = chain.GATEWAY
    within_seconds: float = Field(default=15, gt=0, description="how long the gateways may take to say why")

    def observe(self, context: Context, recorder: Recorder) -> RefusedEvidence:
        sites = context.site_of(self.from_), context.site_of(self.to)
        recorder.until("both chains in force", DEPLOYED_SECONDS, lambda: _in_force(context))
        for site in context.service_sites():
            context.note_chain(site, context.view(site).vnf_containers(context.service_id))
            note_early(context, site)
        recorder.until("both logs say why", self.within_seconds, lambda: _told(context, sites))
        probes = self.probes(context, self.from_, self.to), self.probes(context, self.to, self.from_)
        far = wire.host_point(context, recorder, self.to), wire.host_point(context, recorder, self.from_)
        links = wire.underlay_points(context, recorder)
        wire.exchange(context, recorder, probes, [*far, *links], far[1], "time for late canaries", WATCHED_SECONDS)
        context.audit.remember(context)
        logs = {site: gateway_log(context, site) for site in sites}
        status = tunnels.ask(context, list(sites))
        told = {site: context.audit.histories.told.get(site, {}) for site in sites}
        return RefusedEvidence(
            sites=sites,
            vnfs={site: context.vnf_element(site, chain.GATEWAY) for site in sites},
            status=recorder.json("ipsec-status.json", "what each gateway says of its tunnels", status),
            histories=recorder.json("histories.json", "the security associations that each gateway has had", told),
            logs=tuple(
                GatewayLog(site=site, log=recorder.text(f"{site}.log.txt", f"the log of {site}'s gateway", log))
                for site, log in logs.items()
            ),
            probes=probes,
            far=(far[0].result, far[1].result),
            links=tuple(link.result for link in links),
        )

    def judge(self, evidence: RefusedEvidence) -> Judgement:
        status: dict[str, Status] = read_json(evidence.status)
        told: dict[str, History] = read_json(evidence.histories)
        (left, right), checks = evidence.sites, list[Check]()
        element, between = tunnel_element(left, right), f"{left} – {right}"
        for site, other in ((left, right), (right, left)):
            measured = "running" if _ready(status[site]) else "not running"
            name = f"{site}: the {chain.GATEWAY} VNF"
            checks.append(equal(name, measured, "running", element=evidence.vnfs[site]))
            standing = [child["spi_in"] for child in installed(peer_of(status[site], other))]
            checks.append(equal(f"{between}: CHILD SAs at {site}", standing, [], element=element))
        common = sorted(_children(told, left, right) & {(out, in_) for in_, out in _children(told, right, left)})
        checks.append(equal(f"{between}: CHILD SAs that stood at both ends", common, [], element=element))
        for probes, far in zip(evidence.probes, evidence.far, strict=True):
            arrived = sum(map(bool, far.sightings(probes.frames)))
            checks.append(equal(f"canaries from {probes.source} that arrived at {probes.target}", arrived, 0))
        for link in evidence.links:
            checks += _silent(link, [frame for probes in evidence.probes for frame in probes.frames])
        words = {one.site: why_not(one.log.read_text(encoding="utf-8")) or SILENT for one in evidence.logs}
        sent = count_text(sum(len(probes.frames) for probes in evidence.probes), "canary", "canaries")
        why = "; ".join(f"{site}: {line}" for site, line in words.items())
        return Judgement(checks, f"no tunnel, and none of {sent} crossed: {why}")

    def live_command(self, context: Context) -> str:
        node = context.vnf_node(context.site_of(self.from_), chain.GATEWAY)
        return f"lso exec {context.lab.id} {node} -- /vnf/status"


def _in_force(context: Context) -> bool:
    """Tell whether the service is deployed; raises ``NetworkFault`` when it never will be, with the API's reason."""
    details = context.settled()
    try:
        if _deployed(context):
            return True
    except NetworkFault:  # a VNF that goes while it is asked, because the orchestrator takes it back
        pass
    if details and (reason := context.face.error(details)):
        raise NetworkFault("the order", "carried out on every uCPE", reason)
    return False


def _deployed(context: Context) -> bool:
    """Tell whether every gateway has its intent in force, and every chain its rules: the API waits for tunnels."""
    sites = context.service_sites()
    status = tunnels.ask(context, sites)
    return all(map(_ready, status.values())) and all(_joined(context, site) for site in sites)


def _ready(status: Status) -> bool:
    return bool(status.get("ready"))


def _joined(context: Context, site: str) -> bool:
    hops, rules = chain.hops(context, site), context.view(site).flows()
    ways = [*chain.joints(hops), *chain.joints(hops[::-1])]
    return all(hop.port for hop in hops) and all(chain.joined(rules, *way, context.service_id) for way in ways)


def _told(context: Context, sites: tuple[str, str]) -> bool:
    return all(why_not(gateway_log(context, site)) for site in sites)


def _children(told: Mapping[str, Mapping[str, Any]], site: str, peer: str) -> set[tuple[str, str]]:
    """Return the SPIs, in and out, of the CHILD SAs that *site*'s gateway has ever had with *peer*."""
    children = told.get(site, {}).get("children", ())
    return {(child["spi_in"], child["spi_out"]) for child in children if child["peer"] == peer}


def _silent(link: wire.CaptureFile, frames: list[wire.Probe]) -> Iterator[Check]:
    """Yield the checks that *link* showed no canary, no ESP and nothing else but IKE."""
    underlay, counts = f"underlay:{link.underlay}", esp.count_capture(link.file)
    seen = sum(map(bool, link.sightings(frames)))
    yield equal(f"canaries readable on {link.name}", seen, 0, element=underlay)
    yield equal(f"ESP packets on {link.name}", counts.esp, 0, element=underlay)
    yield equal(f"other IP packets on {link.name}", counts.other, 0, element=underlay)
