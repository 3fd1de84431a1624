"""Prefixes that overlap, found by sorting: the time grows with their number, not with its square."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network


def overlaps(networks: Sequence[IPv4Network]) -> Iterator[tuple[int, int]]:
    """For each network that lies in another, or equals one: the places of both, the lower one first.

    Of several that hold a network, the smallest counts. Two prefixes never overlap in part.
    """
    spans = [(int(network.network_address), int(network.broadcast_address)) for network in networks]
    around: list[int] = []
    for place in sorted(range(len(spans)), key=lambda place: (spans[place][0], -spans[place][1], place)):
        while around and spans[around[-1]][1] < spans[place][0]:
            around.pop()
        if around:
            yield min(around[-1], place), max(around[-1], place)
        around.append(place)
