"""Verdicts of the parts of a topology, taken from the steps and checks that judged them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.model import RunResult, StepResult, TopologyPicture, Verdict


@dataclass(frozen=True)
class ElementVerdict:
    """The worst verdict on an element, and the first step that gave it."""

    verdict: Verdict
    step_id: str


def element_verdicts(result: RunResult) -> dict[str, ElementVerdict]:
    """Element id → worst verdict. Elements that nothing judged are absent.

    A check that names an element judges it alone. A step's own verdict goes to its `elements`, except those that
    its checks judge; a step that names none at all judges what its verb is about (`firewall.*`: every firewall).
    """
    verdicts: dict[str, ElementVerdict] = {}
    for step in result.steps:
        for element, verdict in _judgements(step, result.topology):
            known = verdicts.get(element)
            if known is None or Verdict.worst((known.verdict, verdict)) is not known.verdict:
                verdicts[element] = ElementVerdict(verdict, step.id)
    return verdicts


def _judgements(step: StepResult, topology: TopologyPicture) -> Iterator[tuple[str, Verdict]]:
    by_checks = [(check.element, check.verdict) for check in step.checks if check.element]
    yield from by_checks
    judged = {element for element, _ in by_checks}
    named = step.elements if step.elements or judged else tuple(_implied(step.verb, topology))
    yield from ((element, step.verdict) for element in named if element not in judged)


def _implied(verb: str, topology: TopologyPicture) -> Iterator[str]:
    subject = verb.partition(".")[0]
    for site in topology.sites:
        if subject in ("service", "chain"):
            yield site.element
        if subject in ("ping", "traffic", "throughput"):
            yield from (host.element(site.name) for host in site.hosts)
        yield from (vnf.element(site.name) for vnf in site.chain if vnf.kind == subject)
    if subject in ("ipsec", "wire"):
        yield from (tunnel.element for tunnel in topology.tunnels)
    if subject == "wire":
        yield from (underlay.element for underlay in topology.underlays)
