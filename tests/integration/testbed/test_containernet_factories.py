"""Classes and factories that are not the plain ones do what the plain ones do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from mininet.link import Link, OVSLink, TCIntf, TCLink
from mininet.node import Host as MininetHost
from mininet.node import Node, OVSBridge, OVSSwitch
from mininet.util import custom

from testbed.containernet import Containernet, Docker, Host, NamespaceBridge
from testbed.host import kernel, offload

IMAGE = "lso/base"
needs_ovs = pytest.mark.skipif(
    subprocess.run(["ovs-vsctl", "--timeout=2", "show"], capture_output=True, check=False).returncode != 0,
    reason="Open vSwitch does not run on this machine",
)


class Plain(MininetHost):  # type: ignore[misc]
    """A class of one's own that changes nothing."""


class Old(MininetHost):  # type: ignore[misc]
    """Calls its base by name, as older scripts do."""

    def __init__(self, name: str, **params: Any) -> None:
        MininetHost.__init__(self, name, **params)

    def config(self, **params: Any) -> Any:
        return Node.config(self, **params)


class Second(Node):  # type: ignore[misc]
    """Runs commands on its interfaces when it is configured, a route through the second among them."""

    def config(self, second: str = "", **params: Any) -> Any:
        found = super().config(**params)
        if second:
            self.printed = self.cmd(f"ip address add {second} dev {self.name}-eth1; ip link set {self.name}-eth1 up")
            self.printed += self.cmd(f"ip route add 192.0.2.0/24 dev {self.name}-eth1")
            self.printed += self.cmd(f"ip link set {self.name}-eth0 mtu 1234")
        return found


class Slow(TCLink):  # type: ignore[misc]
    """Adds to what the caller says."""

    def __init__(self, *args: Any, **params: Any) -> None:
        super().__init__(*args, **{**params, "delay": "30ms", "bw": 20})


HOSTS: dict[str, Any] = {
    "Host": None,
    "own class": Plain,
    "own class, old style": Old,
    "own class of ours": type("Ours", (Host,), {}),
    "partial": partial(Plain, lo="up"),
    "partial of the plain one": partial(MininetHost),
    "custom": custom(Plain, lo="up"),
    "function": lambda name, **params: Plain(name, **{**params, "lo": "up"}),
    "container": partial(Docker, dimage=IMAGE),
    "container by custom": custom(Docker, dimage=IMAGE),
    "container by a function": lambda name, **params: Docker(name, IMAGE, **params),
}


@pytest.mark.parametrize("kind", HOSTS)
def test_a_default_route_is_set_whatever_makes_the_host(net: Containernet, kind: str) -> None:
    node = net.addHost("h1", cls=HOSTS[kind], ip="10.0.0.1/24", defaultRoute="via 10.0.0.254")
    net.addLink(node, net.addHost("h2", ip="10.0.0.2/24"))
    net.start()
    show = node.network_command if isinstance(node, Docker) else node.cmd
    assert "default via 10.0.0.254" in show("ip route show default")
    assert net.pingAll() == 0.0


@pytest.mark.parametrize("base", [Second, partial(Second)])
def test_commands_of_config_find_the_interfaces(net: Containernet, base: Any) -> None:
    router = net.addHost("r0", cls=base, ip="10.0.0.1/24", second="10.1.0.1/24")
    for number in (1, 2):
        net.addLink(router, net.addSwitch(f"s{number}", cls=NamespaceBridge))
    h2 = net.addHost("h2", ip="10.1.0.2/24")
    net.addLink(h2, net["s2"])
    net.start()
    assert router.printed == ""
    assert "192.0.2.0/24 dev r0-eth1" in router.cmd("ip route")
    assert "mtu 1234" in router.cmd("ip link show r0-eth0")
    assert net.ping([h2], manualdestip="10.1.0.1") == 0.0


