"""Getting a token: every way to prove who one is, and every way to fail, in the words of RFC 6749 section 5.2."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote_plus

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from sqlalchemy.orm import Session

from presto.auth.access import Access
from presto.auth.assertions import ASSERTION_TYPE
from presto.auth.keys import public_key
from presto.auth.limits import Limits, place
from presto.auth.security import Security
from presto.persistence.idempotency import IdempotencyRow
from presto.web.app import create_app
from presto.web.server import BackgroundServer

from .conftest import CLIENT_KEY, OURS, SECRET, Door

pytestmark = pytest.mark.asyncio
GRANT = {"grant_type": "client_credentials"}
POST = {**GRANT, "client_id": "acme-portal", "client_secret": SECRET}
URL = "http://127.0.0.1/oauth2/token"
NO_TOKEN = {"authorization": "Bearer x.y.z"}
ORDERS = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"
Form = dict[str, str]


def basic(client: str, secret: str) -> dict[str, str]:
    text = f"{quote_plus(client)}:{quote_plus(secret)}"
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def assertion(
    key: Any = CLIENT_KEY, algorithm: str = "ES256", headers: dict[str, Any] | None = None, **claims: Any
) -> Form:
    now = int(time.time())
    base = {"iss": "signer", "sub": "signer", "aud": URL, "exp": now + 60, "iat": now, "jti": str(uuid.uuid4())}
    values = {name: value for name, value in {**base, **claims}.items() if value is not None}
    signed = jwt.encode(values, key, algorithm=algorithm, headers=headers)
    return {**GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


GOOD: dict[str, tuple[Form | Callable[[], Form], dict[str, str]]] = {
    "client_secret_post": (POST, {}),
    "client_secret_basic": (GRANT, basic("acme-portal", SECRET)),
    "basic and the same client_id": ({**GRANT, "client_id": "acme-portal"}, basic("acme-portal", SECRET)),
    "private_key_jwt": (assertion, {}),
    "private_key_jwt for the issuer": (lambda: assertion(aud=OURS), {}),
}


@pytest.mark.parametrize("case", GOOD)
async def test_a_token_opens_the_door(door: Door, case: str) -> None:
    form, headers = GOOD[case]
    answer = await door.http.post("/oauth2/token", data=form() if callable(form) else form, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    asked = await door.http.get(ORDERS, headers={"authorization": f"Bearer {body['access_token']}"})
    assert asked.status_code == 200


async def test_a_token_is_not_kept_for_who_repeats_the_key(door: Door) -> None:
    keyed = {"idempotency-key": "8e03978e"}
    mine = await door.http.post("/oauth2/token", data=GRANT, headers=basic("acme-portal", SECRET) | keyed)
    assert mine.status_code == 200, mine.text
    for proof in ({}, basic("acme-portal", "wrong"), basic("globex-portal", "wrong")):
        assert (await door.http.post("/oauth2/token", data=GRANT, headers=proof | keyed)).status_code == 401
    other = await door.http.post("/oauth2/token", data=GRANT, headers=basic("globex-portal", SECRET) | keyed)
    claims = jwt.decode(other.json()["access_token"], options={"verify_signature": False})
    assert claims["sub"] == "globex-portal"
    with Session(door.core.engine) as session:
        assert not session.scalars(select(IdempotencyRow)).all()


async def test_the_token_is_what_rfc_9068_says(door: Door) -> None:
    token = (await door.http.post("/oauth2/token", data=POST)).json()["access_token"]
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "EdDSA")
    (key,) = (await door.http.get("/.well-known/jwks.json")).json()["keys"]
    assert key["kid"] == header["kid"]
    assert not {"d", "k"} & set(key)
    claims = jwt.decode(token, public_key(key).key, algorithms=["EdDSA"], audience="urn:lso-testbed:presto")
    assert set(claims) == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "tenant"}
    assert (claims["sub"], claims["tenant"]) == ("acme-portal", "acme")
    assert {"createServiceOrder", "serviceFind"} <= set(claims["scope"].split())
    assert "enrolEdge" not in claims["scope"]


@pytest.mark.parametrize(
    ("scope", "given"),
    [("listServiceOrder", {"listServiceOrder"}), ("default", None), ("default serviceFind", None), ("", None)],
)
async def test_scopes(door: Door, scope: str, given: set[str] | None) -> None:
    answer = await door.http.post("/oauth2/token", data={**POST, "scope": scope})
    client = door.security.clients.find("acme-portal")
    assert client is not None
    assert set(answer.json()["scope"].split()) == (given or door.operations.granted(client))


STRANGER = ec.generate_private_key(ec.SECP256R1())
WRONG: dict[str, tuple[Form | Callable[[], Form], dict[str, str], int, str]] = {
    "no grant": ({"client_id": "acme-portal", "client_secret": SECRET}, {}, 400, "invalid_request"),
    "another grant": ({**POST, "grant_type": "password"}, {}, 400, "unsupported_grant_type"),
    "no proof": (GRANT, {}, 401, "invalid_client"),
    "wrong secret": ({**POST, "client_secret": SECRET + "x"}, {}, 401, "invalid_client"),
    "unknown client": ({**POST, "client_id": "nobody"}, {}, 401, "invalid_client"),
    "no client": ({**GRANT, "client_secret": SECRET}, {}, 401, "invalid_client"),
    "client with a key only": ({**POST, "client_id": "signer"}, {}, 401, "invalid_client"),
    "client of another issuer": ({**POST, "client_id": "guest"}, {}, 401, "invalid_client"),
    "two proofs": (POST, basic("acme-portal", SECRET), 400, "invalid_request"),
    "basic for another client_id": (
        {**GRANT, "client_id": "operator"},
        basic("acme-portal", SECRET),
        401,
        "invalid_client",
    ),
    "broken basic": (GRANT, {"authorization": "Basic ???"}, 401, "invalid_client"),
    "bearer": (GRANT, {"authorization": "Bearer x"}, 401, "invalid_client"),
    "a scope that it has not": ({**POST, "scope": "listServiceOrder enrolEdge"}, {}, 400, "invalid_scope"),
    "a scope that is none": ({**POST, "scope": "nonsense"}, {}, 400, "invalid_scope"),
    "a scope that is none beside all": ({**POST, "scope": "default nonsense"}, {}, 400, "invalid_scope"),
    "a scope that it has not beside all": ({**POST, "scope": "default enrolEdge"}, {}, 400, "invalid_scope"),
    "not a form": (POST, {"content-type": "application/json"}, 400, "invalid_request"),
    "assertion of another type": (lambda: {**assertion(), "client_assertion_type": "x"}, {}, 400, "invalid_request"),
    "assertion with another key": (lambda: assertion(STRANGER), {}, 401, "invalid_client"),
    "assertion for another audience": (lambda: assertion(aud="https://other.example/token"), {}, 401, "invalid_client"),
    "assertion that expired": (lambda: assertion(exp=int(time.time()) - 60), {}, 401, "invalid_client"),
    "assertion for a year": (lambda: assertion(exp=int(time.time()) + 31_536_000), {}, 401, "invalid_client"),
    "assertion without jti": (lambda: assertion(jti=None), {}, 401, "invalid_client"),
    "assertion without exp": (lambda: assertion(exp=None), {}, 401, "invalid_client"),
    "assertion by another issuer": (lambda: assertion(iss="acme-portal"), {}, 401, "invalid_client"),
    "assertion for another client": (lambda: assertion(sub="acme-portal"), {}, 401, "invalid_client"),
    "assertion with HS256": (
        lambda: assertion("a-secret-of-some-length-0123456789", "HS256"),
        {},
        401,
        "invalid_client",
    ),
    "assertion that is no JWT": (lambda: {**assertion(), "client_assertion": "x.y.z"}, {}, 401, "invalid_client"),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", WRONG)
async def test_no_token(lasting_door: Door, case: str) -> None:
    form, headers, status, code = WRONG[case]
    answer = await lasting_door.http.post("/oauth2/token", data=form() if callable(form) else form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert SECRET not in answer.text


async def test_a_parameter_stands_once(door: Door) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    content = f"grant_type=client_credentials&grant_type=client_credentials&client_id=operator&client_secret={SECRET}"
    answer = await door.http.post("/oauth2/token", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_an_assertion_is_used_once(door: Door) -> None:
    form = assertion()
    assert (await door.http.post("/oauth2/token", data=form)).status_code == 200
    assert (await door.http.post("/oauth2/token", data=form)).status_code == 401


async def test_who_is_unknown_and_who_is_wrong_hear_the_same(door: Door) -> None:
    answers = [
        (await door.http.post("/oauth2/token", data={**POST, **changes})).json()
        for changes in ({"client_id": "nobody"}, {"client_secret": "wrong"}, {"client_id": "signer"})
    ]
    assert answers[0] == answers[1] == answers[2]


async def test_metadata(door: Door) -> None:
    found = (await door.http.get("/.well-known/oauth-authorization-server")).json()
    assert found["token_endpoint"] == URL
    assert found["grant_types_supported"] == ["client_credentials"]
    assert set(found["scopes_supported"]) == door.operations.scopes


@pytest.mark.parametrize("limits", [Limits(failures_a_minute=60, failures_at_once=3)])
async def test_who_fails_often_waits_whatever_he_says_then(door: Door, limits: Limits) -> None:
    wrong = {**POST, "client_secret": "wrong"}
    statuses = [(await door.http.post("/oauth2/token", data=wrong)).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    answer = await door.http.post("/oauth2/token", data=POST)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


@pytest.mark.parametrize("limits", [Limits(rate=0.5, burst=2, failures_at_once=2)])
async def test_a_client_that_asks_too_often(door: Door, limits: Limits) -> None:
    faces: dict[str, Callable[[Any], str]] = {
        ORDERS: lambda body: body["reason"],
        "/presto-sdwan/v1/versions": lambda body: body["detail"],
        "/restconf/x": lambda body: body["ietf-restconf:errors"]["error"][0]["error-message"].split(".")[0],
    }
    for number in range(2):
        assert (await door.ask("acme-watch", "GET", ORDERS)).status_code == 200, number
    for path, reason in faces.items():
        answer = await door.ask("acme-watch", "GET", path)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        assert reason(answer.json()) == "Too many requests"
    assert (await door.ask("operator", "GET", ORDERS)).status_code == 200, "others are not held up"


@pytest.mark.parametrize("limits", [Limits(failures_at_once=2)])
async def test_wrong_tokens_are_limited_and_right_ones_from_there_are_not(door: Door, limits: Limits) -> None:
    headers = {"authorization": "Bearer x.y.z"}
    assert [(await door.http.get(ORDERS, headers=headers)).status_code for _ in range(3)] == [401, 401, 429]
    assert (await door.ask("operator", "GET", ORDERS)).status_code == 200


@pytest.mark.parametrize("limits", [Limits(failures_at_once=2)])
async def test_nobody_is_kept_out_by_what_others_do_at_his_address(door: Door, limits: Limits) -> None:
    """Behind one address there can be many clients."""
    for _ in range(25):
        await door.http.get(ORDERS, headers={"authorization": "Bearer x.y.z"})
        await door.http.post("/oauth2/token", data={**POST, "client_id": "nobody"})
        await door.http.post("/oauth2/token", data={"grant_type": "client_credentials"})
        await door.http.post("/oauth2/token", data={**POST, "client_id": "acme-watch", "client_secret": "wrong"})
    statuses = {client: await _asked(door, client) for client in (POST["client_id"], "acme-watch", "nobody")}
    assert statuses == {POST["client_id"]: 200, "acme-watch": 429, "nobody": 429}


@pytest.mark.parametrize("limits", [Limits(failures_a_minute=0, failures_at_once=1)])
async def test_the_limit_of_failures_can_be_switched_off(door: Door, limits: Limits) -> None:
    wrong = {**POST, "client_secret": "wrong"}
    assert {(await door.http.post("/oauth2/token", data=wrong)).status_code for _ in range(5)} == {401}
    assert await _asked(door, POST["client_id"]) == 200


@contextmanager
def listening(app: Any, host: str, proxies: tuple[str, ...] = ()) -> Iterator[str]:
    """The URL by IPv4 of a server on that address, on a socket for both versions too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Access, "check_binding", lambda *_: None)
        with BackgroundServer(app, host, proxies=tuple(map(ip_network, proxies))) as server:
            yield f"http://127.0.0.1:{server.url.rpartition(':')[2]}"


