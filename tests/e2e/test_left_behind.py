"""``service.removed`` sees whatever is left behind on a uCPE, changed or gone, and lets what ends by itself end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from breaking import POC, assert_fails, assert_passes, judge_one

from lso.api import api_server
from reports.model import StepResult
from scenarios.load import load
from scenarios.session import ordered
from scenarios.steps.context import Context
from scenarios.verbs import service_removed

IMAGE = "lso/vnf-nftables"
KEY = "/etc/keys/psk.key"
SLEEP = "sleep 98765"

LEFT = {
    "mirror": (
        "ovs-vsctl -- --id=@m create Mirror name=m0 select_all=true -- set Bridge br-ucpe mirrors=@m",
        "ovs-vsctl clear Bridge br-ucpe mirrors",
        "OVS mirror m0 on br-ucpe is left over",
    ),
    "NetFlow": (
        "ovs-vsctl -- --id=@n create NetFlow 'targets=\"192.0.2.1:2055\"' -- set Bridge br-ucpe netflow=@n",
        "ovs-vsctl clear Bridge br-ucpe netflow",
        "OVS NetFlow 192.0.2.1:2055 on br-ucpe is left over",
    ),
    "sFlow": (
        "ovs-vsctl -- --id=@s create sFlow 'targets=\"192.0.2.1:6343\"' agent=lo -- set Bridge br-ucpe sflow=@s",
        "ovs-vsctl clear Bridge br-ucpe sflow",
        "OVS sFlow 192.0.2.1:6343 on br-ucpe is left over",
    ),
    "IPFIX": (
        "ovs-vsctl -- --id=@i create IPFIX 'targets=\"192.0.2.1:4739\"' -- set Bridge br-ucpe ipfix=@i",
        "ovs-vsctl clear Bridge br-ucpe ipfix",
        "OVS IPFIX 192.0.2.1:4739 on br-ucpe is left over",
    ),
    "QoS": (
        "ovs-vsctl -- --id=@q create QoS type=linux-noop -- set Port lan0 qos=@q",
        "ovs-vsctl clear Port lan0 qos -- --all destroy QoS",
        "OVS QoS linux-noop on lan0 is left over",
    ),
    "queue": (
        "ovs-vsctl create Queue dscp=46",
        "ovs-vsctl --all destroy Queue",
        "OVS queue 46 is left over",
    ),
    "policing": (
        "ovs-vsctl set Interface lan0 ingress_policing_rate=100000 ingress_policing_burst=10000",
        "ovs-vsctl set Interface lan0 ingress_policing_rate=0 ingress_policing_burst=0",
        "OVS interface lan0: ingress_policing_burst was 0, is 10000, ingress_policing_rate was 0, is 100000",
    ),
    "VLAN tag": (
        "ovs-vsctl set Port lan0 tag=100",
        "ovs-vsctl clear Port lan0 tag",
        "OVS port lan0 on br-ucpe: tag was not set, is 100",
    ),
    "no controller": (
        "ovs-vsctl del-controller br-ucpe",
        "ovs-vsctl set-controller br-ucpe pssl:6653 -- set Controller br-ucpe connection_mode=out-of-band",
        "OVS controller pssl:6653 on br-ucpe is gone",
    ),
    "port of the switch": (
        "ovs-vsctl add-port br-ucpe stale0 -- set Interface stale0 type=internal",
        "ovs-vsctl del-port br-ucpe stale0",
        "OVS port stale0 on br-ucpe is left over",
    ),
    "rule": (
        "ovs-ofctl -O OpenFlow14 add-flow br-ucpe cookie=0x7,priority=7,in_port=lan0,actions=drop",
        "ovs-ofctl -O OpenFlow14 del-flows br-ucpe cookie=0x7/-1",
        "OpenFlow rule table=0 cookie=0x7 priority=7 in_port=lan0 actions=drop is left over",
    ),
    "group": (
        "ovs-ofctl -O OpenFlow14 add-group br-ucpe group_id=7,type=all,bucket=output:1",
        "ovs-ofctl -O OpenFlow14 del-groups br-ucpe group_id=7",
        "OpenFlow group group_id=7,type=all,bucket=actions=output:lan0 is left over",
    ),
    "meter": (
        "ovs-ofctl -O OpenFlow14 add-meter br-ucpe meter=7,kbps,band=type=drop,rate=1000",
        "ovs-ofctl -O OpenFlow14 del-meter br-ucpe meter=7",
        "OpenFlow meter=7 kbps bands= type=drop rate=1000 is left over",
    ),
    "switched off in the switch": (
        "ovs-ofctl -O OpenFlow14 mod-port br-ucpe lan0 no-forward",
        "ovs-ofctl -O OpenFlow14 mod-port br-ucpe lan0 forward",
        "OpenFlow port lan0: configuration was 0, is NO_FWD",
    ),
    "container": (
        f"docker create --name stale --network none {IMAGE}",
        "docker rm stale",
        "container stale is left over",
    ),
    "container network": (
        "docker network create stale",
        "docker network rm stale",
        "container network stale is left over",
    ),
    "volume": ("docker volume create stale", "docker volume rm stale", "volume stale is left over"),
    "image": (f"docker tag {IMAGE} stale:7", "docker rmi stale:7", "image stale:7 is left over"),
    "process": (
        f"setsid {SLEEP} >/dev/null 2>&1 &",
        f'for p in /proc/[0-9]*; do [ "$(tr "\\0" " " <$p/cmdline)" != "{SLEEP} " ] || kill "${{p#/proc/}}"; done',
        f"process {SLEEP} is left over",
    ),
    "network namespace": (
        "ip netns add stale",
        "ip netns delete stale && umount /run/netns && rmdir /run/netns",
        "network namespace /run/netns/stale is left over",
    ),
    "mount": ("mount -t tmpfs stale /mnt", "umount /mnt", "mount /mnt (tmpfs) is left over"),
    "interface": (
        "ip link add stale type bridge",
        "ip link delete stale",
        "interface stale is left over",
    ),
    "LAN port down": (
        "ip link set lan0 down",
        "ip link set lan0 up",
        "interface lan0: carrier was yes, is no, state was up, is down",
    ),
    "MTU": ("ip link set lan0 mtu 1300", "ip link set lan0 mtu 1400", "interface lan0: mtu was 1400, is 1300"),
    "address": (
        "ip address add 192.0.2.9/32 dev lan0",
        "ip address delete 192.0.2.9/32 dev lan0",
        "address 192.0.2.9/32 on lan0 is left over",
    ),
    "queueing discipline": (
        "tc qdisc add dev lan0 handle 7: root pfifo limit 100",
        "tc qdisc delete dev lan0 root",
        "qdisc pfifo 7: dev lan0 root limit 100p is left over",
    ),
    "routing rule": (
        "ip rule add from 192.0.2.9 lookup 100 priority 100",
        "ip rule delete priority 100",
        "IPv4 rule 100: from 192.0.2.9 lookup 100 is left over",
    ),
    "route": (
        "ip route add blackhole 198.51.100.0/24 table 100",
        "ip route delete blackhole 198.51.100.0/24 table 100",
        "route blackhole 198.51.100.0/24 table 100 is left over",
    ),
    "neighbour": (
        "ip neighbour add 192.0.2.7 lladdr 02:00:00:00:00:07 dev lan0 nud permanent",
        "ip neighbour delete 192.0.2.7 dev lan0",
        "neighbour 192.0.2.7 dev lan0 lladdr 02:00:00:00:00:07 PERMANENT is left over",
    ),
    "sysctl": (
        "echo 1 >/proc/sys/net/ipv4/conf/lan0/arp_ignore",
        "echo 0 >/proc/sys/net/ipv4/conf/lan0/arp_ignore",
        "sysctls net.ipv4.conf.lan0: arp_ignore was 0, is 1",
    ),
    "key file": (
        f"mkdir /etc/keys && echo secret >{KEY}",
        "rm -r /etc/keys",
        f"file {KEY} is left over",
    ),
    "changed mode": (
        "chmod 644 /etc/docker/key.json",
        "chmod 600 /etc/docker/key.json",
        "file /etc/docker/key.json: mode was 0600, is 0644",
    ),
    "file in a temporary file system": (
        "echo left >/dev/shm/stale",
        "rm /dev/shm/stale",
        "file /dev/shm/stale is left over",
    ),
    "deleted file of the image": (
        "mv /etc/lso/containerd.toml /etc/lso/moved",
        "mv /etc/lso/moved /etc/lso/containerd.toml",
        "deletion of /etc/lso/containerd.toml is left over",
    ),
    "changed file of the image": (
        "echo '# changed' >>/etc/lso/containerd.toml",
        "sed -i '$d' /etc/lso/containerd.toml",
        "change of file /etc/lso/containerd.toml is left over",
    ),
}

SCORE = "/proc/$(cat /run/openvswitch/ovs-vswitchd.pid)/oom_score_adj"
RELOAD = 'kill -HUP "$(cat /run/docker.pid)"; until docker info --format "{{.Debug}}" | grep -q %s; do sleep 0.05; done'

TOGETHER = (
    (
        "ovs-appctl -t ovsdb-server ovsdb-server/add-remote ptcp:6641",
        "ovs-appctl -t ovsdb-server ovsdb-server/remove-remote ptcp:6641",
        ("remote ptcp:6641 of ovsdb-server is left over", "TCP socket on 0.0.0.0 port 6641 is left over"),
    ),
    (
        "ovs-appctl vlog/set netdev:file:dbg",
        "ovs-appctl vlog/set netdev:file:info",
        ("log levels of ovs-vswitchd: netdev was OFF INFO INFO, is OFF INFO DBG",),
    ),
    ("hostname stale", "hostname -F /etc/hostname", ("sysctls kernel: hostname was ",)),
    ("ipcmk --shmem 4096", "ipcrm --all=shm", ("shared memory 0 with key ",)),
    ("touch /dev/mqueue/stale", "rm /dev/mqueue/stale", ("file /dev/mqueue/stale is left over",)),
    (f"echo 500 >{SCORE}", f"echo 0 >{SCORE}", ("OOM score adjustment was 0, is 500",)),
    (
        "mount --bind / /mnt && echo left >/mnt/var/lib/docker/stale && umount /mnt",
        "mount --bind / /mnt && rm /mnt/var/lib/docker/stale && umount /mnt",
        ("file /var/lib/docker/stale below a mount is left over",),
    ),
    (
        f"""echo '{{"debug": true}}' >/etc/docker/daemon.json; {RELOAD % "true"}; rm /etc/docker/daemon.json""",
        f"""echo '{{"debug": false}}' >/etc/docker/daemon.json; {RELOAD % "false"}; rm /etc/docker/daemon.json""",
        ("Docker Engine: Debug was not set, is true",),
    ),
)
"""Beside database, rules and files, all at once: what to do, to undo, and what must be told."""


@pytest.fixture(scope="module")
def removed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A lab of its own whose service was removed, cleanly."""
    with ordered(load(POC).scenario, api_server) as own:
        assert_passes(judge_one(own, tmp_path_factory.mktemp("removed"), "service.removed"))
        yield own


