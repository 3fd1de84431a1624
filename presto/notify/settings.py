"""What the operator of the server chooses for notifications."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from presto_api.mef.notifications import Base


@dataclass(frozen=True)
class NotifySettings:
    """Times are in seconds.

    `development` lets callbacks lead to loopback and private addresses, `allowed` to those of these networks. `base`
    is what stands between a callback and `/listener`: MEF 99.1's guide and its notification files say one thing, the
    text in its management file another. `give_up` is the age at which an event that is not taken becomes a dead letter,
    `longest_wait` the most that a subscriber's `Retry-After` is obeyed for. `listeners` is how many subscriptions a
    tenant may have, and clients without a tenant together; `client_streams` and `tenant_streams` are how many streams
    of events a client, and a tenant, may have open.
    """

    development: bool = False
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    base: Base = "notification"
    first_delay: float = 0.5
    longest_delay: float = 60.0
    longest_wait: float = 3600.0
    give_up: float = 24 * 3600.0
    connect_timeout: float = 5.0
    answer_timeout: float = 15.0
    listeners: int = 100
    client_streams: int = 20
    tenant_streams: int = 60
