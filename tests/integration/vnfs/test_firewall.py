"""The firewall image decides real packets: rules, order, state, changes, restarts."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from .products import products

LAN, WAN, NOBODY = "10.1.0.10", "10.2.0.10", "10.2.0.99"


def rule(name: str, action: str = "allow", **match: Any) -> dict[str, Any]:
    return {"id": name, "action": action, "direction": "lan-to-wan", **match}


@dataclass(frozen=True)
class Wire:
    """The firewall between two hosts; ``crosses`` asks the receiver's capture, not the sender."""

    vnf: Any
    lan: Any
    wan: Any
    intent: dict[str, Any]

    def with_rules(self, *rules: dict[str, Any], default: str = "deny") -> dict[str, Any]:
        return {**self.intent, "firewall": {"default": default, "rules": list(rules)}}

    def apply(self, *rules: dict[str, Any], default: str = "deny") -> None:
        self.vnf.applied(self.with_rules(*rules, default=default))

    def counters(self) -> dict[str, int]:
        return {entry["id"]: entry["packets"] for entry in self.vnf.status()["rules"]}

    def crosses(self, packet: Packet, direction: str = "lan-to-wan", timeout: float = 0.15) -> bool:
        """Send *packet* with a canary and say whether the other side's capture has it."""
        ends = [(self.lan, "lan"), (self.wan, "wan")]
        (sender, _), (receiver, _) = ends if direction == "lan-to-wan" else ends[::-1]
        canary = f"canary-{time.monotonic_ns()}".encode()
        frame = Ether(src=mac_of(sender), dst=mac_of(receiver)) / packet / Raw(canary)
        with (
            closing(receiver.namespace.packet_socket("eth0")) as capture,
            closing(sender.namespace.packet_socket("eth0")) as source,
        ):
            source.send(bytes(frame))
            return seen(capture, canary, timeout)


