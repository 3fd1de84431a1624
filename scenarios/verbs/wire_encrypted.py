"""``wire.encrypted``: what crosses the underlay is ESP, and the payload is never readable there."""

from __future__ import annotations

from pydantic import Field

from reports.text import count_text
from scenarios import wire
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Host, Verb
from testbed import esp


class WireEncrypted(Verb, name="wire.encrypted"):
    """Prove encryption by looking at the wire: packets with one-time canaries cross, their bytes do not show.

    *Expected results*: every canary arrives in the far LAN exactly once; no capture on any link of any underlay
    holds one; the links of both sites carried at least one ESP packet for each (RFC 4303, or in UDP by RFC 3948),
    and no link carried any other IP packet than ESP and IKE.

    *Fails when* the tunnel is replaced by plain forwarding, the ESP has NULL encryption, or any packet takes
    another way than the tunnel.

    *Example*: ``{verb: wire.encrypted, with: {from: a1, to: b1, destination_port: 9001}}``
    """

    from_: Host = Field(alias="from")
    to: Host
    destination_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    packets: int = Field(default=20, ge=1, le=1000)
    within_seconds: float = Field(default=3, gt=0, description="how long the last packet may take to arrive")

    def prove(self, context: Context, proof: Proof) -> str:
        probes = wire.make(
            context, self.from_, self.to, protocol="udp", destination_port=self.destination_port, count=self.packets
        )
        far = wire.host_point(context, proof, self.to)
        links = wire.underlay_points(context, proof)
        with wire.watched(proof, [far, *links]), probes.target_open():
            probes.send()
            proof.until("the last canary in the far LAN", self.within_seconds, wire.arrived(probes, far))
        arrivals = far.sightings(probes.frames)
        arrived = sum(count == 1 for count in arrivals)
        proof.equal("canaries that arrived exactly once in the far LAN", arrived, self.packets)
        ends = {context.site_of(self.from_), context.site_of(self.to)}
        for link in links:
            self._judge(proof, link, probes, is_end=link.name.split()[1] in ends)
        sent, watched = count_text(self.packets, "canary", "canaries"), count_text(len(links), "underlay link")
        return f"{sent} arrived, none was readable on {watched}, which carried ESP"

    def _judge(self, proof: Proof, link: wire.Point, probes: wire.Probes, *, is_end: bool) -> None:
        underlay = f"underlay:{link.name.split()[0]}"
        seen = sum(map(bool, link.sightings(probes.frames)))
        message = f"{seen} of {self.packets} canaries were readable on {link.name}: traffic is not encrypted there"
        proof.equal(f"canaries readable on {link.name}", seen, 0, message=message, element=underlay)
        census = esp.census(link.capture.path)
        proof.equal(f"other IP packets on {link.name}", census.other, 0, element=underlay)
        if is_end:
            enough = census.esp >= self.packets
            expected = f"≥ {self.packets}"
            proof.check(f"ESP packets on {link.name}", enough, expected=expected, measured=census.esp, element=underlay)

    def live_command(self, context: Context) -> str:
        name, node = next(iter(context.lab.underlays.items()))
        return f"lso exec {context.lab.id} {name} -- tcpdump -ni {next(iter(node.ports.values()))} -X"
