"""``chain.traverses`` sees a VNF that is bypassed, VNFs in another order, and packets that are carried twice."""

from __future__ import annotations

import pytest
from breaking import Judge, assert_fails, assert_passes, port, rules

from scenarios.steps.context import Context

PROBES = {"from_": "a1", "to": "b1", "destination_port": 9003, "packets": 5}
SOON = {"within_seconds": 1}


@pytest.mark.parametrize("kind", ["firewall", "statistics"])
def test_a_rule_of_higher_priority_bypasses_a_vnf(context: Context, judged: Judge, kind: str) -> None:
    before, after = ("lan0", port(context, "site-a", "statistics", "lan"))
    if kind == "statistics":
        before, after = port(context, "site-a", "firewall", "wan"), port(context, "site-a", "ipsec", "lan")
    with rules(context, "site-a", f"priority=200,in_port={before},udp,actions=output:{after}"):
        assert_fails(
            judged("chain.traverses", **PROBES, **SOON),
            f"packets seen once at {kind} lan",
            f"packets seen once at {kind} wan",
            "outputs",
            "owner",
        )
    assert_passes(judged("chain.traverses", **PROBES))


def test_two_vnfs_in_another_order(context: Context, judged: Judge) -> None:
    firewall, statistics = (
        {role: port(context, "site-a", kind, role) for role in ("lan", "wan")} for kind in ("firewall", "statistics")
    )
    gateway = port(context, "site-a", "ipsec", "lan")
    joints = [("lan0", statistics["lan"]), (statistics["wan"], firewall["lan"]), (firewall["wan"], gateway)]
    swapped = [
        f"priority=200,in_port={here},actions=output:{there}"
        for one, other in joints
        for here, there in ((one, other), (other, one))
    ]
    with rules(context, "site-a", *swapped):
        failed = assert_fails(
            judged("chain.traverses", **PROBES, **SOON), "a1→b1 at site-a: order", "b1→a1 at site-a: order"
        )
        assert not any("seen once" in check.name for check in failed), "every VNF was visited, in the wrong order"
    assert_passes(judged("chain.traverses", **PROBES))


def test_a_vnf_is_visited_twice(context: Context, judged: Judge) -> None:
    firewall = {role: port(context, "site-a", "firewall", role) for role in ("lan", "wan")}
    statistics, joint = port(context, "site-a", "statistics", "lan"), f"priority=200,ip,in_port={firewall['wan']}"
    again = (
        f"{joint},nw_tos=0,actions=mod_nw_tos:4,output:{firewall['lan']}",
        f"{joint},nw_tos=4,actions=mod_nw_tos:0,output:{statistics}",
    )
    with rules(context, "site-a", *again):
        failed = assert_fails(
            judged("chain.traverses", **PROBES, **SOON),
            "a1→b1 at site-a: packets seen once at firewall lan",
            "a1→b1 at site-a: packets seen once at firewall wan",
        )
        assert not any("seen once at statistics" in check.name for check in failed)
    assert_passes(judged("chain.traverses", **PROBES))


def test_a_foreign_rule_duplicates_the_packets_onto_the_underlay(context: Context, judged: Judge) -> None:
    first = port(context, "site-a", "firewall", "lan")
    with rules(context, "site-a", f"priority=200,in_port=lan0,udp,actions=output:{first},output:wan0"):
        assert_fails(
            judged("chain.traverses", **(PROBES | {"packets": 2, "seed": 2271}), **SOON),
            "rule from lan0: outputs",
            "packets outside ESP at wan0",
        )
    assert_passes(judged("chain.traverses", **PROBES))


def test_a_missing_port(context: Context, judged: Judge) -> None:
    name = port(context, "site-b", "statistics", "wan")
    view = context.view("site-b")
    view.run(["ovs-vsctl", "remove", "Interface", name, "external_ids", '"lso:kind"'])
    try:
        assert_fails(judged("chain.traverses", **PROBES, **SOON), "site-b: ports of the chain")
    finally:
        view.run(["ovs-vsctl", "set", "Interface", name, 'external_ids:"lso:kind"=statistics'])
    assert_passes(judged("chain.traverses", **PROBES))
