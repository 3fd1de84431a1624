from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mininet.link import Intf, Link, OVSLink, TCIntf, TCLink

from testbed import management
from testbed.containernet.interface import PlannedIntf, is_veth, planned_interface
from testbed.containernet.plan import Plan, in_parallel, run_lines
from testbed.inventory import inventory, uni_id
from testbed.nodes.ucpe import datapath_id
from testbed.spec import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec


class Node:
    """Enough of a Mininet node to plan for."""

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
        "tc qdisc show dev h1-eth0",
        "tc qdisc del dev h1-eth0 root",
        "tc qdisc add dev h1-eth0 root handle 5:0 htb default 1",
        "tc class add dev h1-eth0 parent 5:0 classid 5:1 htb rate 10.000000Mbit burst 15k",
    ]


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


def test_lines_run_in_order_and_tell_what_they_print() -> None:
    assert run_lines(["echo one", "ip link show dev lo", "echo two"], None).splitlines()[0] == "one"
    assert run_lines(["echo one", "echo two"], None) == "one\ntwo\n"


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
    first = list(management.candidates("lab-a", frozenset()))
    assert len(first) == 512
    taken = frozenset(first[:3])
    assert next(management.candidates("lab-a", taken)) == first[3]
    assert next(management.candidates("lab-b", frozenset())) != first[0]
    assert management.address(first[0], 0) == str(first[0][2])


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
