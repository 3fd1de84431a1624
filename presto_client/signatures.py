"""The subscriber's half of the signature: is a notification from the server whose key we hold, and as it was sent?"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageSignaturesException, HTTPMessageVerifier, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from presto_api.mef.notifications import COVERED, TAG

SKEW = timedelta(minutes=5)
"""How far from now a signature may have been made, by the clock here: before, and after when that clock is slow."""


class NotSigned(Exception):
    """The request carries no signature."""


class BadSignature(Exception):
    """The request carries a signature that proves nothing."""


@dataclass(frozen=True)
class _Message:
    method: str
    url: str
    headers: Mapping[str, str]


class Verifier:
    """Holds the public keys of a server, as its `/presto-sdwan/v1/event/key` gives them."""

    def __init__(self, jwks: Mapping[str, Any], skew: timedelta = SKEW) -> None:
        keys = {key["kid"]: _public(key["x"]) for key in jwks["keys"] if key.get("crv") == "Ed25519"}
        resolver = MappingKeyResolver(public_keys=keys, private_keys={})
        self._verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=resolver)
        self._verifier.max_clock_skew = self._skew = skew

    def verify(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Check signature, time and digest; `url` is as the request came. Raises NotSigned, BadSignature."""
        if not any(name.casefold() == "signature" for name in headers):
            raise NotSigned
        try:
            results = self._verifier.verify(
                _Message(method, url, headers),
                max_age=None,  # below: to the library it comes on top of the skew
                expect_tag=TAG,
                require_components=COVERED,
                body=body,
            )
        except (HTTPMessageSignaturesException, WrongSignature, ValueError) as error:
            raise BadSignature(str(error)) from error
        oldest = min(int(result.parameters["created"]) for result in results)
        if oldest < time.time() - self._skew.total_seconds():
            raise BadSignature(f"its age is more than {self._skew.total_seconds():g} s; compare the clocks")


def _public(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