def seen(capture: socket.socket, canary: bytes, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        capture.settimeout(left)
        try:
            if canary in capture.recv(65535):
                return True
        except TimeoutError:
            break
    return False


def mac_of(host: Any) -> str:
    (link,) = json.loads(host.run("ip", "-j", "link", "show", "eth0").stdout)
    return str(link["address"])


@pytest.fixture(scope="module", params=products("firewall"))
def wire(bench: Any, descriptor: Callable[[str], dict[str, Any]], request: pytest.FixtureRequest) -> Iterator[Wire]:
    lan, wan = bench.host(), bench.host()
    ports = [bench.port("lan", lan, "eth0"), bench.port("wan", wan, "eth0")]
    intent = {
        "contract": "1",
        "kind": "firewall",
        "name": "fw",
        "ports": [{"role": p.role, "mac": p.mac, "mtu": 1500, "addresses": []} for p in ports],
        "firewall": {"default": "deny", "rules": []},
    }
    vnf = bench.vnf(f"lso/vnf-{request.param}", descriptor(request.param), intent)
    for port in ports:
        vnf.plug(port)
    for host, address, other in ((lan, LAN, "10.2.0.0/16"), (wan, WAN, "10.1.0.0/16")):
        host.run("ip", "address", "add", f"{address}/16", "dev", "eth0")
        host.run("ip", "route", "add", other, "dev", "eth0")
    vnf.wait_ready(intent)
    yield Wire(vnf, lan, wan, intent)


@contextmanager
def connection(server: Any, client: Any, address: str, port: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection from *client* to *server*: both ends."""
    listener = server.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    near = client.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    with closing(listener), closing(near):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
        near.settimeout(2)
        near.connect((address, port))
        far, _ = listener.accept()
        far.settimeout(2)
        with closing(far):
            yield near, far


def carries(source: socket.socket, target: socket.socket, timeout: float = 1.5) -> bool:
    source.send(b"still here")
    target.settimeout(timeout)
    try:
        return bool(target.recv(100))
    except TimeoutError:
        return False


TCP80 = IP(src=LAN, dst=WAN) / TCP(sport=40000, dport=80, flags="S")
WEB = rule("web", protocol="tcp", destination_ports=["80", "8000-8080"])


def test_an_icmp_error_does_not_bring_back_what_a_change_has_cut(wire: Wire) -> None:
    ping = rule("ping", protocol="icmp")
    wire.apply(rule("dns", protocol="udp", destination_ports=["53"]), ping)
    sent = IP(src=LAN, dst=WAN) / UDP(sport=5354, dport=53)
    assert wire.crosses(sent)
    wire.apply(ping)
    assert not wire.crosses(IP(src=WAN, dst=LAN) / ICMP(type=3, code=3) / sent, "wan-to-lan")
    assert not wire.crosses(sent)


def test_fragments_pass(wire: Wire) -> None:
    wire.apply(rule("ping", protocol="icmp", icmp_types=["echo-request"]))
    assert wire.lan.pings(WAN, "-s", "4000")
    wire.apply()
    assert not wire.lan.pings(WAN, "-s", "4000")


def test_a_change_cuts_what_is_no_longer_allowed_and_nothing_else(wire: Wire) -> None:
    allow_81 = rule("b", protocol="tcp", destination_ports=["81"])
    wire.apply(WEB, allow_81)
    with (
        connection(wire.wan, wire.lan, WAN, 80) as (near80, far80),
        connection(wire.wan, wire.lan, WAN, 81) as (near81, far81),
    ):
        assert carries(near80, far80)
        assert carries(near81, far81)
        wire.apply(rule("first", "deny", protocol="tcp", destination_ports=["81"]), WEB, allow_81)
        assert carries(far80, near80), "the server speaks first after the change"
        assert not carries(near81, far81)
        assert not carries(far81, near81)
        assert carries(near80, far80)


DEFAULTS = {"tcp_opening": 240, "tcp_established": 7440, "tcp_closing": 240, "udp": 120, "udp_stream": 300, "icmp": 30}


def told(**timeouts: int) -> dict[str, list[int]]:
    """The time-outs of a status, with the defaults of the contract."""
    return {name: [seconds] for name, seconds in (DEFAULTS | timeouts).items()}


def test_states_end_when_it_is_declared(wire: Wire) -> None:
    rules = [WEB, rule("echo", protocol="udp", destination_ports=["7"]), rule("ping", protocol="icmp")]

    def declare(**timeouts: int) -> None:
        firewall = {"default": "deny", "rules": rules, "timeouts": timeouts}
        wire.vnf.applied({**wire.intent, "firewall": firewall})
        assert wire.vnf.status()["timeouts"] == told(**timeouts)

    def idle() -> None:
        time.sleep(1.2)  # what is tested

    there, back = IP(src=LAN, dst=NOBODY), IP(src=NOBODY, dst=LAN)  # who is nobody does not answer by itself
    exchanges = [
        (there / TCP(sport=40600, dport=8000, flags="S"), back / TCP(sport=8000, dport=40600, flags="SA")),
        (there / UDP(sport=40600, dport=7), back / UDP(sport=7, dport=40600)),
        (there / ICMP(type=8, id=600), back / ICMP(type=0, id=600)),
    ]
    declare(tcp_opening=1, udp=1, icmp=1)
    with connection(wire.wan, wire.lan, WAN, 80) as (near, far):
        for opening, answer in exchanges:
            assert wire.crosses(opening)
            assert wire.crosses(answer, "wan-to-lan")
        idle()
        assert not any(wire.crosses(answer, "wan-to-lan") for _, answer in exchanges)
        assert carries(far, near), "an established connection has a time-out of its own"
        declare(tcp_established=1)
        assert carries(near, far)
        idle()
        assert not carries(far, near)


def test_a_time_out_that_was_changed_behind_the_firewall_is_told_and_undone(wire: Wire) -> None:
    wire.apply(WEB)
    wire.vnf.inside("nfct", "timeout", "default-set", "inet", "tcp", "close", "9", "retrans", "8")
    expected = told() | {"tcp_opening": [8, 240], "tcp_established": [8, 7440], "tcp_closing": [8, 9, 240]}
    assert wire.vnf.status()["timeouts"] == expected
    wire.apply(WEB)
    assert wire.vnf.status()["timeouts"] == told()


def test_time_outs_that_the_kernel_does_not_take_are_refused(wire: Wire) -> None:
    wire.apply(WEB)
    program = wire.vnf.inside("sh", "-c", "command -v nfct").strip()
    wire.vnf.inside("mv", program, f"{program}.away")
    try:
        firewall = {"default": "deny", "rules": [], "timeouts": {"udp": 7}}
        refused = wire.vnf.apply({**wire.intent, "firewall": firewall})
        assert (refused.returncode, json.loads(refused.stderr)["path"]) == (2, "firewall.timeouts")
        assert wire.vnf.status()["timeouts"] == told()
        assert set(wire.counters()) == {"web"}
        wire.apply()
    finally:
        wire.vnf.inside("mv", f"{program}.away", program)


def test_counters_count_and_survive_a_change(wire: Wire) -> None:
    echo = rule("echo", protocol="udp", destination_ports=["7"])
    wire.apply(echo, rule("nine", "deny", protocol="udp", destination_ports=["9"]))
    before = wire.counters()
    for port in range(5):
        assert wire.crosses(IP(src=LAN, dst=WAN) / UDP(sport=100 + port, dport=7))
        assert not wire.crosses(IP(src=LAN, dst=WAN) / UDP(sport=100 + port, dport=9), timeout=0.05)
    after = wire.counters()
    assert (after["echo"] - before["echo"], after["nine"] - before["nine"]) == (5, 5)
    wire.apply(rule("other"), echo)
    assert wire.counters() == {"other": 0, "echo": after["echo"]}
    wire.apply({**echo, "destination_ports": ["8"]})
    assert wire.counters() == {"echo": 0}


@pytest.mark.parametrize(
    ("firewall", "path"),
    [
        ({"default": "deny", "rules": [{"id": "x", "action": "permit"}]}, "firewall.rules[0].action"),
        ({"default": "deny", "rules": [rule("a"), rule("a")]}, "firewall.rules"),
        (
            {"default": "deny", "rules": [rule("a", protocol="udp", source_ports=["9-7"])]},
            "firewall.rules[0].source_ports[0]",
        ),
        ({"default": "deny", "rules": [], "extra": 1}, "firewall.extra"),
        ({"default": "deny", "rules": [], "timeouts": {"udp": 0}}, "firewall.timeouts.udp"),
        ({"default": "deny", "rules": [rule("a", source=["fd00:::1"])]}, "firewall.rules[0].source[0]"),
    ],
)
def test_a_bad_intent_changes_nothing(wire: Wire, firewall: dict[str, Any], path: str) -> None:
    wire.apply(WEB)
    before = wire.vnf.status()
    refused = wire.vnf.apply({**wire.intent, "firewall": firewall})
    assert refused.returncode == 2
    assert json.loads(refused.stderr)["path"] == path
    after = wire.vnf.status()
    assert (after["intent_sha256"], after["rules"]) == (before["intent_sha256"], before["rules"])
    assert wire.crosses(IP(src=LAN, dst=WAN) / TCP(sport=40500, dport=80, flags="S"))


def test_no_json_and_unknown_mac_are_refused(wire: Wire) -> None:
    assert wire.vnf.apply("{").returncode == 2
    ports = [{**wire.intent["ports"][0], "mac": "02:42:00:00:00:01"}, wire.intent["ports"][1]]
    refused = wire.vnf.apply({**wire.intent, "ports": ports})
    assert (refused.returncode, json.loads(refused.stderr)["path"]) == (2, "ports")


def test_applying_twice_is_applying_once(wire: Wire) -> None:
    def state() -> str:
        listings = (["nft", "-s", "list", "ruleset"], ["iptables-legacy-save"], ["ip6tables-legacy-save"])
        listed = "".join(wire.vnf.namespace.run(listing).stdout for listing in listings)
        return re.sub(r"^#.*\n|\[\d+:\d+\]", "", listed, flags=re.MULTILINE)

    wire.apply(WEB)
    rules = state()
    wire.apply(WEB)
    assert state() == rules
    assert "80" in rules


def test_a_restart_brings_the_intent_back(wire: Wire) -> None:
    intent = wire.with_rules(WEB)
    wire.vnf.applied(intent)
    began = time.monotonic()
    wire.vnf.container.restart()
    assert time.monotonic() - began < 3, "SIGTERM ends the container at once"
    for port in wire.vnf.ports:
        wire.vnf.plug(port)
    for host, address, other in ((wire.lan, LAN, "10.2.0.0/16"), (wire.wan, WAN, "10.1.0.0/16")):
        host.run("ip", "address", "add", f"{address}/16", "dev", "eth0")
        host.run("ip", "route", "add", other, "dev", "eth0")
    wire.vnf.wait_ready(intent)
    assert wire.crosses(TCP80)
    assert not wire.crosses(IP(src=LAN, dst=WAN) / UDP(sport=1, dport=53))


def test_the_intent_is_private_and_orphans_are_reaped(wire: Wire, wait_until: Callable[..., Any]) -> None:
    wire.apply(WEB)
    pid = wire.vnf.namespace.path.split("/")[2]
    assert wire.vnf.inside("stat", "-c", "%a", "/var/lib/vnf/intent.json").strip() == "600"
    subprocess.run(["docker", "exec", wire.vnf.container.id, "sh", "-c", "(sleep 0.1 &) ; exit"], check=True)

    def children() -> str:
        listed = subprocess.run(["ps", "--ppid", pid, "-o", "stat=,args="], capture_output=True, text=True, check=True)
        return listed.stdout

    wait_until(lambda: "sleep 0.1" not in children() and "Z" not in children(), children)
