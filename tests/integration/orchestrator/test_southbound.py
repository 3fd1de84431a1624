"""The drivers against a real Open vSwitch: bundles are all or nothing, foreign rules stay, lost sessions come back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from os_ken.ofproto import ofproto_v1_4, ofproto_v1_4_parser

from orchestrator.model import UcpeRefused
from orchestrator.reconnect import on_switch
from orchestrator.southbound.contract import Uplink
from orchestrator.southbound.openflow import SwitchError
from orchestrator.southbound.ports import InternalPort
from orchestrator.southbound.rules import PROTOCOL, Rule, RuleChanges, difference, messages
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
        assert await on_switch(uplink, lambda switch: switch.dump()) == ()
        assert await uplink.switch() is not first

    on_site_a(bed, work)
    view.run("ovs-vsctl", "set", "Bridge", "br-ucpe", f"other_config:datapath-id={own}")
