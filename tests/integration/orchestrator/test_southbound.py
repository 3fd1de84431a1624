"""The drivers against a real Open vSwitch: bundles are all or nothing, foreign rules stay, lost sessions come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from os_ken.ofproto import ofproto_v1_4, ofproto_v1_4_parser

from orchestrator.inventory import Ucpe
from orchestrator.model import UcpeRefused
from orchestrator.southbound.contract import Uplink
from orchestrator.southbound.openflow import SwitchError
from orchestrator.southbound.ovsdb import OvsdbClient
from orchestrator.southbound.ports import InternalPort, PortTable
from orchestrator.southbound.reconnect import on_connection
from orchestrator.southbound.rules import PROTOCOL, Rule, RuleChanges, difference, messages
from orchestrator.southbound.tls import Endpoint, client_context
from orchestrator.southbound.uplink import connected

COOKIE, MASK = 0x5EED_0000_0000_0001, 0xFFFF_FFFF_0000_0000


def rule(in_port: int, *outputs: int) -> Rule:
    return Rule(100, (("in_port", in_port),), outputs, cookie=COOKIE)


def on_site_a(bed: Any, work: Callable[[Uplink], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with connected(bed.inventory.ucpe("site-a")) as uplink:
            return await work(uplink)

    return asyncio.run(main())


def unknown_group() -> Any:
    """Decodes, but cannot be applied: refused at commit only."""
    group = ofproto_v1_4_parser.OFPActionGroup(99)
    apply = ofproto_v1_4_parser.OFPInstructionActions(ofproto_v1_4.OFPIT_APPLY_ACTIONS, [group])
    return ofproto_v1_4_parser.OFPFlowMod(
        PROTOCOL, cookie=COOKIE, priority=5, match=ofproto_v1_4_parser.OFPMatch(), instructions=[apply]
    )


def bad_port() -> Any:
    """Does not decode: refused as soon as it is added, and the bundle could still be committed."""
    return messages(RuleChanges(add=(rule(9, 0xFFFF_FF01),)), MASK)[0]


@pytest.mark.parametrize(
    ("bad", "text"), [(bad_port, "BAD_OUT_PORT"), (unknown_group, "BAD_OUT_GROUP")], ids=["decoding", "applying"]
)
def test_a_bundle_with_a_bad_rule_changes_nothing(bed: Any, bad: Callable[[], Any], text: str) -> None:
    view = bed.views["site-a"]

    async def work(uplink: Uplink) -> None:
        switch = await uplink.switch()
        await switch.commit(messages(RuleChanges(add=(rule(1, 2), rule(2, 1))), MASK))
        flows = view.flows()
        good = messages(RuleChanges(add=(rule(3, 1),), modify=(rule(1),), delete=(rule(2, 1),)), MASK)
        with pytest.raises(SwitchError, match=text):
            await switch.commit([*good[:2], bad(), *good[2:]])
        assert view.flows() == flows
        await switch.commit(messages(RuleChanges(delete=(rule(1, 2), rule(2, 1))), MASK))

    on_site_a(bed, work)


def test_a_modified_rule_keeps_its_counters_and_a_foreign_one_its_place(bed: Any) -> None:
    view = bed.views["site-a"]
    view.run("ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br-ucpe", "cookie=0x77,priority=50,arp,actions=drop")

    async def work(uplink: Uplink) -> None:
        switch = await uplink.switch()
        await switch.commit(messages(RuleChanges(add=(rule(1), rule(2))), MASK))
        bed.lab.hosts["host-1"].exec(["ping", "-c", "1", "-W", "1", "10.1.0.99"], check=False)  # its ARP comes in
        before = {item.rule.key: item.packets for item in await switch.dump(COOKIE, MASK)}
        assert before[rule(1).key] > 0
        changes = difference([item.rule for item in await switch.dump(COOKIE, MASK)], [rule(1, 2)])
        assert changes == RuleChanges(modify=(rule(1, 2),), delete=(rule(2),))
        await switch.commit(messages(changes, MASK))
        [after] = await switch.dump(COOKIE, MASK)
        assert (after.rule, after.packets >= before[rule(1).key]) == (rule(1, 2), True)
        await switch.commit(messages(RuleChanges(delete=(rule(1, 2),)), MASK))

    on_site_a(bed, work)
    assert any("cookie=0x77" in flow for flow in view.flows())
    view.run("ovs-ofctl", "-O", "OpenFlow14", "del-flows", "br-ucpe", "cookie=0x77/-1")


def test_ports_come_all_or_none(bed: Any) -> None:
    view = bed.views["site-a"]
    before = view.state()

    async def work(uplink: Uplink) -> None:
        fresh = InternalPort("fresh0", 1400, {"lso:service": "x"})
        for other, text in (("lan0", "'lan0' is taken"), ("eth0", "'eth0' cannot be made")):
            with pytest.raises(UcpeRefused, match=text):
                await uplink.ports.add([fresh, InternalPort(other, 1400, {})])
            assert view.state() == before
        await uplink.ports.add([fresh])
        [port] = [port for port in await uplink.ports.list() if port.name == "fresh0"]
        assert (port.mtu, port.external_ids, port.ofport is not None) == (1400, {"lso:service": "x"}, True)
        await uplink.ports.change([InternalPort("fresh0", 1300, {"lso:service": "y"})])
        await (await uplink.switch()).raise_ports([port.ofport or 0])
        assert "UP" in view.run("ip", "-br", "link", "show", "fresh0")
        [port] = [port for port in await uplink.ports.list() if port.name == "fresh0"]
        assert (port.mtu, port.external_ids) == (1300, {"lso:service": "y"})
        with pytest.raises(UcpeRefused, match="there is no interface 'nobody'"):
            await uplink.ports.change([InternalPort("nobody", 1400, {})])
        await uplink.ports.remove([port])

    on_site_a(bed, work)


def test_a_session_that_the_switch_dropped_is_made_anew(bed: Any) -> None:
    view = bed.views["site-a"]
    own = view.run("ovs-vsctl", "get", "Bridge", "br-ucpe", "other_config:datapath-id").strip()

    async def work(uplink: Uplink) -> None:
        first = await uplink.switch()
        view.run("ovs-vsctl", "set", "Bridge", "br-ucpe", "other_config:datapath-id=00000000000000ff")
        assert await on_connection(uplink.switch, lambda switch: switch.dump()) == ()
        assert await uplink.switch() is not first

    on_site_a(bed, work)
    view.run("ovs-vsctl", "set", "Bridge", "br-ucpe", f"other_config:datapath-id={own}")


@contextlib.asynccontextmanager
async def relayed(ucpe: Ucpe, folder: Path, asked: bytes) -> AsyncIterator[tuple[PortTable, list[str]]]:
    """The ports of a uCPE through a relay that cuts its first connection when what contains `asked` was answered, and
    keeps the answer to itself; the list has a word for each connection and for the cut.
    """
    there, told = Endpoint(ucpe.id, "ovsdb", ucpe.ovsdb), list[str]()
    made: list[OvsdbClient] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.append("connection")
        theirs, to_them = await there.open(client_context(ucpe))
        back = asyncio.create_task(forward(theirs, writer))
        while data := await reader.read(65536):
            if asked in data and "cut" not in told:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                to_them.write(data)
                await theirs.read(1)
                told.append("cut")
                break
            to_them.write(data)
        back.cancel()
        to_them.close()
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async def connection() -> OvsdbClient:
        if not made or made[-1].failure:
            made.append(await OvsdbClient.connect(Endpoint(ucpe.id, "ovsdb", f"unix:{folder / 'relay'}"), None))
        return made[-1]

    async with await asyncio.start_unix_server(serve, folder / "relay"):
        try:
            yield PortTable(connection, ucpe.bridge), told
        finally:
            await asyncio.gather(*(client.close() for client in made))


@pytest.mark.parametrize("asked", [b'"select","table":"Bridge"', b'"insert"', b'"monitor"'])
def test_ports_are_added_once_although_the_connection_is_lost_meanwhile(bed: Any, tmp_path: Path, asked: bytes) -> None:
    """Before, and after the transaction is carried out, whose answer nobody hears."""
    view = bed.views["site-a"]
    before = view.state()

    async def main() -> None:
        async with relayed(bed.inventory.ucpe("site-a"), tmp_path, asked) as (ports, told):
            assert "fresh0" not in {port.name for port in await ports.list()}
            await ports.add([InternalPort("fresh0", 1400, {"lso:service": "x"})])
            [port] = [port for port in await ports.list() if port.name == "fresh0"]
            assert (port.mtu, port.external_ids, port.ofport is not None) == (1400, {"lso:service": "x"}, True)
            await ports.remove([port])
            assert told.count("cut") == 1
            assert told.count("connection") > 1

    asyncio.run(main())
    assert view.state() == before


def test_a_database_session_that_the_ucpe_dropped_is_made_anew(bed: Any) -> None:
    async def work(uplink: Uplink) -> None:
        names = {port.name for port in await uplink.ports.list()}
        bed.views["site-a"].run("ovs-appctl", "-t", "ovsdb-server", "ovsdb-server/reconnect")
        assert {port.name for port in await uplink.ports.list()} == names

    on_site_a(bed, work)
