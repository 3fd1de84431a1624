"""strongSwan with each IPsec product: lifetimes that an intent orders, and certificates that no longer hold."""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from scenarios.network.tunnels import why_not

from .gateways import Credential, Pair, Site, credential, key_pem, pem
from .products import products
from .test_history import history

pytestmark = [
    pytest.mark.alone,  # two guests take all processors: others would be late, and they beside others
    pytest.mark.parametrize("mixed", products("ipsec"), indirect=True, scope="module"),
]
SLOWEST_SECONDS = 40.0
LIFETIMES: dict[str, Any] = {"child_lifetime_seconds": 12, "ike_lifetime_seconds": 18}


def associations(site: Site) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The SPIs of all IKE SAs and CHILD SAs that a gateway tells of."""
    told = history(site)
    ike = {(one["initiator_spi"], one["responder_spi"]) for one in told["ike"]}
    return ike, {(one["spi_in"], one["spi_out"]) for one in told["children"]}


def test_associations_are_replaced_within_their_lifetimes(mixed: Pair) -> None:
    mixed.apply(**LIFETIMES)
    mixed.wait_established(SLOWEST_SECONDS)
    before, pings = {site.number: history(site) for site in (mixed.a, mixed.b)}, list[bool]()

    def replaced() -> bool:
        pings.append(mixed.a.lan.pings(mixed.b.host))
        now = {site.number: history(site) for site in (mixed.a, mixed.b)}
        return all(
            len(now[number][kind]) >= len(told[kind]) + 2
            for number, told in before.items()
            for kind in ("ike", "children")
        )

    start = time.monotonic()
    mixed.wait(replaced, "two more of each kind at both ends", SLOWEST_SECONDS)
    print(f"replaced after {time.monotonic() - start:.1f} s, {pings.count(False)} of {len(pings)} echoes lost")

    def same() -> bool:
        """Each end is read at a moment of its own, and may just have got another one."""
        (ike, children), (far_ike, far_children) = map(associations, (mixed.a, mixed.b))
        return ike == far_ike and children == {(outgoing, incoming) for incoming, outgoing in far_children}

    mixed.wait(same, lambda: f"the same at both ends: {associations(mixed.a)} {associations(mixed.b)}", SLOWEST_SECONDS)
    mine, theirs = history(mixed.a), history(mixed.b)
    assert len({one["encryption"] for one in mine["children"]}) == 1
    for connection in (*mine["connections"], *theirs.get("connections", ())):
        assert 0 < connection["rekey_seconds"] <= LIFETIMES["ike_lifetime_seconds"]
        assert 0 < connection["children"][0]["rekey_seconds"] <= LIFETIMES["child_lifetime_seconds"]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("child_lifetime_seconds", 28801), ("ike_lifetime_seconds", 9), ("ike_lifetime_seconds", "60")],
)
def test_a_lifetime_out_of_range_is_refused(mixed: Pair, name: str, seconds: Any) -> None:
    intent = mixed.b.intent
    refused = mixed.b.vnf.apply({**intent, "ipsec": {**intent["ipsec"], name: seconds}})
    assert (refused.returncode, json.loads(refused.stderr)["path"]) == (2, f"ipsec.{name}")


AUTHORITY = credential("another authority")


def crl(*serials: int, authority: Credential = AUTHORITY) -> str:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority[1].subject).last_update(now)
    builder = builder.next_update(now + datetime.timedelta(hours=1))
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority[0].public_key())
    builder = builder.add_extension(signer, critical=False)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority[0], hashes.SHA384()).public_bytes(serialization.Encoding.PEM).decode()


def shown(one: Credential, **more: str) -> dict[str, str]:
    return {"certificate": pem(one[1]), "private_key": key_pem(one[0]), "ca_certificate": pem(AUTHORITY[1]), **more}


def give(site: Site, local: dict[str, str]) -> None:
    ipsec = site.intent["ipsec"]
    site.vnf.applied({**site.intent, "ipsec": {**ipsec, "local": {**ipsec["local"], **local}}})


@pytest.mark.parametrize(("why", "words"), [("expired", "expired|invalid"), ("revoked", "revoked|invalid")])
def test_a_certificate_that_no_longer_holds_connects_nobody(mixed: Pair, why: str, words: str) -> None:
    """Site 1 begins and shows it; the product's log says what is wrong with it."""
    good, bad = credential("site-2", AUTHORITY), credential("site-1", AUTHORITY, hours=-1 if why == "expired" else 1)
    more = {"crl": crl(bad[1].serial_number)} if why == "revoked" else {}
    give(mixed.b, shown(good, **more))
    give(mixed.a, shown(bad))

    def told() -> bool:
        return re.search(f"certificate.*({words})", why_not(mixed.b.vnf.container.logs().decode())) is not None

    mixed.wait(told, lambda: mixed.b.vnf.container.logs(tail=30).decode(), SLOWEST_SECONDS)
    assert not mixed.a.children() + mixed.b.children()


def test_a_list_of_another_authority_is_refused(mixed: Pair) -> None:
    ipsec = mixed.b.intent["ipsec"]
    local = {**ipsec["local"], "crl": crl(authority=credential("some authority"))}
    refused = mixed.b.vnf.apply({**mixed.b.intent, "ipsec": {**ipsec, "local": local}})
    assert (refused.returncode, json.loads(refused.stderr)["path"]) == (2, "ipsec.local.crl"), refused.stderr
