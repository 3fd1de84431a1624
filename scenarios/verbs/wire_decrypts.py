"""``wire.decrypts``: the ESP on the underlay, opened with the gateway's own keys, is what was sent."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from reports.model import Check
from reports.text import count_text
from scenarios.network import wire
from scenarios.network.chain import GATEWAY
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from testbed import esp
from testbed.capture import read_frames

TTL, CHECKSUM = 8, slice(10, 12)  # offsets in the IPv4 header (RFC 791, 3.1)


class DecryptsEvidence(Evidence):
    """The probes, captures on the sender's links, and the keys of the gateway *vnf* (an element) at the sender's site.

    *keys* is the document of ``/vnf/keys``.
    """

    probes: wire.Probes
    site: str
    vnf: str
    links: tuple[wire.CaptureFile, ...]
    keys: File


class WireDecrypts(wire.UdpVerb, name="wire.decrypts"):
    """Prove that the encrypted packets on the wire are the sent ones: open them with the exported SA keys.

    *Expected results*: each probe that was sent is found among the packets that the captured ESP opens to, octet by
    octet, with its time to live lowered by one by the gateway (RFC 1812, 5.3.1).

    *Fails when* the exported keys are not those of the packets, or what crosses the underlay is not what the host
    sent.

    *Example*: ``{verb: wire.decrypts, with: {from: a1, to: b1, destination_port: 9002}}``
    """

    asks: ClassVar[str] = GATEWAY

    def observe(self, context: Context, recorder: Recorder) -> DecryptsEvidence:
        site = context.site_of(self.from_)
        probes = self.probes(context, self.from_, self.to)
        far = wire.host_point(context, recorder, self.to)
        links = [point for point in wire.underlay_points(context, recorder) if point.site == site]
        last = "the last probe in the far LAN"
        wire.exchange(context, recorder, [probes], [far, *links], far, last, self.within_seconds)
        title = "the security associations' keys: of this lab only, worthless after it"
        return DecryptsEvidence(
            probes=probes,
            site=site,
            vnf=context.vnf_element(site, GATEWAY),
            links=tuple(link.result for link in links),
            keys=recorder.json("keys.json", title, context.vnf_json(site, GATEWAY, "/vnf/keys")),
        )

    def judge(self, evidence: DecryptsEvidence) -> Judgement:
        try:
            ring = esp.KeyRing(read_json(evidence.keys))
        except esp.KeysError as error:
            name = f"{evidence.site}: /vnf/keys of the {GATEWAY} VNF"
            return Judgement([check(name, False, expected="usable keys", measured=str(error))])
        sent, found, refused = {_normal(item.packet) for item in evidence.probes.frames}, set[bytes](), Counter[str]()
        for link in evidence.links:
            frames = (frame.data for frame in read_frames(link.file))
            opened = (_normal(packet, hops=1) for packet in esp.open_each(frames, ring, refused))
            found.update(packet for packet in opened if packet in sent)
        inside = equal("probes found inside the captured ESP", len(found), self.packets, element=evidence.vnf)
        summary = f"the captured ESP opens to the {count_text(self.packets, 'packet')} sent"
        return Judgement([inside, _none_refused(refused, evidence.vnf)], summary)

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), GATEWAY)} -- /vnf/keys"


def _none_refused(reasons: Counter[str], vnf: str) -> Check:
    """Return the check that the keys open every ESP packet."""
    refused = reasons.total()
    texts = "; ".join(f"{count_text(count, 'time')}: {reason}" for reason, count in sorted(reasons.items()))
    message = f"ESP that does not open: {count_text(refused, 'packet')} ({texts})"
    return equal("ESP packets that the keys do not open", refused, 0, message=message, element=vnf)


def _normal(packet: bytes, hops: int = 0) -> bytes:
    """Return *packet* as it was *hops* routers ago, header checksum (which follows the TTL) left out."""
    raw = bytearray(packet)
    raw[TTL] = (raw[TTL] + hops) % 256
    raw[CHECKSUM] = b"\0\0"
    return bytes(raw[: int.from_bytes(raw[2:4], "big")])
