"""Rules of the bridge: bundles, cookies, and what is there already. The rules tried are of ports that do not exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from os_ken.ofproto import ofproto_v1_4

from lso.ucpe.box import Box
from lso.ucpe.contract import clause
from lso.ucpe.trial import COOKIE
from orchestrator.southbound.openflow import OpenFlowSwitch, SwitchError
from orchestrator.southbound.rules import InstalledRule, Rule, RuleChanges, messages
from orchestrator.ucpe.survey import OWNER_MASK
from reports.model import Check

NO_PORTS = (0xFE01, 0xFE02, 0xFE03)
"""Numbers that no port has: just below those with a meaning of OpenFlow 1.0."""
REFUSED_PORT = 0xFFFF_FF01
"""Between the numbers of ports and those with a meaning (OpenFlow 1.4.0, 7.2.1)."""
BESIDE = {ofproto_v1_4.OFPP_NORMAL: "NORMAL", ofproto_v1_4.OFPP_FLOOD: "FLOOD", ofproto_v1_4.OFPP_ALL: "ALL"}


async def run(box: Box) -> list[Check]:
    """Add, list and remove rules by bundles, one of which must be refused whole."""
    switch = await box.switch()
    before = await switch.dump()
    first, second, third = (rule(number) for number in NO_PORTS)
    found = [clause("F1").judged("version", True, "OpenFlow 1.4", "OpenFlow 1.4"), besides(before)]
    found.append(await _committed(switch, RuleChanges(add=(first, second)), (first, second), "rules are added"))
    bad = replace(third, outputs=(REFUSED_PORT,))
    found.append(await _refused(switch, RuleChanges(add=(third,), delete=(first,)), bad, (first, second)))
    others = replace(first, cookie=COOKIE ^ 1 << 63)
    found.append(
        await _committed(switch, RuleChanges(delete=(others,)), (first, second), "another's cookie removes none")
    )
    found.append(await _committed(switch, RuleChanges(delete=(first, second)), (), "rules are removed"))
    after = {item.rule.key for item in await switch.dump()}
    gone = [str(item.rule) for item in before if item.rule.key not in after]
    found.append(
        clause("F2").judged("rules of others", not gone, "as before", "; ".join(gone) or f"{len(before)} are there")
    )
    return found


def rule(in_port: int, *outputs: int) -> Rule:
    """Return a rule of the trial; without outputs it drops."""
    return Rule(100, (("in_port", in_port),), outputs, cookie=COOKIE)


def besides(installed: Sequence[InstalledRule]) -> Check:
    """Judge that no rule switches by MAC address or floods, which would lead packets past a chain."""
    bad = [str(item.rule) for item in installed if BESIDE.keys() & set(item.rule.outputs)]
    shown = "; ".join(bad)
    for number, name in BESIDE.items():
        shown = shown.replace(str(number), name)
    return clause("F6").judged("rules that switch or flood", not bad, "none", shown or "none")


async def _committed(switch: OpenFlowSwitch, changes: RuleChanges, expected: Sequence[Rule], name: str) -> Check:
    wanted = {one.key for one in expected}
    try:
        await switch.commit(messages(changes, OWNER_MASK))
        there = await _own(switch)
    except SwitchError as error:
        return clause("F3").judged(name, False, f"{len(wanted)} rules", error.message)
    of = "F2" if changes.delete else "F3"
    return clause(of).judged(name, there == wanted, f"{len(wanted)} rules", f"{len(there)} rules")


async def _refused(switch: OpenFlowSwitch, changes: RuleChanges, bad: Rule, expected: Sequence[Rule]) -> Check:
    name, wanted = "a bundle with a rule that cannot be", {one.key for one in expected}
    try:
        await switch.commit([*messages(changes, OWNER_MASK), *messages(RuleChanges(add=(bad,)), OWNER_MASK)])
        answer = "accepted"
    except SwitchError as error:
        answer = error.message
    there = await _own(switch)
    measured = f"{answer}; {'nothing' if there == wanted else 'a part'} changed"
    return clause("F3").judged(name, answer != "accepted" and there == wanted, "refused, nothing changed", measured)


async def _own(switch: OpenFlowSwitch) -> set[object]:
    """Return the keys of the trial's rules; those of its chain, which are of other ports, are left out."""
    listed = await switch.dump(COOKIE, OWNER_MASK)
    return {item.rule.key for item in listed if dict(item.rule.match).get("in_port") in NO_PORTS}
