"""Reading a token request: its form, and how the client proves who it is (RFC 6749 section 2.3, RFC 7523)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from presto.auth.assertions import ASSERTION_TYPE, claimed_client

_LONGEST_SECRET = 1024


class TokenError(Exception):
    """A token request is refused, with a code of RFC 6749 section 5.2."""

    def __init__(self, status: int, code: str, reason: str, wait: int = 0) -> None:
        self.status, self.code = status, code
        super().__init__(reason)
        self.headers = {"WWW-Authenticate": 'Basic realm="lso-presto"'} if status == 401 else {}
        if wait:
            self.headers["Retry-After"] = str(wait)


@dataclass(frozen=True)
class Proof:
    """A client's authentication: a secret or an assertion."""

    client: str
    secret: str = field(default="", repr=False)
    assertion: str | None = field(default=None, repr=False)


def read_form(media: str, body: bytes) -> dict[str, str]:
    """The parameters: each once, and without a value as if not there (RFC 6749 section 3.2). Raises TokenError."""
    if media.partition(";")[0].strip().casefold() != "application/x-www-form-urlencoded":
        raise TokenError(400, "invalid_request", "Send the parameters as application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=32, errors="strict")
    except ValueError:
        raise TokenError(400, "invalid_request", "The body is no form") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise TokenError(400, "invalid_request", "A parameter stands twice")
    return {name: value for name, value in form.items() if value}


def find_proof(headers: Mapping[str, str], form: Mapping[str, str]) -> Proof:
    """The one proof in the request. Raises TokenError."""
    ways = ("authorization" in headers, "client_secret" in form, "client_assertion" in form)
    if sum(ways) > 1:
        raise TokenError(400, "invalid_request", "Prove who you are in one way only")
    if ways[0]:
        proof = _basic(headers["authorization"])
    elif ways[1]:
        proof = Proof(form.get("client_id", ""), form["client_secret"])
    elif ways[2]:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenError(400, "invalid_request", f"client_assertion_type is {ASSERTION_TYPE}")
        client = claimed_client(form["client_assertion"])
        proof = Proof(client or "", assertion=form["client_assertion"])
    else:
        raise TokenError(401, "invalid_client", "Nothing proves who the client is")
    if form.get("client_id", proof.client) != proof.client or len(proof.secret) > _LONGEST_SECRET:
        raise TokenError(401, "invalid_client", "The client is not known, or its secret is wrong")
    return proof


def _basic(header: str) -> Proof:
    kind, _, text = header.partition(" ")
    try:
        client, colon, secret = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        colon = client = secret = ""
    if kind.casefold() != "basic" or not colon:
        raise TokenError(401, "invalid_client", "The Authorization header is no HTTP Basic")
    return Proof(unquote_plus(client), unquote_plus(secret))
