"""Frames through the bridge and a container's ports, by rules like those of a chain; and the container's end."""

from __future__ import annotations

import asyncio
import time

from lso.ucpe.box import Box, Unjudged
from lso.ucpe.checks.switch import rule
from lso.ucpe.contract import clause
from lso.ucpe.inside import Inside
from lso.ucpe.trial import COOKIE, PORTS, SERVICE_ID, Trial, mac
from orchestrator.model import UcpeError
from orchestrator.southbound.engine_events import ended_containers
from orchestrator.southbound.openflow import OpenFlowSwitch
from orchestrator.southbound.rules import RuleChanges, messages
from orchestrator.ucpe.survey import OWNER_MASK
from reports.model import Check

FRAMES = 50
FRAME = bytes.fromhex("ffffffffffff 025eed000001 88b5") + bytes(50)
"""A broadcast of the EtherType that IEEE 802 leaves for local experiments."""
ARRIVAL_SECONDS, EVENT_SECONDS, PAUSE = 15.0, 15.0, 0.1


async def run(box: Box, trial: Trial) -> list[Check]:
    """Inject frames without rules, then with them, each way."""
    numbers = await trial.ports()
    await trial.running()
    switch, inside = await box.switch(), Inside(await box.engine())
    if {mac(0), mac(1)} - {one.mac for one in await inside.interfaces()}:
        raise Unjudged("the container's ports cannot be told apart: their MAC addresses are not as they should be")
    await switch.raise_ports(numbers)
    found = [await _dropped(switch, inside, numbers)]
    rules = (rule(numbers[0], numbers[1]), rule(numbers[1], numbers[0]))
    await switch.commit(messages(RuleChanges(add=rules), OWNER_MASK))
    for near, far in ((0, 1), (1, 0)):
        found += await _passed(switch, inside, numbers, (near, far))
    await switch.commit(messages(RuleChanges(delete=rules), OWNER_MASK))
    return found


async def _dropped(switch: OpenFlowSwitch, inside: Inside, numbers: tuple[int, int]) -> Check:
    before = await _received(inside, 1)
    await switch.inject([FRAME] * FRAMES, numbers[0])
    await asyncio.sleep(2 * PAUSE)  # long enough for frames that would come; more of them cannot be waited for
    came = await _received(inside, 1) - before
    return clause("F5").judged("frames without a rule", not came, "dropped", f"{came} of {FRAMES} packets came")


async def _passed(
    switch: OpenFlowSwitch, inside: Inside, numbers: tuple[int, int], way: tuple[int, int]
) -> list[Check]:
    """The container may send on its own, so there may be more than was injected, and not less."""
    near, far = way
    before, ends = await _received(inside, far), time.monotonic() + ARRIVAL_SECONDS
    await switch.inject([FRAME] * FRAMES, numbers[near])
    came = counted = 0
    while min(came, counted) < FRAMES and time.monotonic() < ends:
        await asyncio.sleep(PAUSE)
        came = await _received(inside, far) - before
        listed = await switch.dump(COOKIE, OWNER_MASK)
        counted = sum(item.packets for item in listed if dict(item.rule.match)["in_port"] == numbers[near])
    name, expected = f"{PORTS[near]} to {PORTS[far]}", f"{FRAMES} packets"
    return [
        clause("F5").judged(f"{name}: arrived", came >= FRAMES, expected, str(came)),
        clause("F5").judged(f"{name}: counted", counted >= FRAMES, expected, str(counted)),
    ]


async def _received(inside: Inside, port: int) -> int:
    return sum(one.received for one in await inside.interfaces() if one.mac == mac(port))


async def ending(box: Box, trial: Trial) -> list[Check]:
    """Judge that the engine tells of the container's end."""
    await trial.running()
    try:
        async with ended_containers(box.ucpe) as services, asyncio.timeout(EVENT_SECONDS):
            await trial.end()
            while await anext(services) != SERVICE_ID:
                pass
        problem = ""
    except TimeoutError:
        problem = f"nothing within {EVENT_SECONDS:g} s"
    except UcpeError as error:
        problem = error.message
    return [clause("D10").judged("the end of a container", not problem, "told", problem or "told")]
