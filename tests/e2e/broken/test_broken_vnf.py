"""``chain.traverses`` sees a VNF that carries packets in another order, repeats or changes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from breaking import INTENT, Judge, access, assert_fails, assert_passes, nft

from scenarios.steps.context import Context
from testbed.packets.wire import PACKET_OUTGOING

PROBES = {"from_": "a1", "to": "b1", "destination_port": 9003, "packets": 12}
SOON = {"within_seconds": 1}
Pass = Callable[[list[bytes]], list[bytes]]


@contextmanager
def replaced(context: Context, site: str, kind: str, number: int, carry: Pass) -> Iterator[None]:
    """Carry IP from LAN to WAN in the place of a VNF: of *number* packets at a time, or fewer when no more come."""
    vnf, ended = access(context, site, kind), Event()
    links = {link["address"]: link["ifname"] for link in json.loads(vnf.run(["ip", "-j", "link"]))}
    ports = {port["role"]: links[port["mac"]] for port in json.loads(vnf.run(["cat", INTENT]))["ports"]}
    taken = vnf.namespace.packet_socket(ports["lan"])  # sees what comes in before the rule below drops it
    sent = vnf.namespace.packet_socket(ports["wan"])
    taken.settimeout(0.5)  # much longer than packets are apart, also on a busy machine

    def packets() -> list[bytes]:
        found: list[bytes] = []
        while len(found) < number:
            try:
                frame, sender = taken.recvfrom(65535)
            except TimeoutError:
                break
            if sender[2] != PACKET_OUTGOING and frame[12:14] == b"\x08\x00":
                found.append(frame)
        return found

    def run() -> None:
        while not ended.is_set():
            for frame in carry(packets()):
                sent.send(frame)

    with (
        taken,
        sent,
        nft(context, site, kind, "insert rule netdev ports lan ether type ip drop"),
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        running = pool.submit(run)
        try:
            yield
        finally:
            ended.set()
        running.result()


def swapped(packets: list[bytes]) -> list[bytes]:
    return packets[::-1]


def repeated(packets: list[bytes]) -> list[bytes]:
    return packets * 2


def late(packets: list[bytes]) -> list[bytes]:
    time.sleep(0.1)
    return packets


def test_pairs_of_packets_are_swapped(context: Context, judged: Judge) -> None:
    with replaced(context, "site-a", "firewall", 2, swapped):
        failed = assert_fails(
            judged("chain.traverses", **PROBES, **SOON),
            "a1→b1 at site-a: ports where packets have overtaken others",
            "a1→b1 at site-b: ports where packets have overtaken others",
        )
        overtaken = [check for check in failed if check.name.endswith("ports where packets have overtaken others")]
        # On a busy machine a swapped packet may come after the look at what arrived.
        others = {check.name.split(": ")[1] for check in failed if check not in overtaken}
        assert all(name == "order" or name.startswith("packets seen once at ") for name in others)
        assert "firewall wan" in overtaken[0].measured
        assert "firewall lan" not in overtaken[0].measured
    assert_passes(judged("chain.traverses", **PROBES))


def test_packets_are_repeated(context: Context, judged: Judge) -> None:
    with replaced(context, "site-a", "firewall", 1, repeated):
        name = "a1→b1 at site-a: packets seen once at firewall wan"
        (failed, *_) = assert_fails(judged("chain.traverses", **PROBES, **SOON), name)
        assert failed.message.endswith("some of them several times")
    assert_passes(judged("chain.traverses", **PROBES))


def test_a_slow_vnf_is_no_fault(context: Context, judged: Judge) -> None:
    with replaced(context, "site-a", "firewall", 1, late):
        assert_passes(judged("chain.traverses", **(PROBES | {"packets": 5})))


@pytest.mark.parametrize("site", ["site-a", "site-b"])
def test_packets_are_changed(context: Context, judged: Judge, site: str) -> None:
    with nft(context, site, "firewall", "insert rule inet firewall forward ip ttl set 60"):
        (failed, *_) = assert_fails(
            judged("chain.traverses", **PROBES, **SOON), f"a1→b1 at {site}: packets seen once at firewall"
        )
        assert failed.message.endswith("of them not as they were sent")
    assert_passes(judged("chain.traverses", **PROBES))
