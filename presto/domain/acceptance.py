"""What is accepted: an SWVC in which nothing is wrong, and a service that is to become it."""

from __future__ import annotations

from dataclasses import replace

from common.findings import Finding, Rejected
from presto.domain.check import Surroundings, check
from presto.domain.compile import site_unis
from presto.domain.credentials import utc_now
from presto.domain.model import Service, State, Swvc
from presto.domain.underlays import carrier
from presto.domain.wan_ports import chosen_ports


def checked_swvc(swvc: Swvc, earlier: tuple[Finding, ...], surroundings: Surroundings) -> Swvc:
    """The SWVC with the underlay that carries it and its ports. Raises Rejected with everything that is wrong."""
    findings = check(swvc, surroundings)
    if earlier or findings:
        raise Rejected((*earlier, *findings))
    inventory, closed = surroundings.inventory, surroundings.closed.keys() | surroundings.claims.keys()
    ucpes = [uni.ucpe for uni in site_unis(swvc, inventory)]
    over = carrier(swvc, inventory, ucpes, closed)
    kept = surroundings.replaces.swvc.wan_ports if surroundings.replaces else {}
    return replace(swvc, carrier=over, wan_ports=chosen_ports(kept, inventory, ucpes, over, closed) if over else {})


def changed_service(service: Service, state: State, swvc: Swvc) -> Service:
    """The service with its next change accepted."""
    return replace(service, swvc=swvc, state=state, generation=service.generation + 1, changed=utc_now(), error=None)
