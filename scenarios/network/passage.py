"""How packets passed the ports on their way: each once, whole, and one behind the other as they were sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.model import Check
from reports.text import count_text
from scenarios.network.conserved import before, flow_of, sightings
from scenarios.network.wire import CaptureFile, Probe
from scenarios.steps.checks import check, equal
from testbed.capture import Frame, read_frames
from testbed.esp import ipv4_of

ETHERNET = 14  # octets of the header


@dataclass(frozen=True)
class Stop:
    """A place on the way where packets are readable: its *label* for people, its *element* of the picture.

    *seen* are the frames of each flow that was sent, both in the order of their first sighting.
    """

    label: str
    element: str
    seen: Mapping[bytes, Sequence[Frame]]

    @classmethod
    def of(cls, capture: CaptureFile, label: str, element: str, sent: Sequence[Probe]) -> Stop:
        """Return what *capture* shows of *sent*."""
        return cls(label, element, sightings(read_frames(capture.file), (flow_of(item.packet) for item in sent)))


def passed(way: str, stops: Sequence[Stop], sent: Sequence[Probe], routers: int) -> Iterator[Check]:
    """Yield the checks that all of *sent* passed *stops*, which lie *routers* routers behind the sender.

    Transparent VNFs leave the whole frame as it is: behind a router its Ethernet header is compared with that at the
    first stop.
    """
    flows = {flow_of(item.packet): item for item in sent}
    first = stops[0].seen if routers else {}
    headers = {
        flow: first[flow][0].data[:ETHERNET] if flow in first else flows[flow].frame[:ETHERNET] for flow in flows
    }
    wanted = {flow: headers[flow] + before(item.packet) for flow, item in flows.items()}
    for stop in stops:
        found = {flow: [_whole(frame, routers) for frame in stop.seen.get(flow, ())] for flow in flows}
        yield _seen_once(way, stop, wanted, found)
    in_order = sum(_stop_by_stop(stops, flow) for flow in flows)
    names = " → ".join(stop.label for stop in stops)
    yield check(f"{way}: order", in_order == len(flows), expected=names, measured=f"{in_order} of {_packets(flows)} so")


def overtaken(stops: Sequence[Stop], sent: Sequence[Probe]) -> list[str]:
    """Return the labels of those of *stops* that saw packets in another order than they were *sent*."""
    flows = [flow_of(item.packet) for item in sent]
    return [stop.label for stop in stops if list(stop.seen) != [flow for flow in flows if flow in stop.seen]]


def _whole(frame: Frame, routers: int) -> bytes:
    return frame.data[:ETHERNET] + before(ipv4_of(frame.data) or b"", routers)


def _seen_once(way: str, stop: Stop, wanted: Mapping[bytes, bytes], found: Mapping[bytes, Sequence[bytes]]) -> Check:
    sent = len(wanted)
    once = sum(found[flow] == [whole] for flow, whole in wanted.items())
    some, changed = (
        sum(map(bool, found.values())),
        sum(any(seen != wanted[flow] for seen in found[flow]) for flow in wanted),
    )
    reason = "some of them several times"
    if changed:
        reason = f"{changed} of them not as they were sent"
    if some < sent:
        reason = "the chain is bypassed or cut there"
    message = f"{way}: {stop.label} saw {some} of {_packets(wanted)}: {reason}"
    return equal(f"{way}: packets seen once at {stop.label}", once, sent, message=message, element=stop.element)


def _stop_by_stop(stops: Sequence[Stop], flow: bytes) -> bool:
    """Tell whether the packet of *flow* was seen at every stop, first at the first one and so on."""
    times = [stop.seen[flow][0].timestamp for stop in stops if flow in stop.seen]
    return len(times) == len(stops) and times == sorted(times)


def _packets(those: Mapping[bytes, object]) -> str:
    return count_text(len(those), "packet")
