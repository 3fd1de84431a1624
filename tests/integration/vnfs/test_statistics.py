"""The flow meter's numbers against packets that the test counted itself, and its exports against a decoder."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from .products import products

LAN, WAN = "10.1.0.10", "10.1.0.20"
PRECISION_SECONDS = {"ipfix": 1.0, "netflow9": 1.5}
"""Exporters may take whole seconds, and a header of NetFlow 9 has no others (RFC 3954, section 5.1)."""
Totals = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Meter:
    """The meter between two hosts."""

    vnf: Any
    lan: Any
    wan: Any
    intent: dict[str, Any]

    def with_export(self, export: dict[str, Any] | None, **settings: Any) -> dict[str, Any]:
        return {**self.intent, "statistics": {**self.intent["statistics"], "export": export, **settings}}

    def send(self, host: Any, packets: list[Packet]) -> None:
        with closing(host.namespace.packet_socket("eth0")) as source:
            for packet in packets:
                source.send(bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet))

    def wait_for_exporter(self, wait_until: Callable[..., Any]) -> None:
        """An exporter captures once its packet socket is there, or its socket of NFLOG's third group."""
        groups = "/proc/net/netfilter/nfnetlink_log"

        def captures() -> bool:
            packet_sockets = self.vnf.namespace.run(["ss", "-H", "-0"]).stdout.splitlines()
            return bool(packet_sockets) or "3" in [
                line.split()[0] for line in self.vnf.inside("cat", groups).splitlines()
            ]

        wait_until(captures, "the exporter captures")

    def totals(self) -> Totals:
        directions: Totals = self.vnf.status()["directions"]
        return directions


def grown(before: Totals, after: Totals, direction: str) -> tuple[int, int]:
    now, then = after[direction], before[direction]
    return now["packets"] - then["packets"], now["bytes"] - then["bytes"]


def silence(host: Any) -> None:
    """No packet that the test did not count: no IPv6 chatter, and neighbours known."""
    host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")


@pytest.fixture(scope="module", params=products("statistics"))
def meter(bench: Any, descriptor: Callable[[str], dict[str, Any]], request: pytest.FixtureRequest) -> Iterator[Meter]:
    lan, wan = bench.host(), bench.host()
    ports = [bench.port("lan", lan, "eth0"), bench.port("wan", wan, "eth0")]
    intent = {
        "contract": "1",
        "kind": "statistics",
        "name": "stats",
        "ports": [{"role": p.role, "mac": p.mac, "mtu": 1500, "addresses": []} for p in ports],
        "statistics": {"flow_table_size": 1024, "flow_timeout_seconds": 300, "export": None},
    }
    vnf = bench.vnf(f"lso/vnf-{request.param}", descriptor(request.param), intent)
    for host in (lan, wan):
        silence(host)
    for port in ports:
        vnf.plug(port)
    for host, address in ((lan, LAN), (wan, WAN)):
        host.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
    vnf.wait_ready(intent)
    yield Meter(vnf, lan, wan, intent)


def test_a_counted_stream(meter: Meter) -> None:
    stream: list[Packet] = [
        IP(src=LAN, dst=WAN) / UDP(sport=1000, dport=2000) / Raw(b"x" * (n % 700)) for n in range(500)
    ]
    back: list[Packet] = [IP(src=WAN, dst=LAN) / TCP(sport=80, dport=3000 + n) for n in range(70)]
    before = meter.totals()
    meter.send(meter.lan, stream)
    meter.send(meter.wan, back)
    state = meter.vnf.status()
    assert grown(before, state["directions"], "lan-to-wan") == (500, sum(len(packet) for packet in stream))
    assert grown(before, state["directions"], "wan-to-lan") == (70, 70 * 40)
    assert state["lost"] == 0
    (flow,) = [f for f in state["flows"] if f["source_port"] == 1000]
    assert flow == {
        "direction": "lan-to-wan", "source": LAN, "destination": WAN, "protocol": "udp",
        "source_port": 1000, "destination_port": 2000, "packets": 500, "bytes": sum(len(packet) for packet in stream),
    }  # fmt: skip
    assert len([f for f in state["flows"] if f["source"] == WAN and f["protocol"] == "tcp"]) == 70


