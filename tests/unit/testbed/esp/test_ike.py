"""IKEv2 messages (RFC 7296, section 3), and octets that differ from one in a single place."""

from __future__ import annotations

import pytest

from testbed.esp import ike_of

ONE, OTHER, NONE = bytes(range(1, 9)), bytes(range(9, 17)), bytes(8)
INIT, AUTH, INFORMATIONAL = 34, 35, 37
SEALED, FRAGMENT = 46, 53
REQUEST, RESPONSE, FROM_RESPONDER = 0x08, 0x28, 0x20


def payload(content: bytes, following: int = 0, critical: int = 0, surplus: int = 0) -> bytes:
    return bytes([following, critical]) + (4 + len(content) + surplus).to_bytes(2, "big") + content


def message(
    kind: int,
    body: bytes,
    exchange: int = INIT,
    *,
    spis: bytes = ONE + NONE,
    flags: int = REQUEST,
    number: int = 0,
    surplus: int = 0,
) -> bytes:
    head = spis + bytes([kind, 0x20, exchange, flags]) + number.to_bytes(4, "big")
    return head + (28 + len(body) + surplus).to_bytes(4, "big") + body


NONCE = payload(bytes(32))
GROUP, CIPHER = bytes([0, 0, 0, 8, 4, 0, 0, 19]), bytes([3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0])
KEYS = b"\0\x13\0\0" + bytes(64)


def proposals(*transforms: bytes, more: int = 0, spi: int = 0, count: int | None = None) -> bytes:
    content = b"".join(transforms)
    number = len(transforms) if count is None else count
    return bytes([more, 0]) + (8 + len(content)).to_bytes(2, "big") + bytes([1, 1, spi, number]) + content


def changed(octets: bytes, place: int, value: int) -> bytes:
    return octets[:place] + bytes([value]) + octets[place + 1 :]


def init(kind: int, content: bytes, critical: int = 0) -> bytes:
    return message(kind, payload(content, critical=critical))


def sealed(body: bytes, kind: int = SEALED, exchange: int = AUTH, spis: bytes = ONE + OTHER) -> bytes:
    return message(kind, body, exchange, spis=spis, number=1)


BOTH = proposals(CIPHER, GROUP, more=2) + proposals(CIPHER, GROUP)


