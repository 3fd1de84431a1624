"""``wire.decrypts``: the ESP on the underlay, opened with the gateway's own keys, is what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from reports.text import count_text
from scenarios import wire
from scenarios.chain import GATEWAY
from scenarios.context import Context
from scenarios.proof import Fault, Proof
from scenarios.verb import Host, Verb
from testbed import esp

TTL, CHECKSUM = 8, slice(10, 12)  # offsets in the IPv4 header (RFC 791, 3.1)


class WireDecrypts(Verb, name="wire.decrypts"):
    """Prove that the encrypted packets on the wire are the sent ones: open them with the exported SA keys.

    *Expected results*: each probe that was sent is found among the packets that the captured ESP opens to, octet by
    octet, with its time to live lowered by one by the gateway (RFC 1812, 5.3.1).

    *Fails when* the exported keys are not those of the packets, or what crosses the underlay is not what the host
    sent.

    *Example*: ``{verb: wire.decrypts, with: {from: a1, to: b1, destination_port: 9002}}``
    """

    asks: ClassVar[str] = GATEWAY
    from_: Host = Field(alias="from")
    to: Host
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    packets: int = Field(default=10, ge=1, le=1000)
    within_seconds: float = Field(default=3, gt=0, description="how long the last packet may take to arrive")

    def prove(self, context: Context, proof: Proof) -> str:
        site = context.site_of(self.from_)
        probes = wire.make(
            context, self.from_, self.to, protocol="udp", destination_port=self.destination_port, count=self.packets
        )
        far = wire.host_point(context, proof, self.to)
        links = [point for point in wire.underlay_points(context, proof) if point.site == site]
        with wire.watched(proof, [far, *links]), probes.target_open():
            probes.send()
            proof.until("the last probe in the far LAN", self.within_seconds, wire.arrived(probes, far))
        keys = context.vnf_json(site, "ipsec", "/vnf/keys")
        proof.add_json("keys.json", "the security associations' keys: of this lab only, worthless after it", keys)
        opened = _open(links, keys, site)
        sent = {_normal(item.packet) for item in probes.frames}
        found = {_normal(packet, hops=1) for one in opened for packet in one.packets}
        element = context.vnf_element(site, GATEWAY)
        proof.equal("probes found inside the captured ESP", len(sent & found), self.packets, element=element)
        reasons = sum((Counter(one.reasons) for one in opened), Counter[str]())
        refused = sum(one.refused for one in opened)
        texts = "; ".join(f"{count_text(count, 'time')}: {reason}" for reason, count in sorted(reasons.items()))
        message = f"ESP that does not open: {count_text(refused, 'packet')} ({texts})"
        proof.equal("ESP packets that the keys do not open", refused, 0, message=message, element=element)
        return f"the captured ESP opens to the {count_text(self.packets, 'packet')} sent"

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), GATEWAY)} -- /vnf/keys"


def _open(links: Sequence[wire.Point], keys: dict[str, Any], site: str) -> list[esp.Opened]:
    """Return what the captures at *links* open to; keys that cannot be used are the gateway's fault."""
    try:
        return [esp.open_capture(link.capture.path, keys) for link in links]
    except esp.KeysError as error:
        raise Fault(f"{site}: /vnf/keys of the ipsec VNF", "usable keys", str(error)) from error


def _normal(packet: bytes, hops: int = 0) -> bytes:
    """Return *packet* as it was *hops* routers ago, header checksum (which follows the TTL) left out."""
    raw = bytearray(packet)
    raw[TTL] += hops
    raw[CHECKSUM] = b"\0\0"
    return bytes(raw[: int.from_bytes(raw[2:4], "big")])
