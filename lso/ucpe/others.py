"""What a box carries that is not the trial's: a check has to leave it alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping

from lso.ucpe.box import Box, Unjudged
from lso.ucpe.trial import COOKIE, LABEL, LABELS
from orchestrator.model import UcpeError
from orchestrator.southbound.ports import SERVICE
from orchestrator.ucpe.survey import OWNER_MASK

State = Mapping[str, str]


async def others(box: Box) -> State:
    """Return all containers of services, ports and rules by name, with what shows that one was made or started anew.

    What an endpoint does not tell is left out.
    """
    found: dict[str, str] = {}
    for read in (_containers, _ports, _rules):
        found |= await _told(read, box)
    return found


def disturbed(before: State, after: State) -> Iterator[str]:
    """Yield what was there before and is gone, or other than it was."""
    for name, state in before.items():
        if after.get(name) != state:
            yield f"{name} was {state}, is {after.get(name, 'gone')}"


async def _told(read: Callable[[Box], Awaitable[dict[str, str]]], box: Box) -> dict[str, str]:
    try:
        return await read(box)
    except (UcpeError, Unjudged):
        return {}


async def _containers(box: Box) -> dict[str, str]:
    engine = await box.engine()
    listed = [item for item in await engine.containers(LABEL) if item.labels.get(LABEL) != LABELS[LABEL]]
    states = {item.name: (await engine.inspect(item.id))["State"] for item in listed}
    return {f"container {name}": f"{state['Status']} since {state['StartedAt']}" for name, state in states.items()}


async def _ports(box: Box) -> dict[str, str]:
    return {
        f"port {port.name}": f"number {port.ofport}, MTU {port.mtu}"
        for port in await box.ports.list()
        if port.external_ids.get(SERVICE) != LABELS[LABEL]
    }


async def _rules(box: Box) -> dict[str, str]:
    return {
        f"rule {item.rule}": f"cookie {item.rule.cookie:#x}"
        for item in await (await box.switch()).dump()
        if (item.rule.cookie ^ COOKIE) & OWNER_MASK
    }
