"""``service.active``: the order reached its end on every uCPE, as the API says and as the uCPEs show."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reports.text import count_text
from scenarios import chain
from scenarios.context import Context
from scenarios.proof import Proof
from scenarios.verb import Verb


class ServiceActive(Verb, name="service.active"):
    """Prove that the ordered service is active.

    *Expected results*: within the deadline the PoC's RPCs report ``INSTALLED``, ``ENABLED`` and ``UNLOCKED``, or the
    ordering API has the order and all its items ``completed`` and the inventory their services ``active``; each uCPE
    runs one container for every VNF of the scenario's chain, in that order; an OpenFlow rule of the service joins each
    VNF to the next, in both directions.

    *Fails when* the API gives another state or an error, a VNF of the chain does not run or runs out of order, or
    a rule between two of them is missing.

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
            view = context.view(site)
            vnfs = view.vnfs(context.service_id)
            context.note_chain(site, vnfs)
            kinds = [vnf.kind for vnf in vnfs]
            element = f"site:{site}"
            proof.equal(f"{site}: VNFs that run", kinds, context.scenario.service.chain, element=element)
            self._check_rules(context, proof, site)
        return f"the service is active on {count_text(len(context.service_sites()), 'uCPE')}"

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
