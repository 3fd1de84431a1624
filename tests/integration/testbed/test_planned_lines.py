"""What is planned and then fails, or needs what is planned later: named once, and nothing else goes with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mininet.link import TCIntf, TCLink
from mininet.log import setLogLevel
from mininet.node import DefaultController

from testbed.containernet import Containernet, Host, NamespaceBridge
from testbed.host import kernel
from testbed.ownership import reap

Leftovers = Callable[[str], list[str]]
Net = Containernet
needs_ovs = pytest.mark.skipif(
    subprocess.run(["ovs-vsctl", "--timeout=2", "show"], capture_output=True, check=False).returncode != 0,
    reason="Open vSwitch does not run on this machine",
)


@pytest.fixture
def net(leftovers: Leftovers) -> Iterator[Net]:
    setLogLevel("warning")
    network = Containernet(controller=None)
    yield network
    lab = network.plan.owner.lab
    network.stop()
    assert leftovers(lab) == []


def two_hosts(net: Net, early: Callable[[Any], Any] = lambda _: None, **params: Any) -> tuple[Any, Any]:
    """Name two hosts on one bridge; *early* is done to the first before its link."""
    h1 = net.addHost("h1", **{"ip": "10.0.0.1/24", **params})
    early(h1)
    switch, h2 = net.addSwitch("s1", cls=NamespaceBridge), net.addHost("h2", ip="10.0.0.2/24")
    net.addLink(h1, switch)
    net.addLink(h2, switch)
    return h1, h2


@pytest.mark.parametrize(
    ("early", "route"),
    [
        (lambda h1: h1.setDefaultRoute("via 10.0.0.254"), "default via 10.0.0.254 dev h1-eth0"),
        (lambda h1: h1.setDefaultRoute("dev h1-eth0"), "default dev h1-eth0"),
        (lambda h1: h1.setDefaultRoute(), "default dev h1-eth0"),
        (lambda h1: h1.setHostRoute("10.9.9.9", "h1-eth0"), "10.9.9.9 dev h1-eth0"),
        (lambda h1: h1.setARP("10.0.0.77", "06:00:00:00:00:77"), ""),
    ],
)
def test_what_is_named_before_its_link_is_done_after_it(
    net: Net, early: Callable[[Any], Any], route: str, caplog: pytest.LogCaptureFixture
) -> None:
    h1, _ = two_hosts(net, early)
    net.start()
    assert net.pingAll() == 0.0
    assert route in h1.network_command("ip route")
    assert ("10.0.0.77 dev h1-eth0 lladdr 06:00:00:00:00:77" in h1.network_command("ip neighbour")) is not bool(route)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("early", "said"),
    [
        (lambda h1: h1.setDefaultRoute("via 10.7.7.7"), "h1: ip route replace default via 10.7.7.7: "),
        (lambda h1: h1.setDefaultRoute("via nonsense"), "h1: ip route replace default via nonsense: "),
        (lambda h1: h1.setHostRoute("10.9.9.9", "no-such"), "h1: ip route replace 10.9.9.9 dev no-such: "),
        (lambda h1: h1.setARP("nonsense", "06:00:00:00:00:77"), "h1: ip neighbour replace nonsense "),
    ],
)
def test_a_planned_line_that_fails_is_named_once_and_takes_nothing_with_it(
    net: Net, early: Callable[[Any], Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    h1, _ = two_hosts(net, early)
    net.start()
    assert net.pingAll() == 0.0
    assert "state UNKNOWN" in h1.network_command("ip link show dev lo")  # a loopback's word for up
    assert caplog.text.count(said) == 1
    assert len(net.plan.faults) == 1


SHAPES: list[tuple[dict[str, Any], str]] = [
    ({"use_hfsc": True}, "hfsc"),
    ({"enable_red": True}, "red"),
    ({"enable_ecn": True}, "red"),
]


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
@pytest.mark.parametrize("live", [False, True], ids=["at start", "at intf.config"])
def test_shaping_that_the_kernel_refuses_is_named_once(
    net: Net, shape: dict[str, Any], kind: str, live: bool, caplog: pytest.LogCaptureFixture
) -> None:
    h1, h2 = net.addHost("h1"), net.addHost("h2")
    link = net.addLink(h1, h2, cls1=TCIntf, params1={} if live else {"bw": 10, **shape})
    net.start()
    if live:
        assert caplog.text == ""
        link.intf1.config(bw=10, **shape)
    there = kind in h1.network_command("tc qdisc show dev h1-eth0")
    named = [line for line in net.plan.faults if line.startswith("h1: tc qdisc add dev h1-eth0")]
    assert [f" {kind} " in line for line in named] == ([] if there else [True])
    assert all(caplog.text.count(fault) == 1 for fault in net.plan.faults)
    assert caplog.text.count("*** Error: ") == len(net.plan.faults)


def test_bandwidth_set_twice_before_the_start_and_once_after_is_the_last(
    net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    h1, h2 = net.addHost("h1"), net.addHost("h2")
    link = net.addLink(h1, h2, cls=TCLink, bw=10)
    with net.plan.naming():
        link.intf1.config(bw=20)
    net.start()
    assert "rate 20Mbit" in h1.network_command("tc class show dev h1-eth0")
    link.intf1.config(bw=30)
    assert "rate 30Mbit" in h1.network_command("tc class show dev h1-eth0")
    assert caplog.text == ""


@needs_ovs
def test_shaping_a_link_of_a_switch_in_user_space_leaves_tcp_alone(net: Net) -> None:
    h1, h2, s1 = net.addHost("h1"), net.addHost("h2"), net.addSwitch("s96", datapath="user", failMode="standalone")
    link = net.addLink(h1, s1, cls=TCLink)
    net.addLink(h2, s1)
    net.start()
    link.intf1.config(bw=100)
    link.intf2.config(bw=100)
    server = h2.popen(["iperf3", "--server", "--one-off", "--forceflush"], text=True)
    while "listening" not in server.stdout.readline():
        pass
    assert "receiver" in h1.network_command(f"timeout 30 iperf3 --client {h2.IP()} --bytes 2M --format m")
    server.communicate(timeout=10)


@needs_ovs
def test_switches_without_a_controller_program_learn_also_when_they_come_later(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testbed.containernet.net.findController", lambda: None)  # as on a machine without one
    c0 = net.addController(controller=DefaultController)
    s1 = net.addSwitch("s95", datapath="user")
    net.addLink(net.addHost("h1"), s1)
    net.addLink(net.addHost("h2"), s1)
    net.start()
    s2, h3 = net.addSwitch("s94", datapath="user"), net.addHost("h3", ip="10.0.0.3/8")
    s2.start([c0])
    net.addLink(s2, s1)
    net.addLink(h3, s2)
    assert net.pingAll() == 0.0
    assert net.waitConnected(timeout=5)


NAT = """
import sys
from testbed.containernet import Containernet
net = Containernet(controller=None)
s1 = net.addSwitch("s93", datapath="user", failMode="standalone")
for name in ("h1", "h2"):
    net.addLink(net.addHost(name), s1)