def test_ethernet_padding_is_not_counted_and_arp_is_no_ip(meter: Meter) -> None:
    before = meter.totals()
    padded = bytes(IP(src=LAN, dst=WAN) / UDP(sport=5, dport=6)) + b"\0" * 18
    with closing(meter.lan.namespace.packet_socket("eth0")) as source:
        source.send(bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x800) / Raw(padded)))
        source.send(bytes(Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=LAN, pdst="10.1.0.99")))
    assert grown(before, meter.totals(), "lan-to-wan") == (1, 28)


def test_protocols_fragments_and_ipv6(meter: Meter) -> None:
    before = {(p["direction"], p["protocol"]): p["packets"] for p in meter.vnf.status()["protocols"]}
    packets: list[Packet] = [
        IP(src=LAN, dst=WAN) / ICMP(),
        IP(src=LAN, dst=WAN, flags="MF", id=7) / UDP(sport=77, dport=78, len=1000) / Raw(b"a" * 40),
        IP(src=LAN, dst=WAN, frag=6, id=7, proto=17) / Raw(b"b" * 40),
        IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=7, dport=8),
        IP(src=LAN, dst=WAN, proto=99) / Raw(b"c"),
    ]
    meter.send(meter.lan, packets)
    state = meter.vnf.status()
    after = {(p["direction"], p["protocol"]): p["packets"] for p in state["protocols"]}
    grown_by = {
        protocol: after[way, protocol] - before.get((way, protocol), 0)
        for way, protocol in after
        if way == "lan-to-wan"
    }
    assert {name: grown_by[name] for name in ("icmp", "udp", "99")} == {"icmp": 1, "udp": 3, "99": 1}
    keys = {(f["source"], f["protocol"], f["source_port"], f["packets"]) for f in state["flows"]}
    assert {(LAN, "icmp", 0, 1), (LAN, "udp", 77, 1), (LAN, "udp", 0, 1), ("fd00::1", "udp", 7, 1)} <= keys


def segments_sent(connection: socket.socket) -> tuple[int, int]:
    """The kernel's own account of a TCP socket: segments that left, SYN included, and payload bytes sent."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    (segments,) = struct.unpack_from("I", info, 136)
    (payload,) = struct.unpack_from("Q", info, 200)
    return segments, payload


def test_tcp_super_packets_count_as_the_segments_they_are(meter: Meter, wait_until: Callable[..., Any]) -> None:
    """The sender's kernel forms super-packets, yet the meter agrees with the segments that TCP says it sent."""
    listener = meter.wan.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    sender = meter.lan.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    with closing(listener), closing(sender):
        listener.bind((WAN, 5001))
        listener.listen()
        frames = interface_packets(meter.lan)
        sender.connect((WAN, 5001))
        far, _ = listener.accept()
        with closing(far):
            drain = threading.Thread(target=lambda: [None for _ in iter(lambda: len(far.recv(1 << 20)), 0)])
            drain.start()
            sender.sendall(bytes(30_000_000))
            port = sender.getsockname()[1]
            wait_until(
                lambda: not struct.unpack_from("I", sender.getsockopt(6, socket.TCP_INFO, 232), 24)[0],
                "all is acknowledged",
            )
            segments, payload = segments_sent(sender)
            frames = interface_packets(meter.lan) - frames
            (flow,) = [f for f in meter.vnf.status()["flows"] if f["source_port"] == port]
            sender.shutdown(socket.SHUT_WR)
            drain.join()
    assert frames < segments / 4, "this test means nothing without super-packets"
    timestamps = 52  # bytes of IP and TCP headers with the timestamp option; a SYN has 60
    assert (flow["packets"], flow["bytes"]) == (segments, payload + (segments - 1) * timestamps + 60)
    assert meter.vnf.status()["lost"] == 0