@pytest.fixture
def judged_at_once(removed: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], StepResult]:
    """Judge without waiting: what a test leaves behind does not end by itself."""

    def judge() -> StepResult:
        with monkeypatch.context() as patch:
            patch.setattr(service_removed, "SETTLE_SECONDS", 0.1)
            return judge_one(removed, tmp_path, "service.removed")

    return judge


@pytest.mark.parametrize("what", LEFT)
def test_something_is_left_behind(
    removed: Context, tmp_path: Path, judged_at_once: Callable[[], StepResult], what: str
) -> None:
    leave, clean, difference = LEFT[what]
    _inside(removed, "site-b", leave)
    try:
        result = judged_at_once()
        _assert_told(result, difference)
        assert not any("site-a" in check.message for check in result.checks)
    finally:
        _inside(removed, "site-b", clean)
    assert_passes(judge_one(removed, tmp_path, "service.removed"))


def test_state_of_daemons_and_kernel_is_left_behind(
    removed: Context, tmp_path: Path, judged_at_once: Callable[[], StepResult]
) -> None:
    capability = b"\x01\x00\x00\x02" + bytes(16)  # version 2, none (linux/capability.h)
    try:
        with removed.view("site-b").access.process.opened() as folder:
            os.setxattr(f"/proc/self/fd/{folder}/root/etc/docker/key.json", "security.capability", capability)
        for leave, _, _ in TOGETHER:
            _inside(removed, "site-b", leave)
        result = judged_at_once()
        for difference in (*(told for *_, every in TOGETHER for told in every), "key.json: attributes was not set"):
            _assert_told(result, difference)
    finally:
        for _, clean, _ in TOGETHER:
            _inside(removed, "site-b", clean)
        with removed.view("site-b").access.process.opened() as folder:
            os.removexattr(f"/proc/self/fd/{folder}/root/etc/docker/key.json", "security.capability")
    assert_passes(judge_one(removed, tmp_path, "service.removed"))


