"""Sends an ESP packet that a gateway has sent again and again: ``repeat.py INTERFACE SOURCE DESTINATION``.

It runs in the network namespace of a node, until it is ended.
"""

from __future__ import annotations

import socket
import sys
import time

from testbed.esp import esp_of, ipv4_of

ALL_PROTOCOLS = 3
INTERVAL_SECONDS = 0.01


def main() -> None:
    """Wait for a packet, then send it until this process is ended."""
    interface, *ends = sys.argv[1:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) as raw:
        raw.bind((interface, ALL_PROTOCOLS))
        while True:
            frame = raw.recv(65_536)
            esp = esp_of(packet) if (packet := ipv4_of(frame)) else None
            if esp and [esp.source, esp.destination] == ends:
                break
        for _ in range(100):
            raw.send(frame)
        print("sending", flush=True)
        while True:
            time.sleep(INTERVAL_SECONDS)
            raw.send(frame)


if __name__ == "__main__":
    main()
