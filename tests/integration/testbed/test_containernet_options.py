"""What a container is given is what the engine has, and nothing more is open to anybody."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.containernet import Containernet, NamespaceBridge, ParameterError, TreeContainerNet, cleanup
from testbed.host.engine import EngineError, engine

IMAGE = "lso/base"


def asked(node: Any) -> dict[str, Any]:
    """Return what the engine knows of a container."""
    assert node.pid
    found: dict[str, Any] = engine().containers.get(node.did).attrs
    return found


@pytest.mark.parametrize(
    ("words", "published"),
    [
        ({"ports": [9999], "publish_all_ports": False}, {"9999/tcp": None}),
        ({"port_bindings": {9999: ("127.0.0.1", 0)}}, {"9999/tcp": "127.0.0.1"}),
        ({"ports": ["9999/udp"], "port_bindings": {"9999/udp": ("127.0.0.1", 0)}}, {"9999/udp": "127.0.0.1"}),
        ({"ports": [9999]}, {"9999/tcp": "0.0.0.0"}),  # noqa: S104
        ({"network_mode": "bridge"}, {}),
        ({}, {}),
    ],
)
def test_a_port_is_open_where_it_was_asked_for(net: Containernet, words: dict[str, Any], published: Any) -> None:
    settings = asked(net.addDocker("d1", dimage=IMAGE, **words))["NetworkSettings"]
    assert {port: (open_ or [{"HostIp": None}])[0]["HostIp"] for port, open_ in settings["Ports"].items()} == published
    assert (settings["IPAddress"] == "") is (words == {})


def test_publish_all_ports_alone_publishes_what_the_image_shows(net: Containernet, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nEXPOSE 8888\n")
    d1 = net.addDocker("d1", build_params={"path": str(tmp_path)}, publish_all_ports=True)
    assert asked(d1)["NetworkSettings"]["Ports"]["8888/tcp"]
    d2 = net.addDocker("d2", build_params={"path": str(tmp_path)})
    assert not asked(d2)["NetworkSettings"]["Ports"]


def test_volumes_environment_and_limits_arrive(net: Containernet, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    d1 = net.addDocker(
        "d1", dimage=IMAGE, volumes={str(tmp_path): {"bind": "/data", "mode": "ro"}}, environment=["COLOUR=green"],
        cpus=0.5, mem_reservation="8m", pids_limit=50, cap_drop=["MKNOD"], tmpfs=["/scratch:size=1m"],
    )  # fmt: skip
    assert d1.cmd("ls /data; touch /data/x 2>&1 | grep -c Read-only; echo $COLOUR").split() == ["mine", "1", "green"]
    host = asked(d1)["HostConfig"]
    assert (host["NanoCpus"], host["MemoryReservation"], host["PidsLimit"]) == (500_000_000, 8 << 20, 50)
    assert host["CapDrop"] == ["MKNOD"]
    assert d1.volumes == [f"{tmp_path}:/data:ro"]
    assert d1.environment == {"COLOUR": "green"}
    assert (d1.nano_cpus, d1.dcli, d1.d_client.api) == (500_000_000, engine().api, engine().api)
    assert d1.dc["Id"] == d1.did == d1.dcinfo["Id"]


def test_containers_carry_the_labels_of_both(net: Containernet) -> None:
    labels = asked(net.addDocker("d1", dimage=IMAGE, labels={"mine": "yes"}))["Config"]["Labels"]
    assert labels.items() >= {"com.containernet": "", "mine": "yes", "lso.lab": net.plan.owner.lab}.items()


@pytest.mark.parametrize("first", ["d1", "d2"])
def test_a_container_may_share_with_another_that_is_named_before_or_after(net: Containernet, first: str) -> None:
    words = {"d1": {"ipc_mode": "shareable"}, "d2": {"ipc_mode": "container:mn.d1", "pid_mode": "container:mn.d1"}}
    for name in sorted(words, reverse=first == "d2"):
        net.addDocker(name, dimage=IMAGE, **words[name])
    net.start()
    assert net["d1"].cmd("readlink /proc/self/ns/ipc") == net["d2"].cmd("readlink /proc/self/ns/ipc")


def test_containers_that_need_each_other_are_named(net: Containernet) -> None:
    net.addDocker("d1", dimage=IMAGE, ipc_mode="container:mn.d2")
    net.addDocker("d2", dimage=IMAGE, ipc_mode="container:mn.d1")
    with pytest.raises(RuntimeError, match=r"these nodes need each other: d[12], d[12]"):
        net.start()


def test_rm_removes_what_has_the_name_but_nothing_of_a_network_that_runs(net: Containernet) -> None:
    api = engine().api
    stranger = api.create_container(IMAGE, ["sleep", "100"], name="mn.rmtest")["Id"]
    try:
        assert net.addDocker("rmtest", dimage=IMAGE, rm=True).pid
        assert net["rmtest"].dname == "mn.rmtest"
        assert stranger not in [found["Id"] for found in api.containers(all=True)]
        other = Containernet(controller=None)
        assert other.addDocker("rmtest", dimage=IMAGE, rm=True).pid
        assert other["rmtest"].dname == f"mn.rmtest.{other.plan.owner.lab}"
        other.stop()
        assert net["rmtest"].cmd("echo here").strip() == "here"
    finally:
        stop_quietly(stranger)


def stop_quietly(container: str) -> None:
    """Remove a container that a failed test has left."""
    for found in engine().api.containers(all=True):
        if found["Id"] == container:
            engine().api.remove_container(container, force=True)


def test_limits_change_while_it_runs(net: Containernet) -> None:
    d1 = net.addDocker("d1", dimage=IMAGE, cpu_period=50000, cpu_quota=10000)
    d1.update_resources(mem_reservation="16m", cpuset_mems="0", cpu_shares=512)
    host = asked(d1)["HostConfig"]
    assert (host["MemoryReservation"], host["CpusetMems"], host["CpuShares"]) == (16 << 20, "0", 512)
    assert (d1.resources["mem_reservation"], d1.resources["cpu_shares"]) == ("16m", 512)
    with pytest.raises(ParameterError) as refused:
        d1.update_resources(cpu_quot=1, restart_policy={}, cpus=2, cpu_shares=0.5)
    for text in ('cpu_quot. Did you mean "cpu_quota"?', "restart_policy: a container that", "cpus; change cpu_quota",
                 "cpu_shares=0.5: must be a whole number"):  # fmt: skip
        assert text in str(refused.value)


@pytest.mark.skipif(not Path("/sys/fs/cgroup/cpu").exists(), reason="control groups of version 2 have other names")
def test_control_groups_are_read_and_set(net: Containernet) -> None:
    d1 = net.addDocker("d1", dimage=IMAGE, cpu_shares=100)
    assert d1.cgroupGet("shares") == 100
    assert d1.cgroupSet("shares", 200) == 200
    assert d1.cgroupSet("limit_in_bytes", 64 << 20, resource="memory") == 64 << 20
    with pytest.raises(EngineError, match=r"have no cpu\.share\. Did you mean \"cpu\.shares\""):
        d1.cgroupGet("share")
    with pytest.raises(EngineError, match=r"d1: cpu\.cfs_quota_us cannot be set to much"):
        d1.cgroupSet("cfs_quota_us", "much")


def test_a_tree_of_containers(leftovers: Callable[[str], list[str]]) -> None:
    network = TreeContainerNet(2, 2, dimage=IMAGE, switch=NamespaceBridge, controller=None)
    lab = network.plan.owner.lab
    assert [host.name for host in network.hosts] == ["h1", "h2", "h3", "h4"]
    assert network.run(network.pingAll) == 0.0
    assert leftovers(lab) == []


def test_cleanup_stops_the_networks_of_this_process(leftovers: Callable[[str], list[str]]) -> None:
    network = Containernet(controller=None)
    network.addDocker("d1", dimage=IMAGE)
    network.start()
    lab = network.plan.owner.lab
    cleanup()
    assert leftovers(lab) == []


def rules() -> str:
    """Return the rules of the machine's packet filter."""
    return subprocess.run(["iptables-save"], check=True, capture_output=True, text=True, timeout=10).stdout


