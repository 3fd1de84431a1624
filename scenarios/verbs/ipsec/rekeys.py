"""``ipsec.rekeys``: keys are replaced while packets cross, and none of these is lost or readable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check, tunnel_element
from reports.text import count_text
from scenarios.network import wire
from scenarios.network.associations import History, algorithms
from scenarios.network.chain import GATEWAY
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import LOOK_SECONDS, Recorder
from scenarios.steps.verb import PathVerb
from scenarios.verbs.ipsec.streams import AFTER_ROUNDS, Seen, Streams, Times, hidden
from testbed.capture import captures, frames_so_far, read_frames, seen_so_far

LATE_SECONDS = 3.0
_SPIS = {"ike": ("initiator_spi", "responder_spi"), "children": ("spi_in", "spi_out")}


class Replaced(Evidence):
    """Probes both ways through the tunnel of *sites*, as long as it took until there were new keys.

    *gateways* are the addresses on the underlay and *histories* a document, by site; *far* the captures in the LANs
    that the probes were sent to, *links* those on the underlays.
    """

    sites: tuple[str, str]
    gateways: dict[str, tuple[str, ...]]
    histories: File
    probes: tuple[wire.Probes, wire.Probes]
    far: tuple[wire.CaptureFile, wire.CaptureFile]
    links: tuple[wire.CaptureFile, ...]


class IpsecRekeys(PathVerb, name="ipsec.rekeys"):
    """Prove that security associations are replaced while packets cross, by what is seen on the wire.

    For services whose gateways are given short lifetimes. A host of each site sends packets to the other all the time,
    *per_second* of them, until the links have shown new keys as often as is asked for, and a second and a half longer.

    *Expected results*: the ESP (RFC 4303, or in UDP by RFC 3948) of each gateway has changed its SPI *child* times or
    more; each SPI is that of a CHILD SA that both gateways tell of, and all these have the same algorithms, which are
    *encryption* where that is given. No SPI is in use for longer than *child_lifetime_seconds*. Messages of *ike* IKE
    SAs or more were seen which had replaced others (RFC 7296, section 2.8), and both gateways tell of these. Every
    packet but *lost_at_most* each way arrives exactly once; on no link is one readable, or any other IP packet than ESP
    and IKE.

    *Fails when* keys are not replaced, or only by breaking the tunnel for a while, packets go in the clear meanwhile,
    the new association has other algorithms, or an old one stays in use.

    *Example*: ``{verb: ipsec.rekeys, with: {from: a1, to: b1, destination_port: 9001, child_lifetime_seconds: 12}}``
    """

    asks: ClassVar[str] = GATEWAY
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    child: int = Field(default=1, ge=0, le=10, description="how often new CHILD SAs have to take over")
    ike: int = Field(default=0, ge=0, le=10, description="how often a new IKE SA has to take over")
    child_lifetime_seconds: float = Field(default=28800, gt=0, description="how long the ESP may have one SPI")
    encryption: str = Field(
        default="", description="required ESP algorithm, e.g. AES_GCM_16-256; default: any, but one"
    )
    per_second: int = Field(default=50, ge=2, le=500, description="packets each way")
    lost_at_most: int = Field(default=0, ge=0, description="packets that may be lost each way")
    within_seconds: float = Field(default=60, gt=0, le=300, description="how long there may be no new keys")

    def observe(self, context: Context, recorder: Recorder) -> Replaced:
        sites = context.site_of(self.from_), context.site_of(self.to)
        streams = Streams(context, (self.from_, self.to), self.destination_port, self.per_second, self.within_seconds)
        far = [wire.host_point(context, recorder, target) for _, target in streams.pairs]
        links = wire.underlay_points(context, recorder)
        gateways = {
            site: tuple(str(wan.outside) for wan in context.scenario.topology.sites[site].wan.values())
            for site in sites
        }
        points, files = [*far, *links], [point.capture.path for point in links]

        def replaced() -> bool:
            streams.round()
            return self._replaced(files, gateways)

        def arrived() -> bool:
            return all(map(seen_so_far, [point.capture.path for point in far], streams.last))

        there, back = streams.probes
        with captures([point.capture for point in points]), there.opened(context), back.opened(context):
            recorder.until("new keys on the wire", self.within_seconds, replaced, pause=0)
            for _ in range(AFTER_ROUNDS):
                streams.round()
            recorder.until("the last packets in both LANs", LATE_SECONDS, arrived, pause=LOOK_SECONDS)
        for point in points:
            recorder.file(point.capture.path, f"capture at {point.name}", wire.PCAP)
        context.audit.remember(context)
        told = {site: context.audit.histories.told.get(site, {}) for site in sites}
        return Replaced(
            sites=sites,
            gateways=gateways,
            histories=recorder.json("histories.json", "the security associations that each gateway has had", told),
            probes=streams.sent,
            far=(far[0].result, far[1].result),
            links=tuple(link.result for link in links),
        )

    def _replaced(self, links: Sequence[Path], gateways: Mapping[str, Sequence[str]]) -> bool:
        seen = [Seen(frames_so_far(file)) for file in links if file.exists()]
        changes = [max((len(one.spis(own)) for one in seen), default=0) - 1 for own in gateways.values()]
        ike = max((len(one.ike) for one in seen), default=0) - 1
        return min(changes) >= self.child and ike >= self.ike

    def judge(self, evidence: Replaced) -> Judgement:
        told: dict[str, History] = read_json(evidence.histories)
        seen = [Seen(read_frames(link.file)) for link in evidence.links]
        element = tunnel_element(*evidence.sites)
        shown = {
            site: max((one.spis(own) for one in seen), key=len, default={}) for site, own in evidence.gateways.items()
        }
        used = {spi for spis in shown.values() for spi in spis}
        children = {pair: sa for pair, sa in _common(told, evidence.sites, "children").items() if used & set(pair)}
        took_over = max(
            len({spis for one in seen for spis in one.ike} & _common(told, evidence.sites, "ike").keys()) - 1, 0
        )
        checks = [one for site in evidence.sites for one in self._replacements(site, shown[site], children, element)]
        checks += self._algorithms(children, element)
        if self.ike:
            name, expected = "new IKE SAs of both gateways whose messages were seen", f"≥ {self.ike}"
            checks.append(check(name, took_over >= self.ike, expected=expected, measured=took_over, element=element))
        arrived = [
            sum(count == 1 for count in far.sightings(probes.frames))
            for probes, far in zip(evidence.probes, evidence.far, strict=True)
        ]
        checks += map(self._arrived, evidence.probes, arrived)
        for link in evidence.links:
            checks += hidden(link, evidence.probes)
        sent = sum(len(probes.frames) for probes in evidence.probes)
        crossed = f"{count_text(sum(arrived), 'packet')} of {sent} crossed while keys were replaced"
        changes = sum(max(len(spis) - 1, 0) for spis in shown.values())
        new = f"{count_text(took_over, 'new IKE SA')}, {count_text(changes, 'new SPI')} of ESP"
        return Judgement(checks, f"{crossed}: {new}")

    def _replacements(
        self, site: str, spis: Mapping[str, Times], children: Mapping[tuple[str, str], Any], element: str
    ) -> Iterator[Check]:
        """Yield the checks of the SPIs that the ESP from *site* had, of CHILD SAs that both gateways tell of."""
        changes, most = len(spis) - 1, self.child_lifetime_seconds
        name, enough = f"{site}: new SPIs of its ESP", changes >= self.child
        yield check(name, enough, expected=f"≥ {self.child}", measured=changes, element=element)
        strange = sorted(spis.keys() - {spi for pair in children for spi in pair})
        yield equal(f"{site}: SPIs of no CHILD SA of both gateways", strange, [], element=element)
        longest = max((last - first for first, last in spis.values()), default=0.0)
        name, measured = f"{site}: longest use of an SPI", f"{longest:.1f} s"
        yield check(name, longest <= most, expected=f"≤ {most:g} s", measured=measured, element=element)

    def _algorithms(self, children: Mapping[tuple[str, str], Any], element: str) -> Iterator[Check]:
        """Yield the checks of the algorithms of all CHILD SAs that carried packets."""
        used = sorted(set(map(algorithms, children.values())))
        name, same = "algorithms of the CHILD SAs", len(used) == 1
        yield check(name, same, expected="one set", measured=used, element=element)
        if self.encryption:
            ciphers = sorted({str(sa["encryption"]) for sa in children.values()})
            yield equal("ESP algorithms", ciphers, [self.encryption], element=element)

    def _arrived(self, probes: wire.Probes, arrived: int) -> Check:
        sent = len(probes.frames)
        least = sent - max(self.lost_at_most, probes.allowed_losses)
        name = f"packets from {probes.source} that arrived exactly once at {probes.target}"
        expected = f"≥ {least} of {sent}" if least < sent else sent
        return check(name, arrived >= least, expected=expected, measured=arrived)

    def live_command(self, context: Context) -> str:
        node = context.vnf_node(context.site_of(self.from_), GATEWAY)
        return f"lso exec {context.lab.id} {node} -- /vnf/history"


def _common(told: Mapping[str, History], sites: tuple[str, str], kind: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the associations that both *sites* tell of, by their SPIs; of a CHILD SA by those of the first site."""
    facts = _SPIS[kind]
    left, right = (
        {(sa[facts[0]], sa[facts[1]]): sa for sa in told[site].get(kind, ()) if sa["peer"] == peer}
        for site, peer in (sites, sites[::-1])
    )
    crossed = kind == "children"  # what one end receives with, the other sends with
    return {pair: sa for pair, sa in left.items() if (pair[::-1] if crossed else pair) in right}
