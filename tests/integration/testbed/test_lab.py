from __future__ import annotations

import json
import os
import pickle
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from docker.errors import NotFound

from testbed.errors import Ended
from testbed.host.engine import engine
from testbed.lab import Lab, LabError
from testbed.lab.cpu_pinning import placements
from testbed.nodes.node import Node
from testbed.ownership import lease
from testbed.ownership.lease import LeaseError
from testbed.progress import Progress
from testbed.spec.model import Impairment, LabSpec

Leftovers = Callable[[str], list[str]]

# wirefilter reads its clock in whole milliseconds, both when a packet comes and when it looks what is due: a packet
# that comes late in a millisecond leaves up to one of them early. netem counts nanoseconds and is never early.
EARLY_MS = 1.0


def addresses(node: Node) -> dict[str, str]:
    """Ethernet addresses by interface; a kernel may put tunnel interfaces, which have none, into every namespace."""
    links = json.loads(node.namespace.run(["ip", "-json", "link"]).stdout)
    ethernet = {link["ifname"]: link["address"] for link in links if link["link_type"] == "ether"}
    return {name: address for name, address in ethernet.items() if set(address) - set("0:")}


def every(lab: Lab) -> list[Node]:
    return [node for group in (lab.ucpes, lab.hosts, lab.lans, lab.underlays) for node in group.values()]


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a process of its own."""
    return subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True)


def test_hosts_have_their_address_route_and_mtu(lab: Lab) -> None:
    host = lab.hosts["host-a"]
    assert "inet 10.1.0.10/24" in host.exec(["ip", "address", "show", "eth0"]).stdout
    assert "mtu 1400" in host.exec(["ip", "link", "show", "eth0"]).stdout
    assert host.exec(["ip", "route", "show", "default"]).stdout.startswith("default via 10.1.0.1 dev eth0")
    assert "inet6" not in host.exec(["ip", "address"]).stdout


def test_every_port_is_on_the_bridge_under_its_number(lab: Lab) -> None:
    for ucpe in lab.ucpes.values():
        listed = ucpe.exec(["ovs-ofctl", "-OOpenFlow14", "dump-ports-desc", "br-ucpe"]).stdout
        assert re.findall(r"(\d+)\((\w+)\): addr:06:", listed) == [("1", "lan0"), ("2", "wan0")]
        assert ucpe.exec(["ovs-ofctl", "-OOpenFlow14", "dump-flows", "br-ucpe"]).stdout.count("actions") == 0
        assert "mtu 1400" in ucpe.exec(["ip", "link", "show", "lan0"]).stdout
        assert "mtu 1500" in ucpe.exec(["ip", "link", "show", "wan0"]).stdout


def test_every_ucpe_runs_on_its_own_share_of_the_cpus(lab: Lab) -> None:
    shares = placements(len(lab.ucpes), os.sched_getaffinity(0))
    for ucpe, share in zip(lab.ucpes.values(), shares, strict=True):
        assert ",".join(map(str, sorted(os.sched_getaffinity(ucpe.container().pid)))) == share


def test_the_switch_has_room_for_packets_that_wait(lab: Lab) -> None:
    if lab.engines["datapath"] != "netdev":
        pytest.skip("the kernel's datapath has no sockets for packets")
    for ucpe in lab.ucpes.values():
        room = dict(re.findall(r":(\w+) .*?,rb(\d+)", ucpe.exec(["ss", "--packet", "--numeric", "--memory"]).stdout))
        assert {port: int(room[port]) >= 4 << 20 for port in ("lan0", "wan0")} == {"lan0": True, "wan0": True}


def test_underlays_and_lans_pass_packets_by_the_filters(lab: Lab) -> None:
    for node in (*lab.underlays.values(), *lab.lans.values()):
        calls = node.exec(["sh", "-c", "cat /proc/sys/net/bridge/bridge-nf-call-* || true"]).stdout.split()
        assert set(calls) <= {"0"}


def test_underlays_and_lans_name_the_port_to_each_neighbour(lab: Lab) -> None:
    assert set(lab.underlays["internet"].ports) == {"site-a", "site-b"}
    assert set(lab.lans["site-a"].ports) == {"ucpe", "host-a"}
    for node in (lab.underlays["internet"], lab.lans["site-a"]):
        joined = json.loads(node.exec(["ip", "-json", "link", "show", "master", "br0"]).stdout)
        assert {link["ifname"] for link in joined} == set(node.ports.values())


def test_all_mac_addresses_in_a_lab_differ(lab: Lab) -> None:
    wired = [(ucpe, ("lan0", "wan0")) for ucpe in lab.ucpes.values()]
    wired += [(host, ("eth0",)) for host in lab.hosts.values()]
    wired += [(bridge, tuple(bridge.ports.values())) for bridge in (*lab.lans.values(), *lab.underlays.values())]
    own = [addresses(node)[port] for node, ports in wired for port in ports]
    assert len(own) == len(set(own)) == 2 * (2 + 2 * 2)  # of each of two sites: uCPE twice, host, and their peers
    assert {mac[:3] for mac in own} == {"06:"}


def test_the_folder_is_private_and_describes_the_lab(lab: Lab) -> None:
    assert stat.S_IMODE(lab.folder.stat().st_mode) == 0o700
    files = [path for path in lab.folder.rglob("*") if path.is_file() and path.parent.name != "ns"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {"ca.pem", "client.pem", "client.key"} == {path.name for path in (lab.folder / "pki").iterdir()}
    document = json.loads(lab.inventory.read_text())
    assert [ucpe["id"] for ucpe in document["ucpes"]] == ["site-a", "site-b"]
    assert [uni["prefix"] for uni in document["unis"]] == ["10.1.0.0/24", "10.2.0.0/24"]
    assert document["ucpes"][0]["engines"] == lab.engines


@pytest.fixture
def plain_switching(lab: Lab) -> object:
    """Let both uCPEs pass frames between LAN and WAN, and put both hosts into one subnet."""
    for ucpe in lab.ucpes.values():
        for ports in (("1", "2"), ("2", "1")):
            ucpe.exec(["ovs-ofctl", "-OOpenFlow14", "add-flow", "br-ucpe", f"in_port={ports[0]},actions={ports[1]}"])
    for number, host in enumerate(lab.hosts.values(), 1):
        host.exec(["ip", "address", "add", f"10.9.0.{number}/24", "dev", "eth0"])
    yield lab
    for number, host in enumerate(lab.hosts.values(), 1):
        host.exec(["ip", "address", "del", f"10.9.0.{number}/24", "dev", "eth0"])
    for ucpe in lab.ucpes.values():
        ucpe.exec(["ovs-ofctl", "-OOpenFlow14", "del-flows", "br-ucpe"])


def test_nothing_passes_a_ucpe_without_a_flow(lab: Lab) -> None:
    assert lab.hosts["host-a"].exec(["ping", "-c1", "-W1", "10.1.0.1"], check=False).returncode == 1


@pytest.mark.usefixtures("plain_switching")
def test_frames_and_tcp_pass_with_flows(lab: Lab) -> None:
    here, there = lab.hosts["host-a"], lab.hosts["host-b"]
    assert " 0% packet loss" in here.exec(["ping", "-c3", "-i0.1", "-W2", "10.9.0.2"]).stdout
    server = there.namespace.popen(["iperf3", "--server", "--one-off", "--forceflush"])
    try:
        assert server.stdout
        while "listening" not in server.stdout.readline():
            pass
        client = here.exec(["iperf3", "--json", "--time", "1", "--client", "10.9.0.2"])
        rate = json.loads(client.stdout)["end"]["sum_received"]["bits_per_second"]
    finally:
        server.kill()
        server.communicate()
    assert rate > 200e6  # with broken checksums or segments of the wrong size TCP crawls: below 1 Mbit/s


def test_another_process_attaches_and_runs_commands(lab: Lab) -> None:
    code = "import sys; from testbed.lab import Lab; lab = Lab.attach(sys.argv[1]); print(sorted(lab.hosts), "
    code += "lab.ucpes['site-a'].exec(['hostname']).stdout.strip(), lab.id in [x.id for x in Lab.list()])"
    done = python(code, lab.id)
    assert done.stdout.strip() == "['host-a', 'host-b'] site-a True", done.stderr


def test_another_process_cannot_stop_it(lab: Lab) -> None:
    with pytest.raises(LeaseError, match="in use by process"):
        Lab.attach(lab.id).stop()
    assert lease.state(lab.folder) is lease.State.HELD


def test_attaching_to_nothing_names_what_runs(lab: Lab) -> None:
    with pytest.raises(LabError, match=f"no lab 'nothing' runs.*{lab.id}"):
        Lab.attach("nothing")


def test_a_kept_lab_outlives_its_process_and_is_taken_down_by_another(
    make_spec: Callable[[int], LabSpec], leftovers: Leftovers
) -> None:
    code = """