def test_untrusted_super_packets_count_as_segments(meter: Meter) -> None:
    """As a virtual machine or a userspace switch hands them in: the sender does not say how many segments there are."""
    payload, mss = 20_500, 1000
    packet = bytes(
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        / IP(src=LAN, dst=WAN)
        / TCP(sport=4242, dport=80, flags="A")
        / Raw(bytes(payload))
    )
    needs_checksum, tcpv4 = 1, 1
    header = struct.pack("<BBHHHH", needs_checksum, tcpv4, 54, mss, 34, 16)
    with closing(meter.lan.namespace.packet_socket("eth0")) as source:
        packet_vnet_hdr = 15
        source.setsockopt(263, packet_vnet_hdr, 1)
        source.send(header + packet)
    (flow,) = [f for f in meter.vnf.status()["flows"] if f["source_port"] == 4242]
    assert (flow["packets"], flow["bytes"]) == (21, payload + 21 * 40)


def interface_packets(host: Any) -> int:
    return int(host.run("cat", "/sys/class/net/eth0/statistics/tx_packets").stdout)


def test_counters_live_through_a_new_intent_and_the_full_table_is_reported(meter: Meter) -> None:
    before = meter.totals()
    small = meter.with_export(None, flow_table_size=8)
    meter.vnf.applied(small)
    assert meter.totals() == before
    meter.send(meter.lan, [IP(src=LAN, dst=WAN) / UDP(sport=6000 + n, dport=9) for n in range(20)])
    state = meter.vnf.status()
    assert grown(before, state["directions"], "lan-to-wan") == (20, 20 * 28)
    assert len(state["flows"]) + state["untracked"]["packets"] == 20
    assert state["untracked"]["packets"] > 0
    meter.vnf.applied(meter.intent)


def test_prometheus_text(meter: Meter) -> None:
    text = meter.vnf.exec("/vnf/metrics").stdout
    totals = meter.totals()["lan-to-wan"]
    assert f'lso_vnf_packets_total{{direction="lan-to-wan"}} {totals["packets"]}' in text.splitlines()
    assert all(line.startswith("#") or len(line.rsplit(" ", 1)) == 2 for line in text.splitlines())


@pytest.mark.parametrize(("protocol", "version", "header"), [("ipfix", 10, 16), ("netflow9", 9, 20)])
def test_exports_arrive_and_decode(
    meter: Meter, protocol: str, version: int, header: int, wait_until: Callable[..., Any]
) -> None:
    export = {
        "protocol": protocol, "collector": LAN, "port": 4739, "address": "10.1.0.253/24", "active_timeout_seconds": 1,
    }  # fmt: skip
    collector = meter.lan.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(collector):
        collector.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        collector.bind((LAN, 4739))
        collector.settimeout(6)
        meter.vnf.applied(meter.with_export(export))
        assert meter.vnf.status()["export"] == {"protocol": protocol, "collector": LAN, "port": 4739, "running": True}
        meter.wait_for_exporter(wait_until)
        meter.send(meter.lan, [IP(src=LAN, dst=WAN) / UDP(sport=9000 + version, dport=99) / Raw(b"z" * 72)] * 25)
        flows = Flows(version, header)
        while not (found := flows.of(9000 + version)):
            flows.feed(collector.recv(65535))
    assert found == {"packets": 25, "bytes": 25 * 100, "source": LAN, "destination": WAN}
    meter.vnf.applied(meter.intent)
    assert meter.vnf.status()["export"] is None


def collected(folder: Path, port: int) -> list[dict[str, str]]:
    """Return the flows from *port* in the files that nfcapd has finished, as nfdump tells of them."""
    names = ("first", "last", "source", "destination", "packets", "bytes")
    told = "fmt:%tsr %ter %sa %da %pkt %byt"
    files = [file for file in folder.iterdir() if "current" not in file.name]
    read = [["nfdump", "-r", str(file), "-q", "-o", told, f"src port {port}"] for file in files]
    texts = [subprocess.run(argv, check=True, capture_output=True, text=True, timeout=10).stdout for argv in read]
    lines = [line.split() for text in texts for line in text.splitlines()]
    return [dict(zip(names, words, strict=True)) for words in lines if len(words) == len(names)]


