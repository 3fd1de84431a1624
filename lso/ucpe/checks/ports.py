"""Internal ports of the bridge, as each port of a VNF is one."""

from __future__ import annotations

import asyncio
import time

from lso.ucpe.box import Box
from lso.ucpe.contract import clause
from lso.ucpe.trial import MTU, PORTS, SERVICE_ID, Trial, internal_ports
from orchestrator.model import UcpeError, UcpeRefused
from orchestrator.southbound.ports import SERVICE, SWITCH_SECONDS, BridgePort, InternalPort
from reports.model import Check

OTHER_MTU = 1300


async def run(box: Box, trial: Trial) -> list[Check]:
    """Make two, change one, ask for a name that is taken, and set both up."""
    await trial.ports()
    first = await _trial_ports(box)
    await box.ports.change(internal_ports(OTHER_MTU))
    changed = await _changed_ports(box)
    await box.ports.change(internal_ports())
    return [
        *(_as_asked(first, name) for name in PORTS),
        clause("O6").judged(
            "a changed MTU", _mtus(changed) == {OTHER_MTU}, f"{OTHER_MTU} bytes", ", ".join(map(str, _mtus(changed)))
        ),
        await _taken(box),
        await _up(box, trial),
    ]


def _as_asked(ports: dict[str, BridgePort], name: str) -> Check:
    port = ports.get(name)
    good = port is not None and bool(port.ofport) and port.mtu == MTU and port.external_ids.get(SERVICE) == SERVICE_ID
    measured = f"number {port.ofport}, MTU {port.mtu}, {dict(port.external_ids)}" if port else "not there"
    return clause("O6").judged(f"port {name}", good, f"a number, MTU {MTU}, its marks", measured)


async def _taken(box: Box) -> Check:
    """The second port's name is taken, so the first one must not come either."""
    free = "lsocheck-new"
    try:
        await box.ports.add([InternalPort(free, MTU, {SERVICE: SERVICE_ID}), InternalPort(PORTS[0], MTU, {})])
        refused = "accepted"
    except UcpeRefused as error:
        refused = error.message
    there = free in await _trial_ports(box)
    measured = f"{refused}; the other port of the transaction is {'there' if there else 'not there'}"
    return clause("O6").judged(
        "a name that is taken", refused != "accepted" and not there, "refused, nothing made", measured
    )


async def _up(box: Box, trial: Trial) -> Check:
    """Each is read back as up by a second request, which then has nothing to change."""
    numbers = await trial.ports()
    try:
        switch = await box.switch()
        await switch.raise_ports(numbers)
        down = await switch.ports_down(numbers)
    except UcpeError as error:
        return clause("F4").judged("ports set up", False, "up", error.message)
    return clause("F4").judged("ports set up", not down, "up", f"{len(down)} of {len(numbers)} down" if down else "up")


async def _changed_ports(box: Box) -> dict[str, BridgePort]:
    """Return the ports once they have the other MTU, or time is up: ovs-vswitchd follows the database later."""
    end = time.monotonic() + SWITCH_SECONDS
    while _mtus(found := await _trial_ports(box)) != {OTHER_MTU} and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return found


async def _trial_ports(box: Box) -> dict[str, BridgePort]:
    return {port.name: port for port in await box.ports.list() if port.external_ids.get(SERVICE) == SERVICE_ID}


def _mtus(ports: dict[str, BridgePort]) -> set[int | None]:
    return {port.mtu for port in ports.values()}
