"""How many packets the network may lose because the scenario says so: declared loss is no fault of a VNF."""

from __future__ import annotations

import math

from scenarios.file.format import Scenario, UnderlayEntry
from scenarios.network.chain import shared_ports
from scenarios.steps.context import Context

CERTAINTY = 1e-6
"""A run in a million loses more by chance than is allowed here."""

MAX_DELAY_MS, MIN_RATE_MBIT = 50, 2
"""With which TCP still carries 100 kB in a moment."""


def declared_percent(context: Context, source: str, target: str) -> float:
    """Return the share of packets from host *source* to host *target* that the underlay between them is to lose.

    A packet is impaired once on its way. Where the sites share several underlays the worst one counts.
    """
    between = underlays_between(context.scenario, context.site_of(source), context.site_of(target))
    return max((underlay.loss_percent for underlay in between), default=0.0)


def keeps_order(context: Context, source: str, target: str) -> bool:
    """Tell whether packets from host *source* arrive at host *target* as they were sent: no jitter is declared."""
    between = underlays_between(context.scenario, context.site_of(source), context.site_of(target))
    return not any(underlay.jitter_ms for underlay in between)


def slows_tcp(context: Context, source: str, target: str) -> bool:
    """Tell whether an underlay between two hosts is declared to lose or reorder packets, to be late or narrow."""
    between = underlays_between(context.scenario, context.site_of(source), context.site_of(target))
    return any(
        entry.loss_percent
        or entry.jitter_ms
        or entry.delay_ms > MAX_DELAY_MS
        or (entry.rate_mbit or MIN_RATE_MBIT) < MIN_RATE_MBIT
        for entry in between
    )


def underlays_between(scenario: Scenario, site: str, other: str) -> list[UnderlayEntry]:
    """Return the underlays that a tunnel between the two sites may take."""
    joined = [set(shared_ports(scenario, name).values()) for name in (site, other)]
    return [scenario.topology.underlays[name] for name in sorted(joined[0] & joined[1])]


def allowed(context: Context, source: str, target: str, packets: int) -> int:
    """Return how many of *packets* from *source* to *target* may be missing; 0 where no loss is declared."""
    return most_lost(packets, declared_percent(context, source, target))


def most_lost(packets: int, percent: float) -> int:
    """Return the least number that only ill luck exceeds, when each of *packets* is lost with *percent* by chance.

    Ill luck is :data:`CERTAINTY`. At least one packet has to come through where not all are to be lost.
    """
    share = percent / 100
    if share <= 0:
        return 0
    if share >= 1:
        return packets
    lost, up_to_lost = 0, _exactly(0, packets, share)
    while 1 - up_to_lost > CERTAINTY and lost < packets - 1:
        lost += 1
        up_to_lost += _exactly(lost, packets, share)
    return lost


def _exactly(lost: int, packets: int, share: float) -> float:
    """Return the probability of the binomial distribution, by logarithms: its parts are too large and too small."""
    ways = math.lgamma(packets + 1) - math.lgamma(lost + 1) - math.lgamma(packets - lost + 1)
    return math.exp(ways + lost * math.log(share) + (packets - lost) * math.log1p(-share))


def declared_delay(context: Context, source: str, target: str) -> float:
    """Return the seconds that the underlay between two hosts is to add to a packet's way, at most but for ill luck."""
    between = underlays_between(context.scenario, context.site_of(source), context.site_of(target))
    return max(((entry.delay_ms + 4 * entry.jitter_ms) / 1000 for entry in between), default=0.0)