@pytest.mark.parametrize("protocol", ["ipfix", "netflow9"])
def test_a_public_collector_reads_when_a_flow_began_and_ended(
    meter: Meter, protocol: str, tmp_path: Path, wait_until: Callable[..., Any]
) -> None:
    """The packets are a second and a half apart; whoever exports sysUptime without its epoch would be years off."""
    export = {
        "protocol": protocol, "collector": LAN, "port": 9995, "address": "10.1.0.253/24", "active_timeout_seconds": 3,
    }  # fmt: skip
    listen = f"nsenter --net={meter.lan.namespace.path} nfcapd -w {tmp_path} -t 2 -p 9995 -b {LAN}"
    collector = subprocess.Popen(listen.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: ":9995" in meter.lan.run("ss", "-Hlun").stdout, "nfcapd listens")
        meter.vnf.applied(meter.with_export(export))
        meter.wait_for_exporter(wait_until)
        packet = IP(src=LAN, dst=WAN) / UDP(sport=9100, dport=99) / Raw(b"z" * 72)
        began = time.time()
        meter.send(meter.lan, [packet] * 3)
        wait_until(lambda: time.time() > began + 3, "the flow has lasted")
        ended = time.time()
        meter.send(meter.lan, [packet] * 2)
        (flow,) = wait_until(lambda: collected(tmp_path, 9100), "the collector has the flow")
    finally:
        collector.kill()
        collector.wait()
    meter.vnf.applied(meter.intent)
    assert (flow["source"], flow["destination"], flow["packets"], flow["bytes"]) == (LAN, WAN, "5", "500")
    first, last = float(flow["first"]), float(flow["last"])
    assert [first, last] == pytest.approx([began, ended], abs=PRECISION_SECONDS[protocol])
    assert last - first == pytest.approx(ended - began, abs=1)


class Flows:
    """A collector for the fields that matter: RFC 7011 (IPFIX), RFC 3954 (NetFlow 9)."""

    FIELDS: ClassVar = {1: "bytes", 2: "packets", 7: "port", 8: "source", 12: "destination"}

    def __init__(self, version: int, header: int) -> None:
        self._version, self._header = version, header
        self._templates: dict[int, list[tuple[int, int]]] = {}
        self._records: list[dict[str, Any]] = []

    def of(self, port: int) -> dict[str, Any] | None:
        for record in self._records:
            if record.get("port") == port:
                return {name: value for name, value in record.items() if name != "port"}
        return None

    def feed(self, message: bytes) -> None:
        assert struct.unpack_from("!H", message)[0] == self._version
        at = self._header
        while at + 4 <= len(message):
            set_id, length = struct.unpack_from("!HH", message, at)
            body = message[at + 4 : at + length]
            if set_id in (0, 2):
                self._learn(body)
            elif set_id in self._templates:
                self._read(self._templates[set_id], body)
            at += max(length, 4)

    def _learn(self, body: bytes) -> None:
        at = 0
        while at + 4 <= len(body):
            template, count = struct.unpack_from("!HH", body, at)
            fields = [struct.unpack_from("!HH", body, at + 4 + 4 * n) for n in range(count)]
            self._templates[template] = [(kind, size) for kind, size in fields]
            at += 4 + 4 * count

    def _read(self, fields: list[tuple[int, int]], body: bytes) -> None:
        size = sum(length for _, length in fields)
        for start in range(0, len(body) - size + 1, size):
            record: dict[str, Any] = {}
            at = start
            for kind, length in fields:
                raw = body[at : at + length]
                at += length
                if name := self.FIELDS.get(kind):
                    record[name] = socket.inet_ntoa(raw) if kind in (8, 12) else int.from_bytes(raw, "big")
            self._records.append(record)
