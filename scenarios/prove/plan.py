"""Which sabotage is tried on which steps of a scenario in a lab that runs, and why one is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scenarios.file.format import Step
from scenarios.prove import variables
from scenarios.prove.sabotage import UNDERLAY, Action, LoadedSabotage, Noticing, Requires
from scenarios.references import KINDS
from scenarios.steps.context import Context
from scenarios.steps.verb import Verb


@dataclass(frozen=True)
class Assertion:
    """A step of the scenario, with its verb, and the check by which it must notice: a pattern, empty for any."""

    step: Step
    verb: Verb
    check: str = ""

    @property
    def id(self) -> str:
        """Return the step's id."""
        return self.step.id


@dataclass(frozen=True)
class Placed:
    """An action in a lab: *part* of *site* (a kind of VNF, or a word of ``sabotage.PARTS``; empty for the uCPE itself).

    *host* is the LAN host that the part ``host`` stands for. *environment* has the variables that its scripts use.
    """

    action: Action
    site: str
    part: str
    host: str
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Application:
    """A sabotage in a lab, and the steps that must notice it; it is applied once for all of them."""

    sabotage: LoadedSabotage
    actions: tuple[Placed, ...]
    assertions: tuple[Assertion, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Return what makes it the same in another lab of the scenario."""
        return (self.sabotage.id, *(assertion.id for assertion in self.assertions))


class Impossible(Exception):
    """A sabotage that cannot be in this lab; the text says why."""


def wanted(sabotage: LoadedSabotage, assertions: Sequence[Assertion]) -> list[Assertion]:
    """Return those of *assertions* that must notice *sabotage*."""
    first = {one.id: next(_concerning(sabotage.sabotage.must_notice, one.verb), None) for one in assertions}
    return [replace(one, check=noticing.check) for one in assertions if (noticing := first[one.id])]


def applications(
    context: Context, sabotage: LoadedSabotage, assertions: Sequence[Assertion]
) -> tuple[list[Application], str]:
    """Return how *sabotage* is tried on *assertions*, which must notice it, and why it is not on some of them.

    Steps for which the very same would be done are tried together.
    """
    reason = _missing(context, sabotage.sabotage.requires)
    groups: dict[tuple[Placed, ...], list[Assertion]] = {}
    for assertion in assertions if not reason else ():
        try:
            groups.setdefault(tuple(_placed(context, sabotage, assertion.verb)), []).append(assertion)
        except Impossible as why:
            reason = str(why)
    return [Application(sabotage, actions, tuple(steps)) for actions, steps in groups.items()], reason


def _concerning(must_notice: Sequence[Noticing], verb: Verb) -> Iterator[Noticing]:
    given = verb.model_dump(by_alias=True)
    for noticing in must_notice:
        wanted = {key: value if isinstance(value, list) else [value] for key, value in noticing.with_.items()}
        if noticing.verb == verb.verb and all(given[key] in values for key, values in wanted.items()):
            yield noticing


def _missing(context: Context, requires: Requires) -> str:
    for capability, wanted_engine in requires.engines.items():
        if (engine := context.engines.get(capability, "none")) != wanted_engine:
            return f"needs the {capability} engine {wanted_engine!r}; this machine has {engine!r}"
    for site in context.service_sites() if requires.vendors else ():
        vnfs = context.view(site).vnf_containers(context.service_id)
        products = {vnf.labels.get("lso.kind"): vnf.labels.get("lso.vnf.vendor") for vnf in vnfs}
        for kind, vendor in requires.vendors.items():
            if products.get(kind) != vendor:
                return f"is for the {kind} VNF of {vendor!r}; the chain of {site} has {products.get(kind, 'none')!r}"
    return ""


def _placed(context: Context, sabotage: LoadedSabotage, verb: Verb) -> Iterator[Placed]:
    for action in sabotage.sabotage.actions:
        role, _, part = action.where.partition("/")
        here = roles(context, verb)
        if role == UNDERLAY:
            role, part = "first", UNDERLAY
        if role not in here:
            raise Impossible(f"needs two sites, {verb.verb} has one")
        site, peer = here[role]
        if part in KINDS and part not in context.scenario.service.chain:
            raise Impossible(f"needs a {part} VNF in the chain")
        known = variables.values(context, sabotage.file.parent, site, peer, verb)
        host = variables.host_at(context, site, verb)
        yield Placed(action, site, part, host, tuple(_environment(action, known)))


def _environment(action: Action, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    expanded = variables.expanded(*action.scripts)
    for name in sorted(variables.used(*action.scripts)):
        if name in known:
            yield name, known[name]
        elif name in expanded:
            raise Impossible(f"has no ${name} here")


def roles(context: Context, verb: Verb) -> dict[str, tuple[str, str | None]]:
    """Return the site and the other site of each role: near is where a step sends from, or the service's first site."""
    sites = context.service_sites()
    first, second = sites[0], sites[1] if len(sites) > 1 else None
    hosts = variables.hosts_of(verb)
    near, far = (context.site_of(hosts[0]), context.site_of(hosts[1])) if hosts else (first, second)
    found: dict[str, tuple[str, str | None]] = {"near": (near, far), "first": (first, second)}
    if far:
        found["far"] = (far, near)
    if second:
        found["second"] = (second, first)
    return found