def test_an_access_point_is_on_the_machine_and_its_rules_go_with_it(net: Containernet) -> None:
    sap = net.addExtSAP("cfsap", "10.213.1.1/30", NAT=True)
    d1 = net.addDocker("d1", dimage=IMAGE, ip="10.213.1.2/30")
    net.addLink(d1, sap)
    net.start()
    assert net.SAPswitches == {"cfsap": sap}
    assert net.ping([d1], manualdestip="10.213.1.1") == 0.0
    marked = [line for line in rules().splitlines() if net.plan.owner.lab in line]
    assert len(marked) == 3
    assert any("-s 10.213.1.0/30 ! -o cfsap" in line and "MASQUERADE" in line for line in marked)
    net.removeSAPNAT(sap)
    net.addSAPNAT(sap)
    assert rules().count(net.plan.owner.lab) == 3
    net.removeExtSAP("cfsap")
    assert net.plan.owner.lab not in rules()
    assert sap not in net.switches
    again = net.addExtSAP("cfsap", "10.213.1.1/30")
    net.addLink(d1, again)
    d1.setIP("10.213.1.2/30")
    assert net.ping([d1], manualdestip="10.213.1.1") == 0.0


def test_an_access_point_that_cannot_be_is_refused(net: Containernet) -> None:
    with pytest.raises(ParameterError) as refused:
        net.addExtSAP("cfsap", "10.213.1.300/30", nat=True)
    assert "sapIP: " in str(refused.value)
    assert "nat is no parameter of a switch" in str(refused.value)
    with pytest.raises(ValueError, match=r"there is no access point cfsap\. Known: none"):
        net.removeExtSAP("cfsap")


def test_the_next_address_is_given_once(net: Containernet) -> None:
    assert (net.getNextIp(), net.addHost("h1").params["ip"]) == ("10.0.0.1/8", "10.0.0.2/8")
