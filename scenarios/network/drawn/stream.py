"""A counted stream between two hosts whose ports, sizes and order nobody could have foreseen."""

from __future__ import annotations

from random import Random

from scenarios.network import wire
from scenarios.network.drawn.allowed import SOURCE_PORTS, Allowed
from scenarios.steps.context import Context
from testbed.packets import HEADERS, WINDOW, CountedStream, Dialogue, End, Flow, interface_mac

FORTH, BACK = "forth", "back"
UDP_FLOWS, ECHO_FLOWS, DIALOGUES = 6, 3, 2
SEGMENTS = 40
"""With data, that a dialogue sends each way, at most."""


def counted(context: Context, source: str, target: str, *, seed: int, packets: int, udp_port: int) -> CountedStream:
    """Return *packets* and a few more each way: a tenth echoes and their replies, a fifth TCP, the others UDP.

    They are what the service allows, to ports that it allows, *udp_port* at least. Of the UDP flows each way one has no
    content and one packets as large as the service's MTU, where there are as many.
    """
    rng, places = Random(seed), Allowed.by(context.scenario, udp_port)  # noqa: S311  (can be drawn again)
    mtu = context.scenario.service.mtu
    echoes = packets // 10 if "icmp" in places.ports else 0
    segments = packets // 5 if "tcp" in places.ports else 0
    dialogues = _parts(segments, max(DIALOGUES, -(-segments // SEGMENTS)))
    sources = iter(rng.sample(SOURCE_PORTS, 2 * UDP_FLOWS + ECHO_FLOWS + len(dialogues)))

    def udp(direction: str, number: int, count: int) -> Flow:
        largest = mtu - HEADERS["udp"]
        content = {1: largest, 2: 0}.get(number, rng.randint(0, largest))
        port = rng.choice(places.ports["udp"]) if number else udp_port
        return Flow(direction, "udp", count, content, next(sources), port)

    def tcp(direction: str, each_way: int) -> Dialogue:
        largest = min(mtu - HEADERS["tcp"], WINDOW // each_way)
        sizes = tuple(rng.randint(0, largest) for _ in range(2 * each_way))
        return Dialogue(direction, sizes, next(sources), rng.choice(places.ports["tcp"]))

    flows = [
        udp(direction, number, count)
        for direction in (FORTH, BACK)
        for number, count in enumerate(_parts(packets - echoes - segments, UDP_FLOWS))
    ]
    for count in _parts(echoes, ECHO_FLOWS):
        flows.append(Flow(FORTH, "icmp", count, rng.randint(0, mtu - HEADERS["icmp"]), next(sources)))
    made = (tcp((FORTH, BACK)[number % 2], each_way) for number, each_way in enumerate(dialogues))
    ends = {FORTH: _end(context, source), BACK: _end(context, target)}
    return CountedStream(ends, tuple(flows), tuple(made), seed)


def _end(context: Context, name: str) -> End:
    host = context.host(name)
    own = interface_mac(host.namespace, host.interface)
    return End(host.namespace, host.interface, host.ip, own, wire.gateway_mac(context, name))


def _parts(number: int, most: int) -> list[int]:
    """Return *number* in at most *most* nearly equal parts, none of them empty."""
    share, rest = divmod(number, most)
    return [part for part in (share + (place < rest) for place in range(most)) if part]
