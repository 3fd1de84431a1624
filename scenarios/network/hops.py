"""Whether what passed one port of a chain passed the next one, too, by digests of all packets of each flow.

Counters cannot tell that one packet was lost and another one doubled, nor that one was changed. Digests do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

from reports.model import Check
from reports.text import count_text
from scenarios.network.chain import Hop
from scenarios.network.conservation import SiteBooks, injected
from scenarios.network.digests import ALL, CAME, LEFT, LOST, NOTHING, NOWHERE, Digest, Digests, Flow, Seen, parse
from scenarios.steps.checks import equal
from testbed.ucpe_view import PortCount

SHOWN = 5
"""Flows that a check names."""

UNDER_WAY = 16
"""Frames that may pass a port that was there before the order between looks at its counters and at its digests."""


def site_checks(books: SiteBooks) -> Iterator[Check]:
    """Yield the checks that no flow left a VNF or the switch of a site otherwise than it came there."""
    seen, site = _flows(books), f"site:{books.name}"
    changed: list[str] = []
    for way in ways(books.hops):
        for (here, coming), (there, leaving) in pairwise(way):
            given, came = seen.get((here.port, coming), {}), seen.get((there.port, leaving), {})
            if here.vnf and here.vnf == there.vnf:
                more = injected(books, there)
                found = list(differing(given, came, at_a_hop, more=more)) if _is_transparent(books, here) else []
                found += _disguised(books, (here, coming), (there, leaving)) if _is_transparent(books, here) else []
                name = f"{books.name}: {here.vnf}: flows that came from {there.label} otherwise than to {here.label}"
                yield equal(name, found[:SHOWN], [], element=f"vnf:{books.name}/{here.vnf}")
            else:
                where = f"{here.label} to {there.label}"
                changed += (f"{where}: {flow}" for flow in differing(given, came, at_a_hop))
    yield equal(f"{books.name}: flows that the switch handed on otherwise", changed[:SHOWN], [], element=site)


def tunnel_checks(sites: Sequence[SiteBooks]) -> Iterator[Check]:
    """Yield the check of each site that no flow of other sites' hosts left its gateway otherwise than it came to them.

    Of what is lost between gateways the steps that send it tell; here it excuses all that may have become of its flow.
    """
    gateways = [(books, passed) for books in sites if books.lan and (passed := _of_gateway(books))]
    for books, (_, left) in gateways:
        sent: dict[Flow, Digest] = {}
        others = [one for one in gateways if one[0] is not books]
        for _, (given, _) in others:
            for flow, digest in given.items():
                sent[flow] = sent.get(flow, NOTHING).plus(digest)
        hosts = [(IPv4Network(other.lan), IPv4Address(other.gateway)) for other, _ in others]
        came = {flow: digest for flow, digest in left.items() if is_of(flow.source, hosts)}
        found = list(differing(sent, came, beyond_routers))
        name = f"{books.name}: flows that left tunnels otherwise than they went into them"
        yield equal(name, found[:SHOWN], [], element=f"site:{books.name}")


def unseen(books: SiteBooks) -> Iterator[str]:
    """Yield what frames are in no digest: those lost, and ports at which the kernel counted others than were seen."""
    seen = parse(books.digests)
    lost = seen.get(NOWHERE, {}).get(LOST, NOTHING)
    if lost.packets:
        yield f"{books.name}: {count_text(lost.packets, 'frame')} lost: the machine is too busy"
    if lost.segments:
        yield f"{books.name}: {count_text(lost.segments, 'frame')} without room: there are too many flows"
    for hop in (hop for hop in books.hops[:-1] if hop.clear):
        for direction in (CAME, LEFT):
            frames, digested = _frames(books, hop, direction), _digested(books, hop, direction)
            if abs(digested - frames) > UNDER_WAY:
                yield f"{books.name}: {hop.label}: {digested:,} of {frames:,} frames"


def _frames(books: SiteBooks, hop: Hop, direction: str) -> int:
    """Return how many frames the kernel has counted at a port."""
    count = books.now.switch.ports[hop.port] - books.before.switch.ports.get(hop.port, PortCount())
    if hop.vnf:  # it receives what the switch sends
        return count.left - count.lost_leaving if direction == CAME else count.came
    return count.came if direction == CAME else count.left


def _digested(books: SiteBooks, hop: Hop, direction: str) -> int:
    return parse(books.digests).get((hop.port, direction), {}).get(ALL, NOTHING).packets


def _disguised(books: SiteBooks, given: tuple[Hop, str], came: tuple[Hop, str]) -> list[str]:
    """Return in words how many frames a VNF has made to such as are in no digest: those between two of an underlay."""
    seen = parse(books.digests)
    if seen.get(NOWHERE, {}).get(LOST, NOTHING).packets or not any(ALL in flows for flows in seen.values()):
        return []
    before, after = (_frames(books, *place) - _digested(books, *place) for place in (given, came))
    allowed = UNDER_WAY if came[0].port in books.before.switch.ports else 0
    return [f"{count_text(after - before, 'frame')} between addresses of an underlay"] * (after - before > allowed)


def _flows(books: SiteBooks) -> Seen:
    seen = parse(books.digests)
    return {place: {flow: digest for flow, digest in flows.items() if flow != ALL} for place, flows in seen.items()}


def _is_transparent(books: SiteBooks, hop: Hop) -> bool:
    return hop.vnf in books.transparent


def _of_gateway(books: SiteBooks) -> tuple[Digests, Digests] | None:
    """Return what came to the port of the gateway that is in the clear, and what left it; nothing without one."""
    clear = [hop for hop in books.hops if hop.clear]
    if len(clear) == len(books.hops):
        return None
    seen, port = _flows(books), clear[-1].port
    return seen.get((port, CAME), {}), seen.get((port, LEFT), {})


def is_of(source: str, hosts: Sequence[tuple[IPv4Network, IPv4Address]]) -> bool:
    """Tell whether *source* is a host's address; a gateway may answer in its own name what it could not pass on."""
    if ":" in source:
        return False
    address = IPv4Address(source)
    return any(address in lan and address != gateway for lan, gateway in hosts)


