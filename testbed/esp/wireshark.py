"""The keys of security associations in the form that Wireshark reads: its table ``esp_sa`` and a preference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

PREFERENCES = "esp.enable_encryption_decode: TRUE\n"
"""The file ``preferences`` of a profile: ESP is opened with the table."""

_ENCRYPTION = {
    "AES_GCM_8": "AES-GCM with 8 octet ICV [RFC4106]",
    "AES_GCM_12": "AES-GCM with 12 octet ICV [RFC4106]",
    "AES_GCM_16": "AES-GCM with 16 octet ICV [RFC4106]",
    "AES_CBC": "AES-CBC [RFC3602]",
    "AES_CTR": "AES-CTR [RFC3686]",
    "CHACHA20_POLY1305": "ChaCha20 with Poly1305 [RFC7634]",
    "NULL": "NULL",
}
_INTEGRITY = {
    "": "NULL",
    "HMAC_SHA1_96": "HMAC-SHA-1-96 [RFC2404]",
    "HMAC_SHA2_256_128": "HMAC-SHA-256-128 [RFC4868]",
    "HMAC_SHA2_384_192": "HMAC-SHA-384-192 [RFC4868]",
    "HMAC_SHA2_512_256": "HMAC-SHA-512-256 [RFC4868]",
}
_END, _KEY = re.compile(r"[0-9A-Za-z.:]+"), re.compile(r"(?:[0-9a-fA-F]{2})*")


def esp_sa(associations: Iterable[Mapping[str, Any]]) -> str:
    """Return the table for *associations*, the members of ``sas`` in documents of ``/vnf/keys``, each once.

    An association whose algorithms Wireshark does not know, or that lacks a member, is left out.
    """
    lines = {line for entry in associations if (line := _line(entry))}
    return "".join(f"{line}\n" for line in sorted(lines))


def _line(entry: Mapping[str, Any]) -> str:
    ends = [str(entry.get(member) or "") for member in ("source", "destination", "spi")]
    keys = [str(entry.get(member) or "") for member in ("encryption_key", "integrity_key")]
    encryption, integrity = _cipher(entry.get("encryption")), _INTEGRITY.get(_name(entry.get("integrity")))
    if not (encryption and integrity and all(map(_END.fullmatch, ends)) and all(map(_KEY.fullmatch, keys))):
        return ""
    shown = [f"0x{key}" if key else "" for key in keys]
    columns = ("IPv4", ends[0], ends[1], f"0x{ends[2]}", encryption, shown[0], integrity, shown[1])
    return ",".join(f'"{column}"' for column in columns)


def _cipher(given: object) -> str | None:
    """Return Wireshark's name of an encryption algorithm, which may have a key length at its end."""
    name = _name(given)
    return _ENCRYPTION.get(name) or _ENCRYPTION.get(name.rpartition("_")[0])


def _name(given: object) -> str:
    return str(given or "").upper().replace("-", "_")
