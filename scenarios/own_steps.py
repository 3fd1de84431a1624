"""The steps that each run has beside those of its scenario: what is to be proved whatever the scenario asks for."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.file.format import Scenario, Step
from scenarios.steps.verb import Verb
from scenarios.verbs.management_explained import ManagementExplained
from scenarios.verbs.underlay_explained import UnderlayExplained

_AT_THE_END: dict[str, tuple[Verb, str]] = {
    "underlay": (UnderlayExplained(), "Nothing crossed the underlays beside the tunnels"),
    "management": (ManagementExplained(), "Nothing but management crossed the management network"),
}


def at_the_end(scenario: Scenario) -> Iterator[tuple[Step, Verb]]:
    """Yield the steps that end each run of *scenario*, with ids that no other step has."""
    for step_id, (verb, title) in _AT_THE_END.items():
        if not verb.asks or verb.asks in scenario.service.chain:
            yield _step(scenario, step_id, verb, title), verb


def _step(scenario: Scenario, step_id: str, verb: Verb, title: str) -> Step:
    while any(step.id == step_id for step in scenario.steps):
        step_id += "-end"
    return Step(id=step_id, verb=verb.verb, title=title)
