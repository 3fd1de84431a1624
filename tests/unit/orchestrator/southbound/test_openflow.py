"""OpenFlow: rules to messages and back, differences, and a connection to a scripted switch on a Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from os_ken.ofproto import ofproto_parser, ofproto_v1_4, ofproto_v1_4_parser

from orchestrator.model import UcpeRefused, UcpeUnreachable
from orchestrator.southbound.openflow import OpenFlowSwitch, SwitchError, hello, offers
from orchestrator.southbound.rules import PROTOCOL, Rule, RuleChanges, difference, installed, messages
from orchestrator.southbound.tls import Endpoint

COOKIE = 0x0123_4567_0000_0001
MASK = 0xFFFF_FFFF_0000_0000


def rule(in_port: int, *outputs: int, priority: int = 100, cookie: int = COOKIE) -> Rule:
    return Rule(priority, (("in_port", in_port),), outputs, cookie=cookie)


@pytest.mark.parametrize(
    ("present", "wanted", "changes"),
    [
        ([], [], RuleChanges()),
        ([], [rule(1, 2)], RuleChanges(add=(rule(1, 2),))),
        ([rule(1, 2)], [rule(1, 2)], RuleChanges()),
        ([rule(1, 2)], [rule(1, 2, cookie=COOKIE + 1)], RuleChanges()),
        ([rule(1, 2)], [rule(1, 3)], RuleChanges(modify=(rule(1, 3),))),
        ([rule(1, 2)], [], RuleChanges(delete=(rule(1, 2),))),
        ([rule(1, 2)], [rule(1, 2, priority=7)], RuleChanges(add=(rule(1, 2, priority=7),), delete=(rule(1, 2),))),
    ],
    ids=["nothing", "new", "same", "other generation", "redirected", "gone", "other priority"],
)
def test_difference_touches_only_what_differs(present: list[Rule], wanted: list[Rule], changes: RuleChanges) -> None:
    assert difference(present, wanted) == changes
    assert bool(difference(present, wanted)) == (changes != RuleChanges())


def parsed(message: Any) -> Any:
    """Through bytes and back, as the switch would read it."""
    message.set_xid(7)
    message.serialize()
    data = bytes(message.buf)
    version, kind, length, xid = ofproto_parser.header(data)
    assert (version, length, xid) == (ofproto_v1_4.OFP_VERSION, len(data), 7)
    return ofproto_parser.msg(PROTOCOL, version, kind, length, xid, data)


def test_flow_mods_say_what_the_rules_say() -> None:
    changes = RuleChanges(add=(rule(1, 2),), modify=(rule(3, 4),), delete=(rule(5, 6),))
    delete, modify, add = (parsed(message) for message in messages(changes, MASK))
    assert (delete.command, delete.cookie_mask) == (ofproto_v1_4.OFPFC_DELETE_STRICT, MASK)
    assert (modify.command, modify.cookie_mask) == (ofproto_v1_4.OFPFC_MODIFY_STRICT, MASK)
    assert (add.command, add.cookie_mask, add.cookie) == (ofproto_v1_4.OFPFC_ADD, 0, COOKIE)
    assert dict(add.match.items()) == {"in_port": 1}
    assert [action.port for action in add.instructions[0].actions] == [2]
    assert (add.priority, add.idle_timeout, add.hard_timeout, add.buffer_id) == (100, 0, 0, ofproto_v1_4.OFP_NO_BUFFER)


def test_a_rule_without_output_drops() -> None:
    [drop] = (parsed(message) for message in messages(RuleChanges(add=(rule(1),)), MASK))
    assert drop.instructions == []


def stats(match: dict[str, Any], actions: list[Any], cookie: int = COOKIE) -> Any:
    instructions = [ofproto_v1_4_parser.OFPInstructionActions(ofproto_v1_4.OFPIT_APPLY_ACTIONS, actions)]
    return ofproto_v1_4_parser.OFPFlowStats(
        table_id=0, duration_sec=2, duration_nsec=500_000_000, priority=100, idle_timeout=0, hard_timeout=0, flags=0,
        importance=0, cookie=cookie, packet_count=3, byte_count=180, match=ofproto_v1_4_parser.OFPMatch(**match),
        instructions=instructions if actions else [],
    )  # fmt: skip


def test_a_dumped_rule_equals_the_one_that_was_asked_for() -> None:
    item = installed(stats({"in_port": 1}, [ofproto_v1_4_parser.OFPActionOutput(2, 0)]))
    assert item.rule == rule(1, 2)
    assert (item.rule.cookie, item.packets, item.bytes, item.seconds) == (COOKIE, 3, 180, 2.5)


def test_a_rule_that_does_more_is_not_taken_for_ours() -> None:
    actions = [ofproto_v1_4_parser.OFPActionPopVlan(), ofproto_v1_4_parser.OFPActionOutput(2, 0)]
    assert installed(stats({"in_port": 1}, actions)).rule != rule(1, 2)
    assert installed(stats({"in_port": 1, "eth_type": 0x800}, actions[1:])).rule.key != rule(1, 2).key


BARRIER, CONTROL, ADD = (
    ofproto_v1_4.OFPT_BARRIER_REQUEST,
    ofproto_v1_4.OFPT_BUNDLE_CONTROL,
    ofproto_v1_4.OFPT_BUNDLE_ADD_MESSAGE,
)


@dataclass(frozen=True)
class Received:
    """A message as its bytes say; the codec reads nothing that only switches receive."""

    kind: int
    xid: int
    data: bytes

    @property
    def step(self) -> int | None:
        return int.from_bytes(self.data[12:14], "big") if self.kind == CONTROL else None

    @property
    def flags(self) -> int:
        return int.from_bytes(self.data[14:16], "big")

    @property
    def inner(self) -> Any:
        version, kind, length, xid = ofproto_parser.header(self.data[16:24])
        return ofproto_parser.msg(PROTOCOL, version, kind, length, xid, self.data[16:])


class Switch:
    """A switch that says hello, answers barriers and bundles, and refuses what the test wants refused."""

    def __init__(
        self, refuse: Callable[[Received], int | None] = lambda _: None, versions: tuple[int, ...] = (5,)
    ) -> None:
        self.received: list[Received] = []
        self._refuse = refuse
        self._versions = versions

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hello(*self._versions))
        try:
            while True:
                header = await reader.readexactly(8)
                _, kind, length, xid = ofproto_parser.header(header)
                message = Received(kind, xid, header + await reader.readexactly(length - 8))
                self.received.append(message)
                if (reply := self.answer(message)) is not None:
                    self._send(writer, reply, xid)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, message: Received) -> Any:
        if (code := self._refuse(message)) is not None:
            kind = ofproto_v1_4.OFPET_BUNDLE_FAILED
            return ofproto_v1_4_parser.OFPErrorMsg(PROTOCOL, type_=kind, code=code, data=b"")
        if message.kind == BARRIER:
            return ofproto_v1_4_parser.OFPBarrierReply(PROTOCOL)
        if message.step is not None:
            return ofproto_v1_4_parser.OFPBundleCtrlMsg(PROTOCOL, 1, message.step + 1, 0, [])
        return None

    @staticmethod
    def _send(writer: asyncio.StreamWriter, message: Any, xid: int) -> None:
        message.set_xid(xid)
        message.serialize()
        writer.write(bytes(message.buf))

    def bundle_steps(self) -> list[int]:
        return [message.step for message in self.received if message.step is not None]


def converse(folder: Path, peer: Switch, use: Callable[[OpenFlowSwitch], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with await asyncio.start_unix_server(peer.serve, folder / "of"):
            switch = await OpenFlowSwitch.connect(Endpoint("u1", "openflow", f"unix:{folder / 'of'}"), None)
            try:
                return await use(switch)
            finally:
                await switch.close()

    return asyncio.run(main())


OPEN, COMMIT, DISCARD = (
    ofproto_v1_4.OFPBCT_OPEN_REQUEST,
    ofproto_v1_4.OFPBCT_COMMIT_REQUEST,
    ofproto_v1_4.OFPBCT_DISCARD_REQUEST,
)


def two_rules() -> list[Any]:
    return messages(RuleChanges(add=(rule(1, 2), rule(2, 1))), MASK)


def test_a_bundle_is_opened_filled_and_committed(tmp_path: Path) -> None:
    peer = Switch()
    converse(tmp_path, peer, lambda switch: switch.commit(two_rules()))
    adds = [message for message in peer.received if message.kind == ADD]
    assert peer.bundle_steps() == [OPEN, COMMIT]
    assert [message.inner.match["in_port"] for message in adds] == [1, 2]
    assert [message.inner.xid for message in adds] == [message.xid for message in adds]
    assert {item.flags for item in adds} == {ofproto_v1_4.OFPBF_ATOMIC | ofproto_v1_4.OFPBF_ORDERED}


def test_no_change_sends_nothing(tmp_path: Path) -> None:
    peer = Switch()
    converse(tmp_path, peer, lambda switch: switch.commit([]))
    assert peer.bundle_steps() == []


def test_a_message_refused_on_its_way_in_stops_the_commit(tmp_path: Path) -> None:
    def refuse(message: Received) -> int | None:
        return 0 if message.kind == ADD and message.inner.match["in_port"] == 1 else None

    peer = Switch(refuse)
    with pytest.raises(SwitchError, match="u1: openflow: filling the bundle: the switch refused: OFPET_BUNDLE_FAILED"):
        converse(tmp_path, peer, lambda switch: switch.commit(two_rules()))
    assert peer.bundle_steps() == [OPEN, DISCARD]


def test_a_refused_commit_is_an_error(tmp_path: Path) -> None:
    def refuse(message: Received) -> int | None:
        return ofproto_v1_4.OFPBFC_MSG_FAILED if message.step == COMMIT else None

    peer = Switch(refuse)
    with pytest.raises(SwitchError, match=r"commit of the bundle: .*OFPBFC_MSG_FAILED"):
        converse(tmp_path, peer, lambda switch: switch.commit(two_rules()))
    assert peer.bundle_steps() == [OPEN, COMMIT, DISCARD]


def test_a_bridge_without_openflow_14_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UcpeRefused, match="add OpenFlow14 to its protocols"):
        converse(tmp_path, Switch(versions=(1, 4)), lambda switch: switch.commit([]))


@pytest.mark.parametrize(
    ("greeting", "offered"),
    [
        (hello(4, 5, 6), True),
        (hello(4, 6), False),
        (hello(1, 4), False),
        (bytes.fromhex("0500000800000000"), True),
        (bytes.fromhex("0400000800000000"), False),
        (bytes.fromhex("060000180000000000020006aabb0000" + "0001000800000070"), True),
    ],
    ids=["among others", "left out", "too old", "no bitmap", "no bitmap, too old", "behind another element"],
)
def test_greetings(greeting: bytes, offered: bool) -> None:
    assert offers(greeting) == offered


def test_a_lost_connection_is_known_afterwards(tmp_path: Path) -> None:
    class Dropping(Switch):
        def answer(self, message: Received) -> Any:
            if message.kind == BARRIER:
                raise ConnectionResetError

    async def use(switch: OpenFlowSwitch) -> None:
        for _ in range(2):
            with pytest.raises(UcpeUnreachable, match="closed the connection"):
                await switch.commit(two_rules())
        assert switch.failure

    converse(tmp_path, Dropping(), use)


def test_an_answer_that_cannot_be_read_ends_the_connection(tmp_path: Path) -> None:
    class Garbling(Switch):
        def answer(self, message: Received) -> Any:
            return ofproto_v1_4_parser.OFPBarrierRequest(PROTOCOL)  # which no switch sends

    with pytest.raises(UcpeUnreachable, match="an answer cannot be decoded"):
        converse(tmp_path, Garbling(), lambda switch: switch.commit(two_rules()))