LINKS: dict[str, tuple[Any, bool]] = {
    "Link": (Link, False),
    "TCLink": (partial(TCLink, bw=20), True),
    "subclass": (Slow, True),
    "custom": (custom(TCLink, bw=20), True),
    "function": (lambda *args, **params: TCLink(*args, **{**params, "bw": 20}), True),
    "link with shaped ends": (partial(Link, intf=partial(TCIntf, bw=20)), True),
    "OVSLink between hosts": (OVSLink, False),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_what_its_factory_says(net: Containernet, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    factory, shaped = LINKS[kind]
    h1, d1 = net.addHost("h1"), net.addDocker("d1", dimage=IMAGE)
    net.addLink(h1, d1, cls=factory)
    net.start()
    for node in (h1, d1):
        assert ("rate 20Mbit" in node.network_command(f"tc class show dev {node}-eth0")) is shaped
    assert net.pingAll() == 0.0
    if factory is Slow and not kernel.has_netem():
        assert "this kernel has no netem, so delay is done in user space" in caplog.text
    if factory is Slow:
        assert net.pingFull([h1, d1])[0][2][3] > 59


@pytest.mark.parametrize("kind", ["TCLink", "subclass", "function"])
def test_a_network_takes_a_factory_of_links(leftovers: Callable[[str], list[str]], kind: str) -> None:
    network = Containernet(controller=None, link=LINKS[kind][0], host=partial(Docker, dimage=IMAGE))
    h1, h2 = network.addHost("h1"), network.addHost("h2")
    network.addLink(h1, h2)
    network.start()
    assert "rate 20Mbit" in h1.network_command("tc class show dev h1-eth0")
    assert network.pingAll() == 0.0
    lab = network.plan.owner.lab
    network.stop()
    assert leftovers(lab) == []


SWITCHES: dict[str, Any] = {
    "partial": partial(OVSSwitch, failMode="standalone"),
    "custom": custom(OVSSwitch, failMode="standalone"),
    "subclass": OVSBridge,
    "function": lambda name, **params: OVSSwitch(name, failMode="standalone", **params),
}


@needs_ovs
@pytest.mark.parametrize("kind", SWITCHES)
def test_a_switch_has_the_datapath_and_the_mark_whatever_makes_it(
    leftovers: Callable[[str], list[str]], kind: str
) -> None:
    network = Containernet(controller=None, switch=SWITCHES[kind])
    s1 = network.addSwitch("cfs1")
    for name in ("h1", "h2"):
        network.addLink(network.addHost(name), s1)
    network.start()
    found = s1.cmd("ovs-vsctl get bridge cfs1 datapath_type external_ids").split("\n", 1)
    assert ("netdev" in found[0]) is not kernel.has_ovs_datapath()
    assert network.plan.owner.lab in found[1]
    assert network.pingAll() == 0.0
    lab = network.plan.owner.lab
    network.stop()
    assert leftovers(lab) == []


@needs_ovs
def test_patch_links_join_switches_and_only_switches(net: Containernet) -> None:
    h1, h2 = net.addHost("h1"), net.addDocker("d1", dimage=IMAGE)
    s1, s2 = (net.addSwitch(name, failMode="standalone") for name in ("cfp1", "cfp2"))
    net.addLink(h1, s1, cls=OVSLink)
    net.addLink(h2, s2, cls=OVSLink)
    net.addLink(s1, s2, cls=OVSLink)
    net.start()
    assert s1.cmd("ovs-vsctl get interface cfp1-eth2 type").strip() == "patch"
    assert net.pingAll() == 0.0


@needs_ovs
@pytest.mark.parametrize("kind", ["TCLink", "function", "link with shaped ends"])
def test_tcp_passes_a_userspace_switch_whatever_shapes_the_link(net: Containernet, kind: str) -> None:
    s1 = net.addSwitch("cfs2", failMode="standalone", datapath="user")
    h1, h2 = net.addHost("h1"), net.addHost("h2")
    for host in (h1, h2):
        net.addLink(host, s1, cls=LINKS[kind][0])
    net.start()
    assert not offload.tx_checksum("h1-eth0", h1.namespace)
    assert not offload.tx_checksum("cfs2-eth1", None)


@needs_ovs
def test_sixty_links_on_one_switch_make_a_bridge(net: Containernet) -> None:
    s1 = net.addSwitch("cfs60", failMode="standalone")
    hosts = [net.addHost(f"h{number}") for number in range(1, 61)]
    for host in hosts:
        net.addLink(host, s1)
    net.start()
    assert len(s1.cmd("ovs-vsctl list-ports cfs60").split()) == 60
    assert net.ping([hosts[0]], manualdestip=hosts[59].IP()) == 0.0


def test_addresses_of_ipv6_stay_when_that_of_ipv4_changes(net: Containernet) -> None:
    h1 = net.addHost("h1")
    net.addLink(h1, net.addHost("h2"))
    net.start()
    h1.cmd("sysctl -q net.ipv6.conf.h1-eth0.disable_ipv6=0; ip address add 2001:db8::1/64 dev h1-eth0 nodad")
    h1.setIP("10.0.0.77/24")
    shown = h1.cmd("ip address show dev h1-eth0")
    assert "2001:db8::1/64" in shown
    assert "10.0.0.77/24" in shown
    assert "10.0.0.1/8" not in shown


def test_a_host_asked_for_without_a_network_of_its_own_has_the_machines(net: Containernet) -> None:
    root = net.addHost("root", inNamespace=False, ip=None)
    assert root.cmd("readlink /proc/self/ns/net") == root.cmd(f"readlink /proc/{root.pid}/ns/net")
    assert not root.inNamespace


def test_mininets_system_wide_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mininet.net.Mininet.inited", False)
    monkeypatch.setattr("mininet.net.fixLimits", lambda: pytest.fail("Mininet changes the machine"))
    Containernet(controller=None)
