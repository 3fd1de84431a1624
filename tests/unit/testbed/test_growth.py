"""Time that grows with what is read, and no faster: a message of IKE, and the things of a snapshot."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from testbed.esp import ike_of
from testbed.ucpe_view.snapshot.model import part

from ...growth import check_growth

VENDOR_ID = struct.pack("!BBH", 43, 0, 4)


def message(payloads: int) -> Callable[[], Any]:
    """IKE_SA_INIT with as many payloads without content; one of a foreign capture may be of any length."""
    body = VENDOR_ID * (payloads - 1) + b"\0" + VENDOR_ID[1:]
    octets = struct.pack("!8s8sBBBBII", b"initiate", bytes(8), 43, 0x20, 34, 8, 0, 28 + len(body)) + body
    assert ike_of(octets)
    return lambda: ike_of(octets)


SIZES: dict[str, tuple[Callable[[int], Callable[[], Any]], int]] = {
    "payloads of IKE": (message, 40_000),
    "things of one name": (lambda number: lambda: part(("process sleep", {}) for _ in range(number)), 5_000),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", SIZES)
async def test_time_grows_with_the_size_and_no_faster(name: str) -> None:
    make, size = SIZES[name]

    async def spend(size: int) -> float:
        work, begun = make(size), time.perf_counter()
        work()
        return time.perf_counter() - begun

    await check_growth(name, spend, size)
