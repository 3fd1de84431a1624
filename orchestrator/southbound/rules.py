"""OpenFlow rules as values, the difference between two sets of them, and their OpenFlow 1.4 messages.

Uses the codec of os-ken alone (`os_ken.ofproto`). A message object serialises once, so each call builds fresh ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from os_ken.ofproto import ofproto_protocol, ofproto_v1_4, ofproto_v1_4_parser

PROTOCOL = ofproto_protocol.ProtocolDesc(version=ofproto_v1_4.OFP_VERSION)
"""Stands where the codec wants a datapath."""

MatchValue = int | str | tuple[Any, ...]
Key = tuple[int, int, tuple[tuple[str, MatchValue], ...]]
"""What makes a rule unique in a switch: table, priority, match."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: match fields by their OXM name (`in_port`, `eth_type` …) sorted by name, and where frames go.

    `outputs` are port numbers, in order; empty drops. `actions` is None unless the rule was made by somebody else and
    does more than output: then it says so in the codec's words. Two rules that differ in their cookie only are equal.
    """

    priority: int
    match: tuple[tuple[str, MatchValue], ...]
    outputs: tuple[int, ...] = ()
    table: int = 0
    cookie: int = field(default=0, compare=False)
    actions: str | None = None

    @property
    def key(self) -> Key:
        """Table, priority and match."""
        return self.table, self.priority, self.match

    def __str__(self) -> str:
        match = ",".join(f"{name}={value}" for name, value in self.match)
        target = self.actions or ",".join(f"output:{port}" for port in self.outputs) or "drop"
        return f"table={self.table},priority={self.priority},{match or 'any'} → {target}"


@dataclass(frozen=True, slots=True)
class InstalledRule:
    """A rule as a switch has it, with its counters; `seconds` since it was installed."""

    rule: Rule
    packets: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """What turns one set of rules into another; a modified rule keeps its counters."""

    add: tuple[Rule, ...] = ()
    modify: tuple[Rule, ...] = ()
    delete: tuple[Rule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.modify or self.delete)


def difference(present: Iterable[Rule], wanted: Iterable[Rule]) -> RuleChanges:
    """The least change from `present` to `wanted`: rules that are alike in both are not touched."""
    have: Mapping[Key, Rule] = {rule.key: rule for rule in present}
    want: Mapping[Key, Rule] = {rule.key: rule for rule in wanted}
    return RuleChanges(
        add=tuple(rule for key, rule in want.items() if key not in have),
        modify=tuple(rule for key, rule in want.items() if key in have and have[key] != rule),
        delete=tuple(rule for key, rule in have.items() if key not in want),
    )


def messages(changes: RuleChanges, owner_mask: int) -> list[Any]:
    """Flow-mods in the order: delete, modify, add. Deletes and modifies reach only rules of the same owner.

    `owner_mask` has ones where the cookies of one owner agree. A modified rule keeps the cookie that it has.
    """
    command = ofproto_v1_4
    return [
        *(_flow_mod(rule, command.OFPFC_DELETE_STRICT, owner_mask) for rule in changes.delete),
        *(_flow_mod(rule, command.OFPFC_MODIFY_STRICT, owner_mask) for rule in changes.modify),
        *(_flow_mod(rule, command.OFPFC_ADD, 0) for rule in changes.add),
    ]


def _flow_mod(rule: Rule, command: int, mask: int) -> Any:
    actions = [ofproto_v1_4_parser.OFPActionOutput(port) for port in rule.outputs]
    apply = ofproto_v1_4_parser.OFPInstructionActions(ofproto_v1_4.OFPIT_APPLY_ACTIONS, actions)
    return ofproto_v1_4_parser.OFPFlowMod(
        PROTOCOL,
        cookie=rule.cookie,
        cookie_mask=mask,
        table_id=rule.table,
        command=command,
        priority=rule.priority,
        out_port=ofproto_v1_4.OFPP_ANY,
        out_group=ofproto_v1_4.OFPG_ANY,
        match=ofproto_v1_4_parser.OFPMatch(**dict(rule.match)),
        instructions=[apply] if actions else [],
    )


def message_rule(message: Any) -> Rule:
    """The rule that a flow-mod of `messages` is about: what a switch reads in it."""
    outputs = [action.port for instruction in message.instructions for action in instruction.actions]
    match = tuple(sorted(message.match.items()))
    return Rule(message.priority, match, tuple(outputs), message.table_id, message.cookie)


def dump_request(cookie: int, mask: int) -> Any:
    """Asks for the rules of all tables whose cookie agrees with `cookie` where `mask` has ones."""
    return ofproto_v1_4_parser.OFPFlowStatsRequest(PROTOCOL, cookie=cookie, cookie_mask=mask)


def installed(entry: Any) -> InstalledRule:
    """From one entry of a flow-stats reply."""
    outputs, others = [], []
    for instruction in entry.instructions:
        actions = instruction.actions if instruction.type == ofproto_v1_4.OFPIT_APPLY_ACTIONS else [instruction]
        for action in actions:
            if isinstance(action, ofproto_v1_4_parser.OFPActionOutput) and action is not instruction:
                outputs.append(action.port)
            else:
                others.append(str(action))
    rule = Rule(
        priority=entry.priority,
        match=tuple(sorted(entry.match.items())),
        outputs=tuple(outputs),
        table=entry.table_id,
        cookie=entry.cookie,
        actions="; ".join([*(f"output:{port}" for port in outputs), *others]) if others else None,
    )
    seconds = entry.duration_sec + entry.duration_nsec / 1e9
    return InstalledRule(rule, entry.packet_count, entry.byte_count, seconds)
