"""Tunnels between the product and another one: who begins, what the wire shows, what must not come up."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from docker.errors import DockerException

from lso.checking.judged import judged
from lso.vnf.faults import ProductFault
from lso.vnf.ipsec.pair import Pair, start
from lso.vnf.rig import BACK_SECONDS, words
from lso.vnf.session import Session
from reports.model import Check
from testbed.esp.wire import Kind, classify, esp_of, ipv4_of
from testbed.polling import poll

PACKETS = 5
LEAK_SECONDS = 4.0
"""In which a tunnel with the wrong key must not come up, nor anything pass in the clear."""
ALLOWED = {Kind.ESP, Kind.ESP_IN_UDP, Kind.IKE, Kind.KEEPALIVE, Kind.ARP}
NOT_EXPORTED = 3


@contextlib.contextmanager
def pair(session: Session) -> Iterator[Pair]:
    """The product and the other gateway; both are removed at the end."""
    session.drop()
    both = start(session)
    try:
        yield both
    finally:
        for gateway in (both.product, both.other):
            with contextlib.suppress(DockerException):
                session.bench.remove(gateway.vnf)


def run(session: Session) -> Iterator[Check]:
    """Tunnels that must come up: by both ends, by both ways of authentication, again after a restart."""
    with pair(session) as both:
        for name, intents in (
            ("the product begins, pre-shared keys", partial(both.apply, "product")),
            ("the other one begins, pre-shared keys", partial(both.apply, "reference", ("two", "two"))),
            ("the product begins, certificates", partial(both.by_certificate, "product")),
        ):
            ours = intents()[0]
            yield from _established(both, name, ours)
        yield from _again(both, ours)
        yield from _restarted(both, ours)


def leaks(session: Session) -> Iterator[Check]:
    """What must not come up, and must let nothing pass in the clear."""
    with pair(session) as both:
        both.apply(psks=("right", "wrong"))
        yield from _closed(both, "another key than the peer's")
        both.apply(peers=[])
        yield from _closed(both, "no peer at all")


def _established(both: Pair, name: str, ours: Any) -> Iterator[Check]:
    try:
        child = both.wait_established()
    except ProductFault as fault:
        yield judged(name, False, "a tunnel that both know", str(fault))
        return
    yield judged(name, True, "a tunnel that both know", f"SPIs {child['spi_in']} and {child['spi_out']}")
    found = both.product.findings(both.product.status(), ours)
    yield judged(f"{name}: status", not found, "by its schema", "; ".join(found) or "it is")
    before = child["packets_out"]
    for forth in (True, False):
        way = "to the other LAN" if forth else "from the other LAN"
        results = [both.exchange(forth) for _ in range(PACKETS)]
        arrived = sum(came for _, _, came in results)
        yield judged(f"{name}: packets {way}", arrived == PACKETS, f"{PACKETS} arrive", f"{arrived} did")
        yield from _wire(both, f"{name}: the wire {way}", [frame for _, frames, _ in results for frame in frames],
                         [canary for canary, _, _ in results])  # fmt: skip

    def counted() -> int:
        return int(both.product.children()[-1]["packets_out"]) - int(before)

    poll(lambda: counted() >= PACKETS, 2.0, 0.1)
    yield judged(f"{name}: counted", counted() == PACKETS, f"{PACKETS} packets out", f"{counted()}")


def _wire(both: Pair, name: str, frames: list[bytes], canaries: list[bytes]) -> Iterator[Check]:
    clear = sum(canary in frame for canary in canaries for frame in frames)
    others = [classify(frame) for frame in frames]
    strange = sorted({kind.value for kind in others if kind not in ALLOWED})
    carried = {f"{esp.spi:08x}" for frame in frames if (packet := ipv4_of(frame)) and (esp := esp_of(packet))}
    holds = not clear and not strange and bool(carried)
    told = f"{clear} in the clear; {', '.join(strange) or 'nothing else'}; {len(carried)} SPIs of ESP"
    yield judged(name, holds, "ESP, IKE and ARP alone, nothing readable", told)
    done = both.product.call("/vnf/history")
    try:
        known = {child[end] for child in json.loads(done.stdout)["children"] for end in ("spi_in", "spi_out")}
    except (ValueError, KeyError, TypeError):
        yield judged(f"{name}: /vnf/history", False, "JSON by its schema", words(done))
        return
    missing = sorted(carried - known)
    yield judged(f"{name}: /vnf/history", not missing, "has every SPI of the wire", " ".join(missing) or "has them")


def _again(both: Pair, ours: Any) -> Iterator[Check]:
    before = both.product.children()
    both.product.applied(ours)
    after = both.product.children()
    same = [child["spi_in"] for child in before] == [child["spi_in"] for child in after]
    yield judged("the same intent once more", same, "leaves the tunnel alone", "the tunnel is another one")
    done = both.product.call("/vnf/keys")
    refused = done.returncode == NOT_EXPORTED and not done.stdout.strip()
    expected = f"exit code {NOT_EXPORTED} without export_keys"
    yield judged("/vnf/keys", refused, expected, f"exit code {done.returncode}")


def _restarted(both: Pair, ours: Any) -> Iterator[Check]:
    both.product.vnf.container.restart()
    both.product.plug()
    both.product.wait_ready(ours, BACK_SECONDS)
    both.wait_established()
    passes = poll(lambda: both.exchange()[2], BACK_SECONDS, 0)
    yield judged("after a restart of the product", bool(passes), "the tunnel is back and carries", "nothing arrives")


def _closed(both: Pair, name: str) -> Iterator[Check]:
    end = time.monotonic() + LEAK_SECONDS
    readable = arrived = stood = 0
    while time.monotonic() < end:
        for forth in (True, False):
            canary, frames, came = both.exchange(forth)
            arrived += came
            readable += any(canary in frame for frame in frames)
        stood += bool(both.product.children())
    yield judged(f"{name}: no tunnel", not stood, "no CHILD SA", "one stands" if stood else "none")
    told = f"{arrived} arrived, {readable} were readable on the underlay"
    yield judged(f"{name}: nothing passes", not arrived and not readable, "nothing arrives or is readable", told)
