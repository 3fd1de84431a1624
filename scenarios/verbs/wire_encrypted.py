"""``wire.encrypted``: what crosses the underlay is ESP, and the payload is never readable there."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from reports.text import count_text
from scenarios import wire
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Host, Verb
from testbed import esp


class WireEncrypted(Verb, name="wire.encrypted"):
    """Prove encryption by looking at the wire: packets with one-time canaries cross, their bytes do not show.

    *Expected results*: every canary arrives in the far LAN exactly once, but for those that the underlay loses as it
    declares; no capture on any link of any underlay holds one; the links of either site, together, carried at least
    one ESP packet for each (RFC 4303, or in UDP by RFC 3948), and no link carried any other IP packet than ESP and IKE.

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
        least, expected = probes.least_arrivals()
        name = "canaries that arrived exactly once in the far LAN"
        proof.check(name, arrived >= least, expected=expected, measured=arrived)
        for link in links:
            self._judge(proof, link, probes)
        for site in (context.site_of(self.from_), context.site_of(self.to)):
            self._carried(proof, site, [link for link in links if link.site == site], least)
        came, watched = count_text(arrived, "canary", "canaries"), count_text(len(links), "underlay link")
        return f"{came} arrived, none was readable on {watched}, which carried ESP"

    def _carried(self, proof: Proof, site: str, links: Sequence[wire.Point], least: int) -> None:
        """Check that the links of an end, whichever of them the tunnel takes, carried ESP for each canary."""
        carried = {link.name: esp.census(link.capture.path).esp for link in links}
        busiest = f"underlay:{max(carried, key=carried.__getitem__).split()[0]}"
        name, total = f"ESP packets on the links of {site}", sum(carried.values())
        proof.check(name, total >= least, expected=f"≥ {least}", measured=total, element=busiest)

    def _judge(self, proof: Proof, link: wire.Point, probes: wire.Probes) -> None:
        underlay = f"underlay:{link.name.split()[0]}"
        seen = sum(map(bool, link.sightings(probes.frames)))
        message = f"{seen} of {self.packets} canaries were readable on {link.name}: traffic is not encrypted there"
        proof.equal(f"canaries readable on {link.name}", seen, 0, message=message, element=underlay)
        census = esp.census(link.capture.path)
        proof.equal(f"other IP packets on {link.name}", census.other, 0, element=underlay)

    def live_command(self, context: Context) -> str:
        name, node = next(iter(context.lab.underlays.items()))
        return f"lso exec {context.lab.id} {name} -- tcpdump -ni {next(iter(node.ports.values()))} -X"
