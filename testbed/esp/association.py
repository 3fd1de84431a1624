"""Security associations made of exported keys: the usual algorithms by the library itself, all others by scapy."""

from __future__ import annotations

import hmac
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from common.findings import nearest
from testbed.esp.wire import EspPacket

_ENCRYPTION = {  # names of IKE transforms, without key length: scapy's name, octets of key with salt or nonce
    "AES_GCM_16": ("AES-GCM", {20, 28, 36}),
    "AES_CBC": ("AES-CBC", {16, 24, 32}),
    "AES_CTR": ("AES-CTR", {20, 28, 36}),
    "CHACHA20_POLY1305": ("CHACHA20-POLY1305", {36}),
    "NULL": ("NULL", {0}),
    "NULL_AES_GMAC": ("AES-NULL-GMAC", {20, 28, 36}),
}
_AUTHENTICATED = {"AES_GCM_16", "CHACHA20_POLY1305", "NULL_AES_GMAC"}
_INTEGRITY = {  # scapy's name, octets of key, hashlib's name, octets that are sent
    "HMAC_SHA1_96": ("HMAC-SHA1-96", {20}, "sha1", 12),
    "HMAC_SHA2_256_128": ("SHA2-256-128", {32}, "sha256", 16),
    "HMAC_SHA2_384_192": ("SHA2-384-192", {48}, "sha384", 24),
    "HMAC_SHA2_512_256": ("SHA2-512-256", {64}, "sha512", 32),
}
_AEAD: dict[str, Callable[[bytes], AESGCM | ChaCha20Poly1305]] = {
    "AES_GCM_16": AESGCM,
    "CHACHA20_POLY1305": ChaCha20Poly1305,
}
_SALT, _HEADER, _VECTOR, _BLOCK, _TRAILER = 4, 8, 8, 16, 2
"""Octets of the salt behind a key, of SPI and sequence number, of the initialisation vectors of AEAD and CBC, and of
pad length and next header."""


class NotAuthentic(Exception):
    """A packet is not authentic under a key."""


class Association(Protocol):
    """What opens the packets of one security association."""

    def open(self, esp: EspPacket) -> tuple[bytes, int]:
        """Return what *esp* carries, without padding, and its next header. Raises :class:`NotAuthentic`."""


def association(spi: int, entry: Mapping[str, Any]) -> Association:
    """Return the security association of an *entry* of a keys document.

    Raises ValueError, KeyError or TypeError when the entry has no usable keys; no message shows a key.
    """
    encryption = _known(_ENCRYPTION, str(entry["encryption"]), "encryption")
    integrity = _known(_INTEGRITY, str(entry["integrity"]), "integrity") if entry.get("integrity") else None
    if integrity is None and encryption not in _AUTHENTICATED:
        raise ValueError(f"{encryption} without an integrity algorithm: nothing would tell a wrong key")
    cipher, sizes = _ENCRYPTION[encryption]
    hashing, hash_sizes, digest, octets = _INTEGRITY[integrity] if integrity else (None, {0}, "", 0)
    key, hash_key = _key(entry, "encryption_key", sizes), _key(entry, "integrity_key", hash_sizes)
    if key and not hash_key and encryption in _AEAD:
        return _Aead(_AEAD[encryption](key[:-_SALT]), key[-_SALT:])
    if key and hash_key and encryption == "AES_CBC":
        return _CbcHmac(key, hash_key, digest, octets)
    names = {"crypt_algo": cipher, "crypt_key": key, "auth_algo": hashing, "auth_key": hash_key}
    return _Scapy(spi, str(entry["source"]), str(entry["destination"]), names)


class _Aead:
    """AES-GCM (RFC 4106) or ChaCha20-Poly1305 (RFC 7634), without extended sequence numbers."""

    def __init__(self, cipher: AESGCM | ChaCha20Poly1305, salt: bytes) -> None:
        self._decrypt, self._salt = cipher.decrypt, salt

    def open(self, esp: EspPacket) -> tuple[bytes, int]:
        octets, body = esp.octets, _HEADER + _VECTOR
        try:
            return _without_trailer(self._decrypt(self._salt + octets[_HEADER:body], octets[body:], octets[:_HEADER]))
        except (InvalidTag, ValueError) as refused:
            raise NotAuthentic from refused


class _CbcHmac:
    """AES-CBC (RFC 3602), authentic by an HMAC (RFC 2404, RFC 4868), without extended sequence numbers."""

    def __init__(self, key: bytes, hash_key: bytes, digest: str, octets: int) -> None:
        self._cipher, self._hash_key = AES(key), hash_key
        self._hash, self._code = digest, octets

    def open(self, esp: EspPacket) -> tuple[bytes, int]:
        sealed, code = esp.octets[: -self._code], esp.octets[-self._code :]
        if not hmac.compare_digest(hmac.digest(self._hash_key, sealed, self._hash)[: self._code], code):
            raise NotAuthentic
        body = _HEADER + _BLOCK
        try:
            decryptor = Cipher(self._cipher, CBC(sealed[_HEADER:body])).decryptor()
            return _without_trailer(decryptor.update(sealed[body:]) + decryptor.finalize())
        except ValueError as refused:
            raise NotAuthentic from refused


class _Scapy:
    """Any algorithm that scapy has, a thirtieth as fast."""

    def __init__(self, spi: int, source: str, destination: str, algorithms: Mapping[str, Any]) -> None:
        self._ipsec, self._inet = (importlib.import_module(f"scapy.layers.{name}") for name in ("ipsec", "inet"))
        tunnel = self._inet.IP(src=source, dst=destination)
        self._association = self._ipsec.SecurityAssociation(
            self._ipsec.ESP, spi=spi, tunnel_header=tunnel, **algorithms
        )

    def open(self, esp: EspPacket) -> tuple[bytes, int]:
        if len(esp.octets) < _HEADER:
            raise NotAuthentic
        outer = self._inet.IP(src=esp.source, dst=esp.destination, proto=50) / self._ipsec.ESP(esp.octets)
        try:
            inner = bytes(self._association.decrypt(outer))
        except (self._ipsec.IPSecIntegrityError, IndexError, ValueError) as refused:
            raise NotAuthentic from refused
        return inner, outer.proto


def _without_trailer(plain: bytes) -> tuple[bytes, int]:
    """Return what stands before padding and trailer, and the next header (RFC 4303, 2.4 to 2.6)."""
    padding, following = plain[-_TRAILER:]
    return plain[: -_TRAILER - padding], following


def _known(names: Iterable[str], given: str, what: str) -> str:
    """Return the entry of *names* that *given* names, with or without a key length at its end."""
    upper = given.upper().replace("-", "_")
    if upper in names:
        return upper
    base, _, length = upper.rpartition("_")
    if base in names and length.isdecimal():
        return base
    raise ValueError(f"unknown {what} algorithm {given!r}. {nearest(upper, names)}")


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
