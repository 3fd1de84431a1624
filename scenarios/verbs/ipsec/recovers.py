"""``ipsec.recovers``: a gateway is killed without a word, the other one notices, and the tunnel stands again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check, tunnel_element
from scenarios.network import tunnels, wire
from scenarios.network.chain import GATEWAY
from scenarios.network.tunnels import Status, ike_of, installed, peer_of
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import LOOK_SECONDS, NetworkFault, Recorder
from scenarios.steps.verb import PathVerb
from scenarios.verbs.ipsec.streams import AFTER_ROUNDS, ROUND_SECONDS, Seen, Streams, hidden
from testbed import esp
from testbed.capture import captures, read_frames, seen_so_far
from testbed.polling import poll

BEFORE_ROUNDS = 2
ARRIVAL_SECONDS, LATE_SECONDS = 0.3, 3.0
"""How long the last packet of a round may take before the next round is sent, and that of all rounds."""
TOLD_SECONDS = 10.0
"""How long gateways may take to tell of a tunnel that carries packets."""
_RESPONSE = 0x20
_IKE_SPIS = "initiator_spi", "responder_spi"


class RecoveredEvidence(Evidence):
    """What was seen of probes both ways between two *sites*, of which the gateway of the second was killed.

    *before* and *after* are what both gateways said of their tunnel, as documents by site; *gateways* their addresses
    on the underlay. *killed_at* is when the second one was killed, *back_at* the number of the packet each way from
    which on all may be expected, None when packets never crossed again. *far* are the captures in the LANs that the
    probes were sent to, *links* those on the underlays.
    """

    sites: tuple[str, str]
    gateways: dict[str, tuple[str, ...]]
    before: File
    after: File
    killed_at: float
    back_at: int | None
    probes: tuple[wire.Probes, wire.Probes]
    far: tuple[wire.CaptureFile, wire.CaptureFile]
    links: tuple[wire.CaptureFile, ...]


class IpsecRecovers(PathVerb, name="ipsec.recovers"):
    """Prove that a tunnel comes back by itself after a gateway was killed without a word, by what is seen on the wire.

    The gateway at the site of *to* is killed (SIGKILL to its container's first process, which takes all others along),
    and started again by the uCPE's engine, as always when a VNF ends. A host of each site sends packets to the other
    all the time, *per_second* of them, until they cross both ways again, and a second and a half longer.

    *Expected results*: packets cross both ways within *back_within_seconds* of the kill, and from then on each one
    arrives exactly once, but for *lost_at_most* each way. With *notices*, the gateway that lives has asked the dead one
    whether it lives (an INFORMATIONAL request of the IKE SA that stood, RFC 7296, section 2.4), and has begun anew
    itself. Both gateways tell of the same IKE SA and CHILD SA, none of which stood before, and both have sent ESP with
    the new SPIs. On no link is a packet readable, at any moment, or any other IP packet than ESP and IKE.

    *Fails when* the living gateway keeps to associations that its peer has lost, or packets go in the clear meanwhile.

    *Example*: ``{verb: ipsec.recovers, with: {from: a1, to: b1, destination_port: 9001, back_within_seconds: 60}}``
    """

    asks: ClassVar[str] = GATEWAY
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    back_within_seconds: float = Field(
        default=60, gt=0, le=600, description="from the kill until packets cross both ways"
    )
    notices: bool = Field(
        default=True, description="whether the other gateway has to notice; else the killed one may begin anew itself"
    )
    per_second: int = Field(default=10, ge=2, le=100, description="packets each way")
    lost_at_most: int = Field(default=0, ge=0, description="packets that may be lost each way once they cross again")

    def observe(self, context: Context, recorder: Recorder) -> RecoveredEvidence:
        sites = context.site_of(self.from_), context.site_of(self.to)
        hosts, most = (self.from_, self.to), self.back_within_seconds + BEFORE_ROUNDS * ROUND_SECONDS
        streams = Streams(context, hosts, self.destination_port, self.per_second, most)
        far = [wire.host_point(context, recorder, target) for _, target in streams.pairs]
        links = wire.underlay_points(context, recorder)
        arrived_at = [point.capture.path for point in far]

        def arrived() -> bool:
            return all(map(seen_so_far, arrived_at, streams.last))

        def back() -> int | None:
            streams.round()
            return streams.at - 1 if poll(arrived, ARRIVAL_SECONDS, LOOK_SECONDS) else None

        there, returned = streams.probes
        points = [*far, *links]
        with captures([point.capture for point in points]), there.opened(context), returned.opened(context):
            for _ in range(BEFORE_ROUNDS):
                streams.round()
            before = tunnels.ask(context, sites)
            if not tunnels.all_up(before):
                states = ", ".join(f"{site}: {tunnels.state_of(before[site], other)}" for site, other in _both(sites))
                raise NetworkFault("the tunnel before the kill", "established at both ends", states)
            context.audit.remember(context)  # what the gateway that is killed will not tell any more
            _kill(context, sites[1])
            killed_at = time.time()
            back_at = recorder.until("packets both ways again", self.back_within_seconds, back, pause=0)
            for _ in range(AFTER_ROUNDS):
                streams.round()
            recorder.until("the last packets in both LANs", LATE_SECONDS, arrived, pause=LOOK_SECONDS)
        for point in points:
            recorder.file(point.capture.path, f"capture at {point.name}", wire.PCAP)
        recorder.until("both gateways tell of the tunnel", TOLD_SECONDS, lambda: tunnels.all_up(_asked(context, sites)))
        context.audit.remember(context)
        topology = context.scenario.topology.sites
        return RecoveredEvidence(
            sites=sites,
            gateways={site: tuple(str(wan.outside) for wan in topology[site].wan.values()) for site in sites},
            before=recorder.json("before.json", "what each gateway said before one was killed", before),
            after=recorder.json("after.json", "what each gateway said at the end", _asked(context, sites)),
            killed_at=killed_at,
            back_at=back_at,
            probes=streams.sent,
            far=(far[0].result, far[1].result),
            links=tuple(link.result for link in links),
        )

    def judge(self, evidence: RecoveredEvidence) -> Judgement:
        sites, element = evidence.sites, tunnel_element(*evidence.sites)
        before: dict[str, Status] = read_json(evidence.before)
        after: dict[str, Status] = read_json(evidence.after)
        checks = [self._in_time(evidence)]
        if self.notices:
            checks += _noticed(evidence, before)
        checks += _anew(sites, before, after, element)
        checks += _used(evidence, after, element)
        if evidence.back_at is not None:
            checks += self._crossed(evidence, evidence.back_at)
        for link in evidence.links:
            checks += hidden(link, evidence.probes)
        return Judgement(
            checks, f"{checks[0].measured} after {sites[1]}'s gateway was killed, packets crossed both ways"
        )

    def _in_time(self, evidence: RecoveredEvidence) -> Check:
        """Return the check that packets crossed both ways soon enough."""
        seconds = None
        if (first := evidence.back_at) is not None:
            arrivals = (
                [frame.timestamp for found in far.frames(probes.frames[first:]) for frame in found]
                for probes, far in zip(evidence.probes, evidence.far, strict=True)
            )
            seconds = max(min(times, default=float("inf")) for times in arrivals) - evidence.killed_at
        name, holds = "packets both ways after the kill", seconds is not None and seconds <= self.back_within_seconds
        measured = "never" if seconds is None else f"{seconds:.1f} s"
        return check(name, holds, expected=f"≤ {self.back_within_seconds:g} s", measured=measured)

    def _crossed(self, evidence: RecoveredEvidence, first: int) -> Iterator[Check]:
        """Yield the checks that packets cross from the *first* one on."""
        for probes, far in zip(evidence.probes, evidence.far, strict=True):
            sent = probes.frames[first:]
            arrived = sum(count == 1 for count in far.sightings(sent))
            least = len(sent) - max(self.lost_at_most, probes.allowed_losses)
            name = f"packets from {probes.source} that arrived exactly once at {probes.target} again"
            expected = f"≥ {least} of {len(sent)}" if least < len(sent) else least
            yield check(name, arrived >= least, expected=expected, measured=arrived)

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), GATEWAY)} -- /vnf/status"


def _both(sites: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    return sites, (sites[1], sites[0])


def _asked(context: Context, sites: tuple[str, str]) -> dict[str, Status]:
    """Return each gateway's status, empty of one that cannot tell just now."""
    try:
        return tunnels.ask(context, sites)
    except NetworkFault:  # one that is just starting breaks the contract for a moment
        return {site: {} for site in sites}


def _kill(context: Context, site: str) -> None:
    view = context.view(site)
    vnf = view.vnf(context.service_id, GATEWAY)
    if vnf is None:
        raise NetworkFault(f"{site}: the {GATEWAY} VNF", "running", "not running")
    view.run(["sh", "-c", f"kill -KILL {vnf.access.process.pid}"])


def _noticed(evidence: RecoveredEvidence, before: Mapping[str, Status]) -> Iterator[Check]:
    """Yield the checks that the gateway that lives asked the other one by the IKE SA that stood, and began anew."""
    living, dead = evidence.sites
    stood = tuple(ike_of(peer_of(before[living], dead))[spi] for spi in _IKE_SPIS)
    own, questions, begun = evidence.gateways[living], set[tuple[int, int, int]](), set[str]()
    for link in evidence.links:
        for frame in read_frames(link.file):
            packet = esp.ipv4_of(frame.data)
            if frame.timestamp < evidence.killed_at or packet is None or esp.classify_ipv4(packet) is not esp.Kind.IKE:
                continue
            message = esp.ike_in(packet)
            if message is None or message.number[0] & _RESPONSE or str(IPv4Address(packet[12:16])) not in own:
                continue
            if message.exchange == esp.INFORMATIONAL and (message.initiator_spi, message.responder_spi) == stood:
                questions.add(message.number)
            elif message.exchange == esp.IKE_SA_INIT:
                begun.add(message.initiator_spi)
    name = f"{living}: questions to the dead peer by the IKE SA that stood"
    yield check(name, bool(questions), expected="≥ 1", measured=len(questions))
    yield check(
        f"{living}: key exchanges that it began after the kill", bool(begun), expected="≥ 1", measured=len(begun)
    )


def _anew(
    sites: tuple[str, str], before: Mapping[str, Status], after: Mapping[str, Status], element: str
) -> Iterator[Check]:
    """Yield the checks that both gateways have the same new associations."""
    ike, children = list[Any](), list[set[tuple[str, str]]]()
    for site, other in _both(sites):
        old, new = (peer_of(status.get(site, {}), other) for status in (before, after))
        sa = ike_of(new)
        ike.append(tuple(sa[spi] for spi in _IKE_SPIS) if sa.get("state") == "ESTABLISHED" else None)
        pairs = {(child["spi_in"], child["spi_out"]) for child in installed(new)}
        children.append(pairs if site == sites[0] else {pair[::-1] for pair in pairs})
        kept = _spis(old) & _spis(new)
        yield equal(f"{site}: SPIs of before the kill that are still in use", sorted(kept), [], element=element)
    same = ike[0] is not None and ike[0] == ike[1]
    told = [" ".join(one) if one else "none" for one in ike]
    yield check("the new IKE SA at both ends", same, expected="the same one", measured=told, element=element)
    both = children[0] & children[1]
    yield check("new CHILD SAs of both gateways", bool(both), expected="≥ 1", measured=len(both), element=element)


def _spis(peer: dict[str, Any]) -> set[str]:
    """Return the SPIs of a peer's IKE SA and of its CHILD SAs."""
    ike = {ike_of(peer)[spi] for spi in _IKE_SPIS if ike_of(peer)}
    return ike | {child[spi] for child in installed(peer) for spi in ("spi_in", "spi_out")}


def _used(evidence: RecoveredEvidence, after: Mapping[str, Status], element: str) -> Iterator[Check]:
    """Yield the checks that each gateway has sent by an association that stands at the end."""
    seen = [Seen(read_frames(link.file)) for link in evidence.links]
    for site, other in _both(evidence.sites):
        standing = {child["spi_out"] for child in installed(peer_of(after.get(site, {}), other))}
        used = standing & {spi for one in seen for spi in one.spis(evidence.gateways[site])}
        name = f"{site}: SPIs of its new CHILD SAs that its ESP had on the links"
        yield check(name, bool(used), expected="≥ 1", measured=sorted(used), element=element)
