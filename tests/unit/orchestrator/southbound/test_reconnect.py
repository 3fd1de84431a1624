"""Lost connections to the switch: made anew and the work repeated, over a real socket whose other end closes it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from os_ken.ofproto import ofproto_parser, ofproto_v1_4

from orchestrator.inventory import Ucpe
from orchestrator.model import DeploymentRequest, Result, ServiceRequest, UcpeError, UcpeRefused, UcpeUnreachable
from orchestrator.service import Orchestrator
from orchestrator.southbound import reconnect
from orchestrator.southbound.contract import Switch, Uplink
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.southbound.openflow import OpenFlowSwitch, hello
from orchestrator.southbound.rules import InstalledRule, Rule
from orchestrator.southbound.tls import Endpoint
from orchestrator.southbound.uplink import RemoteUplink
from orchestrator.ucpe.steps import set_rules
from orchestrator.ucpe.survey import Survey, survey

SERVICE = "11111111-2222-3333-4444-555555555555"
INVENTORY = memory_inventory(1)
UCPE = INVENTORY.ucpes[0]
RULE = Rule(100, (("in_port", 1),), (2,), cookie=0x1111_1111_0000_0001)
NO_RULES = (ofproto_v1_4.OFPMP_FLOW, 0, 0)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "PAUSES", (0.0,) * len(reconnect.PAUSES))


class Peer:
    """A switch without rules that closes its first `losses` connections where a dump is asked for."""

    def __init__(self, losses: int) -> None:
        self.losses, self.connections = losses, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        close = self.connections <= self.losses
        writer.write(hello(ofproto_v1_4.OFP_VERSION))
        try:
            while True:
                _, kind, length, xid = ofproto_parser.header(header := await reader.readexactly(8))
                await reader.readexactly(length - len(header))
                if kind == ofproto_v1_4.OFPT_MULTIPART_REQUEST:
                    if close:
                        break
                    reply = ofproto_v1_4.OFPT_MULTIPART_REPLY
                    writer.write(struct.pack("!BBHIHHI", ofproto_v1_4.OFP_VERSION, reply, 16, xid, *NO_RULES))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


async def surveyed(peer: Peer, socket: Path) -> Survey:
    """A survey of a uCPE in memory, but for its switch: that is the peer."""
    async with (
        await asyncio.start_unix_server(peer.serve, socket),
        MemorySouthbound(INVENTORY).connect(UCPE) as memory,
    ):
        switch = await OpenFlowSwitch.connect(Endpoint(UCPE.id, "openflow", f"unix:{socket}"), None)
        docker: Any = memory.docker
        ports: Any = memory.ports
        uplink = RemoteUplink(UCPE, None, docker, ports, switch)
        uplink.ports = ports
        try:
            return await survey(uplink, SERVICE)
        finally:
            await (await uplink.switch()).close()


@pytest.mark.parametrize("losses", range(len(reconnect.PAUSES) + 1))
def test_a_survey_outlives_lost_connections(tmp_path: Path, losses: int) -> None:
    peer = Peer(losses)
    assert asyncio.run(surveyed(peer, tmp_path / "of")).empty
    assert peer.connections == losses + 1


def test_a_switch_that_closes_every_connection_is_given_up(tmp_path: Path) -> None:
    peer = Peer(attempts := len(reconnect.PAUSES) + 1)
    with pytest.raises(UcpeUnreachable, match="closed the connection"):
        asyncio.run(surveyed(peer, tmp_path / "of"))
    assert peer.connections in {attempts, attempts + 1}  # the last one is the test's own, to close it


class Losing:
    """The switch of an uplink whose connection is lost at its dumps, or only after a commit that it has carried out."""

    def __init__(self, switch: Switch, *, commits: bool = True) -> None:
        self._switch, self._commits = switch, commits
        self.failure: UcpeError | None = None
        self.raise_ports = switch.raise_ports

    async def dump(self, cookie: int = 0, mask: int = 0) -> tuple[InstalledRule, ...]:
        if not self._commits:
            self.lose()
        return await self._switch.dump(cookie, mask)

    async def commit(self, changes: Sequence[Any]) -> None:
        await self._switch.commit(changes)
        self.lose()

    def lose(self) -> None:
        self.failure = UcpeUnreachable(UCPE.id, "openflow", "the uCPE closed the connection")
        raise self.failure


def with_uplink(switches: Callable[[Switch], list[Switch]], use: Callable[[Uplink], Any]) -> Any:
    """Use an uplink in memory that gives these switches one after the other."""

    async def main() -> Any:
        async with MemorySouthbound(INVENTORY).connect(UCPE) as memory:
            left = switches(await memory.switch())

            async def switch() -> Switch:
                return left.pop(0)

            changed: Any = memory
            changed.switch = switch
            return await use(memory)

    return asyncio.run(main())


def test_rules_before_are_those_before_the_first_attempt() -> None:
    before: list[tuple[Rule, ...]] = []
    with_uplink(lambda good: [Losing(good), good], lambda uplink: set_rules(uplink, SERVICE, (RULE,), before.append))
    assert before == [()]


def test_rules_are_undone_when_the_last_attempt_was_carried_out_and_not_answered(
    tmp_path: Path, site_inputs: Any
) -> None:
    driver, attempts = MemorySouthbound(INVENTORY), len(reconnect.PAUSES) + 1

    @asynccontextmanager
    async def connect(ucpe: Ucpe) -> AsyncIterator[Uplink]:
        async with driver.connect(ucpe) as memory:
            good, given = await memory.switch(), 0

            async def switch() -> Switch:
                """Good ones for the survey and the ports, then those for the rules."""
                nonlocal given
                given += 1
                losing = 2 < given <= 2 + attempts
                return Losing(good, commits=given == 2 + attempts) if losing else good

            changed: Any = memory
            changed.switch = switch
            yield memory

    orchestrator = Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", connect=connect)
    wanted = ServiceRequest(SERVICE, "acme", (DeploymentRequest(UCPE.id, "poc-site", site_inputs()),))
    outcome = asyncio.run(orchestrator.deploy(wanted))
    orchestrator.close()
    assert outcome.result is Result.ROLLED_BACK
    assert driver.state(UCPE.id).rules == ()


def test_what_fails_on_a_connection_that_holds_is_not_repeated() -> None:
    seen = []

    async def work(switch: Switch) -> None:
        seen.append(switch)
        raise UcpeRefused(UCPE.id, "openflow", "no")

    with pytest.raises(UcpeRefused):
        with_uplink(lambda good: [good, good], lambda uplink: reconnect.on_connection(uplink.switch, work))
    assert len(seen) == 1
