"""``wire.encrypted``: what crosses the underlay is ESP, and the payload is never readable there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import wire
from scenarios.network.drawn.allowed import Allowed
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from testbed import esp
from testbed.capture import TruncatedCapture


class EncryptedEvidence(Evidence):
    """The canaries, and captures at the far host and on every link of every underlay; *sites* are both ends.

    *strays* are packets of both hosts that no tunnel takes.
    """

    probes: wire.Probes
    sites: tuple[str, str]
    far: wire.CaptureFile
    links: tuple[wire.CaptureFile, ...]
    strays: tuple[wire.Strays, ...] = ()


class WireEncrypted(wire.UdpVerb, name="wire.encrypted"):
    """Prove encryption by looking at the wire: packets with one-time canaries cross, their bytes do not show.

    *Expected results*: every canary arrives in the far LAN exactly once, but for those that the underlay loses as it
    declares; no capture on any link of any underlay holds one; the links of either site, together, carried at least
    one ESP packet for each (RFC 4303, or in UDP by RFC 3948), and no link carried any other IP packet than ESP and IKE.
    Nor does one hold what both hosts send to addresses that are in no LAN, by UDP, TCP and ICMP as far as the service
    allows them: the other gateway's on the underlay, one there that nobody has, one of another network, and some drawn
    from the whole Internet, to ports drawn from the open ones.

    *Fails when* the tunnel is replaced by plain forwarding, the ESP has NULL encryption, any packet takes another way
    than the tunnel, or a gateway forwards in the clear what is for no LAN.

    *Example*: ``{verb: wire.encrypted, with: {from: a1, to: b1, destination_port: 9001}}``
    """

    beside: ClassVar[bool] = True
    packets: int = Field(default=20, ge=1, le=1000, description="how many canaries are sent")

    def observe(self, context: Context, recorder: Recorder) -> EncryptedEvidence:
        probes = self.probes(context, self.from_, self.to)
        allowed = Allowed.by(context.scenario, self.destination_port)
        ways = ((self.to, self.from_), (self.from_, self.to))
        strays = tuple(wire.make_strays(context, *way, allowed) for way in ways)
        far, links = wire.host_point(context, recorder, self.to), wire.underlay_points(context, recorder)
        last = "the last canary in the far LAN"
        wire.exchange(context, recorder, [*strays, probes], [far, *links], far, last, self.within_seconds)
        return EncryptedEvidence(
            probes=probes,
            sites=(context.site_of(self.from_), context.site_of(self.to)),
            far=far.result,
            links=tuple(link.result for link in links),
            strays=strays,
        )

    def judge(self, evidence: EncryptedEvidence) -> Judgement:
        probes, links = evidence.probes, evidence.links
        arrived = sum(count == 1 for count in evidence.far.sightings(probes.frames))
        least, expected = probes.least_arrivals()
        name = "canaries that arrived exactly once in the far LAN"
        counted = [(link, esp.count_capture(link.file)) for link in links]
        checks = [check(name, arrived >= least, expected=expected, measured=arrived)]
        for link, counts in counted:
            checks += self._hidden(link, counts, probes, [item for sent in evidence.strays for item in sent.frames])
        for site in evidence.sites:
            carried = {link.underlay: counts.esp for link, counts in counted if link.site == site}
            checks.append(_carried(site, carried, least))
        canaries, watched = count_text(arrived, "canary", "canaries"), count_text(len(links), "underlay link")
        return Judgement(checks, f"{canaries} arrived, none was readable on {watched}, which carried ESP")

    def _hidden(
        self, link: wire.CaptureFile, counts: esp.PacketCounts, probes: wire.Probes, strays: Sequence[wire.Probe]
    ) -> Iterator[Check]:
        """Yield the checks that *link* showed no canary, none of *strays*, and nothing but ESP and IKE."""
        underlay = f"underlay:{link.underlay}"
        try:
            found = list(map(bool, link.sightings([*probes.frames, *strays])))
        except TruncatedCapture:
            if not counts.other:
                raise
            # Clear text that offload has merged: whether a canary is in what was cut changes nothing any more.
        else:
            seen, astray = sum(found[: len(probes.frames)]), sum(found[len(probes.frames) :])
            message = f"{seen} of {self.packets} canaries were readable on {link.name}: traffic is not encrypted there"
            yield equal(f"canaries readable on {link.name}", seen, 0, message=message, element=underlay)
            if strays:
                message = f"{link.name} carried {count_text(astray, 'packet')} for addresses of no LAN in the clear"
                name = f"packets for no LAN readable on {link.name}"
                yield equal(name, astray, 0, message=message, element=underlay)
        yield equal(f"other IP packets on {link.name}", counts.other, 0, element=underlay)

    def live_command(self, context: Context) -> str:
        name, node = next(iter(context.lab.underlays.items()))
        return f"lso exec {context.lab.id} {name} -- tcpdump -ni {next(iter(node.ports.values()))} -X"


def _carried(site: str, carried: Mapping[str, int], least: int) -> Check:
    """Return the check that the links of *site*, whichever of them the tunnel takes, carried ESP for each canary."""
    busiest, total = max(carried, key=carried.__getitem__), sum(carried.values())
    name = f"ESP packets on the links of {site}"
    return check(name, total >= least, expected=f"≥ {least}", measured=total, element=f"underlay:{busiest}")
