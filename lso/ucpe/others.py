"""What a box carries that is not the trial's: a check has to leave it alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from lso.ucpe.box import Box, Unjudged
from lso.ucpe.trial import COOKIE, LABEL, LABELS
from orchestrator.model import UcpeError
from orchestrator.southbound.ports import SERVICE
from orchestrator.ucpe.health import NONSENSE
from orchestrator.ucpe.survey import OWNER_MASK

State = Mapping[str, Mapping[str, str]]
"""Kind of thing → its name → what shows that one was made or started anew."""


async def others(box: Box) -> State:
    """Return all containers of services, ports and rules; kinds of which the box does not tell are left out."""
    found = {}
    for kind, read in (("container", _containers), ("port", _ports), ("rule", _rules)):
        with suppress(UcpeError, Unjudged, *NONSENSE):
            found[kind] = await read(box)
    return found


def disturbed(before: State, after: State) -> Iterator[str]:
    """Yield what was there before and is gone, or other than it was."""
    for kind in before.keys() & after.keys():
        for name, state in before[kind].items():
            if after[kind].get(name) != state:
                yield f"{kind} {name} was {state}, is {after[kind].get(name, 'gone')}"


async def _containers(box: Box) -> dict[str, str]:
    engine = await box.engine()
    listed = [item for item in await engine.containers(LABEL) if item.labels.get(LABEL) != LABELS[LABEL]]
    states = {item.name: (await engine.inspect(item.id))["State"] for item in listed}
    return {name: f"{state['Status']} since {state['StartedAt']}" for name, state in states.items()}


async def _ports(box: Box) -> dict[str, str]:
    return {
        port.name: f"number {port.ofport}, MTU {port.mtu}"
        for port in await box.ports.list()
        if port.external_ids.get(SERVICE) != LABELS[LABEL]
    }


async def _rules(box: Box) -> dict[str, str]:
    return {
        str(item.rule): f"cookie {item.rule.cookie:#x}"
        for item in await (await box.switch()).dump()
        if (item.rule.cookie ^ COOKIE) & OWNER_MASK
    }
