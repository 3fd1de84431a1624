"""How often a client may ask: token buckets, which refill steadily and hold a burst."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope

_MAX_BUCKETS = 10_000


@dataclass(frozen=True)
class Limits:
    """Requests a second and at once of a client; failures a minute and at once of who seems to be somebody.

    0 for `rate` or `failures_a_minute` switches that pair off.
    """

    rate: float = 200.0
    burst: int = 400
    failures_a_minute: float = 30.0
    failures_at_once: int = 20


def peer(scope: Scope) -> str:
    """The address that a request comes from, IPv4 as such on a socket for both versions too."""
    address = str(scope["client"][0]) if scope.get("client") else "unknown"
    try:
        return str(_plain(address))
    except ValueError:
        return address


def place(address: str) -> str:
    """Where somebody asks from: of IPv6 the network, because whoever has one address there has them all."""
    try:
        found = _plain(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ip_network((found, 64), strict=False))


def _plain(text: str) -> IPv4Address | IPv6Address:
    """The address; of an IPv4-mapped one (RFC 4291 section 2.5.5.2) the IPv4 address."""
    found = ip_address(text)
    return (found.ipv4_mapped if isinstance(found, IPv6Address) else None) or found


class Buckets:
    """A bucket for each key; those that were not used for long are forgotten first, full as they are."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """Whole seconds until there is something in the bucket; 0: now."""
        if not self._rate:
            return 0
        level, _ = self._level(key)
        return 0 if level >= 1 else math.ceil((1 - level) / self._rate)

    def consume(self, key: str) -> int:
        """Take one; returns 0, or how many whole seconds to wait when there is none."""
        wait = self.wait(key)
        if self._rate and not wait:
            level, now = self._level(key)
            self._levels[key] = level - 1, now
            self._levels.move_to_end(key)
            while len(self._levels) > _MAX_BUCKETS:
                self._levels.popitem(last=False)
        return wait

    def _level(self, key: str) -> tuple[float, float]:
        now = self._clock()
        level, then = self._levels.get(key, (self._burst, now))
        return min(self._burst, level + (now - then) * self._rate), now
