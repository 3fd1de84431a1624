"""Decrypt captured ESP with exported keys, by scapy's security associations."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.capture import read_frames
from testbed.esp.fragments import reassemble
from testbed.esp.wire import EspPacket, esp_of, ipv4_of

_ENCRYPTION = {  # names of IKE transforms, without key length: scapy's name, octets of key with salt or nonce
    "AES_GCM_16": ("AES-GCM", {20, 28, 36}),
    "AES_CBC": ("AES-CBC", {16, 24, 32}),
    "AES_CTR": ("AES-CTR", {20, 28, 36}),
    "CHACHA20_POLY1305": ("CHACHA20-POLY1305", {36}),
    "NULL": ("NULL", {0}),
    "NULL_AES_GMAC": ("AES-NULL-GMAC", {20, 28, 36}),
}
_AUTHENTICATED = {"AES_GCM_16", "CHACHA20_POLY1305", "NULL_AES_GMAC"}
_INTEGRITY = {
    "HMAC_SHA1_96": ("HMAC-SHA1-96", {20}),
    "HMAC_SHA2_256_128": ("SHA2-256-128", {32}),
    "HMAC_SHA2_384_192": ("SHA2-384-192", {48}),
    "HMAC_SHA2_512_256": ("SHA2-512-256", {64}),
}
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
        self._associations: dict[tuple[int, str], Any] = {}
        for number, entry in enumerate(_entries(keys)):
            try:
                spi, destination = int(entry["spi"], 16), str(entry["destination"])
                self._associations[spi, destination] = _association(spi, entry)
            except (KeyError, TypeError, ValueError) as fault:
                raise KeysError(f"keys: sas[{number}]: {_words(fault)}") from None  # no key in a trace

    def open(self, esp: EspPacket) -> bytes:
        """Return the inner IPv4 packet of *esp*.

        Raises :class:`WrongKey` when it is not authentic, and LookupError when no key belongs to its SPI.
        """
        association = self._associations.get((esp.spi, esp.destination))
        if association is None:
            raise LookupError(f"no key for SPI {esp.spi:08x} to {esp.destination}")
        ipsec, inet = _layers()
        outer = inet.IP(src=esp.source, dst=esp.destination, proto=50) / ipsec.ESP(esp.octets)
        try:
            inner = bytes(association.decrypt(outer))
        except (ipsec.IPSecIntegrityError, IndexError, ValueError) as refused:
            raise WrongKey(f"SPI {esp.spi:08x} to {esp.destination}: the key does not open the packet") from refused
        if outer.proto != _INNER_IPV4:
            raise WrongKey(f"SPI {esp.spi:08x}: next header {outer.proto} in place of an IPv4 packet")
        return inner[: int.from_bytes(inner[2:4], "big")]


def open_capture(path: Path | str, keys: Mapping[str, Any]) -> Opened:
    """Decrypt every ESP packet of the capture file *path* with the *keys* document; see :class:`KeyRing`."""
    return open_frames((frame.data for frame in read_frames(path)), KeyRing(keys))


def open_frames(frames: Iterable[bytes], ring: KeyRing) -> Opened:
    """Decrypt every ESP packet among the Ethernet *frames*; other frames are skipped."""
    packets, reasons = [], Counter[str]()
    for packet in reassemble(found for frame in frames if (found := ipv4_of(frame))):
        esp = esp_of(packet)
        if esp is None:
            continue
        if len(packet) < int.from_bytes(packet[2:4], "big"):
            reasons["the capture has cut the packet: take a longer snapshot length"] += 1
            continue
        try:
            packets.append(ring.open(esp))
        except (WrongKey, LookupError) as refused:
            reasons[str(refused.args[0])] += 1
    return Opened(tuple(packets), sum(reasons.values()), dict(reasons))


def _entries(keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = keys.get("sas")
    if not isinstance(entries, list):
        raise KeysError("keys: no list 'sas'")
    return entries


def _association(spi: int, entry: Mapping[str, Any]) -> Any:
    encryption = _known(_ENCRYPTION, str(entry["encryption"]), "encryption")
    integrity = _known(_INTEGRITY, str(entry["integrity"]), "integrity") if entry.get("integrity") else None
    if integrity is None and encryption not in _AUTHENTICATED:
        raise ValueError(f"{encryption} without an integrity algorithm: nothing would tell a wrong key")
    ipsec, inet = _layers()
    cipher, sizes = _ENCRYPTION[encryption]
    hashing, hash_sizes = _INTEGRITY[integrity] if integrity else (None, {0})
    return ipsec.SecurityAssociation(
        ipsec.ESP,
        spi=spi,
        crypt_algo=cipher,
        crypt_key=_key(entry, "encryption_key", sizes),
        auth_algo=hashing,
        auth_key=_key(entry, "integrity_key", hash_sizes),
        tunnel_header=inet.IP(src=str(entry["source"]), dst=str(entry["destination"])),
    )


def _known(names: Iterable[str], given: str, what: str) -> str:
    """Return the entry of *names* that *given* names, with or without a key length at its end."""
    upper = given.upper().replace("-", "_")
    if upper in names:
        return upper
    base, _, length = upper.rpartition("_")
    if base in names and length.isdecimal():
        return base
    raise ValueError(f"unknown {what} algorithm {given!r}; known: {', '.join(sorted(names))}")


def _key(entry: Mapping[str, Any], name: str, sizes: set[int]) -> bytes | None:
    """Return the key in field *name*, None for an algorithm without one; its value shows in no message."""
    if sizes == {0}:
        return None
    try:
        key = bytes.fromhex(entry[name])
    except (TypeError, ValueError):
        raise ValueError(f"{name} is not hexadecimal") from None
    if len(key) not in sizes:
        raise ValueError(f"{name} has {len(key)} octets, not {' or '.join(map(str, sorted(sizes)))}")
    return key


def _words(fault: Exception) -> str:
    return f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)


def _layers() -> tuple[Any, Any]:
    return importlib.import_module("scapy.layers.ipsec"), importlib.import_module("scapy.layers.inet")