def test_a_packet_filter_is_left_behind(
    removed: Context, tmp_path: Path, judged_at_once: Callable[[], StepResult]
) -> None:
    network = removed.view("site-a").access.namespace
    network.run(["nft", "add table inet stale; add chain inet stale c; add rule inet stale c counter drop"])
    try:
        result = judged_at_once()
        _assert_told(result, "site-a: nftables table inet stale is left over")
        _assert_told(result, "nftables table inet stale chain c: counter drop is left over")
    finally:
        network.run(["nft", "delete table inet stale"])
    assert_passes(judge_one(removed, tmp_path, "service.removed"))


def test_something_is_gone_that_was_there_before(removed: Context, tmp_path: Path) -> None:
    _inside(removed, "site-a", "ovs-vsctl del-port br-ucpe lan0")
    try:
        result = judge_one(removed, tmp_path, "service.removed")
        _assert_told(result, "OVS interface lan0 is gone; OVS port lan0 on br-ucpe is gone")
    finally:
        _inside(removed, "site-a", "ovs-vsctl add-port br-ucpe lan0 -- set Interface lan0 ofport_request=1")
    assert_passes(judge_one(removed, tmp_path, "service.removed"))


def test_what_ends_by_itself_is_waited_for(removed: Context, tmp_path: Path) -> None:
    _inside(removed, "site-a", "setsid sleep 1.5 >/dev/null 2>&1 &")
    result = judge_one(removed, tmp_path, "service.removed")
    assert_passes(result)
    assert result.waits[-1].needed_seconds > 0.5


def _inside(context: Context, site: str, script: str) -> None:
    context.view(site).run(["sh", "-c", script])


def _assert_told(result: StepResult, difference: str) -> None:
    """Assert that the verb failed and that it says so, in just these words."""
    told = [check.message for check in assert_fails(result)]
    assert any(difference in sentence for sentence in told), told