@pytest.mark.parametrize("limits", [Limits(failures_at_once=1)])
@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
async def test_each_ipv4_address_has_its_own_failures(
    new_core: Callable[..., Any], security: Security, limits: Limits, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers = []
    with listening(create_app(new_core(), security=security), host) as url:
        for address in ("127.0.0.1", "127.0.0.1", "127.0.0.2"):
            transport = httpx.AsyncHTTPTransport(local_address=address)
            async with httpx.AsyncClient(base_url=url, transport=transport) as http:
                answers.append((await http.get(ORDERS, headers=NO_TOKEN)).status_code)
                answers.append((await http.post("/oauth2/token", data={**POST, "client_secret": "x"})).status_code)
    assert answers == [401, 401, 429, 429, 401, 401]
    assert "from 127.0.0.2 is refused" in caplog.text
    assert "::" not in caplog.text


@pytest.mark.parametrize("limits", [Limits(failures_at_once=1)])
@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
@pytest.mark.parametrize(
    ("proxies", "waits"),
    [
        ((), True),
        (("127.0.0.0/8",), False),
        (("::ffff:127.0.0.0/104",), False),
        (("192.0.2.0/24",), True),
        (("2001:db8::/32",), True),
    ],
)
async def test_clients_behind_a_proxy_have_their_own_addresses(
    new_core: Callable[..., Any],
    security: Security,
    limits: Limits,
    proxies: tuple[str, ...],
    waits: bool,
    host: str,
) -> None:
    """Only where the proxy is known: else anybody could say that he is somebody else each time."""
    app = create_app(new_core(), security=security)
    with listening(app, host, proxies) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answers = [
                await http.get(ORDERS, headers=NO_TOKEN | {"x-forwarded-for": f"198.51.100.{n}, ::ffff:127.0.0.7"})
                for n in range(3)
            ]
    assert [answer.status_code for answer in answers] == ([401, 429, 429] if waits else [401, 401, 401])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("unknown", "unknown"),
    ],
)
async def test_where_somebody_asks_from(address: str, expected: str) -> None:
    assert place(address) == expected


async def _asked(door: Door, client: str) -> int:
    return (await door.http.post("/oauth2/token", data={**POST, "client_id": client})).status_code


async def test_a_token_request_has_no_large_body(door: Door) -> None:
    """Nobody is known yet who sends one."""
    answer = await door.http.post("/oauth2/token", data={**POST, "scope": "x" * 70_000})
    assert answer.status_code == 413
