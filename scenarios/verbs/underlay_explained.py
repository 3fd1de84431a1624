"""``underlay.explained``: nothing but what the ordered tunnels need has crossed the underlays since the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from reports.model import Check
from reports.text import count_text
from scenarios.network.associations import Flow, History, flows, ike_spis
from scenarios.network.chain import GATEWAY
from scenarios.network.underlay_audit import LIMIT, LinkTraffic, traffic
from scenarios.network.wire import AuditedLink, SentEsp
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.capture import CaptureError, read_frames


class ExplainedEvidence(Evidence):
    """All that crossed every link from before the order on; of whole ESP packets between the *gateways* their number.

    *histories* are the security associations that the gateways of the *sites* had, as a document; *sent* is what they
    said that those have sent which still stood when they were last asked.
    """

    gateways: tuple[str, ...]
    sites: tuple[str, ...]
    links: tuple[AuditedLink, ...]
    histories: File
    sent: tuple[SentEsp, ...] = ()


class UnderlayExplained(Verb, name="underlay.explained"):
    """Prove that nothing went beside the tunnels, whoever sent it: every frame of the underlays is accounted for.

    The captures begin before the order. Each run ends with this step by itself; a scenario may have it earlier, too.

    *Expected results*: on no link of any underlay is a frame but ESP (RFC 4303, or in UDP by RFC 3948) and IKE
    (RFC 7296) between WAN addresses of the service's sites, ARP for these, and IPv6 neighbour discovery (RFC 4861), all
    of them without an octet more than they must have, from and to no more stations than there can be. Every ESP packet
    has the SPI of a security association that one of its two gateways had in that direction, then or earlier in the
    run; by one that still stands there were no more than its gateway says that it has sent. Every message of IKE has
    the SPIs of an IKE SA that stood, but for the exchanges that one begins with. The key exchange of each site was
    seen, so the captures were live when it began.

    *Fails when* any packet of any kind takes another way than the tunnel at any moment, in the clear or disguised as
    something else than ESP, as ESP of an SPI that no gateway had negotiated, as a copy of what a gateway has sent, or
    behind the end of a packet. What has such an SPI is not opened here, as it is by ``wire.decrypts``, and no message
    of IKE is.

    *Example*: ``{verb: underlay.explained}``
    """

    always = True
    looks_back = True
    asks = GATEWAY

    def observe(self, context: Context, recorder: Recorder) -> ExplainedEvidence:
        links = tuple(context.audit.so_far(recorder))
        context.audit.remember(context)  # behind the packets: what has come up since explains none of them
        told = context.audit.histories.told
        return ExplainedEvidence(
            gateways=context.audit.gateways,
            sites=tuple(context.service_sites()),
            links=links,
            histories=recorder.json("histories.json", "the security associations that each gateway has had", told),
            sent=context.audit.sent,
        )

    def judge(self, evidence: ExplainedEvidence) -> Judgement:
        told: dict[str, History] = read_json(evidence.histories)
        known = set(flows(told))
        seen = [(link, traffic(_frames(link), evidence.gateways, ike_spis(told))) for link in evidence.links]
        checks = [_explained(link, found) for link, found in seen]
        checks += [_negotiated(link, _strange(link, found, evidence.gateways, known), told) for link, found in seen]
        if evidence.sent:
            checks += [
                _of_its_sender(link, [one for one in evidence.sent if one.link == link.name]) for link, _ in seen
            ]
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
