"""`/service/{id}/effectivePolicy`: which flow gets which policy at which end point, and why."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from presto.domain.compile import site_unis
from presto.domain.explain import Reason, policy_reason
from presto.domain.model import Service, Swvc
from presto.domain.rules import CompiledRule, Decision, compiled_rules, decisions
from presto.extensions.explain import Step, steps
from presto.extensions.problems import declared
from presto.extensions.services import CriterionForm, ServiceId, criteria
from presto.service.core import Core
from presto_api.wire import Wire

UNMATCHED = Reason("Packets of no application flow are discarded", "MEF 70 R45")


class FlowPolicy(Wire):
    """What happens to a flow that enters at an end point."""

    precedence: int = Field(description="From 1 on: the first flow that matches decides (MEF 70 R44)")
    flow: str
    group: str | None
    policy: str | None
    criteria: list[CriterionForm] = Field(description="Of the policy")
    action: Literal["allow", "block"]
    firewall_rules: list[str] = Field(description="The rules of this end point's firewall that realise it")
    reasons: list[Step]


class EndPointPolicy(Wire):
    """The policies of the flows that enter at an end point, in order of precedence."""

    end_point: str
    edge: str
    flows: list[FlowPolicy]
    otherwise: Step = Field(description="What happens to all other packets")


class EffectivePolicy(Wire):
    """The resolved policies of a service."""

    service: str
    service_name: str
    generation: int
    end_points: list[EndPointPolicy]


def policies_router(core: Core) -> APIRouter:
    """The operations on effective policies."""
    router = APIRouter(tags=["service"])

    @router.get(
        "/service/{service_id}/effectivePolicy", operation_id="getEffectivePolicy", responses=declared(404, 409, 422)
    )
    async def get(service_id: ServiceId) -> EffectivePolicy:
        """For each end point, each flow in order of precedence: policy, action, the reason and the firewall's rules."""
        service = await core.service(service_id)
        return _resolved(core, service)

    return router


def _resolved(core: Core, service: Service) -> EffectivePolicy:
    unis = site_unis(service.swvc, core.inventory)
    prefixes = tuple(uni.prefix for uni in unis)
    ends = []
    for index, (end_point, uni) in enumerate(zip(service.swvc.end_points, unis, strict=True)):
        rules = compiled_rules(service.swvc, index, prefixes)
        flows = [
            _flow(service.swvc, number, decision, rules)
            for number, decision in enumerate(decisions(service.swvc, end_point), 1)
        ]
        (otherwise,) = steps((UNMATCHED,))
        ends.append(EndPointPolicy(end_point=end_point.identifier, edge=uni.ucpe, flows=flows, otherwise=otherwise))
    return EffectivePolicy(
        service=service.id, service_name=service.swvc.identifier, generation=service.generation, end_points=ends
    )


def _flow(swvc: Swvc, number: int, decision: Decision, rules: list[CompiledRule]) -> FlowPolicy:
    policy = next((one for one in swvc.policies if one.identifier == decision.policy), None)
    flow = decision.application
    return FlowPolicy(
        precedence=number,
        flow=flow.identifier,
        group=flow.group,
        policy=decision.policy,
        criteria=criteria(policy.criteria) if policy else [],
        action="allow" if decision.action == "allow" else "block",
        firewall_rules=[str(one.rule["id"]) for one in rules if one.decision == decision and _judges_lan(one)],
        reasons=steps((policy_reason(decision),)),
    )


def _judges_lan(rule: CompiledRule) -> bool:
    """Whether it judges what enters at the firewall's own end point."""
    return rule.rule["direction"] in {"lan-to-wan", "both"}
