"""Counters of a statistics VNF by name, and those that rose without a reason."""

from __future__ import annotations

from typing import Any

from scenarios.network import meters
from testbed.packets import Count, FlowKey


def _status(udp: int, tcp: int, **more: Any) -> dict[str, Any]:
    flow = {"direction": "lan-to-wan", "source": "a", "destination": "b", "source_port": 1, "destination_port": 2}
    counted = [
        {"protocol": name, "packets": number, "bytes": 100 * number} for name, number in (("udp", udp), ("tcp", tcp))
    ]
    nothing = {"packets": 0, "bytes": 0}
    return {
        "directions": {"lan-to-wan": {"packets": udp + tcp, "bytes": 100 * (udp + tcp)}, "wan-to-lan": nothing},
        "protocols": [{"direction": "lan-to-wan", **entry} for entry in counted],
        "flows": [flow | entry for entry in counted],
        "untracked": nothing,
        "other": {"lan-to-wan": {"packets": 7, "bytes": 70}},
    } | more


def test_what_passed_is_expected_of_each_counter() -> None:
    flows = {
        FlowKey("forth", "a", "b", "udp", 1, 2): Count(3, 300),
        FlowKey("forth", "a", "b", "tcp", 1, 2): Count(4, 400),
    }
    directions = {"forth": "lan-to-wan", "back": "wan-to-lan"}
    expected = meters.expected(flows, directions)
    before, after = meters.totals(_status(1, 1)), meters.totals(_status(4, 5))
    assert meters.risen(before, after, expected) == expected
    assert meters.unexplained(before, after, expected) == {}


def test_what_rose_beside_it_is_not_explained_and_what_was_forgotten_is_no_rise() -> None:
    before, after = meters.totals(_status(5, 5)), meters.totals(_status(4, 6, untracked={"packets": 0, "bytes": 9}))
    wanted = ["direction lan-to-wan"]
    assert meters.unexplained(before, after, wanted) == {
        "protocol tcp lan-to-wan": Count(1, 100),
        "flow tcp a:1 → b:2": Count(1, 100),
        "untracked": Count(0, 9),
    }


def test_arp_is_asked_at_any_time() -> None:
    other = {"lan-to-wan": {"packets": 9, "bytes": 90}}
    assert meters.totals(_status(1, 1)) == meters.totals(_status(1, 1, other=other))


def test_flows_may_be_forgotten_but_not_invented() -> None:
    assert meters.overstated(_status(1, 1, flows=[])) == []
    invented = _status(1, 1)
    invented["flows"].append(invented["flows"][0] | {"source": "c", "packets": 1})
    assert meters.overstated(invented) == ["flows lan-to-wan: 3 of 2"]
