"""What is accepted: an SWVC in which nothing is wrong, and a service that is to become it."""

from __future__ import annotations

from dataclasses import replace

from presto.core.check import Surroundings, check
from presto.core.compile import site_unis
from presto.core.credentials import utc_now
from presto.core.findings import Finding, Rejected
from presto.core.model import Service, State, Swvc
from presto.core.underlays import carrier


def checked_swvc(swvc: Swvc, earlier: tuple[Finding, ...], surroundings: Surroundings) -> Swvc:
    """The SWVC with the underlay that carries it. Raises Rejected with everything that is wrong."""
    findings = check(swvc, surroundings)
    if earlier or findings:
        raise Rejected((*earlier, *findings))
    ucpes = [uni.ucpe for uni in site_unis(swvc, surroundings.inventory)]
    return replace(swvc, carrier=carrier(swvc, surroundings.inventory, ucpes, surroundings.closed.keys()))


def changed_service(service: Service, state: State, swvc: Swvc) -> Service:
    """The service with its next change accepted."""
    return replace(service, swvc=swvc, state=state, generation=service.generation + 1, changed=utc_now(), error=None)