def ways(hops: Sequence[Hop]) -> Iterator[list[tuple[Hop, str]]]:
    """Yield for both ways the ports that packets are in the clear at, as these meet them, each with its direction."""
    clear = [hop for hop in hops[:-1] if hop.clear]
    yield [(hop, LEFT if place and place % 2 == 0 else CAME) for place, hop in enumerate(clear)]
    yield [(hop, CAME if place and place % 2 == 0 else LEFT) for place, hop in enumerate(clear)][::-1]


Look = Callable[[Digest], tuple[tuple[int, int], object]]
"""Returns of a digest how many packets there were, and what tells these from as many others."""


def at_a_hop(digest: Digest) -> tuple[tuple[int, int], object]:
    """Look where nothing may change a packet."""
    return (digest.packets, digest.segments), digest


def beyond_routers(digest: Digest) -> tuple[tuple[int, int], object]:
    """Look where routers may have changed packets, and offload has cut TCP's data anew."""
    return (digest.packets, digest.octets), digest.same


def differing(given: Digests, came: Digests, look: Look, *, more: int = 0) -> Iterator[str]:
    """Yield the flows that *came* from somewhere otherwise than they were *given* to it, by the *look* of them.

    There may be *more* packets in all than were given. Of flows of which there are fewer nothing is said: counters tell
    how many may have been dropped.
    """
    for flow, digest in came.items():
        entered = given.get(flow, NOTHING)
        (before, packets), (after, others) = look(entered), look(digest)
        surplus = sum(max(0, there - here) for here, there in zip(before, after, strict=True))
        if surplus and surplus <= more:
            more -= surplus
        elif surplus:
            yield f"{flow}: {digest.text()}, of {entered.text()}"
        elif before == after and packets != others:
            yield f"{flow}: {digest.text()}, and not those that went in"
