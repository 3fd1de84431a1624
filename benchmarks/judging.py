"""Frames a second that the standard judgements read, and what they take of memory: `python -m benchmarks.judging`.

The capture is made: ESP of one security association, plain, in UDP and in fragments, small and large; IKE, ARP, TCP,
and UDP with tokens that are looked for. Each judgement has a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.measured import Figure, machine, show
from common.findings import nearest
from scenarios.network.conserved import flow_of, sightings
from scenarios.network.marks import stopped_others
from scenarios.network.underlay_audit import LinkEnds, traffic
from scenarios.network.wire import CaptureFile
from testbed.capture import find_each, read_frames
from testbed.esp import KeyRing, count_capture, open_each

LEFT, RIGHT, SPI = "198.51.100.1", "198.51.100.2", 0xC1D2E3F4
KEY = bytes(range(36))
KEYS = {
    "sas": [
        {
            "spi": f"{SPI:08x}",
            "source": LEFT,
            "destination": RIGHT,
            "encryption": "AES_GCM_16",
            "encryption_key": KEY.hex(),
        }
    ]
}
GOAL = 300.0
"""Thousands of frames a second."""
ESP, UDP, TCP = 50, 17, 6
SMALL, LARGE = 46, 1364
"""Octets behind the inner IPv4 header."""
IKE = bytes(range(1, 9)) + bytes(8) + bytes([40, 0x20, 34, 8]) + bytes(4) + (288).to_bytes(4, "big")
IKE += bytes([0, 0]) + (260).to_bytes(2, "big") + bytes(256)
"""An IKE_SA_INIT (RFC 7296, 3.1) with a nonce."""


def token(number: int) -> bytes:
    """As long as a canary, and the same in each process."""
    return sha256(number.to_bytes(4, "big", signed=True)).digest()


def ipv4(protocol: int, body: bytes, *, identity: int = 0, fragment: int = 0) -> bytes:
    """A packet between the gateways; *fragment* are flags and offset."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), identity, fragment, 64, protocol, 0)
    return head + IPv4Address(LEFT).packed + IPv4Address(RIGHT).packed + body


def udp(port: int, body: bytes) -> bytes:
    """A datagram from a port to the same."""
    return ipv4(UDP, struct.pack("!HHHH", port, port, 8 + len(body), 0) + body)


