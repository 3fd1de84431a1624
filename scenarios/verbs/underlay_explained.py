"""``underlay.explained``: nothing but what the ordered tunnels need has crossed the underlays since the order."""

from __future__ import annotations

from collections.abc import Iterator

from reports.model import Check
from reports.text import count_text
from scenarios.network.chain import GATEWAY
from scenarios.network.underlay_audit import LIMIT, LinkTraffic, traffic
from scenarios.network.wire import AuditedLink
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.capture import CaptureError, read_frames


class ExplainedEvidence(Evidence):
    """All but whole ESP packets between the *gateways* of the *sites*, on every link, from before the order on."""

    gateways: tuple[str, ...]
    sites: tuple[str, ...]
    links: tuple[AuditedLink, ...]


class UnderlayExplained(Verb, name="underlay.explained"):
    """Prove that nothing went beside the tunnels, whoever sent it: every frame of the underlays is accounted for.

    The captures begin before the order. Each run ends with this step by itself; a scenario may have it earlier, too.

    *Expected results*: on no link of any underlay is a frame but ESP (RFC 4303, or in UDP by RFC 3948) and IKE
    (RFC 7296) between WAN addresses of the service's sites, ARP, and IPv6 neighbour discovery (RFC 4861). The key
    exchange of each site was seen, so the captures were live when it began.

    *Fails when* any packet of any kind takes another way than the tunnel at any moment, in the clear or disguised as
    something else than ESP. What has the form of ESP is not opened here, as it is by ``wire.decrypts``.

    *Example*: ``{verb: underlay.explained}``
    """

    always = True
    looks_back = True
    asks = GATEWAY

    def observe(self, context: Context, recorder: Recorder) -> ExplainedEvidence:
        links = tuple(context.audit.so_far(recorder))
        return ExplainedEvidence(gateways=context.audit.gateways, sites=tuple(context.service_sites()), links=links)

    def judge(self, evidence: ExplainedEvidence) -> Judgement:
        seen = [(link, traffic(_frames(link), evidence.gateways)) for link in evidence.links]
        checks = [_explained(link, found) for link, found in seen]
        for site in evidence.sites if len(evidence.sites) > 1 else ():
            ike = sum(found.ike for link, found in seen if link.site == site)
            checks.append(check(f"IKE messages on the links of {site}", ike > 0, expected="≥ 1", measured=ike))
        full = [link.name for link in evidence.links if not link.whole]
        if full and not any(check.verdict.is_bad for check in checks):
            told = f"more came than the {LIMIT} frames that are kept of {', '.join(full)}: the rest is not known"
            return Judgement(checks, error=CaptureError(told))
        watched = count_text(len(evidence.links), "underlay link")
        return Judgement(checks, f"no frame but IPsec between the gateways and ARP crossed {watched} since the order")


def _frames(link: AuditedLink) -> Iterator[bytes]:
    return (frame.data for frame in read_frames(link.file))


def _explained(link: AuditedLink, found: LinkTraffic) -> Check:
    carried = count_text(found.unexplained, "frame")
    message = f"{link.name} carried {carried} of no tunnel of the service, first {found.first}"
    name, element = f"unexplained frames on {link.name}", f"underlay:{link.underlay}"
    return equal(name, found.unexplained, 0, message=message, element=element)
