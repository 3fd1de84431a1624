from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mininet.link import Intf, Link, OVSLink, TCIntf, TCLink

from testbed.containernet.commands import in_order, run_each
from testbed.containernet.interface import PlannedIntf, is_veth, planned_interface
from testbed.containernet.plan import Plan
from testbed.lab import management_network
from testbed.lab.inventory import inventory, uni_id
from testbed.lab.ucpe import datapath_id
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec
from testbed.threads import in_parallel


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
        (Intf, {"ipp": "10.0.0.1/8"}, ["ipp is no parameter of an interface; did you mean ip?"]),
        (TCIntf, {"max_queue": 10}, ["max_queue is no parameter of an interface; did you mean max_queue_size?"]),
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


def test_all_work_ends_before_the_first_error_is_raised() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError(item)
        done.append(item)

    with pytest.raises(ValueError, match="1"):
        in_parallel(work, range(5))
    assert sorted(done) == [0, 2, 3, 4]


def test_subnets_of_management_networks_avoid_what_is_used() -> None:
    first = list(management_network.candidates("lab-a", frozenset()))
    assert len(first) == 512
    taken = frozenset(first[:3])
    assert next(management_network.candidates("lab-a", taken)) == first[3]
    assert next(management_network.candidates("lab-b", frozenset())) != first[0]
    assert management_network.address(first[0], 0) == str(first[0][2])


def test_the_inventory_says_how_to_reach_everything() -> None:
    site = SiteSpec("site-a", "10.1.0.0/24", "10.1.0.1", (HostSpec("h", "10.1.0.2/24"),),
                    (WanSpec("wan0", "internet", "198.51.100.1/24"),))  # fmt: skip
    spec = LabSpec("poc", (site,), (UnderlaySpec("internet", "198.51.100.0/24"),))
    found = inventory("poc-1", spec, {"site-a": "172.30.1.2"}, Path("/x"), {"esp": "libipsec", "datapath": "netdev"})
    assert found == {
        "ucpes": [
            {
                "id": "site-a",
                "docker": "tcp://172.30.1.2:2376",
                "ovsdb": "ssl:172.30.1.2:6640",
                "openflow": "ssl:172.30.1.2:6653",
                "bridge": "br-ucpe",
                "tls": {"ca": "/x/ca.pem", "certificate": "/x/client.pem", "key": "/x/client.key"},
                "wan": [{"port": "wan0", "underlay": "internet", "address": "198.51.100.1/24", "gateway": None}],
                "engines": {"esp": "libipsec", "datapath": "netdev"},
            }
        ],
        "unis": [
            {
                "id": uni_id("poc-1", "site-a"),
                "name": "site-a-lan0",
                "ucpe": "site-a",
                "port": "lan0",
                "prefix": "10.1.0.0/24",
                "provider_address": "10.1.0.1",
                "mtu": 1400,
            }
        ],
    }
    assert uni_id("poc-1", "site-a") != uni_id("poc-2", "site-a")


def test_datapath_ids_are_valid_and_distinct() -> None:
    ids = {datapath_id(lab, site) for lab in "ab" for site in ("site-a", "site-b")}
    assert len(ids) == 4
    assert all(len(found) == 16 and int(found, 16) < 1 << 48 for found in ids)
