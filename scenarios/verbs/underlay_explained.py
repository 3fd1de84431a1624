"""``underlay.explained``: nothing but what the ordered tunnels need has crossed the underlays since the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network.associations import Flow, History, flows, ike_spis
from scenarios.network.chain import GATEWAY
from scenarios.network.links import ipv4_text
from scenarios.network.underlay_audit import LIMIT, LinkEnds, LinkTraffic, traffic
from scenarios.network.wire import AuditedLink, CaptureFile, SentEsp
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.capture import CaptureError, read_frames
from testbed.esp import KeyRing, KeysError, WrongKey, esp_of, ipv4_of


class ExplainedEvidence(Evidence):
    """All that crossed every link from before the order on; of whole ESP packets between the *gateways* their number.

    *histories* are the security associations that the gateways of the *sites* had, as a document; *sent* is what they
    said that those have sent which still stood when they were last asked. *samples* are some of the ESP of each link,
    *keys* the document of ``/vnf/keys`` that opens them, *lans* the prefixes of the sites' hosts. *translated* are
    sites behind a NAT, with their own address and the one that others know.
    """

    gateways: tuple[str, ...]
    sites: tuple[str, ...]
    links: tuple[AuditedLink, ...]
    histories: File
    sent: tuple[SentEsp, ...] = ()
    samples: tuple[CaptureFile, ...] = ()
    keys: File | None = None
    lans: tuple[str, ...] = ()
    translated: dict[str, tuple[str, str]] = Field(default_factory=dict)


class UnderlayExplained(Verb, name="underlay.explained"):
    """Prove that nothing went beside the tunnels, whoever sent it: every frame of the underlays is accounted for.

    The captures begin before the order. Each run ends with this step by itself; a scenario may have it earlier, too.

    *Expected results*: on no link of any underlay is a frame but ESP (RFC 4303, or in UDP by RFC 3948) and IKE
    (RFC 7296) between WAN addresses of the service's sites, ARP for these, and IPv6 neighbour discovery (RFC 4861), all
    of them without an octet more than they must have, from and to no more stations than there can be. Every ESP packet
    has the SPI of a security association that one of its two gateways had in that direction, then or earlier in the
    run; by one that still stands there were no more than its gateway says that it has sent. Of each association the
    first 64 packets and one of 256 others, which nobody can foresee, are kept, up to 5,000 of a link: they open with
    the gateways' keys, as far as these told them, to packets from a LAN of the service to another. Every message of IKE
    has the SPIs of an IKE SA that stood, but for the exchanges that one begins with. The key exchange of each site was
    seen, so the captures were live when it began.

    Where a NAT stands before a site, each side of it has the addresses and ports that it must have there; ESP is in
    UDP, and IKE goes on by UDP 4500 (RFC 7296, section 2.23). ESP beyond the NAT is not compared with what its gateway
    has sent, nor opened: the site's own link shows it.

    *Fails when* any packet of any kind takes another way than the tunnel at any moment, in the clear or disguised as
    something else than ESP, as ESP of an SPI that no gateway had negotiated, as a copy of what a gateway has sent,
    behind the end of a packet, or in the place of what a gateway has encrypted. No message of IKE is opened.

    *Example*: ``{verb: underlay.explained}``
    """

    always = True
    looks_back = True
    asks = GATEWAY

    def observe(self, context: Context, recorder: Recorder) -> ExplainedEvidence:
        links = tuple(context.audit.so_far(recorder))
        context.audit.remember(context)  # behind the packets: what has come up since explains none of them
        told, keys = context.audit.histories.told, context.audit.keys.told
        return ExplainedEvidence(
            gateways=context.audit.gateways,
            sites=tuple(context.service_sites()),
            links=links,
            histories=recorder.json("histories.json", "the security associations that each gateway has had", told),
            sent=context.audit.sent,
            samples=tuple(context.audit.sample(recorder)),
            keys=recorder.json("keys.json", "the associations' keys: of this lab only, worthless after it", keys),
            lans=tuple(str(context.scenario.topology.sites[site].lan) for site in context.service_sites()),
            translated=dict(context.audit.nats),
        )

    def judge(self, evidence: ExplainedEvidence) -> Judgement:
        told: dict[str, History] = read_json(evidence.histories)
        known = set(flows(told))
        ends = {one.name: LinkEnds.of(one.site, evidence.gateways, evidence.translated) for one in evidence.links}
        seen = [(link, traffic(_frames(link), ends[link.name], ike_spis(told))) for link in evidence.links]
        checks = [_explained(link, found) for link, found in seen]
        for link, found in seen:
            here = {flow for flow in known if ends[link.name].has(flow)}
            checks.append(_negotiated(link, _strange(link, found, evidence.gateways, here), told))
        if evidence.sent:
            checks += [
                _of_its_sender(link, [one for one in evidence.sent if one.link == link.name]) for link, _ in seen
            ]
        checks += _samples_opened(evidence)
        for site in evidence.sites if len(evidence.sites) > 1 else ():
            ike = sum(found.ike for link, found in seen if link.site == site)
            checks.append(check(f"IKE messages on the links of {site}", ike > 0, expected="≥ 1", measured=ike))
        gaps = list(_gaps(evidence, told))
        if gaps and not any(check.verdict.is_bad for check in checks):
            return Judgement(checks, error=CaptureError("; ".join(gaps)))
        watched = count_text(len(evidence.links), "underlay link")
        return Judgement(checks, f"no frame but IPsec between the gateways and ARP crossed {watched} since the order")


def _gaps(evidence: ExplainedEvidence, told: Mapping[str, History]) -> Iterator[str]:
    """Yield why what was seen may not be all."""
    if full := [link.name for link in evidence.links if not link.whole]:
        yield f"more came than the {LIMIT} frames that are kept of {', '.join(full)}: the rest is not known"
    if crowded := [link.name for link in evidence.links if link.uncounted]:
        yield f"more SPIs than can be counted crossed {', '.join(crowded)}"
    if cut := [site for site, history in told.items() if not history.get("complete", True)]:
        yield f"the gateways of {', '.join(cut)} had more security associations than they could note"


def _frames(link: AuditedLink) -> Iterator[bytes]:
    return (frame.data for frame in read_frames(link.file))


def _explained(link: AuditedLink, found: LinkTraffic) -> Check:
    carried = count_text(found.unexplained, "frame")
    message = f"{link.name} carried {carried} of no tunnel of the service, first {found.first}"
    name, element = f"unexplained frames on {link.name}", f"underlay:{link.underlay}"
    return equal(name, found.unexplained, 0, message=message, element=element)


def _strange(
    link: AuditedLink, found: LinkTraffic, gateways: tuple[str, ...], known: set[Flow]
) -> list[tuple[Flow, int]]:
    """Return the ESP between *gateways* of no *known* association with its number of packets, the most first."""
    esp = Counter({(one.source, one.destination, one.spi): one.packets for one in link.esp})
    esp.update(found.esp)
    between = (flow for flow in esp if {flow[0], flow[1]} <= set(gateways))
    return Counter({flow: esp[flow] for flow in between if flow not in known}).most_common()


def _negotiated(link: AuditedLink, strange: list[tuple[Flow, int]], told: Mapping[str, History]) -> Check:
    message = ""
    if strange:
        (source, target, spi), packets = strange[0]
        more = f", and of {count_text(len(strange) - 1, 'more such SPI')}" if strange[1:] else ""
        silent = "".join(f"; {history['silent']}" for history in told.values() if "silent" in history)
        carried = f"{count_text(packets, 'ESP packet')} {source} > {target} with SPI {spi}"
        message = f"{link.name} carried {carried}, which no gateway has negotiated{more}{silent}"
    name, packets = f"ESP of no security association on {link.name}", sum(packets for _, packets in strange)
    return equal(name, packets, 0, message=message, element=f"underlay:{link.underlay}")


def _of_its_sender(link: AuditedLink, counted: list[SentEsp]) -> Check:
    """Return the check that no more ESP of an association was on the link than its gateway has sent by then."""
    beyond, message = {one: one.seen - one.sent for one in counted if one.seen > one.sent}, ""
    if beyond:
        one = max(beyond, key=beyond.__getitem__)
        carried = f"{count_text(one.seen, 'ESP packet')} {one.source} > {one.destination} with SPI {one.spi}"
        message = f"{link.name} carried {carried}, of which the gateway has sent {one.sent}"
    name = f"ESP beyond what its gateway has sent on {link.name}"
    return equal(name, sum(beyond.values()), 0, message=message, element=f"underlay:{link.underlay}")


def _samples_opened(evidence: ExplainedEvidence) -> Iterator[Check]:
    """Yield the checks that the sampled ESP of each link is packets between hosts of LANs, encrypted."""
    if not evidence.keys:
        return
    try:
        ring = KeyRing(read_json(evidence.keys))
    except KeysError as error:
        yield check("keys of the gateways' associations", False, expected="usable keys", measured=str(error))
        return
    lans = [IPv4Network(lan) for lan in evidence.lans]
    for link in evidence.samples:
        wrong = list(_foreign(link, ring, lans))
        message = (
            f"{link.name} carried {count_text(len(wrong), 'ESP packet')} of something else, first {''.join(wrong[:1])}"
        )
        name, element = f"ESP on {link.name} that opens to no packet between LANs", f"underlay:{link.underlay}"
        yield equal(name, len(wrong), 0, message=message, element=element)


def _foreign(link: CaptureFile, ring: KeyRing, lans: Sequence[IPv4Network]) -> Iterator[str]:
    """Yield what the ESP packets of *link* are that do not open, or open to something else than packets between LANs.

    An association may have been replaced before its keys were told: of that, how many packets there were has to do.
    """
    for packet in filter(None, (ipv4_of(frame.data) for frame in read_frames(link.file))):
        esp = esp_of(packet)
        if esp is None or len(packet) < int.from_bytes(packet[2:4], "big"):
            continue
        try:
            inner = ring.open(esp)
        except LookupError:
            continue
        except WrongKey as error:
            yield str(error)
            continue
        ends = IPv4Address(inner[12:16]), IPv4Address(inner[16:20])
        if not all(any(end in lan for lan in lans) for end in ends):
            yield f"SPI {esp.spi:08x}: {ipv4_text(inner)}"