class Traffic:
    """Frames of a link, 40 of them alike in kind and size to the next 40."""

    def __init__(self, tokens: int) -> None:
        self._cipher = AESGCM(KEY[:32])
        self._sequence = 0
        self._tokens = tokens

    def frames(self) -> Iterator[bytes]:
        """40 frames."""
        ethernet = bytes.fromhex("060000000002060000000001")
        for packet in self._packets():
            yield ethernet + b"\x08\x00" + packet
        yield ethernet + b"\x08\x06" + bytes(28)

    def _packets(self) -> Iterator[bytes]:
        for size, in_udp, plain in ((LARGE, 16, 6), (SMALL, 6, 4)):
            for _ in range(in_udp):
                yield udp(4500, self._esp(size))
            for _ in range(plain):
                yield ipv4(ESP, self._esp(size))
        whole = self._esp(LARGE)
        yield ipv4(ESP, whole[:1400], identity=self._sequence & 0xFFFF, fragment=0x2000)
        yield ipv4(ESP, whole[1400:], identity=self._sequence & 0xFFFF, fragment=1400 // 8)
        yield udp(500, IKE)
        yield from (ipv4(TCP, bytes(size)) for size in (1480, 1480, 20))
        yield udp(9, token(self._sequence % self._tokens))

    def _esp(self, size: int) -> bytes:
        """A sealed packet (RFC 4303, RFC 4106)."""
        self._sequence += 1
        head, vector = struct.pack("!II", SPI, self._sequence), self._sequence.to_bytes(8, "big")
        inner = ipv4(UDP, bytes(size))
        padding = -(len(inner) + 2) % 4
        plain = inner + bytes(range(1, padding + 1)) + bytes([padding, 4])
        return head + vector + self._cipher.encrypt(KEY[32:] + vector, plain, head)


def write(path: Path, frames: int, tokens: int) -> None:
    """Write a capture of *frames* frames."""
    made = Traffic(tokens)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65549, 1))
        for number in range(frames // 40):
            for frame in made.frames():
                file.write(struct.pack("<IIII", 1_700_000_000 + number, number, len(frame), len(frame)) + frame)


def read(path: Path, _tokens: int) -> int:
    """Read all frames."""
    return sum(1 for _ in read_frames(path))


def count(path: Path, _tokens: int) -> int:
    """Count by kind."""
    return sum(count_capture(path).counts.values())


def audit(path: Path, _tokens: int) -> int:
    """Look for what is not IPsec between the gateways."""
    return traffic((frame.data for frame in read_frames(path)), LinkEnds.between((LEFT, RIGHT))).unexplained


def find(path: Path, tokens: int) -> int:
    """Look for tokens, as many as are sent; the others are nowhere."""
    return sum(map(len, find_each(path, [token(number) for number in range(tokens)])))


def follow(path: Path, tokens: int) -> int:
    """Find the packets of flows, as many as there are tokens, by their ports."""
    flows = (flow_of(ipv4(UDP, struct.pack("!HHI", 1 + number, 9, 0))) for number in range(tokens))
    return len(sightings(read_frames(path), flows))


def compare(path: Path, _tokens: int) -> int:
    """Find what was at one of two ports only."""
    return stopped_others([CaptureFile(file=path, name="port")] * 2, [])


def open_esp(path: Path, _tokens: int) -> int:
    """Open all ESP."""
    return sum(1 for _ in open_each((frame.data for frame in read_frames(path)), KeyRing(KEYS), Counter()))


Judgement = Callable[[Path, int], int]


def measure(judgement: Judgement, path: Path, tokens: int, first: Path) -> tuple[int, float, float]:
    """What the judgement counts in *path*, seconds of processor time, and MB of memory beyond those for *first*."""
    judgement(first, 1)
    before, used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    counted = judgement(path, tokens)
    seconds = time.process_time() - used
    return counted, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3


def apart(judgement: Judgement, path: Path, tokens: int, first: Path) -> tuple[int, float, float]:
    """The same in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, judgement, path, tokens, first).result()


JUDGEMENTS: dict[str, tuple[str, Judgement, int, bool]] = {
    "read": ("frames read", read, 1, True),
    "count": ("counted by kind", count, 1, True),
    "audit": ("audited", audit, 1, True),
    "find": ("searched for 10 tokens", find, 10, True),
    "find-many": ("searched for 1,000 tokens", find, 1000, True),
    "follow": ("searched for packets of 1,000 flows", follow, 1000, True),
    "compare": ("compared at two ports, of each", compare, 1, False),
    "open": ("opened", open_esp, 1, False),
}
"""Name: words, judgement, tokens that are looked for, and whether the goal is for it."""


def main() -> None:
    """Measure each judgement and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judgements", nargs="*", help=f"{', '.join(JUDGEMENTS)}; all by default")
    parser.add_argument("--frames", type=int, default=400_000, help="how many frames the capture has")
    options = parser.parse_args()
    if unknown := set(options.judgements) - set(JUDGEMENTS):
        parser.error("; ".join(f"there is no {name}. {nearest(name, JUDGEMENTS)}" for name in sorted(unknown)))
    print(machine())
    with tempfile.TemporaryDirectory(prefix="lso-bench-") as folder:
        first, path = Path(folder, "first.pcap"), Path(folder, "frames.pcap")
        write(first, 40, 1)
        write(path, options.frames, 500)
        print(show(Figure(f"capture of {options.frames} frames", path.stat().st_size / 1e6, "MB")), flush=True)
        for name in options.judgements or JUDGEMENTS:
            words, judgement, tokens, held = JUDGEMENTS[name]
            _, seconds, memory = apart(judgement, path, tokens, first)
            rate = options.frames / seconds / 1e3
            print(show(Figure(words, rate, "k frames/s", GOAL if held else None, at_least=True)))
            print(show(Figure("… peak of memory", memory, "MB")), flush=True)


if __name__ == "__main__":
    main()