nat = net.addNAT(connect=s1)
net.start()
print(net.plan.owner.lab, flush=True)
print(net.ping([net["h1"], net["h2"], nat]), net["h1"].network_command("ip route show default").strip(), flush=True)
print(len(nat.cmd("iptables-save").split(net.plan.owner.lab)) - 1, flush=True)
sys.stdin.read()
net.stop()
"""


@needs_ovs
@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_nat_that_is_named_before_the_start_works_and_leaves_nothing(end: str, leftovers: Leftovers) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", NAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    lab = process.stdout.readline().strip()
    assert lab, process.communicate()[1]
    assert process.stdout.readline().startswith("0.0 default via 10.0.0.3 dev h1-eth0")
    assert process.stdout.readline() == "4\n"
    if end == "killed":
        process.kill()
        process.communicate()
        assert {"rule", "bridge", "interface"} <= {thing.kind for thing in reap.orphans() if thing.lab == lab}
        reap.reap()
    else:
        process.communicate(input="", timeout=60)
    assert lab not in subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    assert leftovers(lab) == []


@pytest.mark.parametrize("address", ["fd00::{}/64", "10.0.0.{}/24"])
def test_plain_hosts_speak_both_families_as_mininets(net: Net, address: str, caplog: pytest.LogCaptureFixture) -> None:
    h1, h2 = two_hosts(net, ip=address.format(1))
    h2.params["ip"] = address.format(2)
    net.start()
    assert net.ping([h1, h2]) == 0.0
    h1.network_command("ip address add fd01::1/64 dev h1-eth0")
    h1.setIP("10.0.0.9/24")
    assert "fd01::1/64" in h1.network_command("ip address show dev h1-eth0")
    assert caplog.text == ""


@pytest.mark.parametrize("family", ["", "-6 "])
def test_words_for_a_shell_are_given_to_a_shell(net: Net, family: str) -> None:
    h1, _ = two_hosts(net)
    net.start()
    for line in (f"ip {family}addr", "ip -br link", "ip -j addr", "ip link | head -1", "ip link; echo done"):
        assert "lo" in h1.network_command(line)
        assert "unknown" not in h1.network_command(line)


def test_pings_count_what_cannot_be_reached_as_mininet_does(net: Net) -> None:
    h1, h2 = two_hosts(net)
    bare = net.addHost("h3", ip=None)  # without an interface: not counted
    net.addLink(net.addHost("h4", ip=None), "s1")  # without an address: lost
    net.start()
    net["h4"].defaultIntf().ip = None
    assert net.ping([h1, h2]) == 0.0
    assert net.ping([h1, bare]) == 100.0  # from h3 nothing arrives, to h3 nothing is sent
    assert net.ping([h1, net["h4"]], timeout=1) == 100.0
    assert 0.0 < net.pingAll(timeout="1") < 100.0


@needs_ovs
def test_whatever_is_deleted_stays_deleted_and_the_rest_stops(net: Net) -> None:
    s1 = net.addSwitch("s92", datapath="user", failMode="standalone")
    for name in ("h1", "h2", "h3"):
        net.addLink(net.addHost(name), s1)
    net.start()
    net.delNode(net["h1"])
    net.delHost(net["h2"])
    assert [host.name for host in net.hosts] == ["h3"]
    assert len(net.links) == 1
    net.delSwitch(s1)
    assert "s92" not in kernel.ovs_bridges()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (lambda net: net.addHost("a/b"), "'a/b' cannot name a node"),
        (lambda net: net.addHost(""), "'' cannot name a node"),
        (lambda net: net.addHost("a b"), "'a b' cannot name a node"),
        (lambda net: net.addHost("h1"), "there is a node h1 already"),
        (lambda net: net.addSwitch("h1", cls=NamespaceBridge), "there is a node h1 already"),
        (lambda net: net.addSwitch("a-very-long-switch"), "a-very-long-switch: .* has 18 characters, 15 is the limit"),
        (lambda net: net.addLink("h1", "h1"), "h1: both ends of a link to itself would be h1-eth0"),
        (
            lambda net: net.addLink("h1", net.addHost("supervisor-unit-1")),
            "supervisor-unit-1: the interface name 'supervisor-unit-1-eth0' has 22 characters, 15 is the limit",
        ),
        (lambda net: net.addLink("h1", "h2", intfName1="a-very-long-interface-name"), "h1: .* 26 characters, 15 is"),
        (lambda net: net.addLink("h1", "h2", addr1="01:00:00:00:00:01"), "h1: 01:00:00:00:00:01 is no MAC address"),
        (lambda net: net.addHost("h3", mac="nonsense"), "h3: 'nonsense' is no MAC address"),
        (lambda net: net.addHost("h3", ip="10.0.0.300"), "h3: '10.0.0.300' is no IP address"),
    ],
)
def test_names_and_addresses_that_cannot_be_are_refused_before_anything_starts(
    name: Callable[[Net], Any], message: str, leftovers: Leftovers
) -> None:
    network = Containernet(controller=None)
    network.addHost("h1", cls=Host)
    network.addHost("h2")
    with pytest.raises(ValueError, match=message):
        name(network)
    assert network._owner is None  # not even a lab's folder
    network.stop()
