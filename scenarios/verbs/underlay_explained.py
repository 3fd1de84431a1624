"""``underlay.explained``: nothing but what the ordered tunnels need has crossed the underlays since the order."""

from __future__ import annotations

from collections.abc import Iterator

from reports.model import Check
from reports.text import count_text
from scenarios.file.format import Scenario, Step
from scenarios.network.chain import GATEWAY
from scenarios.network.underlay_audit import describe, unexplained
from scenarios.network.wire import CaptureFile
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.capture import read_frames
from testbed.esp import count_capture


class ExplainedEvidence(Evidence):
    """All but whole ESP packets between the *gateways* on every link, from before the order on; *sites* have one."""

    gateways: tuple[str, ...]
    sites: tuple[str, ...]
    links: tuple[CaptureFile, ...]


class UnderlayExplained(Verb, name="underlay.explained"):
    """Prove that nothing went beside the tunnels, whoever sent it: every frame of the underlays is accounted for.

    The captures begin before the order. Each run ends with this step by itself; a scenario may have it earlier, too.

    *Expected results*: on no link of any underlay is a frame but ESP (RFC 4303, or in UDP by RFC 3948) and IKE
    (RFC 7296) between WAN addresses of the service's sites, ARP, and IPv6 neighbour discovery (RFC 4861). The key
    exchange of each site was seen, so the captures were live when it began.

    *Fails when* any packet of any kind takes another way than the tunnel at any moment, in the clear or disguised as
    something else than ESP.

    *Example*: ``{verb: underlay.explained}``
    """

    always = True
    asks = GATEWAY

    def observe(self, context: Context, recorder: Recorder) -> ExplainedEvidence:
        links = tuple(context.audit.so_far(recorder))
        return ExplainedEvidence(gateways=context.audit.gateways, sites=tuple(context.service_sites()), links=links)

    def judge(self, evidence: ExplainedEvidence) -> Judgement:
        checks = [self._explained(link, evidence.gateways) for link in evidence.links]
        if len(evidence.sites) > 1:
            checks += self._watched(evidence)
        watched = count_text(len(evidence.links), "underlay link")
        return Judgement(checks, f"no frame but IPsec between the gateways and ARP crossed {watched} since the order")

    def _explained(self, link: CaptureFile, gateways: tuple[str, ...]) -> Check:
        strange = unexplained((frame.data for frame in read_frames(link.file)), gateways)
        name = f"unexplained frames on {link.name}"
        first = f"; the first is {describe(strange[0])}" if strange else ""
        message = f"{count_text(len(strange), 'frame')} on {link.name} belong to no tunnel of the service{first}"
        return equal(name, len(strange), 0, message=message, element=f"underlay:{link.underlay}")

    def _watched(self, evidence: ExplainedEvidence) -> Iterator[Check]:
        """Yield the checks that the captures saw the key exchange of each site."""
        for site in evidence.sites:
            seen = sum(count_capture(link.file).ike for link in evidence.links if link.site == site)
            yield check(f"IKE messages on the links of {site}", seen > 0, expected="≥ 1", measured=seen)


def last_step(scenario: Scenario) -> tuple[Step, UnderlayExplained]:
    """Return the step that ends each run of *scenario*, with an id that no other step has."""
    step_id = "underlay"
    while any(step.id == step_id for step in scenario.steps):
        step_id += "-end"
    title = "Nothing crossed the underlays beside the tunnels"
    return Step(id=step_id, verb=UnderlayExplained.verb, title=title), UnderlayExplained()
