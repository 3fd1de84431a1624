from __future__ import annotations

from typing import Any

import pytest
from mininet.link import Intf, Link, OVSLink, TCIntf, TCLink

from testbed.containernet.commands import Outcome, in_order, run_each, too_early
from testbed.containernet.interface import PlannedIntf, is_veth, planned_interface
from testbed.containernet.plan import Plan


class Node:
    """Enough of a Mininet node to plan for."""

    name = "h1"

    def __init__(self) -> None:
        self.intfs: list[Any] = []

    def addIntf(self, intf: Any, **_more: Any) -> None:  # noqa: N802
        self.intfs.append(intf)


def owner() -> Any:
    raise AssertionError("a plan alone makes no lab")


def test_naming_an_interface_only_writes_its_commands_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testbed.host.kernel.has_netem", lambda: False)  # asks the kernel, once for all
    monkeypatch.setattr("subprocess.run", lambda *_a, **_k: pytest.fail("something ran"))
    plan, node = Plan(owner), Node()
    intf = planned_interface(TCIntf, plan)(
        "h1-eth0", node=node, mac="06:00:00:00:00:01", ip="10.0.0.1/8", bw=10, txo=False
    )
    assert isinstance(intf, TCIntf)
    assert (intf.ip, intf.prefixLen) == ("10.0.0.1", "8")
    assert plan._commands[node] == [
        "ip address flush dev h1-eth0 to 0.0.0.0/0",
        "ip address add 10.0.0.1/8 dev h1-eth0",
        "ip link set dev h1-eth0 up",
        "ip link set dev h1-eth0 up",
        "ethtool -K h1-eth0 gro off tx off rx on",
        "tc qdisc add dev h1-eth0 root handle 5:0 htb default 1",
        "tc class add dev h1-eth0 parent 5:0 classid 5:1 htb rate 10.000000Mbit burst 15k",
    ]


@pytest.mark.parametrize(
    ("cls", "options", "said"),
    [
        (Intf, {"delay": "1ms"}, ["delay has no effect on a plain link: use TCLink"]),
        (Intf, {"ipp": "10.0.0.1/8"}, ['ipp is no parameter of an interface. Did you mean "ip"?']),
        (TCIntf, {"max_queue": 10}, ['max_queue is no parameter of an interface. Did you mean "max_queue_size"?']),
        (TCIntf, {"bw": 10, "ip": "10.0.0.1/8"}, []),
        (type("Own", (Intf,), {"config": lambda self, colour="red", **_params: None}), {"colour": "blue"}, []),
    ],
)
def test_words_that_no_interface_takes_are_said_once(
    cls: Any, options: dict[str, Any], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    intf = planned_interface(cls, Plan(owner))("h1-eth0", node=Node(), **options)
    intf.config(**options)
    assert [record.getMessage().strip().removeprefix("*** h1-eth0: ") for record in caplog.records] == said


def test_a_class_is_planned_once() -> None:
    plan = Plan(owner)
    planned = planned_interface(Intf, plan)
    assert planned is planned_interface(Intf, plan)
    assert planned_interface(planned, plan) is planned
    assert planned is not planned_interface(Intf, Plan(owner))
    assert issubclass(planned, PlannedIntf)


@pytest.mark.parametrize(("cls", "expected"), [(Link, True), (TCLink, True), (OVSLink, False), (print, False)])
def test_only_plain_veth_links_are_planned(cls: Any, expected: bool) -> None:
    assert is_veth(cls) is expected


def test_each_line_runs_by_itself_and_tells_what_it_printed() -> None:
    lines = ["echo one", "exit 3", "echo 'two", "ip -brief link show dev lo", "ip link | head -1; echo done", "cat"]
    outcomes = run_each(lines, None)
    assert [outcome.line for outcome in outcomes] == lines
    assert [outcome.worked for outcome in outcomes] == [True, False, False, True, True, True]
    assert outcomes[0].printed == "one\n"
    assert outcomes[3].printed.startswith("lo ")
    assert outcomes[4].printed.endswith("done\n")


def test_a_line_of_a_batch_that_fails_takes_no_other_with_it() -> None:
    lines = [
        "ip link set dev no-such-1 up",  # the kernel refuses it
        "ip address add 10.0.0.300/8 dev lo",  # ip refuses it, and ends
        "ip link set dev no-such-2 up",
    ]
    assert [outcome.printed.strip() for outcome in run_each(lines, None)] == [
        'Cannot find device "no-such-1"',
        'Error: any valid prefix is expected rather than "10.0.0.300/8".',
        'Cannot find device "no-such-2"',
    ]


def test_routes_and_neighbours_wait_for_the_addresses_that_they_need() -> None:
    planned = [
        "ip route replace default via 10.0.0.9",
        "ip address add 10.0.0.1/8 dev h1-eth0",
        "ip link set dev lo up",
        "ip neighbour replace 10.0.0.9 lladdr 06:00:00:00:00:09 dev h1-eth0",
        "tc qdisc add",
    ]
    assert in_order(planned) == [planned[1], planned[2], planned[4], planned[0], planned[3]]


def test_what_cannot_be_yet_and_what_would_go_with_an_address_are_run_again() -> None:
    outcomes = [
        Outcome("ip route replace default via 10.0.0.9", worked=True),
        Outcome("ip neighbour replace 10.0.0.9 lladdr 06:00:00:00:00:09 dev h1-eth0", worked=False),
        Outcome("ip route add 10.9.0.0/16 via 10.0.0.9", worked=False),
        Outcome("ip route add 10.8.0.0/16 via 10.0.0.9", worked=True),  # a second time it would fail
        Outcome("ip link set dev h1-eth0 up", worked=False),
    ]
    assert too_early(outcomes) == {outcome.line for outcome in outcomes[:3]}
