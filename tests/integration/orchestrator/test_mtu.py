"""Packets larger than a service takes: fragmented, or refused to the sender's face; never lost in silence."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.model import Result
from testbed.nodes.ucpe import LAN_MTU
from testbed.polling import poll

HOSTS = {"host-1": "10.1.0.10", "host-2": "10.2.0.10"}
LARGE = 1500
MTUS = (1400, 1300, 1280, 1279, 576)
HEADERS = 28
"""Octets of an ICMP echo before its payload, with those of IPv4."""


def set_mtus(bed: Any, lan: int) -> None:
    """What the hosts and the wires of their LANs take; a service's port on the uCPE stays as it is."""
    for name in HOSTS:
        bed.lab.hosts[name].exec(["ip", "link", "set", "eth0", "mtu", str(lan)])
    for site in bed.views:
        wire = bed.lab.lans[site].namespace
        for link in json.loads(wire.run(["ip", "-json", "link"]).stdout):
            if link["ifname"] != "lo":
                wire.run(["ip", "link", "set", link["ifname"], "mtu", str(lan)])
        bed.views[site].run("ip", "link", "set", "lan0", "mtu", str(lan))


@contextmanager
def large_lans(bed: Any) -> Iterator[None]:
    """The LANs do not know what the service takes."""
    set_mtus(bed, LARGE)
    try:
        yield
    finally:
        set_mtus(bed, LAN_MTU)


def ping(bed: Any, size: int, fragment: bool) -> str:
    """What `ping` says of one IP packet of that size from site to site, by a sender that has learned nothing yet."""
    host = bed.lab.hosts["host-1"]
    for name in HOSTS:
        bed.lab.hosts[name].exec(["ip", "route", "flush", "cache"])
    argv = ["ping", "-c", "1", "-W", "3", "-M", "dont" if fragment else "do", "-s", str(size - HEADERS)]
    return str(host.exec([*argv, HOSTS["host-2"]], check=False).stdout)


def transfer(bed: Any, size: int) -> int:
    """Octets that arrive of that many sent by TCP from site to site."""
    near, far = (bed.lab.hosts[name].namespace for name in HOSTS)
    with closing(far.socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        listener.bind((HOSTS["host-2"], 5003))
        listener.listen()
        with closing(near.socket(socket.AF_INET, socket.SOCK_STREAM)) as sender:
            sender.settimeout(20)
            sender.connect((HOSTS["host-2"], 5003))
            receiver, _ = listener.accept()
            with closing(receiver):
                receiver.settimeout(20)
                push = threading.Thread(target=lambda: (sender.sendall(bytes(size)), sender.shutdown(socket.SHUT_WR)))
                push.start()
                got = sum(len(part) for part in iter(lambda: receiver.recv(1 << 16), b""))
                push.join()
    return got


def with_mtu(bed: Any, mtu: int) -> Any:
    request = bed.request()
    changed = (replace(item, inputs={**item.inputs, "lan_mtu": mtu}) for item in request.deployments)
    return replace(request, deployments=tuple(changed))


def test_a_service_changes_its_mtu_and_answers_what_is_larger(bed: Any) -> None:
    with large_lans(bed):
        for mtu in MTUS:
            outcome = asyncio.run(bed.orchestrator.deploy(with_mtu(bed, mtu)))
            assert [(site.result, site.error) for site in outcome.deployments] == [(Result.APPLIED, None)] * 2, mtu
            assert poll(lambda: " 0% packet loss" in ping(bed, 84, fragment=True), 30), mtu
            for size in (mtu, mtu + 1, LARGE, LARGE + 1, 3000, 9000):
                assert " 0% packet loss" in ping(bed, size, fragment=True), (mtu, size)
            assert " 0% packet loss" in ping(bed, mtu, fragment=False), mtu
            for size in (mtu + 1, LARGE):
                assert f"(mtu = {mtu})" in ping(bed, size, fragment=False), (mtu, size)
            assert transfer(bed, 1_000_000) == 1_000_000
    asyncio.run(bed.orchestrator.remove(bed.service_id))


@pytest.mark.parametrize("mtu", MTUS)
def test_a_new_service_has_any_mtu_that_is_promised(bed: Any, mtu: int) -> None:
    outcome = asyncio.run(bed.orchestrator.deploy(with_mtu(bed, mtu)))
    assert [(site.result, site.error) for site in outcome.deployments] == [(Result.APPLIED, None)] * 2
    asyncio.run(bed.orchestrator.remove(bed.service_id))
