"""Packets that nothing on the way can tell from others: protocol, ports, size and content are drawn from a seed."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from functools import cached_property
from random import Random
from typing import Any

from scenarios.network import losses, wire
from scenarios.network.drawn.allowed import Allowed
from scenarios.network.flows import KINDS
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from testbed.packets import HEADERS, Kind, interface_mac, probe, silent

ETHERNET = 14
RECOGNISABLE = 16
"""Octets of content that no other packet has by chance."""

_MAX_DRAWN = 2**32


class Mixture(Evidence):
    """*drawn* frames from host *source* to host *target*, each a flow of its own, from *seed*, in the order of sending.

    *allowed_losses* is how many of them may be missing at the target, because the scenario's underlay loses some.
    """

    source: str
    target: str
    seed: int
    drawn: tuple[bytes, ...]
    allowed_losses: int = 0

    @cached_property
    def frames(self) -> tuple[wire.Probe, ...]:
        """The frames, each with its content."""
        return tuple(wire.Probe(token=frame[ETHERNET + HEADERS[_kind(frame)] :], frame=frame) for frame in self.drawn)

    @property
    def copies(self) -> int:
        """How many times each frame is sent."""
        return 1

    @property
    def recognisable(self) -> tuple[wire.Probe, ...]:
        """The frames whose content shows wherever it is readable; those too short for that are left out."""
        return tuple(item for item in self.frames if len(item.token) >= RECOGNISABLE)

    def opened(self, context: Context) -> AbstractContextManager[None]:
        """Hold open at the target what the frames go to, without a word back; echo requests are answered."""
        host = context.host(self.target)
        places = [(_kind(frame), int.from_bytes(frame[36:38], "big")) for frame in self.drawn]
        return silent(host.namespace, host.ip, [(kind, port) for kind, port in places if kind != "icmp"])


def new_seed(seed: int | None) -> int:
    """Return *seed*, or one that nobody could have foreseen."""
    return secrets.randbelow(_MAX_DRAWN) if seed is None else seed


def draw(context: Context, source: str, target: str, *, seed: int, count: int, udp_port: int) -> Mixture:
    """Return *count* packets of the protocols that the service allows, to ports that it allows, *udp_port* at least.

    Their sizes are drawn too; of three or more, one has no content, one is as large as the service's MTU. The last is
    recognisable. The next hop is found by real ARP.
    """
    rng = Random(f"{seed} {source} {target}")  # noqa: S311  (it must be possible to draw the same again)
    sender, receiver = context.host(source), context.host(target)
    ends: dict[str, Any] = {
        "source_mac": interface_mac(sender.namespace, sender.interface),
        "destination_mac": wire.gateway_mac(context, source),
        "source": sender.ip,
        "destination": receiver.ip,
    }
    # An earlier step that still watches must not take one of these for an answer to its packets.
    flows = Allowed.by(context.scenario, udp_port).draw(rng, count, context.source_ports)

    def one(kind: Kind, source_port: int, port: int, share: float) -> bytes:
        content = rng.randbytes(round(share * (context.scenario.service.mtu - HEADERS[kind])))
        numbers: dict[str, Any] = {
            "identification": rng.randrange(1, 2**16),
            "icmp_id": source_port,
            "icmp_sequence": rng.randrange(2**16),
        }
        return probe(kind, **ends, **numbers, source_port=source_port, destination_port=port, payload=content)

    drawn = tuple(one(*flow, share) for flow, share in zip(flows, _shares(rng, count), strict=True))
    lost = losses.allowed(context, source, target, count)
    return Mixture(source=source, target=target, seed=seed, drawn=drawn, allowed_losses=lost)


def _kind(frame: bytes) -> Kind:
    return KINDS[frame[23]]


def _shares(rng: Random, count: int) -> list[float]:
    """Return shares of the largest content: nothing, what is drawn, and all; the last is enough to be recognised."""
    shares = [0.0, rng.random(), 1.0, *(rng.random() for _ in range(count))][:count]
    rng.shuffle(shares)
    return [*shares[:-1], max(shares[-1], 0.1)]
