"""IKE and ESP proposals in the notation of the VNF contract: `aes256gcm16-prfsha384-ecp384`.

Allowed is what RFC 8247 (IKE) and RFC 8221 (ESP) do not advise against; NULL encryption is ordered by `encryption` and
never by a proposal. The schema `ipsec-intent` of the contract says the same as patterns.
"""

from __future__ import annotations

import re

_AEAD = r"(aes(128|192|256)(gcm|ccm)(8|12|16)|chacha20poly1305)"
_CIPHER = r"(aes(128|192|256)(ctr)?|camellia(128|192|256))"
_INTEGRITY = r"sha(1|256|384|512)"
_PRF = r"prfsha(1|256|384|512)"
_GROUP = r"(ecp(256|384|521)(bp)?|curve(25519|448)|x25519|modp(2048|3072|4096|6144|8192))"

IKE_PATTERN = rf"^({_AEAD}(-{_AEAD})*(-{_PRF})+|{_CIPHER}(-{_CIPHER})*(-{_INTEGRITY})+(-{_PRF})*)(-{_GROUP})+$"
ESP_PATTERN = rf"^({_AEAD}(-{_AEAD})*|{_CIPHER}(-{_CIPHER})*(-{_INTEGRITY})+)(-{_GROUP})*(-(no)?esn)*$"

_SEALED = re.compile(r"(gcm|ccm)(8|12)|ccm|camellia")
_WORD = re.compile("|".join((_AEAD, _CIPHER, _INTEGRITY, _PRF, _GROUP, "(no)?esn")))


def ike_error(text: str) -> str | None:
    """Return why *text* is not a proposal for IKE; None when it is one."""
    return _error(text, IKE_PATTERN, "encryption, integrity or prf, and a group", "aes256gcm16-prfsha384-ecp384")


def esp_error(text: str) -> str | None:
    """Return why *text* is not a proposal for ESP; None when it is one."""
    return _error(text, ESP_PATTERN, "encryption, integrity (but for GCM, CCM and ChaCha20)", "aes256gcm16-ecp384")


def sealed(esp_proposal: str) -> bool:
    """Return whether the ESP that it leads to may be such that exported keys do not open it here."""
    return _SEALED.search(esp_proposal) is not None


def _error(text: str, pattern: str, parts: str, example: str) -> str | None:
    if re.fullmatch(pattern, text):
        return None
    unknown = [word for word in text.split("-") if not _WORD.fullmatch(word)]
    if unknown:
        return f"names {unknown[0][:30]}, which is unknown or too weak to be allowed"
    return f"must name in this order: {parts}, such as {example}"
