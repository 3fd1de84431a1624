"""Who is let in: every way in which a token can be wrong, on every face, in that face's words."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from presto.auth.keys import SigningKey
from presto.auth.tokens import LARGEST_TOKEN, Minter

from .conftest import OURS, OUTSIDE, OUTSIDE_KEY, Door

pytestmark = pytest.mark.asyncio(loop_scope="module")
FACES = {
    "restconf": ("POST", "/restconf/operations/get-service-interface-point-list"),
    "ordering": ("GET", "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"),
    "inventory": ("GET", "/mefApi/legato/serviceInventory/v7/service/x"),
    "extensions": ("GET", "/presto-sdwan/v1/versions"),
}
Forge = Callable[[Door], str]


@pytest.fixture
def door(lasting_door: Door) -> Door:
    """Nobody who is let in changes anything here."""
    return lasting_door


def minter(door: Door, **changes: Any) -> Minter:
    ours = door.security.minter
    given = {"key": ours._key, "audience": ours.audience, "lifetime": 900, **changes}
    return Minter(**given)


def minted(client: str = "operator", scopes: frozenset[str] | None = None, **changes: Any) -> Forge:
    issuer = changes.pop("issuer", OURS)
    return lambda door: minter(door, **changes).mint(
        client, door.operations.scopes if scopes is None else scopes, None, issuer
    )


def reclaimed(header: dict[str, Any] | None = None, **claims: Any) -> Forge:
    """A good token with other claims (None: without), signed by the right key."""

    def forge(door: Door) -> str:
        good = jwt.decode(door.token("operator"), options={"verify_signature": False})
        changed = {name: value for name, value in {**good, **claims}.items() if value is not None}
        key = door.security.minter._key
        headers = {"kid": key.kid, "typ": "at+jwt", **(header or {})}
        return jwt.encode(changed, key.key, algorithm="EdDSA", headers=headers)

    return forge


def part(value: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def unsigned(door: Door) -> str:
    payload = door.token("operator").split(".")[1].encode()
    kid = door.security.minter._key.kid
    return (part({"alg": "none", "typ": "at+jwt", "kid": kid}) + b"." + payload + b".").decode()


def mac_with_public_key(door: Door) -> str:
    """Algorithm confusion: the public key, which everybody has, taken as a shared secret."""
    key = door.security.minter._key
    payload = door.token("operator").split(".")[1].encode()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = part({"alg": "HS256", "typ": "at+jwt", "kid": key.kid}) + b"." + payload
    mac = hmac.new(key.key.public_key().public_bytes(*form), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def tampered(door: Door) -> str:
    header, payload, signature = door.token("acme-watch").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{part({**claims, 'scope': 'createServiceOrder'}).decode()}.{signature}"


def own_key_of_another(door: Door) -> str:
    """A trusted outside issuer that speaks in our name."""
    return minter(door, key=OUTSIDE_KEY).mint("operator", door.operations.scopes, None, OURS)


STRANGER = SigningKey(ed25519.Ed25519PrivateKey.generate(), "stranger")
WRONG: dict[str, tuple[Forge, str]] = {
    "expired": (minted(clock=lambda: time.time() - 1000), "The JWT has expired"),
    "from tomorrow": (minted(clock=lambda: time.time() + 86400), "The JWT is not valid yet"),
    "another audience": (minted(audience="https://other.example"), "The JWT is for another audience"),
    "another issuer": (
        minted(issuer="https://evil.example"),
        "The access token is of an issuer that is not trusted here",
    ),
    "unknown key": (minted(key=STRANGER), "The access token is signed with a key that is not known here"),
    "wrong key of a known name": (
        lambda door: minted(key=replace(STRANGER, kid=door.security.minter._key.kid))(door),
        "The signature of the JWT is wrong",
    ),
    "key of another issuer": (own_key_of_another, "The access token is signed with a key that is not known here"),
    "alg none": (unsigned, "The JWT is signed with another algorithm than its key is for"),
    "HS256 with the public key": (mac_with_public_key, "The JWT is signed with another algorithm than its key is for"),
    "changed on the way": (tampered, "The signature of the JWT is wrong"),
    "no access token": (reclaimed({"typ": "JWT"}), "The JWT is no access token"),
    "unknown extension": (reclaimed({"crit": ["x"], "x": 1}), "This is no JWT that is understood here"),
    "no expiry": (reclaimed(exp=None), "The JWT has no claim exp"),
    "no id": (reclaimed(jti=None), "The JWT has no claim jti"),
    "no client": (reclaimed(client_id=None), "The JWT has no claim client_id"),
    "scope of another type": (
        reclaimed(scope=["listServiceOrder"]),
        "The claims of the access token have other types than RFC 9068 gives them",
    ),
    "client that is gone": (minted("nobody"), "The client of the access token is not known here"),
    "client of another issuer": (minted("guest"), "The client of the access token is not known here"),
    "outside issuer for our client": (
        minted(key=OUTSIDE_KEY, issuer=OUTSIDE),
        "The client of the access token is not known here",
    ),
    "not a JWT": (lambda _door: "abc.def.ghi", "This is no JWT that is understood here"),
    "too long": (lambda _door: "a" * (LARGEST_TOKEN + 1), "The access token is too long"),
}


def code_and_reason(face: str, answer: Any) -> tuple[str | None, str]:
    """What the answer says, once it has the form of its face."""
    body = answer.json()
    if face == "restconf":
        assert answer.headers["content-type"] == "application/yang-data+json"
        (error,) = body["ietf-restconf:errors"]["error"]
        assert (error["error-type"], error["error-tag"]) == ("protocol", "access-denied")
        return None, error["error-message"]
    if face == "extensions":
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["status"] == answer.status_code
        return None, body["detail"]
    assert set(body) == {"code", "reason", "message"}
    return body["code"], body["reason"]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_token_opens_nothing(door: Door, case: str, face: str) -> None:
    forge, reason = WRONG[case]
    method, path = FACES[face]
    token = forge(door)
    answer = await door.http.request(method, path, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    code, told = code_and_reason(face, answer)
    assert code in {None, "invalidCredentials"}
    assert told.startswith(reason)
    challenge = answer.headers["www-authenticate"]
    assert challenge == f'Bearer realm="lso-presto", error="invalid_token", error_description="{reason}"'
    assert token not in answer.text


@pytest.mark.parametrize("face", FACES)
async def test_without_credentials(door: Door, face: str) -> None:
    method, path = FACES[face]
    answer = await door.http.request(method, path)
    assert answer.status_code == 401
    assert code_and_reason(face, answer)[0] in {None, "missingCredentials"}
    assert answer.headers["www-authenticate"] == 'Bearer realm="lso-presto"', (
        "RFC 6750 3.1: no error without credentials"
    )


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("header", ["Basic b3BlcmF0b3I6eA==", "Bearer", "Bearer a b", "Bearer ä", "token"])
async def test_other_headers(door: Door, face: str, header: str) -> None:
    method, path = FACES[face]
    answer = await door.http.request(method, path, headers=[(b"authorization", header.encode("latin-1"))])
    assert (answer.status_code, code_and_reason(face, answer)[1].split(".")[0]) == (
        401,
        "The Authorization header is no Bearer token",
    )


async def test_two_tokens_are_none(door: Door) -> None:
    headers = [("authorization", f"Bearer {door.token('operator')}")] * 2
    answer = await door.http.get(FACES["ordering"][1], headers=headers)
    assert answer.status_code == 401


async def test_a_token_stands_in_the_header_only(door: Door) -> None:
    answer = await door.http.get(FACES["ordering"][1], params={"access_token": door.token("operator")})
    assert answer.status_code == 401


@pytest.mark.parametrize("face", FACES)
async def test_a_good_token(door: Door, face: str) -> None:
    method, path = FACES[face]
    assert (await door.ask("operator", method, path)).status_code == (404 if face == "inventory" else 200)


async def test_a_stream_of_events_ends_with_its_token(door: Door) -> None:
    token = minted(lifetime=2)(door)
    ends = jwt.decode(token, options={"verify_signature": False})["exp"]
    headers = {"authorization": f"Bearer {token}"}
    async with asyncio.timeout(60):
        answer = await door.http.get("/presto-sdwan/v1/event/stream", headers=headers)
    assert (answer.status_code, answer.text) == (200, "retry: 1000\n\n")
    assert 0 <= time.time() - ends < 1


@pytest.mark.parametrize("path", ["/", "/nowhere", "/mefApi", "/mefApi/legato/x", "/restconf/x", "/presto-sdwan/v1/x"])
async def test_nothing_is_told_of_paths_before_who_asks_is_known(door: Door, path: str) -> None:
    assert (await door.http.get(path)).status_code == 401
    assert (await door.ask("acme-watch", "GET", path)).status_code in {404, 405}


@pytest.mark.parametrize("face", FACES)
async def test_without_the_scope(door: Door, face: str) -> None:
    method, path = FACES[face]
    token = minted("operator", frozenset({"createServiceOrder"}))(door)
    answer = await door.http.request(method, path, headers={"authorization": f"Bearer {token}"})
    scope = {
        "restconf": "get-service-interface-point-list",
        "ordering": "listServiceOrder",
        "inventory": "serviceGet",
        "extensions": "getVersions",
    }[face]
    assert answer.status_code == 403
    code, reason = code_and_reason(face, answer)
    assert (code in {None, "accessDenied"}, reason.split(".")[0]) == (True, f"The access token has no scope {scope}")
    challenge = f'Bearer realm="lso-presto", error="insufficient_scope", scope="{scope}"'
    assert answer.headers["www-authenticate"] == challenge


async def test_a_token_never_has_more_than_its_client(door: Door) -> None:
    """A scope that was taken away in the clients file is gone from tokens that still have it."""
    token = minted("acme-watch", None)(door)
    answer = await door.http.post(FACES["ordering"][1], headers={"authorization": f"Bearer {token}"}, json={})
    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["tapi-connectivity:create-connectivity-service", "create-connectivity-service/"])
async def test_every_spelling_of_an_operation_has_its_scope(door: Door, name: str) -> None:
    assert (await door.call("acme-watch", name)).status_code == 403
    assert (await door.call("acme-portal", name)).status_code == 400


async def test_tokens_of_an_outside_issuer(door: Door) -> None:
    claims = {"key": OUTSIDE_KEY, "issuer": OUTSIDE}
    token = minted("guest", frozenset({"listServiceOrder", "createServiceOrder"}), **claims)(door)
    headers = {"authorization": f"bearer {token}"}
    assert (await door.http.get(FACES["ordering"][1], headers=headers)).status_code == 200
    assert (await door.http.post(FACES["ordering"][1], headers=headers, json={})).status_code == 403
