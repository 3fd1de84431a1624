"""``wire.decrypts``: the ESP on the underlay, opened with the gateway's own keys, is what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import wire
from scenarios.network.chain import GATEWAY
from scenarios.network.conserved import before, flow_of
from scenarios.network.drawn.mixture import Mixture, draw, new_seed
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from testbed import esp
from testbed.capture import read_frames

UNENCRYPTED = "NULL"


class Tunnelled(Evidence):
    """Packets that were sent one way, captures on the links of the sender's *site*, and the keys of its gateway *vnf*.

    *vnf* is an element of the picture, *keys* the document of ``/vnf/keys``.
    """

    probes: Mixture
    site: str
    vnf: str
    links: tuple[wire.CaptureFile, ...]
    keys: File

    @property
    def name(self) -> str:
        """The way's name for people."""
        return f"{self.probes.source}→{self.probes.target}"


class DecryptsEvidence(Evidence):
    """What crossed the underlay there and back."""

    ways: tuple[Tunnelled, ...]


class WireDecrypts(wire.UdpVerb, name="wire.decrypts"):
    """Prove that the encrypted packets on the wire are the sent ones: open them with the exported SA keys.

    *Expected results*, in both directions: each packet that was sent, UDP, TCP and ICMP as far as the service allows
    them, is found exactly once among the packets that the captured ESP opens to, octet by octet, with its time to live
    lowered by one by the gateway (RFC 1812, 5.3.1). All ESP opens, no key is one of NULL encryption (RFC 2410), and
    nothing of the packets is readable without a key. Ports, sizes and contents are drawn from the seed.

    *Fails when* the exported keys are not those of the packets, what crosses the underlay is not what the host sent,
    or ESP does not encrypt.

    *Example*: ``{verb: wire.decrypts, with: {from: a1, to: b1, destination_port: 9002}}``
    """

    asks: ClassVar[str] = GATEWAY
    beside: ClassVar[bool] = True
    seed: int | None = Field(default=None, ge=0, description="repeats the packets of the evidence that names it")

    def observe(self, context: Context, recorder: Recorder) -> DecryptsEvidence:
        seed, pairs = new_seed(self.seed), ((self.from_, self.to), (self.to, self.from_))
        sent = [draw(context, *pair, seed=seed, count=self.packets, udp_port=self.destination_port) for pair in pairs]
        sites = [context.site_of(item.source) for item in sent]
        hosts = [wire.host_point(context, recorder, item.target) for item in sent]
        links = [point for point in wire.underlay_points(context, recorder) if point.site in sites]
        arrivals, last = list(zip(hosts, sent, strict=True)), "the last probes in both LANs"
        wire.exchange_all(context, recorder, sent, [*hosts, *links], arrivals, last, self.within_seconds)
        with ThreadPoolExecutor() as pool:
            keys = list(pool.map(lambda site: context.vnf_json(site, GATEWAY, "/vnf/keys"), sites))
        title = "the security associations' keys: of this lab only, worthless after it"
        return DecryptsEvidence(
            ways=tuple(
                Tunnelled(
                    probes=item,
                    site=site,
                    vnf=context.vnf_element(site, GATEWAY),
                    links=tuple(link.result for link in links if link.site == site),
                    keys=recorder.json(f"{site}-keys.json", title, exported),
                )
                for item, site, exported in zip(sent, sites, keys, strict=True)
            )
        )

    def judge(self, evidence: DecryptsEvidence) -> Judgement:
        checks = [item for way in evidence.ways for item in _way_checks(way)]
        packets = count_text(sum(len(way.probes.frames) for way in evidence.ways), "packet")
        seed = evidence.ways[0].probes.seed
        return Judgement(checks, f"the captured ESP opens to the {packets} sent, both ways, drawn from seed {seed}")

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), GATEWAY)} -- /vnf/keys"


def _way_checks(way: Tunnelled) -> Iterator[Check]:
    keys = read_json(way.keys)
    try:
        ring = esp.KeyRing(keys)
    except esp.KeysError as error:
        name = f"{way.site}: /vnf/keys of the {GATEWAY} VNF"
        yield check(name, False, expected="usable keys", measured=str(error))
        return
    found, refused = {flow_of(item.packet): list[bytes]() for item in way.probes.frames}, Counter[str]()
    for link in way.links:
        for packet in esp.open_each((frame.data for frame in read_frames(link.file)), ring, refused):
            if (flow := flow_of(packet)) in found:
                found[flow].append(before(packet, routers=1))
    whole = sum(found[flow_of(item.packet)] == [before(item.packet)] for item in way.probes.frames)
    sent = len(way.probes.frames)
    yield equal(f"{way.name}: packets found once inside the captured ESP", whole, sent, element=way.vnf)
    yield _none_refused(way, refused)
    yield _encrypted(way, keys)
    for link in way.links:
        readable = sum(map(bool, link.sightings(way.probes.recognisable)))
        name = f"{way.name}: packets readable on {link.name}"
        yield equal(name, readable, 0, element=f"underlay:{link.underlay}")


def _none_refused(way: Tunnelled, reasons: Counter[str]) -> Check:
    """Return the check that the keys open every ESP packet."""
    refused = reasons.total()
    texts = "; ".join(f"{count_text(count, 'time')}: {reason}" for reason, count in sorted(reasons.items()))
    message = f"{way.name}: ESP that does not open: {count_text(refused, 'packet')} ({texts})"
    return equal(f"{way.name}: ESP packets that the keys do not open", refused, 0, message=message, element=way.vnf)


def _encrypted(way: Tunnelled, keys: dict[str, Any]) -> Check:
    """Return the check that no SA whose keys are exported leaves packets unencrypted."""
    algorithms = {str(sa["encryption"]).upper() for sa in keys["sas"]}
    bare = sorted(name for name in algorithms if name.startswith(UNENCRYPTED))
    return equal(f"{way.name}: SAs of {way.site} without encryption", bare, [], element=way.vnf)
