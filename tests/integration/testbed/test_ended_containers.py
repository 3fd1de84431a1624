from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from mininet.log import setLogLevel

from testbed.containernet import Containernet, NamespaceBridge
from testbed.errors import Ended
from testbed.host.engine import engine

IMAGE = "lso/base"
Leftovers = Callable[[str], list[str]]


@pytest.fixture
def net(leftovers: Leftovers) -> Iterator[Containernet]:
    setLogLevel("warning")
    network = Containernet(controller=None)
    switch = network.addSwitch("s1", cls=NamespaceBridge)
    network.addLink(network.addDocker("d1", dimage=IMAGE), switch)
    network.addLink(network.addHost("h1"), switch)
    network.start()
    lab = network.plan.owner.lab
    yield network
    network.stop()
    assert leftovers(lab) == []


def docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("used", [False, True], ids=["no shell yet", "with a shell"])
@pytest.mark.parametrize(
    ("action", "message"),
    [(["kill"], "has ended"), (["rm", "-f"], "has been removed"), (["pause"], "is paused: nothing can run in it")],
)
def test_what_happened_to_a_container_is_said_and_nothing_hangs(
    net: Containernet, action: list[str], message: str, used: bool
) -> None:
    d1 = net["d1"]
    if used:
        assert d1.cmd("echo $((1+1))") == "2\r\n"
    docker(*action, d1.did)
    for use in (
        lambda: d1.cmd("hostname"),
        lambda: d1.popen(["hostname"]),
        lambda: d1.network_command("ip link"),
        lambda: d1.defaultIntf().setIP("10.0.0.9/8"),
        net.pingAll,
        *(() if action == ["pause"] else (lambda: d1.cgroupGet("shares"), lambda: d1.update_resources(cpu_shares=512))),
    ):
        with pytest.raises(Ended, match=f"^container {d1.dname} {message}"):
            use()


@pytest.mark.parametrize("action", [["kill"], ["rm", "-f"], ["pause"]], ids=lambda words: words[0])
def test_a_container_that_cannot_be_entered_can_be_removed(
    net: Containernet, action: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    net["d1"].cmd("hostname")
    docker(*action, net["d1"].did)
    assert net.removeDocker("d1")
    net.addLink(net.addDocker("d1", dimage=IMAGE), "s1", params1={"ip": "10.0.0.1/8"})
    assert net.pingAll() == 0.0
    assert "Error" not in caplog.text


@pytest.mark.parametrize("used", [False, True], ids=["no shell yet", "with a shell"])
def test_commands_run_in_a_restarted_container_and_its_lost_links_are_named(
    net: Containernet, used: bool, caplog: pytest.LogCaptureFixture
) -> None:
    d1 = net["d1"]
    if used:
        assert d1.cmd("echo $((1+1))") == "2\r\n"
    engine().api.restart(d1.did, timeout=0)
    assert d1.cmd("hostname") == "d1\r\n"
    assert d1.popen(["hostname"], text=True).communicate()[0] == "d1\n"
    assert "d1-eth0" not in d1.network_command("ip link")
    assert caplog.text.count("was restarted behind the network: its links are gone") == 1
    net.removeLink(node1="d1", node2="s1")
    net.addLink("d1", "s1", params1={"ip": "10.0.0.1/8"})
    assert net.pingAll() == 0.0
