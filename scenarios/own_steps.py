"""The steps that each run has beside those of its scenario: what is to be proved whatever the scenario asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scenarios.file.format import Scenario, Step
from scenarios.steps.verb import Verb
from scenarios.verbs.chain_conserved import ChainConserved
from scenarios.verbs.ipsec.as_ordered import IpsecAsOrdered
from scenarios.verbs.ipsec.established import IpsecEstablished
from scenarios.verbs.ipsec.recovers import IpsecRecovers
from scenarios.verbs.ipsec.refused import IpsecRefused
from scenarios.verbs.management_explained import ManagementExplained
from scenarios.verbs.underlay_explained import UnderlayExplained


def own_steps(scenario: Scenario) -> Iterator[tuple[Step, Verb]]:
    """Yield all of them."""
    yield from before_removal(scenario)
    yield from at_the_end(scenario)


def before_removal(scenario: Scenario) -> Iterator[tuple[Step, Verb]]:
    """Yield the steps that ask a service that is there: before the first one that removes it, or at the end.

    Gateways that refuse each other try again all the time, so their chains have no quiet moment to be counted in. One
    that is killed takes its counters along, and all packets until it is back.
    """
    if _refused(scenario) or any(step.verb == IpsecRecovers.verb for step in scenario.steps):
        return iter(())
    title = "No packet was lost, doubled or led astray in a chain"
    return _own(scenario, {"conserved": (ChainConserved(), title)})


def at_the_end(scenario: Scenario) -> Iterator[tuple[Step, Verb]]:
    """Yield the steps that end each run of *scenario*.

    Where gateways must refuse each other there is no association that would be as ordered.
    """
    own: dict[str, tuple[Verb, str]] = {
        "associations": (_as_ordered(scenario), "No security association stood but the ordered ones"),
        "underlay": (UnderlayExplained(), "Nothing crossed the underlays beside the tunnels"),
        "management": (ManagementExplained(), "Nothing but management crossed the management network"),
    }
    if _refused(scenario):
        del own["associations"]
    return _own(scenario, own)


def _refused(scenario: Scenario) -> bool:
    return any(step.verb == IpsecRefused.verb for step in scenario.steps)


def _own(scenario: Scenario, steps: Mapping[str, tuple[Verb, str]]) -> Iterator[tuple[Step, Verb]]:
    """Yield *steps* that *scenario*'s service has the VNFs for, with ids that no other step has."""
    for step_id, (verb, title) in steps.items():
        if not verb.asks or verb.asks in scenario.service.chain:
            yield _step(scenario, step_id, verb, title), verb


def _as_ordered(scenario: Scenario) -> IpsecAsOrdered:
    """Return the verb that demands for the whole run the algorithm which the scenario's steps demand of all tunnels."""
    steps = [step.with_ for step in scenario.steps if step.verb == IpsecEstablished.verb]
    established = [IpsecEstablished.model_validate(parameters) for parameters in steps]
    demanded = {verb.encryption for verb in established if not verb.between} - {""}
    return IpsecAsOrdered(encryption=demanded.pop() if len(demanded) == 1 else "")


def _step(scenario: Scenario, step_id: str, verb: Verb, title: str) -> Step:
    while any(step.id == step_id for step in scenario.steps):
        step_id += "-end"
    parameters = verb.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return Step.model_validate({"id": step_id, "verb": verb.verb, "title": title, "with": parameters})
