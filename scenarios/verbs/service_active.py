"""``service.active``: the order reached its end on every uCPE, as the API says and as the uCPEs show."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reports.model import tunnel_element
from reports.text import count_text
from scenarios import chain, tunnels
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.tunnels import Answers, Status
from scenarios.verb import Verb


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
    within_seconds: float = Field(default=30, gt=0)

    def prove(self, context: Context, proof: Proof) -> str:
        details = proof.until("service installed and enabled", self.within_seconds, context.settled)
        details = details or context.face.service(context.service_id) or {}
        proof.add_json("service.json", "the service as the API shows it", details)
        reason = context.face.error(details)
        for state in context.face.states(details):
            proof.equal(state.name, state.measured, state.expected, message=reason)
        for site in context.service_sites():
            self._check_vnfs(context, proof, site)
            self._check_rules(context, proof, site)
        if chain.GATEWAY in context.scenario.service.chain:
            self._check_tunnels(context, proof)
        told = "" if chain.GATEWAY not in context.scenario.service.chain else ", and its tunnels carry packets"
        return f"the service is active on {count_text(len(context.service_sites()), 'uCPE')}{told}"

    def _check_vnfs(self, context: Context, proof: Proof, site: str) -> None:
        """Check that each VNF of the chain runs, in the chain's order."""
        containers = context.view(site).vnf_containers(context.service_id)
        context.note_chain(site, containers)
        running = [item.labels.get("lso.kind", "") for item in containers if item.state == "running"]
        proof.equal(f"{site}: VNFs that run", running, context.scenario.service.chain, element=f"site:{site}")
        for item in containers:
            name = item.labels.get("lso.vnf", "")
            proof.equal(f"{site}: {name}", item.state, "running", element=f"vnf:{site}/{name}")

    def _check_tunnels(self, context: Context, proof: Proof) -> None:
        """Check that both ends of each tunnel say that it stands, and that it carries echoes both ways."""
        sites = context.service_sites()
        carried = proof.until("tunnels that carry packets", self.within_seconds, lambda: self._carried(context, sites))
        status, answers = carried or (tunnels.ask(context, sites), tunnels.answers_of_all(context, sites))
        for site in sites:
            answered = answers[site]
            for other in (other for other in sites if other != site):
                element = tunnel_element(site, other)
                state = tunnels.state_of(status[site], other)
                expected = "IKE SA ESTABLISHED, CHILD SA INSTALLED"
                proof.equal(f"{site}: tunnel to {other}", state, expected, element=element)
                if other in answered:
                    measured = "answered" if answered[other] else f"none of {tunnels.ECHOES} answered"
                    proof.equal(f"{site}: echoes through it to {other}", measured, "answered", element=element)

    def _carried(self, context: Context, sites: list[str]) -> tuple[dict[str, Status], Answers] | None:
        """Return what the gateways say and which of them answer, once all tunnels stand and carry packets."""
        status = tunnels.ask(context, sites)
        if not tunnels.all_up(status):
            return None
        context.note_established()
        answers = tunnels.answers_of_all(context, sites)
        return (status, answers) if all(all(answered.values()) for answered in answers.values()) else None

    def _check_rules(self, context: Context, proof: Proof, site: str) -> None:
        """Check that a rule of the service stands for each step of the chain, in both directions."""
        flows, way = context.view(site).flows(), chain.hops(context, site)
        for here, there in [*chain.joints(way), *chain.joints(way[::-1])]:
            proof.check(
                f"{site}: rule from {here.label} to {there.label}",
                chain.joined(flows, here, there, context.service_id),
                expected="one of the service",
                measured=[flow.text() for flow in flows if flow.in_port == here.port] or "none",
                element=f"site:{site}",
            )

    def live_command(self, context: Context) -> str:
        site = context.service_sites()[0]
        return f"lso exec {context.lab.id} {site} -- docker ps"
