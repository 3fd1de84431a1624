"""``service.active``: the order reached its end on every uCPE, as the API says and as the uCPEs show."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import ClassVar

from pydantic import Field

from reports.model import Check, tunnel_element
from reports.text import count_text
from scenarios.network import chain, tunnels
from scenarios.network.chain import Hop
from scenarios.network.conservation import note_early
from scenarios.network.tunnels import Answers, Status
from scenarios.ordering.face import State
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.ucpe_view import Container, FlowEntry

CONCURRENT_LOOKS = 4
"""uCPEs that are looked at at the same time."""


class SiteChain(Evidence):
    """A uCPE: its VNFs and ports from LAN to WAN, and the OpenFlow rules that take packets from these ports."""

    site: str
    vnfs: tuple[Container, ...]
    hops: tuple[Hop, ...]
    rules: tuple[FlowEntry, ...]


class TunnelEnd(Evidence):
    """What *site*'s gateway says of its tunnel to another site; *answered* is None where no echo was asked for."""

    site: str
    to: str
    state: str
    answered: bool | None


class ActiveEvidence(Evidence):
    """The service as the API and its uCPEs show it; *chain* are the kinds of VNF that the scenario promises.

    *reason* is what the API says of a service that did not come up.
    """

    service_id: str
    chain: tuple[str, ...]
    states: tuple[State, ...]
    reason: str
    sites: tuple[SiteChain, ...]
    tunnels: tuple[TunnelEnd, ...]


class ServiceActive(Verb, name="service.active"):
    """Prove that the ordered service is active.

    *Expected results*: within the deadline the PoC's RPCs report ``INSTALLED``, ``ENABLED`` and ``UNLOCKED``, or the
    ordering API has the order and all its items ``completed`` and the inventory their services ``active``; each uCPE
    runs one container for every VNF of the scenario's chain, in that order; an OpenFlow rule of the service joins each
    VNF to the next, in both directions; both gateways of each tunnel have its security associations, and echoes from
    one gateway's LAN address to the other's come back.

    *Fails when* the API gives another state or an error, a VNF of the chain does not run or runs out of order, a rule
    between two of them is missing, a tunnel stands at one end only or carries nothing, or a uCPE has ended.

    *Example*: ``{verb: service.active, with: {within_seconds: 30}}``
    """

    gate: ClassVar[bool] = True
    within_seconds: float = Field(default=30, gt=0, description="how long the order may take to reach its end")

    def observe(self, context: Context, recorder: Recorder) -> ActiveEvidence:
        details = recorder.until("service installed and enabled", self.within_seconds, context.settled)
        details = details or context.face.service(context.service_id) or {}
        states = context.face.states(details)
        recorder.json("service.json", "the service as the API shows it", details)
        sites: list[SiteChain] = []
        ends: list[TunnelEnd] = []
        with recorder.until_fault():
            with ThreadPoolExecutor(CONCURRENT_LOOKS) as pool:
                sites.extend(pool.map(lambda site: _site_chain(context, site), context.service_sites()))
            if chain.GATEWAY in context.scenario.service.chain:
                # The tunnels of a service that has failed do not come, however long one waits.
                active = all(state.measured == state.expected for state in states)
                ends.extend(_tunnel_ends(context, recorder, self.within_seconds if active else 0))
        return ActiveEvidence(
            service_id=context.service_id,
            chain=tuple(context.scenario.service.chain),
            states=tuple(states),
            reason=context.face.error(details),
            sites=tuple(sites),
            tunnels=tuple(ends),
        )

    def judge(self, evidence: ActiveEvidence) -> Judgement:
        states = evidence.states
        checks = [equal(state.name, state.measured, state.expected, message=evidence.reason) for state in states]
        for site in evidence.sites:
            checks += [*_vnf_checks(site, evidence.chain), *_rule_checks(site, evidence.service_id)]
        for end in evidence.tunnels:
            checks += _tunnel_checks(end)
        told = ", and its tunnels carry packets" if chain.GATEWAY in evidence.chain else ""
        return Judgement(checks, f"the service is active on {count_text(len(evidence.sites), 'uCPE')}{told}")

    def live_command(self, context: Context) -> str:
        site = context.service_sites()[0]
        return f"lso exec {context.lab.id} {site} -- docker ps"


def _tunnel_ends(context: Context, recorder: Recorder, seconds: float) -> Iterator[TunnelEnd]:
    """Yield what both gateways of each tunnel say, and which echoes through it come back, within *seconds*."""
    sites = context.service_sites()
    carried = recorder.until("tunnels that carry packets", seconds, lambda: _carried(context, sites))
    status, answers = carried or (tunnels.ask(context, sites), tunnels.answers_of_all(context, sites))
    for site, other in permutations(sites, 2):
        state = tunnels.state_of(status[site], other)
        yield TunnelEnd(site=site, to=other, state=state, answered=answers[site].get(other))


def _site_chain(context: Context, site: str) -> SiteChain:
    view = context.view(site)
    containers = view.vnf_containers(context.service_id)
    context.note_chain(site, containers)
    note_early(context, site)
    hops = chain.hops(context, site)
    ports = {hop.port for hop in hops}
    rules = tuple(flow for flow in view.flows() if flow.in_port in ports)
    return SiteChain(site=site, vnfs=tuple(containers), hops=tuple(hops), rules=rules)


def _carried(context: Context, sites: list[str]) -> tuple[dict[str, Status], Answers] | None:
    """Return what the gateways say and which of them answer, once all tunnels stand and carry packets."""
    status = tunnels.ask(context, sites)
    if not tunnels.all_up(status):
        return None
    context.note_established()
    answers = tunnels.answers_of_all(context, sites)
    return (status, answers) if all(all(answered.values()) for answered in answers.values()) else None


def _vnf_checks(site: SiteChain, kinds: tuple[str, ...]) -> Iterator[Check]:
    """Yield the checks that each VNF of the chain runs, in the chain's order."""
    running = [vnf.labels.get("lso.kind", "") for vnf in site.vnfs if vnf.state == "running"]
    yield equal(f"{site.site}: VNFs that run", running, list(kinds), element=f"site:{site.site}")
    for vnf in site.vnfs:
        name = vnf.labels.get("lso.vnf", "")
        yield equal(f"{site.site}: {name}", vnf.state, "running", element=f"vnf:{site.site}/{name}")


def _rule_checks(site: SiteChain, service_id: str) -> Iterator[Check]:
    """Yield the checks that a rule of the service stands for each step of the chain, in both directions."""
    for here, there in [*chain.joints(site.hops), *chain.joints(site.hops[::-1])]:
        yield check(
            f"{site.site}: rule from {here.label} to {there.label}",
            chain.joined(site.rules, here, there, service_id),
            expected="one of the service",
            measured=[rule.text() for rule in site.rules if rule.in_port == here.port] or "none",
            element=f"site:{site.site}",
        )


def _tunnel_checks(end: TunnelEnd) -> Iterator[Check]:
    """Yield the checks that a gateway says that its tunnel stands, and that it carries echoes."""
    element = tunnel_element(end.site, end.to)
    yield equal(f"{end.site}: tunnel to {end.to}", end.state, "IKE SA ESTABLISHED, CHILD SA INSTALLED", element=element)
    if end.answered is not None:
        measured = "answered" if end.answered else f"none of {tunnels.ECHOES} answered"
        yield equal(f"{end.site}: echoes through it to {end.to}", measured, "answered", element=element)
