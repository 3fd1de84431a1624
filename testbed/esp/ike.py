"""The form of IKEv2 messages (RFC 7296, section 3): whether every octet of one is accounted for, without its keys."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from testbed.esp.wire import payload_of

IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = range(34, 38)

_HEADER = struct.Struct("!8s8sBBBBII")
_GENERIC = struct.Struct("!BBH")
"""What stands before each payload (3.2): type of the next one, the critical bit, length."""

_NON_ESP_MARKER = bytes(4)
_VERSION, _INITIATOR, _HIGHER_VERSION, _RESPONSE, _CRITICAL = 0x20, 0x08, 0x10, 0x20, 0x80
_SA, _KEY_EXCHANGE, _CERTIFICATE_REQUEST, _NONCE, _NOTIFY, _VENDOR_ID = 33, 34, 38, 40, 41, 43
_SEALED, _SEALED_FRAGMENT = 46, 53  # RFC 7296, 3.14; RFC 7383, 2.5
_MIN_SEALED, _MOST_SEALING = 20, 64
"""Octets of an initialisation vector, padding and a check value, of the shortest and the longest that are in use."""
_NUMBERING = 4
"""Octets by which a fragment says which one of how many it is."""

_UNENCRYPTED = {_SA, _KEY_EXCHANGE, _CERTIFICATE_REQUEST, _NONCE, _NOTIFY, _VENDOR_ID}
_PUBLIC_VALUES = {
    **{1: 96, 2: 128, 5: 192, 14: 256, 15: 384, 16: 512, 17: 768, 18: 1024, 22: 128, 23: 256, 24: 256},
    **{19: 64, 20: 96, 21: 132, 25: 48, 26: 56, 27: 56, 28: 64, 29: 96, 30: 128, 31: 32, 32: 56},
}
"""Octets of a public value by Diffie-Hellman group (RFC 7296, 3.4; RFC 5903, RFC 5114, RFC 6954, RFC 8031)."""

_DATA = {16388: 20, 16389: 20, 16406: 0, 16418: 0, 16430: 0}
"""Octets of notification data by type, where they are always as many: NAT detection, and what one end can do."""


class IkeMessage(NamedTuple):
    """A message: SPIs of its IKE SA, exchange type, and what numbers it there: the response bit, id, and fragment.

    One that is the fragment of a message (RFC 7383) says of how many *fragments*; else that is 0.
    """

    initiator_spi: str
    responder_spi: str
    exchange: int
    number: tuple[int, int, int]
    octets: bytes
    fragments: int = 0

    @property
    def sealed(self) -> int:
        """Octets of what it has encrypted at the least, its payload's headers and what sealing has added left out."""
        return max(len(self.octets) - _HEADER.size - _GENERIC.size - _NUMBERING - _MOST_SEALING, 0)


def ike_in(packet: bytes) -> IkeMessage | None:
    """Return the message in the IPv4 *packet*, which is one of IKE (``classify_ipv4``), see :func:`ike_of`."""
    return ike_of(payload_of(packet)[8:].removeprefix(_NON_ESP_MARKER))


def ike_of(octets: bytes) -> IkeMessage | None:
    """Return the IKEv2 message that *octets* are, from its header on; None when they are none, or have a surplus.

    IKE_SA_INIT has unencrypted payloads of known types whose lengths add up. All others are one encrypted payload.
    """
    if len(octets) < _HEADER.size:
        return None
    initiator, responder, first, version, exchange, flags, number, length = _HEADER.unpack_from(octets)
    body = memoryview(octets)[_HEADER.size :]  # its parts are no copies
    if version != _VERSION or length != len(octets) or flags & ~(_INITIATOR | _HIGHER_VERSION | _RESPONSE):
        return None
    fragment = fragments = 0
    if exchange == IKE_SA_INIT:
        asks = not flags & _RESPONSE
        fits = any(initiator) and not number and asks == bool(flags & _INITIATOR) and not (asks and any(responder))
        fits = fits and _payloads_fit(first, body)
    else:
        sealed = exchange in (IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL) and any(initiator) and any(responder)
        fits = sealed and _is_sealed(first, body)
        if first == _SEALED_FRAGMENT:
            fragment, fragments = int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big")
    if not fits:
        return None
    return IkeMessage(initiator.hex(), responder.hex(), exchange, (flags, number, fragment), octets, fragments)


def _is_sealed(kind: int, body: memoryview) -> bool:
    """Tell whether *body* is one encrypted payload, or a fragment of one."""
    if kind not in (_SEALED, _SEALED_FRAGMENT) or len(body) < _GENERIC.size:
        return False
    _, critical, length = _GENERIC.unpack_from(body)
    content = body[_GENERIC.size :]
    if kind == _SEALED_FRAGMENT:
        part, parts = int.from_bytes(content[:2], "big"), int.from_bytes(content[2:4], "big")
        if not 1 <= part <= parts:
            return False
        content = content[4:]
    return length == len(body) and not critical & ~_CRITICAL and len(content) >= _MIN_SEALED


def _payloads_fit(kind: int, body: memoryview) -> bool:
    """Tell whether *body* is a chain of unencrypted payloads, the first of *kind*, each as long as its content."""
    while kind:
        if kind not in _UNENCRYPTED or len(body) < _GENERIC.size:
            return False
        following, critical, length = _GENERIC.unpack_from(body)
        content = body[_GENERIC.size : length]
        if critical & ~_CRITICAL or not _GENERIC.size <= length <= len(body) or not _fits(kind, content):
            return False
        kind, body = following, body[length:]
    return not body


def _fits(kind: int, content: memoryview) -> bool:
    """Tell whether an unencrypted payload of *kind* has the length that its content must have."""
    if kind == _SA:
        return all(_proposals_fit(content))
    if kind == _KEY_EXCHANGE:
        group, value = int.from_bytes(content[:2], "big"), content[4:]
        return not any(content[2:4]) and 0 < len(value) == _PUBLIC_VALUES.get(group, len(value))
    if kind == _NONCE:
        return 16 <= len(content) <= 256
    if kind == _NOTIFY:
        told, data = int.from_bytes(content[2:4], "big"), content[4:]
        return len(content) >= 4 and not content[1] and len(data) == _DATA.get(told, len(data))
    return True


def _proposals_fit(content: memoryview) -> Iterator[bool]:
    """Yield of each proposal (3.3.1) and its transforms (3.3.2) whether it fits; one that does not is the last."""
    while content:
        more, _, length = _GENERIC.unpack_from(content) if len(content) >= 8 else (0, 0, 0)
        body = content[8 : max(length, 8)]
        fits = 8 <= length <= len(content) and (more == 2) == (len(content) > length) and not content[6]
        yield fits and _transforms_fit(content[7], body)
        content = content[length:] if fits else content[:0]


def _transforms_fit(count: int, content: memoryview) -> bool:
    while content and count:
        length = int.from_bytes(content[2:4], "big")
        if length not in (8, 12) or length > len(content) or content[1] or content[5]:
            return False
        if length == 12 and bytes(content[8:10]) != b"\x80\x0e":  # the length of a key, the one attribute that there is
            return False
        count, content = count - 1, content[length:]
    return not content and not count
