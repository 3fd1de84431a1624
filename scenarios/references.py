"""What a scenario's parts say of each other: names that point nowhere, what stands twice, what cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scenarios.errors import Finding, nearest
from scenarios.format import BLOCK, Scenario, Service, Step
from scenarios.order_items import criterion_fault
from scenarios.source import Path_, Source
from scenarios.verb import Verb
from testbed.spec_check import spec_findings

KINDS = ("firewall", "statistics", "ipsec")
"""The kinds of VNF that there is a contract for (``vnfs/contract``)."""

ENGINES = {
    "esp": ("kernel", "libipsec"),
    "datapath": ("system", "netdev"),
    "impairment": ("netem", "wirefilter", "tbf"),
    "cgroup": ("v2", "v1"),
}
"""The engines that a step may require, by capability (``testbed.doctor``)."""


def references(source: Source, scenario: Scenario, steps: Sequence[tuple[int, Verb]]) -> Iterator[Finding]:
    """Yield all that is wrong with a scenario whose values are right one by one; *steps* are verbs by index."""
    for fault in spec_findings(scenario.lab_spec()):
        yield source.finding(("topology", *fault.path), fault.message, fault.hint)
    yield from _service(source, scenario)
    if scenario.service.face == "mef-ordering":
        yield from _payloads(source, scenario.service)
    yield from _twice(source, ("steps",), "id", [step.id for step in scenario.steps])
    for index, step in enumerate(scenario.steps):
        yield from _engines(source, index, step)
    for index, verb in steps:
        for key, message, hint in verb.faults(scenario):
            yield source.finding(("steps", index, "with", *key), message, hint)
    yield from _impossible_steps(source, scenario, steps)


def _service(source: Source, scenario: Scenario) -> Iterator[Finding]:
    service, sites = scenario.service, scenario.topology.sites
    yield from _twice(source, ("service", "endpoints"), "site", [point.site for point in service.endpoints])
    yield from _twice(source, ("service", "applications"), "id", [entry.id for entry in service.applications])
    yield from _twice(source, ("service", "policies"), "id", [entry.id for entry in service.policies])
    for index, policy in enumerate(service.policies):
        if policy.id in BLOCK:
            message = f"{policy.id!r} is the reserved policy that blocks"
            yield source.finding(("service", "policies", index, "id"), message, "give it another name")
    yield from _mappings(source, ("service", "mappings"), service, service.mappings)
    for index, kind in enumerate(service.chain):
        if kind not in KINDS:
            yield source.finding(("service", "chain", index), f"no kind of VNF {kind!r}", nearest(kind, KINDS))
    yield from _carrier(source, scenario)
    for index, point in enumerate(service.endpoints):
        place: Path_ = ("service", "endpoints", index)
        if point.site not in sites:
            yield source.finding((*place, "site"), f"no site {point.site!r}", nearest(point.site, sites))
        yield from _mappings(source, (*place, "overrides"), service, point.overrides)


def _carrier(source: Source, scenario: Scenario) -> Iterator[Finding]:
    """Yield when no underlay reaches all sites of the service."""
    sites = scenario.topology.sites
    served = [sites[point.site] for point in scenario.service.endpoints if point.site in sites]
    joined = [{wan.underlay for wan in site.wan.values()} for site in served]
    if joined and not set.intersection(*joined):
        message = "no underlay reaches all these sites, so none can carry the service"
        yield source.finding(("service", "endpoints"), message, "give each of them a port on one underlay")


def _impossible_steps(source: Source, scenario: Scenario, steps: Sequence[tuple[int, Verb]]) -> Iterator[Finding]:
    """Yield steps that ask a VNF which the chain does not have, or a service that an earlier step has removed."""
    chain, removed = scenario.service.chain, ""
    for index, verb in steps:
        place = ("steps", index, "verb")
        if verb.asks and verb.asks not in chain:
            yield source.finding(place, f"{verb.verb} asks the {verb.asks} VNF, and service.chain has none")
        if removed and not verb.removes:
            yield source.finding(place, f"{removed} has removed the service by then", "remove it in the last step")
        removed = removed or (scenario.steps[index].id if verb.removes else "")


def _mappings(source: Source, place: Path_, service: Service, mappings: dict[str, str]) -> Iterator[Finding]:
    """Yield applications and policies that the service does not have."""
    applications = [entry.id for entry in service.applications]
    policies = [*BLOCK, *(entry.id for entry in service.policies)]
    for application, policy in mappings.items():
        here = (*place, application)
        if application not in applications:
            yield source.finding(here, f"no application {application!r}", nearest(application, applications))
        if policy not in policies:
            yield source.finding(here, f"no policy {policy!r}", nearest(policy, policies))


def _twice(source: Source, place: Path_, key: str, values: Iterable[str]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            message = f"the {key} {value!r} stands at {place[-1]}[{seen[value]}] already"
            yield source.finding((*place, index, key), message)
        seen.setdefault(value, index)


def _engines(source: Source, index: int, step: Step) -> Iterator[Finding]:
    """Yield engines that no machine has: their steps would be skipped for ever."""
    for capability, engine in step.require.items():
        if engine not in ENGINES[capability]:
            place = ("steps", index, "require", capability)
            yield source.finding(place, f"no {capability} engine {engine!r}", nearest(engine, ENGINES[capability]))


def _payloads(source: Source, service: Service) -> Iterator[Finding]:
    """Yield what the payloads of the ordering API have no member for."""
    if service.mtu != Service.model_fields["mtu"].default:
        yield source.finding(("service", "mtu"), "an MTU cannot be ordered through this face", "leave it out")
    lists = {
        "applications": [application.criteria for application in service.applications],
        "policies": [policy.criteria for policy in service.policies],
    }
    for key, entries in lists.items():
        for index, criteria in enumerate(entries):
            for name, value in criteria.items():
                if fault := criterion_fault(key, name, value):
                    yield source.finding(("service", key, index, "criteria", name), fault)
