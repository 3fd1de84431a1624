"""``management.explained`` sees what crosses the management network beside management, whoever sent it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from breaking import assert_fails, assert_passes, judge_one
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from reports.model import StepResult
from scenarios.network.management_audit import management_audited
from scenarios.steps.context import Context
from testbed.lab.management_network import own_address
from testbed.nodes.ucpe import DOCKER_PORT, MANAGEMENT, OVSDB_PORT
from testbed.packets import interface_mac, resolve, send

TEXT = b"a text that everybody on the management network can read"
LAN_A, LAN_B = "10.1.0.10", "10.2.0.10"


@pytest.fixture
def watched(context: Context, tmp_path: Path) -> Iterator[Callable[[], StepResult]]:
    """Judge what happened since the test began; a connection to each uCPE is in it, as a run has them."""
    with management_audited(context.lab) as management:
        for site in context.lab.ucpes:
            endpoint = context.lab.endpoint(site)
            with (
                socket.create_connection((endpoint.address, DOCKER_PORT), 5) as plain,
                endpoint.context().wrap_socket(plain, server_hostname=endpoint.address),
            ):
                pass
        yield lambda: judge_one(replace(context, management=management), tmp_path, "management.explained")


def addresses(context: Context) -> tuple[str, str]:
    return context.lab.ucpes["site-a"].address, context.lab.ucpes["site-b"].address


def from_a_to_b(context: Context, packet: Packet, ether_type: int | None = None) -> None:
    """Send *packet* from the management port of the one uCPE to that of the other."""
    near, far = context.lab.ucpes["site-a"].namespace, context.lab.ucpes["site-b"].namespace
    head = Ether(src=interface_mac(near, MANAGEMENT), dst=interface_mac(far, MANAGEMENT))
    if ether_type:
        head.type = ether_type
    send(near, MANAGEMENT, [bytes(head / packet)], 0)


COPIES: dict[str, Callable[[str, str, str], Packet]] = {
    "tcp": lambda a, b, _: IP(src=a, dst=b) / TCP(dport=80, flags="PA") / TEXT,
    "tcp-to-the-port-of-docker": lambda a, b, _: IP(src=a, dst=b) / TCP(dport=DOCKER_PORT, flags="PA") / TEXT,
    "tcp-from-the-port-of-docker": lambda a, b, _: IP(src=a, dst=b) / TCP(sport=DOCKER_PORT, flags="PA") / TEXT,
    "tcp-in-the-name-of-the-host": lambda a, b, h: IP(src=h, dst=b) / TCP(dport=DOCKER_PORT, flags="PA") / TEXT,
    "tcp-of-a-lan-host": lambda a, b, _: IP(src=LAN_A, dst=LAN_B) / TCP(dport=80, flags="PA") / TEXT,
    "udp": lambda a, b, _: IP(src=a, dst=b) / UDP(dport=9000) / TEXT,
    "icmp": lambda a, b, _: IP(src=a, dst=b) / ICMP() / TEXT,
    "ipv6": lambda a, b, _: IPv6(src="fd00::1", dst="fd00::2") / UDP(dport=9000) / TEXT,
    "ipv6-echo": lambda a, b, _: IPv6(src="fe80::1", dst="fe80::2") / ICMPv6EchoRequest(data=TEXT),
    "ip-behind-a-tag": lambda a, b, _: Dot1Q(vlan=7) / IP(src=a, dst=b) / TCP(dport=DOCKER_PORT) / TEXT,
    "arp-with-a-text": lambda a, b, _: ARP(psrc=a, pdst=b) / Raw(TEXT),
}


def test_management_alone_passes(watched: Callable[[], StepResult]) -> None:
    assert_passes(watched())


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_from_one_ucpe_to_the_other_is_seen(
    context: Context, watched: Callable[[], StepResult], name: str
) -> None:
    near, far = addresses(context)
    from_a_to_b(context, COPIES[name](near, far, own_address(near)))
    assert_fails(watched(), "foreign frames on management site-a")


def test_another_ethertype_is_seen(context: Context, watched: Callable[[], StepResult]) -> None:
    from_a_to_b(context, Raw(TEXT), 0x88B5)
    assert_fails(watched(), "foreign frames on management site-a", "foreign frames on management site-b")


def say(context: Context, port: int) -> str:
    """Have the first uCPE send a readable segment from the port of its engine to *port* of this machine; name it."""
    near = context.lab.ucpes["site-a"]
    host = own_address(near.address)
    segment = IP(src=near.address, dst=host) / TCP(sport=DOCKER_PORT, dport=port, flags="PA", seq=1, ack=1) / TEXT
    head = Ether(
        src=interface_mac(near.namespace, MANAGEMENT), dst=resolve(near.namespace, MANAGEMENT, near.address, host)
    )
    send(near.namespace, MANAGEMENT, [bytes(head / segment)], 0)
    return f"IPv4 {near.address} > {host}, protocol 6, {len(segment)} octets"


def test_what_a_ucpe_says_in_no_connection_is_seen(context: Context, watched: Callable[[], StepResult]) -> None:
    """The kernel of this machine refuses it: the segments themselves look like those of any connection."""
    said = say(context, 9)
    failed = assert_fails(watched(), "foreign frames on management site-a")
    assert f"{said}, of no connection" in failed[0].message


def test_what_a_ucpe_says_between_the_ports_of_a_connection_is_seen(
    context: Context, watched: Callable[[], StepResult]
) -> None:
    endpoint = context.lab.endpoint("site-a")
    with (
        socket.create_connection((endpoint.address, DOCKER_PORT), 5) as plain,
        endpoint.context().wrap_socket(plain, server_hostname=endpoint.address) as connection,
    ):
        said = say(context, connection.getsockname()[1])
        failed = assert_fails(watched(), "foreign frames on management site-a")
    begins = f"a connection from {own_address(endpoint.address)}:"
    assert said in failed[0].message or begins in failed[0].message


def test_management_in_the_clear_is_seen(context: Context, watched: Callable[[], StepResult]) -> None:
    with socket.create_connection((context.lab.ucpes["site-b"].address, DOCKER_PORT), 5) as client:
        client.sendall(b"GET /_ping HTTP/1.1\r\nHost: ucpe\r\n\r\n")
        assert client.recv(100)
    failed = assert_fails(watched(), "foreign frames on management site-b")
    assert "which does not begin with TLS" in failed[0].message


def test_a_real_connection_to_the_other_ucpe_is_seen(context: Context, watched: Callable[[], StepResult]) -> None:
    """Whether it is opened or not: some machines' packet filters let their bridges forward Ethernet alone.

    It stands last: an answer that comes late on a busy machine is a foreign frame too.
    """
    near, far = context.lab.ucpes["site-a"], context.lab.ucpes["site-b"]
    with near.namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as client, suppress(TimeoutError):
        client.settimeout(0.5)
        client.connect((far.address, OVSDB_PORT))
    failed = assert_fails(watched(), "foreign frames on management site-a")
    assert f"IPv4 {near.address} > {far.address}, protocol 6" in failed[0].message
