"""What a scenario's parts say of each other: names that point nowhere, what stands twice, what cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from common.findings import Fault, Path, nearest
from scenarios.file.format import BLOCK, Scenario, Service, Step
from scenarios.ordering.order_items import criterion_fault
from scenarios.steps.verb import Verb
from testbed.spec.check import spec_findings

KINDS = ("firewall", "statistics", "ipsec")
"""The kinds of VNF that there is a contract for (``vnfs/contract``)."""

ENGINES = {
    "esp": ("kernel", "libipsec"),
    "datapath": ("system", "netdev"),
    "impairment": ("netem", "wirefilter", "tbf"),
    "cgroup": ("v2", "v1"),
}
"""The engines that a step may require, by capability (``testbed.doctor``)."""


def references(scenario: Scenario, steps: Sequence[tuple[int, Verb]]) -> Iterator[Fault]:
    """Yield all that is wrong with a scenario whose values are right one by one; *steps* are verbs by index.

    A list that is empty is one that could not be read: nothing is said of names that may stand in it.
    """
    for fault in spec_findings(scenario.lab_spec()):
        if scenario.topology.underlays or fault.path[-1:] != ("underlay",):
            yield replace(fault, path=("topology", *fault.path))
    yield from _service(scenario)
    yield from _products(scenario)
    if scenario.service.face == "mef-ordering":
        yield from _payloads(scenario.service)
    yield from _twice(("steps",), "id", [step.id for step in scenario.steps])
    for index, step in enumerate(scenario.steps):
        yield from _engines(index, step)
    for index, verb in steps:
        for fault in verb.faults(scenario):
            yield replace(fault, path=("steps", index, "with", *fault.path))
    yield from _impossible_steps(scenario, steps)


def _service(scenario: Scenario) -> Iterator[Fault]:
    service, sites = scenario.service, scenario.topology.sites
    yield from _twice(("service", "endpoints"), "site", [point.site for point in service.endpoints])
    yield from _mappings(("service", "mappings"), service, service.mappings)
    for index, kind in enumerate(service.chain):
        if kind not in KINDS:
            yield Fault(("service", "chain", index), f"no kind of VNF {kind!r}", nearest(kind, KINDS))
    for index, point in enumerate(service.endpoints):
        place: Path = ("service", "endpoints", index)
        if sites and point.site not in sites:
            yield Fault((*place, "site"), f"no site {point.site!r}", nearest(point.site, sites))
        yield from _mappings((*place, "overrides"), service, point.overrides)


def _products(scenario: Scenario) -> Iterator[Fault]:
    """Yield products for what the service does not have: they would stand in the file without an effect."""
    service, chain = scenario.service, scenario.service.chain
    sites = {point.site for point in service.endpoints}
    for site, products in scenario.products.items():
        if scenario.topology.sites and site not in scenario.topology.sites:
            yield Fault(("products", site), f"no site {site!r}", nearest(site, scenario.topology.sites))
        elif all(sites) and site not in sites:
            yield Fault(("products", site), f"the service has no end point at {site!r}", nearest(site, sites))
        for kind in products:
            if kind not in KINDS:
                yield Fault(("products", site, kind), f"no kind of VNF {kind!r}", nearest(kind, KINDS))
            elif kind not in chain and set(chain) <= set(KINDS):
                yield Fault(("products", site, kind), f"service.chain has no {kind} VNF", nearest(kind, chain))


def _impossible_steps(scenario: Scenario, steps: Sequence[tuple[int, Verb]]) -> Iterator[Fault]:
    """Yield steps that ask a VNF which the chain does not have, or a service that an earlier step has removed."""
    chain, removed = scenario.service.chain, ""
    for index, verb in steps:
        place = ("steps", index, "verb")
        if verb.asks and verb.asks not in chain and set(chain) <= set(KINDS):
            yield Fault(place, f"{verb.verb} asks the {verb.asks} VNF, and service.chain has none")
        if removed and not verb.removes:
            yield Fault(place, f"{removed} has removed the service by then", "remove it in the last step")
        removed = removed or (scenario.steps[index].id if verb.removes else "")


def _mappings(place: Path, service: Service, mappings: dict[str, str]) -> Iterator[Fault]:
    """Yield applications and policies that the service does not have, where the names of all of them are known."""
    applications = dict.fromkeys(entry.id for entry in service.applications)
    policies = dict.fromkeys(entry.id for entry in service.policies)

    def known(names: dict[str, None]) -> bool:
        return bool(names) and all(names)

    for application, policy in mappings.items():
        here = (*place, application)
        if known(applications) and application not in applications:
            yield Fault(here, f"no application {application!r}", nearest(application, applications))
        if known(policies) and policy not in (*BLOCK, *policies):
            yield Fault(here, f"no policy {policy!r}", nearest(policy, {*BLOCK, *policies}))


def _twice(place: Path, key: str, values: Iterable[str]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            yield Fault((*place, index, key), f"the {key} {value!r} stands at {place[-1]}[{seen[value]}] already")
        seen.setdefault(value, index)


def _engines(index: int, step: Step) -> Iterator[Fault]:
    """Yield engines that no machine has: their steps would be skipped for ever."""
    for capability, engine in step.require.items():
        if engine not in ENGINES.get(capability, (engine,)):
            place = ("steps", index, "require", capability)
            yield Fault(place, f"no {capability} engine {engine!r}", nearest(engine, ENGINES[capability]))


def _payloads(service: Service) -> Iterator[Fault]:
    """Yield what the payloads of the ordering API have no member for."""
    if service.mtu != Service.model_fields["mtu"].default:
        yield Fault(("service", "mtu"), "an MTU cannot be ordered through this face", "leave it out")
    lists = {
        "applications": [application.criteria for application in service.applications],
        "policies": [policy.criteria for policy in service.policies],
    }
    for key, entries in lists.items():
        for index, criteria in enumerate(entries):
            for name, value in criteria.items():
                if fault := criterion_fault(key, name, value):
                    yield Fault(("service", key, index, "criteria", name), fault)
