"""The router with NAT in front of a site, judged by packets: who asks gets an answer, and nobody sees who it was."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from testbed.host.namespace import Namespace
from testbed.lab import nat
from testbed.nodes.node import Node
from testbed.spec.model import WanSpec
from testbed.traffic import ping

ROUTER = "192.0.2.77"
UNFILTERED = 'for call in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$call" ] || echo 0 >"$call"; done'


@pytest.fixture
def hidden(segment: Any) -> Any:
    """The segment, with host a behind the NAT."""
    segment.middle.run(["sh", "-c", UNFILTERED])  # as on all bridges of a lab: else it would track connections twice
    underlay = Node("internet", "underlay", segment.middle, ports={"site-a": "to-a", "site-b": "to-b"})
    nat.insert(underlay, "site-a", WanSpec("wan0", "internet", f"{segment.a.address}/24", ROUTER), "test-lab")
    for host in (segment.a, segment.b):  # they have met before
        host.namespace.run(["ip", "neigh", "flush", "dev", host.interface])
    return segment


@contextmanager
def bound(namespace: Namespace, address: str, port: int) -> Iterator[socket.socket]:
    """A UDP socket there."""
    with ExitStack() as stack:
        with namespace.entered():
            opened = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            opened.bind((address, port))
        opened.settimeout(3)
        yield opened


def test_answers_come_back_and_the_far_end_sees_the_router_and_a_port_of_its_own(hidden: Any) -> None:
    with (
        bound(hidden.a.namespace, hidden.a.address, 4500) as near,
        bound(hidden.b.namespace, hidden.b.address, 4500) as far,
    ):
        near.sendto(b"question", (hidden.b.address, 4500))
        question, (address, port) = far.recvfrom(100)
        assert (question, address) == (b"question", ROUTER)
        assert port in nat.PORTS
        far.sendto(b"answer", (address, port))
        assert near.recvfrom(100) == (b"answer", (hidden.b.address, 4500))


def test_what_nobody_inside_has_asked_for_does_not_come_in(hidden: Any) -> None:
    with (
        bound(hidden.a.namespace, hidden.a.address, 4500) as near,
        bound(hidden.b.namespace, hidden.b.address, 4500) as far,
    ):
        hidden.b.namespace.run(["ip", "route", "add", f"{hidden.a.address}/32", "via", ROUTER])
        for address in (ROUTER, hidden.a.address):
            far.sendto(b"first", (address, 4500))
        near.sendto(b"question", (hidden.b.address, 4500))
        far.recvfrom(100)  # by now the others would be there
        near.settimeout(0.2)
        with pytest.raises(TimeoutError):
            near.recvfrom(100)


def test_it_is_a_way_for_other_packets_too(hidden: Any) -> None:
    assert ping(hidden.a.namespace, hidden.b.address, count=3).received == 3
