"""``ipsec.established`` sees ends that cannot trust each other, and ends that disagree on their SAs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from breaking import Judge, access, assert_fails, assert_passes, intent, swanctl

from presto.domain import credentials
from scenarios.steps.context import Context

VERB = "ipsec.established"
DEAF = """table inet deaf {
  chain in { type filter hook input priority -10; udp dport 500 drop; udp dport 4500 @ih,0,32 0 drop; }
  chain out { type filter hook output priority -10; udp dport 500 drop; udp dport 4500 @ih,0,32 0 drop; }
}"""


def other_authority(document: dict[str, Any]) -> None:
    """Give the gateway certificates of an authority that the other end does not know."""
    strange = credentials.complete(
        credentials.Credentials(), "another service", ["site-b"], "certificate", datetime.now(UTC)
    )
    assert strange.authority
    site = strange.sites["site-b"]
    document["ipsec"]["local"] |= {
        "certificate": site.certificate,
        "private_key": site.private_key,
        "ca_certificate": strange.authority.certificate,
    }


def pre_shared(key: str) -> Any:
    """Return a change of an intent to authentication by the pre-shared *key*."""

    def change(document: dict[str, Any]) -> None:
        document["ipsec"]["authentication"] = "psk"
        for name in ("certificate", "private_key", "ca_certificate"):
            document["ipsec"]["local"].pop(name, None)
        for peer in document["ipsec"]["peers"]:
            peer["psk"] = key

    return change


def other_subnet(document: dict[str, Any]) -> None:
    """Let the gateway protect half of its LAN only."""
    document["ipsec"]["local"]["subnets"] = ["10.2.0.0/25"]


@contextmanager
def deaf(context: Context, site: str) -> Iterator[None]:
    """Let the gateway of *site* send and hear no IKE for the length of the block."""
    vnf = access(context, site, "ipsec")
    try:
        vnf.run(["nft", "-f", "-"], input=DEAF)
        yield
    finally:
        vnf.run(["nft", "delete", "table", "inet", "deaf"])


def test_a_certificate_of_another_authority(context: Context, judged: Judge) -> None:
    with intent(context, "site-b", "ipsec", other_authority):
        failed = assert_fails(judged(VERB, within_seconds=1), "IKE SA at site-a", "CHILD SA at site-b")
        assert "no IKE SA" in failed[0].measured or "CONNECTING" in failed[0].measured
    assert_passes(judged(VERB))


def test_another_pre_shared_key(context: Context, judged: Judge) -> None:
    with ExitStack() as stack:
        stack.enter_context(intent(context, "site-a", "ipsec", pre_shared("the key of site A")))
        with intent(context, "site-b", "ipsec", pre_shared("the key of site B")):
            assert_fails(judged(VERB, within_seconds=1), "IKE SA at site-a", "IKE SA at site-b")
        stack.enter_context(intent(context, "site-b", "ipsec", pre_shared("the key of site A")))
        assert_passes(judged(VERB))
    assert_passes(judged(VERB))


def test_one_end_lost_its_security_associations(context: Context, judged: Judge) -> None:
    with deaf(context, "site-b"):
        swanctl(access(context, "site-b", "ipsec"), "--terminate", "--ike", "site-a", "--force", "--timeout", "1")
        failed = assert_fails(judged(VERB, within_seconds=1), "IKE SA at site-b", "spi_in is the other's spi_out")
        assert not any(check.name.endswith("SA at site-a") for check in failed), "site A knows nothing of it yet"
    swanctl(access(context, "site-a", "ipsec"), "--terminate", "--ike", "site-b", "--force", "--timeout", "1")
    assert_passes(judged(VERB))


def test_one_end_protects_only_half_of_its_lan(context: Context, judged: Judge) -> None:
    with intent(context, "site-b", "ipsec", other_subnet):
        failed = assert_fails(judged(VERB), "what site-b protects")
        assert failed[0].measured == "10.2.0.0/25"
    assert_passes(judged(VERB))


@pytest.mark.parametrize("algorithm", ["AES_GCM_16-128", "NULL"])
def test_another_algorithm_than_the_promised_one(judged: Judge, algorithm: str) -> None:
    failed = assert_fails(judged(VERB, encryption=algorithm), "ESP algorithm")
    assert len(failed) == 1
