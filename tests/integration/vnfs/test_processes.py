"""Whichever process of a VNF is killed comes back, alone or with its container, and traffic passes again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from docker.errors import APIError

from .gateways import Pair
from .products import products

PROCESS_1 = "process 1"
WATCHER = "entrypoint"
"""A loop of the entrypoint's own."""
LAN, WAN = "10.1.0.10", "10.1.0.20"
ALL = [{"id": "all", "action": "allow"}]
EXPORT = {"protocol": "ipfix", "collector": WAN, "address": "10.1.0.253/24"}
BRIDGES = {
    **{product: ("firewall", {"default": "deny", "rules": ALL}) for product in products("firewall")},
    **{product: ("statistics", {"export": EXPORT}) for product in products("statistics")},
}


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    name: str


def processes(vnf: Any) -> list[Process]:
    """The processes of the container, by their numbers outside of it; the first one first."""
    listed = vnf.container.top(ps_args="-eo pid,ppid,comm")["Processes"] or []
    return [Process(int(pid), int(parent), name) for pid, parent, name in listed]


def victims(vnf: Any, name: str) -> set[int]:
    """The processes of that name; none while the container does not run."""
    vnf.container.reload()
    state = vnf.container.attrs["State"]
    if not state["Running"] or not state["Pid"]:
        return set()
    if name == PROCESS_1:
        return {state["Pid"]}
    return {process.pid for process in processes(vnf) if process.name == name and process.pid != state["Pid"]}


def kill(vnf: Any, name: str, wait: Callable[..., Any]) -> bool:
    """Kill all processes of that name and wait for others in their place; True when the container was started again."""
    before = wait(lambda: victims(vnf, name), f"{name} runs")
    started = vnf.container.attrs["State"]["StartedAt"]
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def back() -> bool:
        with contextlib.suppress(APIError):  # the container ended between the two looks
            return bool(victims(vnf, name) - before)
        return False

    wait(back, f"{name} is back")
    return bool(vnf.container.attrs["State"]["StartedAt"] != started)


@dataclass(frozen=True)
class Bridge:
    vnf: Any
    intent: dict[str, Any]
    hosts: dict[str, Any]

    def wire_up(self) -> None:
        for port in self.vnf.ports:
            self.vnf.plug(port)
        for address, host in self.hosts.items():
            host.run("ip", "address", "add", f"{address}/24", "dev", "eth0")

    def carries(self) -> bool:
        return bool(self.hosts[LAN].pings(WAN))


@pytest.fixture(scope="module")
def bridges(bench: Any, descriptor: Callable[[str], dict[str, Any]]) -> dict[str, Bridge]:
    def make(product: str) -> Bridge:
        kind, config = BRIDGES[product]
        hosts = {LAN: bench.host(), WAN: bench.host()}
        ports = [bench.port(role, host, "eth0") for role, host in zip(("lan", "wan"), hosts.values(), strict=True)]
        shown = [{"role": p.role, "mac": p.mac, "mtu": 1400, "addresses": []} for p in ports]
        intent = {"contract": "1", "kind": kind, "name": kind, "ports": shown, kind: config}
        vnf = bench.vnf(f"lso/vnf-{product}", descriptor(product), intent)
        vnf.ports.extend(ports)
        bridge = Bridge(vnf, intent, hosts)
        bridge.wire_up()
        vnf.wait_ready(intent)
        return bridge

    return {product: make(product) for product in BRIDGES}


TRANSPARENT = [
    ("iptables", PROCESS_1),
    ("iptables", "sleep"),
    ("nftables", PROCESS_1),
    ("nftables", "sleep"),
    ("flowstat", PROCESS_1),
    ("flowstat", WATCHER),
    ("flowstat", "softflowd"),
    ("pmacct", PROCESS_1),
    ("pmacct", WATCHER),
    ("pmacct", "uacctd"),
]


@pytest.mark.parametrize(("product", "name"), TRANSPARENT)
def test_a_transparent_vnf_comes_back(
    bridges: dict[str, Bridge], product: str, name: str, wait_until: Callable[..., Any]
) -> None:
    bridge = bridges[product]
    assert wait_until(bridge.carries, "traffic passes")
    if kill(bridge.vnf, name, wait_until):
        bridge.wire_up()
    bridge.vnf.wait_ready(bridge.intent)
    wait_until(bridge.carries, "traffic passes again")
    if product in products("statistics"):
        wait_until(lambda: bridge.vnf.status()["export"]["running"], "the exporter runs again")


GATEWAY = [PROCESS_1, "watch", "charon-systemd"]


@pytest.mark.parametrize("which", ["a", "b"])
@pytest.mark.parametrize("name", GATEWAY)
def test_a_gateway_comes_back(up: Pair, name: str, which: str) -> None:
    site = getattr(up, which)
    assert up.a.lan.pings(up.b.host)
    if kill(site.vnf, name, up.wait):
        site.wire_up()
    site.vnf.wait_ready(site.intent)
    up.wait(lambda: up.a.lan.pings(up.b.host), "traffic passes the tunnel again", 60)


def runs_only(vnf: Any, names: set[str]) -> bool:
    return {process.name for process in processes(vnf)[1:]} <= names


def test_the_tables_name_every_process(up: Pair, bridges: dict[str, Bridge], wait_until: Callable[..., Any]) -> None:
    """What lives as long as process 1, not what it starts anew by itself all the time."""
    tables = {product: {name for known, name in TRANSPARENT if known == product} for product in BRIDGES}
    vnfs = {product: bridge.vnf for product, bridge in bridges.items()} | {"strongswan": up.a.vnf}
    for product, vnf in vnfs.items():
        known = tables.get(product, set(GATEWAY)) | {"sleep"}
        wait_until(partial(runs_only, vnf, known), f"{product} runs {sorted(known)} alone", 5)


GONE = [
    ("nftables", "nft delete table inet firewall"),
    ("flowstat", "nft delete table netdev flowstat"),
    ("iptables", "iptables-legacy -F"),
    ("iptables", "ip6tables-legacy -F"),
    ("iptables", "tc qdisc delete dev large-lan clsact"),
    ("pmacct", "ip6tables-legacy -t raw -F"),
    ("pmacct", "tc qdisc delete dev large-lan clsact"),
]


@pytest.mark.parametrize(("product", "command"), GONE)
def test_a_vnf_whose_rules_are_gone_is_not_ready(bridges: dict[str, Bridge], product: str, command: str) -> None:
    bridge = bridges[product]
    subprocess.run(["docker", "exec", bridge.vnf.container.id, *command.split()], check=True)
    assert bridge.vnf.status()["ready"] is False
    bridge.vnf.container.restart(timeout=0)
    bridge.wire_up()
    bridge.vnf.wait_ready(bridge.intent)


def test_a_gateway_whose_charon_hangs_is_not_ready(up: Pair) -> None:
    (charon,) = victims(up.a.vnf, "charon-systemd")
    os.kill(charon, signal.SIGSTOP)
    try:
        state = json.loads(up.a.vnf.exec("timeout", "20", "/vnf/status").stdout)
    finally:
        os.kill(charon, signal.SIGCONT)
    assert state["ready"] is False
