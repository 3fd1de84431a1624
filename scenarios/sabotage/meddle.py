"""Stands between two ports of a uCPE's switch: ``meddle.py HOW PROTOCOL PORT SEEN_AT SENT_BY``.

What is seen of a protocol to a destination port at one port of the switch is sent by another: ``late``, seconds after,
``reset``, as the refusal of each SYN (RFC 9293, 3.10.7.1), or ``swapped``, each packet behind its successor. It runs in
the network namespace of the uCPE until it is ended.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

ETH_P_ALL = 3
LATE_SECONDS, HELD_SECONDS, LOOK_SECONDS = 1.5, 0.5, 0.02
KINDS = {"tcp": TCP, "udp": UDP}

Moment = tuple[float, bytes]


def late(frame: bytes, waiting: list[Moment]) -> None:
    """Keep the frame for later."""
    waiting.append((time.monotonic() + LATE_SECONDS, frame))


def swapped(frame: bytes, waiting: list[Moment]) -> None:
    """Let the frame go before the one that waits; a last one without a successor goes in the end."""
    now = time.monotonic()
    if waiting:
        waiting[:] = [(now, frame), *((now, held) for _, held in waiting)]
    else:
        waiting.append((now + HELD_SECONDS, frame))


def reset(frame: bytes, waiting: list[Moment]) -> None:
    """Refuse a connection in the name of its target."""
    packet = Ether(frame)
    there, here = packet[IP], packet[TCP]
    if here.flags == "S":
        refusal = TCP(sport=here.dport, dport=here.sport, flags="RA", ack=here.seq + 1 + len(here.payload))
        answer = Ether(src=packet.dst, dst=packet.src) / IP(src=there.dst, dst=there.src) / refusal
        waiting.append((0, bytes(answer)))


WAYS: dict[str, Callable[[bytes, list[Moment]], None]] = {"late": late, "reset": reset, "swapped": swapped}


def main() -> None:
    """Meddle until this process is ended."""
    how, protocol, port, seen_at, sent_by = sys.argv[1:]
    waiting: list[Moment] = []
    sent: set[bytes] = set()
    with bound(seen_at) as ear, bound(sent_by) as mouth:
        ear.settimeout(LOOK_SECONDS)
        print("meddling", flush=True)
        while True:
            try:
                frame = ear.recv(65535)
                if frame not in sent and concerns(frame, KINDS[protocol], int(port)):
                    WAYS[how](frame, waiting)
            except TimeoutError:
                pass
            while waiting and waiting[0][0] <= time.monotonic():
                frame = waiting.pop(0)[1]
                sent.add(frame)
                mouth.send(frame)


def bound(interface: str) -> socket.socket:
    """Return a packet socket of *interface*."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((interface, 0))
    return raw


def concerns(frame: bytes, kind: type[TCP | UDP], port: int) -> bool:
    """Tell whether *frame* is of the protocol *kind* to *port*."""
    packet = Ether(frame)
    return kind in packet and packet[kind].dport == port


if __name__ == "__main__":
    main()
