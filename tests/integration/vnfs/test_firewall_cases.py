"""Every firewall does with packets what the contract's table of cases says: on the wire, and in its counters."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pytest

from .firewall_cases import ADDRESSES, ARP_TYPE, OTHER, Case, Sent, cases
from .products import products

SECONDS = 5.0
"""In which what passes must have come; a machine may be busy."""
BROADCAST = "ff:ff:ff:ff:ff:ff"
Totals = dict[str, int]


def octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


@dataclass
class Bench:
    """A firewall between two hosts that say nothing by themselves; *totals* are its counters after the last case."""

    vnf: Any
    ports: list[dict[str, Any]]
    macs: dict[str, str]
    sockets: dict[str, socket.socket]
    rules: list[dict[str, Any]]
    totals: Totals

    def apply(self, case: Case) -> None:
        """Make the case's intent so, and work out what its counters start from: those of unchanged rules go on."""
        intent = {"contract": "1", "kind": "firewall", "name": "fw", "ports": self.ports, "firewall": case.firewall}
        self.vnf.inside("/vnf/apply", stdin=json.dumps(intent))
        kept = {rule["id"] for rule in case.firewall["rules"] if rule in self.rules}
        own = {rule["id"]: self.totals[rule["id"]] if rule["id"] in kept else 0 for rule in case.firewall["rules"]}
        self.totals = {name: self.totals[name] for name in ("established", "default", "foreign")} | own
        self.rules = case.firewall["rules"]

    def count(self) -> Totals:
        state = self.vnf.status()
        return {name: state[name]["packets"] for name in ("established", "default", "foreign")} | {
            rule["id"]: rule["packets"] for rule in state["rules"]
        }

    def send(self, sent: Sent, expected: bool) -> list[bytes]:
        """Send, then an ARP request from the same side, which passes: what came out of the firewall until then.

        What should have passed may come later by another way than the request, and is waited for.
        """
        near, far = self.sockets[sent.side], self.sockets[OTHER[sent.side]]
        addresses = octets(sent.mac or self.macs[OTHER[sent.side]]) + octets(self.macs[sent.side])
        for frame in sent.frames:
            near.send(addresses + frame)
        mark = time.monotonic_ns().to_bytes(8, "big")
        near.send(octets(BROADCAST) + octets(self.macs[sent.side]) + ARP_TYPE + bytes(28) + mark)
        found: list[bytes] = []
        marked, deadline = False, time.monotonic() + SECONDS
        while not marked or (expected and len(found) < len(sent.frames)):
            far.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                frame = far.recv(65535)
            except TimeoutError:
                assert marked, f"{sent.line}: not even ARP passes"
                break
            if mark in frame:
                marked = True
            else:
                found.append(frame)
        return found


@pytest.fixture(scope="module", params=products("firewall"))
def firewall(
    bench: Any, descriptor: Callable[[str], dict[str, Any]], request: pytest.FixtureRequest
) -> Iterator[Bench]:
    hosts = {side: bench.host() for side in ADDRESSES}
    ports = {side: bench.port(side, host, "eth0") for side, host in hosts.items()}
    shown = [{"role": side, "mac": port.mac, "mtu": 1500, "addresses": []} for side, port in ports.items()]
    vnf = bench.vnf(f"lso/vnf-{request.param}", descriptor(request.param))
    for side, host in hosts.items():
        host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        vnf.plug(ports[side])
    with ExitStack() as stack:
        sockets = {
            side: stack.enter_context(closing(host.namespace.packet_socket("eth0"))) for side, host in hosts.items()
        }
        links = {side: host.run("ip", "-j", "link", "show", "eth0").stdout for side, host in hosts.items()}
        macs = {side: json.loads(link)[0]["address"] for side, link in links.items()}
        yield Bench(vnf, shown, macs, sockets, [], dict.fromkeys(("established", "default", "foreign"), 0))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_of_the_table(firewall: Bench, case: Case) -> None:
    firewall.apply(case)
    least: Counter[str] = Counter(firewall.totals)
    most = least.copy()
    wrong = []
    try:
        for sent in case.packets:
            passes = case.passes(sent.outcome)
            came = firewall.send(sent, passes)
            addresses = octets(sent.mac or firewall.macs[OTHER[sent.side]]) + octets(firewall.macs[sent.side])
            wanted = [addresses + frame for frame in sent.frames] if passes else []
            if sorted(came) != sorted(wanted):
                seen, should = ([frame.hex() for frame in frames] for frames in (came, wanted))
                wrong.append(f"{sent.line}: {sent.outcome}: {seen}, not {should}")
            for name in case.counters(sent.outcome):
                least[name] += 1
                most[name] += len(sent.frames)  # a product may judge the fragments of a packet one by one
    finally:
        firewall.totals = firewall.count()  # the next case starts from it
    wrong += [
        f"{name}: {count}, not {least[name]} to {most[name]}"
        for name, count in firewall.totals.items()
        if not least[name] <= count <= most[name]
    ]
    assert not wrong, "\n".join(wrong)
