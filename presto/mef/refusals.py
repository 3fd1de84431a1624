"""Why an order would be refused on a network that carries nothing yet: the checks of a POST, and no effect."""

from __future__ import annotations

from collections.abc import Iterable

from common.findings import Finding
from orchestrator.inventory import Inventory
from presto.domain.check import Surroundings, check
from presto.domain.credentials import utc_now
from presto.domain.enrolled import Enrolled
from presto.mef.enrolled import named_resources
from presto.mef.findings import from_finding
from presto.mef.items import check_items, check_order
from presto.mef.plan import Plan, make_plan
from presto.mef.relationships import Links
from presto_api.mef.envelope import Order
from presto_api.mef.problems import Problem
from presto_api.mef.wire import parse_json, validate


def refusals(content: bytes, inventory: Inventory) -> list[Problem]:
    """What a POST with that order, which adds an SWVC, would be refused for. Raises HttpError when it is no JSON."""
    order, problems = validate(Order, parse_json(content))
    if order is None:
        return problems
    items, form = check_items(order, {}, {})
    links = Links({item.wire.id: item for item in items}, {item.id for item in order.service_order_item})
    named, untrue = named_resources(items, Enrolled(inventory), {}, links)
    plan, unfitting = make_plan(items, links, named, {}, Enrolled(inventory))
    problems = [*check_order(order, utc_now()), *form, *untrue, *unfitting, *links.problems]
    if len(items) == len(order.service_order_item) and plan.verb == "create" and plan.parts:
        problems += of_the_core(check(plan.result(None), Surroundings(inventory)), plan, all_told=not problems)
    return problems


def of_the_core(findings: Iterable[Finding], plan: Plan, *, all_told: bool) -> list[Problem]:
    """The core's findings at their places in the order; of one that could not be understood not all are told."""
    if not all_told:
        # One without a place of its own is about end points that could not be understood, and were told.
        findings = [found for found in findings if found.path[:1] != ("end_points",) or len(found.path) > 2]
        findings = [found for found in findings if found.path[-1:] != ("uni",) or plan.ends_known(found.path)]
    return [from_finding(finding, plan.places) for finding in findings]
