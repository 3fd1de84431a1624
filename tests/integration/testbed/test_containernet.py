from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from mininet.link import TCLink

from testbed.containernet import Containernet, Docker, NamespaceBridge
from testbed.host import kernel, offload
from testbed.host.engine import EngineError, engine
from testbed.ownership import lease
from testbed.polling import poll

IMAGE = "lso/base"
needs_ovs = pytest.mark.skipif(
    subprocess.run(["ovs-vsctl", "--timeout=2", "show"], capture_output=True, check=False).returncode != 0,
    reason="Open vSwitch does not run on this machine",
)


def run(example: str, typed: str = "") -> str:
    """Run an example as a user would; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"testbed.containernet.examples.{example}"],
        input=typed, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@needs_ovs
def test_the_first_example_runs_with_mininets_command_line() -> None:
    printed = run("first", "d1 hostname\nd1 echo address of d2: d2\nlinks\nexit\n")
    assert "lost 0.0 %" in printed
    assert "d1\n" in printed
    assert "address of d2: 10.0.0.252" in printed
    assert "s1-eth2<->s2-eth1 (OK OK)" in printed
    assert "Error" not in printed
    assert ("has no netem, so delay is done in user space" in printed) is not kernel.has_netem()


@needs_ovs
def test_the_live_example_changes_a_running_network() -> None:
    lines = [line for line in run("live").splitlines() if line and not line.startswith("***")]
    assert lines == [
        "d1 has ['d1-eth0', 'd1-eth1']",
        "at first, lost: 0.0",
        "d2 to d1, lost: 0.0",
        "d2 says: green d2",
        "d1 is limited to 20000 64m",
        "link removed, lost: 100.0",
        "hosts left: ['h1', 'd1']",
    ]


@needs_ovs
def test_the_topology_example_runs() -> None:
    printed = run("topology")
    assert "lost: 0.0" in printed
    assert "d2 says: d2" in printed


def test_naming_starts_nothing(net: Containernet) -> None:
    before = set(lease.folders())
    d1, s1 = net.addDocker("d1", dimage=IMAGE), net.addSwitch("s1", cls=NamespaceBridge)
    net.addLink(d1, s1)
    assert set(lease.folders()) == before
    assert d1._did == ""
    assert d1.params["ip"] == "10.0.0.1/8"


def test_a_command_before_the_start_makes_what_was_named_so_far(net: Containernet) -> None:
    d1, s1 = net.addDocker("d1", dimage=IMAGE), net.addSwitch("s1", cls=NamespaceBridge)
    net.addLink(d1, s1)
    assert d1.cmd("echo from $(hostname)") == "from d1\r\n"
    assert "d1-eth0" in d1.network_command("ip link")
    d2 = net.addDocker("d2", dimage=IMAGE)
    net.addLink(d2, s1)
    net.start()
    assert net.pingAll() == 0.0


def test_commands_run_inside_the_containers_limits_and_environment(net: Containernet) -> None:
    d1 = net.addDocker("d1", dimage=IMAGE, environment={"COLOUR": "green"}, cpu_period=50000, cpu_quota=25000)
    net.start()
    attributes = engine().api.inspect_container(d1.did)
    assert attributes["HostConfig"]["CpuQuota"] == 25000
    inside, outside = d1.cmd("cat /proc/self/cgroup; echo $COLOUR $LSO_LAB"), d1.did
    assert f"/docker/{outside}" in inside or ":/" in inside
    assert f"green {net.plan.owner.lab}" in inside
    out, _ = d1.popen(["sh", "-c", "echo $COLOUR; hostname"]).communicate()
    assert out == b"green\nd1\n"
    d1.updateCpuLimit(cpu_period=100000, cpu_quota=20000)
    d1.updateMemoryLimit(mem_limit=64 << 20)
    limits = engine().api.inspect_container(d1.did)["HostConfig"]
    assert (limits["CpuQuota"], limits["CpuPeriod"], limits["Memory"]) == (20000, 100000, 64 << 20)
    with pytest.raises(ValueError, match="no such limit: colour"):
        d1.update_resources(colour=1)


def test_shaping_works_and_what_the_kernel_lacks_is_said(net: Containernet, caplog: pytest.LogCaptureFixture) -> None:
    h1, d1 = net.addHost("h1"), net.addDocker("d1", dimage=IMAGE)
    net.addLink(h1, d1, cls=TCLink, bw=10, delay="30ms")
    net.start()
    assert "rate 10Mbit" in h1.network_command("tc class show dev h1-eth0")
    assert net.pingFull([h1, d1])[0][2][3] > 59
    if not kernel.has_netem():
        assert "this kernel has no netem, so delay is done in user space" in caplog.text
        assert caplog.text.count("h1-eth0: this kernel has no netem") == 1


def test_loss_and_delay_change_while_it_runs(net: Containernet) -> None:
    h1, d1 = net.addHost("h1"), net.addDocker("d1", dimage=IMAGE)
    link = net.addLink(h1, d1, cls=TCLink, loss=100)
    net.start()
    assert net.ping([h1, d1], timeout=1) == 100.0
    for intf in (link.intf1, link.intf2):
        intf.config(delay="40ms")
    poll(lambda: not net.ping([h1, d1], timeout=2), 20)  # neighbours that could not be reached are asked for again
    assert net.pingFull([h1, d1])[0][2][3] > 79
    assert link.intf1.ifconfig("down") == ""
    assert net.ping([h1, d1], timeout=1) == 100.0


def test_a_link_that_is_made_anew_has_its_own_delay(net: Containernet) -> None:
    h1, d1 = net.addHost("h1"), net.addDocker("d1", dimage=IMAGE)
    net.addLink(h1, d1, cls=TCLink, delay="100ms")
    net.start()
    for words, least, most in (({"delay": "20ms"}, 39, 150), ({}, 0, 30), ({"delay": "60ms"}, 119, 1000)):
        net.removeLink(node1=h1, node2=d1)
        net.addLink(h1, d1, cls=TCLink, params1={"ip": "10.0.0.1/8"}, params2={"ip": "10.0.0.2/8"}, **words)
        assert net.ping([h1, d1]) == 0.0
        times = [net.pingFull([h1, d1])[0][2][3] for _ in range(3)]
        assert least < min(times) < most
        assert len(list((net.plan.owner.folder / "ns").glob("wire-*"))) == bool(words and not kernel.has_netem())


def test_a_delay_that_is_no_time_is_refused(net: Containernet) -> None:
    if kernel.has_netem():
        pytest.skip("tc itself refuses it")
    with pytest.raises(ValueError, match="'soon' is no time: 10ms, 1s or 500us are"):
        net.addLink(net.addHost("h1"), net.addHost("h2"), cls=TCLink, delay="soon")


def test_links_and_containers_come_and_go(net: Containernet) -> None:
    h1, d1 = net.addHost("h1"), net.addDocker("d1", dimage=IMAGE)
    s1 = net.addSwitch("s1", cls=NamespaceBridge)
    net.addLink(h1, s1)
    net.addLink(d1, s1)
    net.start()
    d2 = net.addDocker("d2", dimage=IMAGE)
    net.addLink(d2, s1, params1={"ip": "10.0.0.254/8"})
    assert net.ping([h1], manualdestip="10.0.0.254") == 0.0
    net.removeLink(node1=h1, node2=s1)
    assert net.ping([h1], manualdestip="10.0.0.254", timeout=1) == 100.0
    net.addLink(h1, s1, params1={"ip": "10.0.0.1/8"})
    assert net.ping([h1], manualdestip="10.0.0.254") == 0.0
    assert net.removeDocker("d2")
    assert not net.removeDocker("d2")
    assert [host.name for host in net.hosts] == ["h1", "d1"]
    assert net.pingAll() == 0.0


@needs_ovs
def test_tcp_passes_a_userspace_switch(net: Containernet) -> None:
    h1, h2, s1 = net.addHost("h1"), net.addHost("h2"), net.addSwitch("s1", datapath="user", failMode="standalone")
    net.addLink(h1, s1)
    net.addLink(h2, s1)
    net.start()
    assert not offload.tx_checksum("h1-eth0", h1.namespace)
    server = h2.popen(["iperf3", "--server", "--one-off", "--forceflush"], text=True)
    while "listening" not in server.stdout.readline():
        pass
    assert "receiver" in h1.network_command(f"iperf3 --client {h2.IP()} --bytes 20M --format m")
    server.communicate(timeout=10)


def test_two_networks_with_the_same_names_run_at_once(net: Containernet) -> None:
    other = Containernet(controller=None)
    try:
        for network in (net, other):
            network.addLink(network.addDocker("d1", dimage=IMAGE), network.addHost("h1"))
            network.start()
        assert net["d1"].dname != other["d1"].dname
        assert net.pingAll() == other.pingAll() == 0.0
    finally:
        other.stop()


@needs_ovs
def test_a_bridge_of_someone_else_is_left_alone(net: Containernet) -> None:
    subprocess.run(["ovs-vsctl", "--no-wait", "add-br", "s77"], check=True)
    try:
        net.addSwitch("s77")
        with pytest.raises(RuntimeError, match="has a bridge s77 already"):
            net.start()
        assert "s77" in kernel.ovs_bridges()
    finally:
        net.switches.clear()
        subprocess.run(["ovs-vsctl", "--no-wait", "del-br", "s77"], check=True)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dimage": "lso/no-such-image"}, "there is no image 'lso/no-such-image' and it cannot be pulled"),
        ({"dimage": IMAGE, "dcmd": "/no/such/command"}, "does not start"),
    ],
)
def test_a_container_that_cannot_start_is_explained_and_nothing_stays(
    parameters: dict[str, object], message: str, leftovers: Callable[[str], list[str]]
) -> None:
    network = Containernet(controller=None)
    network.addDocker("d1", **parameters)
    lab = network.plan.owner.lab
    with pytest.raises(EngineError, match=message):
        network.start()
    assert leftovers(lab) == []


def test_the_last_words_of_a_container_that_ended_at_once_are_told(leftovers: Callable[[str], list[str]]) -> None:
    network = Containernet(controller=None)
    network.addDocker("d1", dimage=IMAGE, dcmd=["sh", "-c", "echo my last words; exit 3"])
    lab = network.plan.owner.lab
    with pytest.raises(EngineError, match="ended at once: my last words"):
        network.start()
        container = network["d1"]  # on a busy machine it ends after the start has looked, and the next look tells
        poll(lambda: not container.process.alive(), 10)
        container.check()
    network.stop()
    assert leftovers(lab) == []


class EndsWhenMade(Docker):
    """A container that ends before anything is done in its network."""

    def make(self) -> None:
        super().make()
        self.end()

    def end(self) -> str:
        assert poll(lambda: "words" in self.logs(), 10)
        engine().api.kill(self._did)
        assert poll(lambda: not self.process.alive(), 10)
        return "true"


@pytest.mark.parametrize("when", ["before its links", "before its lines"])
def test_so_are_those_of_one_that_ends_while_its_network_is_made(
    when: str, leftovers: Callable[[str], list[str]]
) -> None:
    network = Containernet(controller=None)
    early = when == "before its links"
    kind = EndsWhenMade if early else Docker
    command = ["sh", "-c", "echo my last words; sleep 60"]
    container = network.addDocker("d1", cls=kind, dimage=IMAGE, dcmd=command)
    network.addLink(container, network.addSwitch("s1", cls=NamespaceBridge))
    if not early:
        network.plan.do(container, lambda: EndsWhenMade.end(container))
    lab = network.plan.owner.lab
    with pytest.raises(EngineError, match="ended at once: my last words"):
        network.start()
    network.stop()
    assert leftovers(lab) == []


def test_a_network_is_built_from_its_own_docker_class(net: Containernet) -> None:
    node = net.addHost("d9", cls=Docker, dimage=IMAGE, ip="10.9.9.9/24", defaultRoute="dev d9-eth0")
    net.addLink(node, net.addSwitch("s1", cls=NamespaceBridge))
    net.start()
    assert "default dev d9-eth0" in node.network_command("ip route")
