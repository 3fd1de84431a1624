"""Default routes that are named before the hosts have addresses, in networks where a command runs before the start."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mininet.node import Node

from testbed.capture import Capture, captures, read_frames
from testbed.containernet import Containernet, NamespaceBridge
from testbed.packets import resolve

needs_ovs = pytest.mark.skipif(
    subprocess.run(["ovs-vsctl", "--timeout=2", "show"], capture_output=True, check=False).returncode != 0,
    reason="Open vSwitch does not run on this machine",
)
BEYOND = "198.18.93.1"  # an address of this machine, outside the network of the hosts


@pytest.fixture
def beyond() -> Iterator[str]:
    """Give this machine an address of its own for the length of a test."""
    subprocess.run(["ip", "address", "add", f"{BEYOND}/32", "dev", "lo"], check=True)
    yield BEYOND
    subprocess.run(["ip", "address", "del", f"{BEYOND}/32", "dev", "lo"], check=True)


def default_route(node: Any) -> str:
    """Return the default routes of *node*, as ``ip`` prints them."""
    return subprocess.run(
        node.argv(["ip", "route", "show", "default"]) if hasattr(node, "argv") else
        ["nsenter", f"--net=/proc/{node.pid}/ns/net", "ip", "route", "show", "default"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


@needs_ovs
@pytest.mark.parametrize("built", [False, True], ids=["at start", "built before"])
def test_hosts_reach_what_is_beyond_a_nat_that_is_configured_before_the_start(
    net: Containernet, built: bool, beyond: str, caplog: pytest.LogCaptureFixture
) -> None:
    s1 = net.addSwitch("s91", failMode="standalone")
    for name, cls in (("h1", None), ("h2", Node)):
        net.addLink(net.addHost(name, cls=cls), s1)
    if built:
        net.build()
    net.addNAT().configDefault()
    net.start()
    for name, address in (("h1", "10.0.0.1"), ("h2", "10.0.0.2")):
        assert default_route(net[name]) == f"default via 10.0.0.3 dev {name}-eth0"
        assert net[name].IP() == address
    assert net.ping([net["h1"], net["h2"]], manualdestip=beyond) == 0.0
    assert caplog.text == ""


@pytest.fixture
def neighbour() -> Iterator[str]:
    """Another machine, which only this one reaches: what comes there was forwarded."""
    for line in (
        "netns add nb93",
        "link add nb93 type veth peer name eth0 netns nb93",
        "address add 198.18.93.1/24 dev nb93",
        "link set nb93 up",
        "-n nb93 address add 198.18.93.2/24 dev eth0",
        "-n nb93 link set eth0 up",
    ):
        subprocess.run(["ip", *line.split()], check=True)
    yield "198.18.93.2"
    subprocess.run(["ip", "netns", "del", "nb93"], check=True)


@needs_ovs
@pytest.mark.parametrize("switches", [1, 3])
def test_a_nat_forwards_what_comes_over_switches_of_this_machine(
    net: Containernet, switches: int, neighbour: str, tmp_path: Path
) -> None:
    """The kernel, too, sees what comes to a switch in user space, and must not answer in the place of the NAT."""
    chain = [net.addSwitch(f"s9{number}", failMode="standalone") for number in range(switches)]
    for left, right in itertools.pairwise(chain):
        net.addLink(left, right)
    hosts = [net.addHost(f"h{number}") for number in range(4)]
    for number, host in enumerate(hosts):
        net.addLink(host, chain[number % switches])
    net.addNAT(connect=chain[0]).configDefault()
    net.start()
    answers = Capture(hosts[0].namespace, "h0-eth0", tmp_path / "arp.pcap", "arp[6:2] = 2")
    with captures([answers]):
        for _ in range(5):
            resolve(hosts[0].namespace, "h0-eth0", "10.0.0.1", net["nat0"].IP())
    assert {frame.data[6:12].hex(":") for frame in read_frames(answers.path)} == {net["nat0"].MAC()}
    assert net.ping(hosts, manualdestip=neighbour) == 0.0


@pytest.mark.parametrize(
    ("early", "route"),
    [
        (lambda h1: h1.setDefaultRoute("via 10.0.0.254"), "default via 10.0.0.254 dev h1-eth0"),
        (lambda h1: h1.setDefaultRoute(), "default dev h1-eth0 scope link"),
        (lambda h1: (h1.setIP("10.0.0.9/24"), h1.setDefaultRoute("via 10.0.0.254")), "via 10.0.0.254 dev h1-eth0"),
    ],
    ids=["via", "dev", "after an address"],
)
def test_a_route_outlives_a_command_before_the_start(
    net: Containernet, early: Callable[[Any], Any], route: str, caplog: pytest.LogCaptureFixture
) -> None:
    h1, s1 = net.addHost("h1", ip="10.0.0.1/24"), net.addSwitch("s1", cls=NamespaceBridge)
    net.addLink(h1, s1)
    early(h1)
    assert h1.cmd("echo x") == "x\r\n"
    net.start()
    assert route in default_route(h1)
    assert "inet 10.0.0." in h1.network_command("ip address show dev h1-eth0")
    assert caplog.text == ""


def test_a_route_that_cannot_be_is_named_once_at_the_start(net: Containernet, caplog: pytest.LogCaptureFixture) -> None:
    h1 = net.addHost("h1", ip="10.0.0.1/24")
    net.addLink(h1, net.addSwitch("s1", cls=NamespaceBridge))
    h1.setDefaultRoute("via 10.7.7.7")
    h1.cmd("echo x")
    assert net.plan.faults == []
    net.start()
    assert caplog.text.count("*** Error: h1: ip route replace default via 10.7.7.7: ") == 1
    assert len(net.plan.faults) == 1


def test_routes_of_a_node_that_is_removed_before_the_start_go_with_it(
    net: Containernet, caplog: pytest.LogCaptureFixture
) -> None:
    h1, s1 = net.addHost("h1"), net.addSwitch("s1", cls=NamespaceBridge)
    net.addLink(h1, s1)
    h1.setDefaultRoute("via 10.0.0.254")
    h1.cmd("echo x")
    net.removeHost("h1")
    net.start()
    assert caplog.text == ""