import pickle, sys
from testbed.lab import Lab
spec = pickle.loads(bytes.fromhex(sys.argv[1]))
with Lab.create(spec) as lab:
    lab.keep()
    print(lab.id)
"""
    done = python(code, pickle.dumps(make_spec(1)).hex())
    kept = done.stdout.strip()
    assert kept, done.stderr
    assert lease.state(lease.LABS / kept) is lease.State.KEPT
    again = Lab.attach(kept)
    assert again.ucpes["site-a"].exec(["hostname"]).stdout == "site-a\n"
    again.stop()
    assert leftovers(kept) == []


def test_two_labs_start_and_stop_at_once_and_leave_nothing(
    make_spec: Callable[[int], LabSpec], leftovers: Leftovers
) -> None:
    labs = [Lab.create(make_spec(1)) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Lab.start, labs))
    try:
        assert labs[0].ucpes["site-a"].address != labs[1].ucpes["site-a"].address
        first, second = ({mac for node in every(lab) for mac in addresses(node).values()} for lab in labs)
        assert not first & second
        ids = [lab.ucpes["site-a"].exec(["hostname"]).stdout for lab in labs]
        assert ids == ["site-a\n"] * 2
    finally:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Lab.stop, labs))
    assert [leftovers(lab.id) for lab in labs] == [[], []]
    labs[0].stop()  # once more does no harm
    for lab in labs:
        with pytest.raises(NotFound):
            engine().networks.get(f"lso-{lab.id}")


@pytest.mark.parametrize("phase", ["management", "nodes", "ready"])
def test_ctrl_c_at_any_phase_of_the_start_leaves_nothing(
    phase: str, make_spec: Callable[[int], LabSpec], leftovers: Leftovers
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.phase == phase:
            raise KeyboardInterrupt

    lab = Lab.create(make_spec(1), progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        lab.start()
    assert leftovers(lab.id) == []
    assert not lab.folder.exists()


def test_an_impossible_lab_makes_nothing(two_sites: LabSpec) -> None:
    before = set(lease.folders())
    with pytest.raises(ValueError, match="is no name"):
        Lab.create(replace(two_sites, name="Not A Name"))
    assert not {folder for folder in set(lease.folders()) - before if folder.name.startswith("Not")}


def test_an_underlay_is_impaired_from_the_start(make_spec: Callable[[int], LabSpec], leftovers: Leftovers) -> None:
    spec = make_spec(2)
    underlay = replace(spec.underlays[0], impairment=Impairment(delay_ms=20))
    with Lab.create(replace(spec, underlays=(underlay,))) as lab:
        engines = {lab.impairer("internet").active(port) for port in lab.underlays["internet"].ports.values()}
        assert engines <= {"netem", "wirefilter"}
        rtt = through_both(lab)
        lab.impairer("internet").apply(lab.underlays["internet"].ports["site-a"], Impairment())
        faster = through_both(lab)
    assert 40 - 2 * EARLY_MS < rtt < 80, "both ways are delayed"
    assert 20 - EARLY_MS < faster < 40 - 2 * EARLY_MS, "one way is"
    assert leftovers(lab.id) == []


def through_both(lab: Lab) -> float:
    """Return the smallest round trip, in ms, of pings that both uCPEs pass on as they are."""
    for ucpe in lab.ucpes.values():
        for ports in (("1", "2"), ("2", "1")):
            ucpe.exec(["ovs-ofctl", "-OOpenFlow14", "add-flow", "br-ucpe", f"in_port={ports[0]},actions={ports[1]}"])
    for number, host in enumerate(lab.hosts.values(), 1):
        host.exec(["ip", "address", "replace", f"10.9.0.{number}/24", "dev", "eth0"])
    printed = lab.hosts["host-a"].exec(["ping", "-c4", "-i0.05", "-W2", "10.9.0.2"]).stdout
    return float(printed.rpartition("= ")[2].split("/")[0])


def test_a_ucpe_that_ended_keeps_its_name_and_is_not_entered(
    make_spec: Callable[[int], LabSpec], leftovers: Leftovers
) -> None:
    with Lab.create(make_spec(2), store="") as lab:
        assert sorted(Lab.attach(lab.id).ucpes) == ["site-a", "site-b"]
        engine().containers.get(f"lso.{lab.id}.site-a").kill()
        again = Lab.attach(lab.id)
        assert [name for name, node in again.nodes.items() if node.ended()] == ["site-a"]
        with pytest.raises(Ended, match="uCPE site-a has ended"):
            again.ucpes["site-a"].exec(["true"])
        assert again.ucpes["site-b"].exec(["hostname"]).stdout == "site-b\n"
    assert leftovers(lab.id) == []
