"""Decrypt captured ESP with exported keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.capture import read_frames
from testbed.esp.association import Association, NotAuthentic, association
from testbed.esp.fragments import reassemble
from testbed.esp.wire import EspPacket, esp_of, ipv4_of

_INNER_IPV4 = 4


class KeysError(ValueError):
    """The exported keys cannot be used: a field is missing, malformed, or names an unknown algorithm."""


class WrongKey(Exception):
    """An ESP packet is not authentic under the key that the gateway exported for its SPI."""


@dataclass(frozen=True)
class Opened:
    """A decrypted capture: inner IPv4 *packets* in order; *refused* ESP packets, with counted *reasons*."""

    packets: tuple[bytes, ...]
    refused: int
    reasons: Mapping[str, int]


class KeyRing:
    """The security associations of a keys document, found by SPI and destination (RFC 4301, 4.1)."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        """Read *keys*, ``{"sas": [{"spi", "source", "destination", "encryption", "encryption_key", …}]}``.

        Keys are hexadecimal; that of AES-GCM is followed by its four octets of salt. Raises :class:`KeysError`.
        """
        self._associations: dict[tuple[int, str], Association] = {}
        for number, entry in enumerate(_entries(keys)):
            try:
                spi, destination = int(entry["spi"], 16), str(entry["destination"])
                self._associations[spi, destination] = association(spi, entry)
            except (KeyError, TypeError, ValueError) as fault:
                raise KeysError(f"keys: sas[{number}]: {_words(fault)}") from None  # no key in a trace

    def open(self, esp: EspPacket) -> bytes:
        """Return the inner IPv4 packet of *esp*.

        Raises :class:`WrongKey` when it is not authentic, and LookupError when no key belongs to its SPI.
        """
        found = self._associations.get((esp.spi, esp.destination))
        if found is None:
            raise LookupError(f"no key for SPI {esp.spi:08x} to {esp.destination}")
        try:
            inner, following = found.open(esp)
        except NotAuthentic as refused:
            raise WrongKey(f"SPI {esp.spi:08x} to {esp.destination}: the key does not open the packet") from refused
        if following != _INNER_IPV4:
            raise WrongKey(f"SPI {esp.spi:08x}: next header {following} in place of an IPv4 packet")
        return inner[: int.from_bytes(inner[2:4], "big")]


def open_capture(path: Path | str, keys: Mapping[str, Any]) -> Opened:
    """Decrypt every ESP packet of the capture file *path* with the *keys* document; see :class:`KeyRing`."""
    return open_frames((frame.data for frame in read_frames(path)), KeyRing(keys))


def open_frames(frames: Iterable[bytes], ring: KeyRing) -> Opened:
    """Decrypt every ESP packet among the Ethernet *frames*; other frames are skipped."""
    refused = Counter[str]()
    packets = tuple(open_each(frames, ring, refused))
    return Opened(packets, refused.total(), dict(refused))


def open_each(frames: Iterable[bytes], ring: KeyRing, refused: Counter[str]) -> Iterator[bytes]:
    """Yield the inner packet of each ESP packet among the Ethernet *frames*, one after the other.

    Those that do not open are counted in *refused* by reason.
    """
    for packet in reassemble(found for frame in frames if (found := ipv4_of(frame))):
        esp = esp_of(packet)
        if esp is None:
            continue
        if len(packet) < int.from_bytes(packet[2:4], "big"):
            refused["the capture has cut the packet: take a longer snapshot length"] += 1
            continue
        try:
            inner = ring.open(esp)
        except (WrongKey, LookupError) as reason:
            refused[str(reason.args[0])] += 1
        else:
            yield inner


def _entries(keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = keys.get("sas")
    if not isinstance(entries, list):
        raise KeysError("keys: no list 'sas'")
    return entries


def _words(fault: Exception) -> str:
    return f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)
