"""The signature, made by hand and verified by a library; and the listener twin that insists on it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from presto.notify.signing import SigningKey, load_key, public_keys
from presto.persistence.tables import open_engine
from presto_api.mef.notifications import COVERED, MEDIA, TAG, Notification
from presto_client.listener import create_listener
from presto_client.signatures import BadSignature, NotSigned, Verifier

PATH = "/mefApi/legato/serviceInventoryNotification/v7/listener/serviceStateChangeEvent"
URL = f"http://client.example:8080{PATH}"
BODY = (
    b'{"eventId":"1","eventTime":"2026-03-01T12:00:00Z","eventType":"serviceStateChangeEvent",'
    b'"event":{"id":"a","state":"active"}}'
)


@pytest.fixture
def key(database: Any) -> SigningKey:
    return load_key(open_engine(str(database)))


@pytest.fixture
def verifier(key: SigningKey, database: Any) -> Verifier:
    return Verifier(public_keys(open_engine(str(database))))


def signed(key: SigningKey, **changes: Any) -> dict[str, str]:
    values = {"authority": "client.example:8080", "path": PATH, "body": BODY, "now": int(time.time()), **changes}
    return key.headers(**values)


def test_the_key_stays_and_its_private_half_is_shown_to_nobody(key: SigningKey, database: Any) -> None:
    engine = open_engine(str(database))
    assert load_key(engine).id == key.id
    (shown,) = public_keys(engine)["keys"]
    assert set(shown) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert shown["kid"] == key.id


def test_what_was_signed_is_verified(key: SigningKey, verifier: Verifier) -> None:
    verifier.verify("POST", URL, signed(key), BODY)
    secure = URL.replace("http:", "https:").replace(":8080", ":443")
    verifier.verify("POST", secure, signed(key, authority="client.example"), BODY)


@pytest.mark.parametrize(
    ("request_", "headers"),
    [
        pytest.param({"body": BODY.replace(b"active", b"failed")}, {}, id="another body"),
        pytest.param({"url": URL.replace("Change", "Other")}, {}, id="another path"),
        pytest.param({"url": URL.replace("client", "other")}, {}, id="another host"),
        pytest.param({"method": "PUT"}, {}, id="another method"),
        pytest.param({}, {"Content-Type": "text/plain"}, id="another type"),
        pytest.param({}, {"Content-Digest": "sha-256=:AAAA:"}, id="another digest"),
        pytest.param({}, {"Signature": "presto=:AAAA:"}, id="another signature"),
        pytest.param({}, {"Signature": "nonsense"}, id="nonsense"),
        pytest.param({}, {"Signature-Input": 'presto=("@method");created=1;alg="ed25519"'}, id="less is covered"),
    ],
)
def test_what_was_changed_is_not(
    key: SigningKey, verifier: Verifier, request_: dict[str, Any], headers: dict[str, str]
) -> None:
    values = {"method": "POST", "url": URL, "headers": {**signed(key), **headers}, "body": BODY, **request_}
    with pytest.raises(BadSignature):
        verifier.verify(**values)


def test_foreign_and_missing_signatures(key: SigningKey, verifier: Verifier, tmp_path: Any) -> None:
    other = load_key(open_engine(str(tmp_path / "other.db")))
    with pytest.raises(BadSignature):
        verifier.verify("POST", URL, signed(other), BODY)
    with pytest.raises(NotSigned):
        verifier.verify("POST", URL, {"Content-Type": MEDIA}, BODY)


@pytest.mark.parametrize("seconds", [290, 60, -60, -290])
def test_clocks_may_differ_by_five_minutes(key: SigningKey, verifier: Verifier, seconds: int) -> None:
    verifier.verify("POST", URL, signed(key, now=int(time.time()) + seconds), BODY)


@pytest.mark.parametrize(("seconds", "reason"), [(310, "future"), (-310, "age")])
def test_and_by_no_more(key: SigningKey, verifier: Verifier, seconds: int, reason: str) -> None:
    with pytest.raises(BadSignature, match=reason):
        verifier.verify("POST", URL, signed(key, now=int(time.time()) + seconds), BODY)


@pytest.mark.parametrize("left_out", ["@method", "@authority", "@path", "content-type", "content-digest"])
def test_a_good_signature_over_less_proves_nothing(key: SigningKey, verifier: Verifier, left_out: str) -> None:
    covered = [name for name in COVERED if name != left_out]
    message = SimpleNamespace(method="POST", url=URL, headers={**signed(key)})
    keys = MappingKeyResolver(public_keys={}, private_keys={key.id: key.private})
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=keys)
    signer.sign(message, key_id=key.id, covered_component_ids=COVERED, tag=TAG, use_existing_digest=True)
    verifier.verify("POST", URL, message.headers, BODY)
    signer.sign(message, key_id=key.id, covered_component_ids=covered, tag=TAG, use_existing_digest=True)
    with pytest.raises(BadSignature, match=f'missing|"{left_out}"'):
        verifier.verify("POST", URL, message.headers, BODY)


@pytest.mark.asyncio
async def test_the_listener_takes_each_event_once_and_from_its_server_only(key: SigningKey, verifier: Verifier) -> None:
    taken: list[Notification] = []
    faults = [RuntimeError("not now")]

    async def handler(event: Notification) -> None:
        if faults:
            raise faults.pop()
        taken.append(event)

    transport = httpx.ASGITransport(create_listener(handler, verifier), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as client:
        answers = [await client.post(URL, content=BODY, headers=signed(key)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [500, 204, 204]
        assert [(event.event_id, event.event.id) for event in taken] == [("1", "a")], "three times sent, once handled"
        unsigned = await client.post(URL, content=BODY, headers={"Content-Type": MEDIA})
        assert (unsigned.status_code, unsigned.json()["code"]) == (401, "missingCredentials")
        changed = await client.post(URL, content=BODY + b" ", headers=signed(key))
        assert (changed.status_code, changed.json()["code"]) == (401, "invalidCredentials")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"eventId": None}, "eventId", id="no text"),
        pytest.param({"eventTime": "yesterday"}, "RFC 3339", id="no moment"),
        pytest.param({"eventType": "serviceCreateEvent"}, "the place of serviceStateChangeEvent", id="another type"),
        pytest.param({"event": {"id": "a"}}, "event.state", id="no state"),
        pytest.param({"event": {"id": "a", "state": "asleep"}}, "event.state", id="an unknown state"),
        pytest.param({"event": {"id": 7, "state": "active"}}, "event.id", id="an id that is no text"),
        pytest.param({"event": {"id": "a", "state": "active", "href": None}}, "null is no value", id="null"),
    ],
)
@pytest.mark.asyncio
async def test_what_is_no_event_is_refused(change: dict[str, Any], reason: str) -> None:
    async def handler(event: Notification) -> None:
        raise AssertionError(event)

    document = {**httpx.Response(200, content=BODY).json(), **change}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_listener(handler))) as client:
        answer = await client.post(URL, json=document)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalidBody")
    assert reason in answer.json()["reason"]


@pytest.mark.asyncio
async def test_a_server_that_is_gone_before_the_end_of_its_event_is_no_fault_of_the_listener() -> None:
    async def handler(event: Notification) -> None:
        raise AssertionError(event)

    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": BODY[:9], "more_body": True},
        {"type": "http.disconnect"},
    ]
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    async def send(message: Any) -> None:
        answers.append(message)

    headers = [(b"content-type", MEDIA.encode())]
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers, "query_string": b""}
    await create_listener(handler)(scope, receive, send)
    assert answers[0]["status"] == 400