@pytest.mark.parametrize(
    ("octets", "is_one"),
    [
        pytest.param(message(40, NONCE), True, id="init"),
        pytest.param(message(40, NONCE, spis=ONE + OTHER, flags=FROM_RESPONDER), True, id="answer-to-init"),
        pytest.param(message(40, NONCE, spis=ONE + NONE, flags=FROM_RESPONDER), True, id="init-refused"),
        pytest.param(message(40, NONCE, flags=REQUEST | 0x10), True, id="knows-a-higher-version"),
        pytest.param(message(40, NONCE)[:27], False, id="too-short"),
        pytest.param(message(40, NONCE, surplus=-1), False, id="octet-behind"),
        pytest.param(message(40, NONCE, flags=REQUEST | 0x01), False, id="reserved-flag"),
        pytest.param(message(40, NONCE, spis=NONE + NONE), False, id="init-of-nobody"),
        pytest.param(message(40, NONCE, number=1), False, id="init-that-is-not-the-first"),
        pytest.param(message(40, NONCE, flags=0), False, id="init-asked-by-the-responder"),
        pytest.param(message(40, NONCE, spis=ONE + OTHER, flags=RESPONSE), False, id="init-answered-by-who-asked"),
        pytest.param(message(40, NONCE, spis=ONE + OTHER), False, id="init-of-an-sa-that-stands"),
        pytest.param(message(40, payload(bytes(32), critical=0x80)), True, id="critical"),
        pytest.param(message(40, payload(bytes(32), critical=0x40)), False, id="reserved-bit-of-a-payload"),
        pytest.param(message(40, payload(bytes(32), following=43)), False, id="payload-that-is-missing"),
        pytest.param(init(40, bytes(16)), True, id="shortest-nonce"),
        pytest.param(init(40, bytes(15)), False, id="nonce-too-short"),
        pytest.param(init(40, bytes(256)), True, id="longest-nonce"),
        pytest.param(init(40, bytes(257)), False, id="nonce-too-long"),
        pytest.param(init(34, KEYS), True, id="key-exchange"),
        pytest.param(init(34, changed(KEYS, 3, 7)), False, id="reserved-octet-of-a-key-exchange"),
        pytest.param(init(34, KEYS[:-1]), False, id="key-exchange-too-short"),
        pytest.param(init(34, b"\xff\x13\0\0" + bytes(5)), True, id="key-exchange-of-a-private-group"),
        pytest.param(init(34, b"\xff\x13\0\0"), False, id="key-exchange-without-a-value"),
        pytest.param(init(41, b"\0\0\x40\x04" + bytes(20)), True, id="notification"),
        pytest.param(init(41, b"\0\4\x40\x04" + bytes(20)), False, id="notification-with-an-spi"),
        pytest.param(init(41, b"\0\0\x40"), False, id="notification-too-short"),
        pytest.param(init(41, b"\0\0\x40\x2e" + bytes(1)), False, id="notification-with-a-surplus"),
        pytest.param(init(33, BOTH), True, id="two-proposals"),
        pytest.param(init(33, changed(BOTH, 0, 0)), False, id="proposal-behind-the-last"),
        pytest.param(init(33, proposals(CIPHER, GROUP, more=2)), False, id="proposal-that-is-missing"),
        pytest.param(init(33, proposals(CIPHER, GROUP, spi=8)), False, id="proposal-with-an-spi"),
        pytest.param(init(33, proposals(CIPHER, GROUP, count=1)), False, id="transform-that-is-not-counted"),
        pytest.param(init(33, proposals(CIPHER, GROUP, count=3)), False, id="transform-that-is-missing"),
        pytest.param(init(33, proposals(CIPHER, changed(GROUP, 1, 7))), False, id="reserved-octet-of-a-transform"),
        pytest.param(init(33, proposals(CIPHER, changed(GROUP, 5, 7))), False, id="reserved-octet-behind-its-type"),
        pytest.param(init(33, proposals(changed(CIPHER, 3, 16), bytes(4))), False, id="transform-of-another-length"),
        pytest.param(init(33, proposals(changed(CIPHER, 9, 15), GROUP)), False, id="attribute-but-a-key-length"),
        pytest.param(init(33, BOTH[:6]), False, id="proposal-too-short"),
        pytest.param(sealed(payload(bytes(20))), True, id="shortest-sealed"),
        pytest.param(sealed(payload(bytes(19))), False, id="sealed-too-short"),
        pytest.param(sealed(payload(bytes(20)) + bytes(1)), False, id="octet-behind-what-is-sealed"),
        pytest.param(sealed(payload(bytes(20), critical=0x40)), False, id="reserved-bit-of-what-is-sealed"),
        pytest.param(sealed(payload(bytes(20)), exchange=33), False, id="exchange-that-there-is-not"),
        pytest.param(sealed(payload(bytes(20)), spis=NONE + OTHER), False, id="sealed-of-nobody"),
        pytest.param(sealed(payload(bytes(20)), spis=ONE + NONE), False, id="sealed-for-nobody"),
        pytest.param(sealed(payload(b"\0\2\0\2" + bytes(20)), FRAGMENT), True, id="last-fragment"),
        pytest.param(sealed(payload(b"\0\0\0\2" + bytes(20)), FRAGMENT), False, id="fragment-before-the-first"),
        pytest.param(sealed(payload(b"\0\3\0\2" + bytes(20)), FRAGMENT), False, id="fragment-behind-the-last"),
        pytest.param(sealed(payload(b"\0\1\0\2" + bytes(19)), FRAGMENT), False, id="fragment-too-short"),
    ],
)
def test_every_octet_of_a_message_is_accounted_for(octets: bytes, is_one: bool) -> None:
    found = ike_of(octets)
    assert (found is not None) is is_one
    assert found is None or found.octets == octets


def test_what_numbers_a_message_is_its_direction_its_id_and_its_fragment() -> None:
    first, second = (sealed(payload(bytes([0, part, 0, 2]) + bytes(20)), FRAGMENT) for part in (1, 2))
    answer = message(SEALED, payload(bytes(20)), INFORMATIONAL, spis=ONE + OTHER, flags=RESPONSE, number=7)
    told = [found and (found.exchange, found.number) for found in map(ike_of, (first, second, answer))]
    assert told == [(AUTH, (REQUEST, 1, 1)), (AUTH, (REQUEST, 1, 2)), (INFORMATIONAL, (RESPONSE, 7, 0))]
    whole = ike_of(answer)
    assert whole and (whole.initiator_spi, whole.responder_spi) == (ONE.hex(), OTHER.hex())
