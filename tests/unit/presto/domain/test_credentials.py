"""The certificate authority of a service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from presto.domain.credentials import Credentials, complete

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_each_site_is_certified_by_the_service_and_by_nobody_else() -> None:
    one, other = (complete(Credentials(), name, ["site-a.acme", "site-b.acme"], "certificate", NOW) for name in "xy")
    assert one.authority
    assert other.authority
    for name, pair in one.sites.items():
        found = certificate(pair.certificate)
        found.verify_directly_issued_by(certificate(one.authority.certificate))
        assert found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.DNSName
        ) == [name]
        assert isinstance(found.public_key(), ec.EllipticCurvePublicKey)
        assert found.signature_hash_algorithm
        store = Store([certificate(one.authority.certificate)])
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
        assert verifier.verify(found, [])
        key = serialization.load_pem_private_key(pair.private_key.encode(), password=None)
        assert key.public_key() == found.public_key()
    assert certificate(one.authority.certificate).public_key() != certificate(other.authority.certificate).public_key()


def test_what_is_held_is_kept_and_what_is_missing_is_added() -> None:
    first = complete(Credentials(), "x", ["a", "b"], "certificate", NOW)
    second = complete(first, "x", ["a", "b", "c"], "certificate", NOW)
    assert second.authority == first.authority
    assert {name: second.sites[name] for name in "ab"} == first.sites
    assert complete(second, "x", ["a", "b", "c"], "certificate", NOW) == second


def test_certificates_are_renewed_before_they_end() -> None:
    first = complete(Credentials(), "x", ["a", "b"], "certificate", NOW)
    later = complete(first, "x", ["a", "b"], "certificate", NOW + timedelta(days=380))
    assert later.authority == first.authority
    assert later.sites["a"] != first.sites["a"]


def test_secrets_have_no_representation() -> None:
    certified = complete(Credentials(), "x", ["a", "b"], "certificate", NOW)
    shared = complete(Credentials(), "x", ["a", "b"], "psk", NOW)
    assert repr(certified) == repr(shared) == "Credentials()"
    assert "PRIVATE" not in repr(certified.authority)
    assert shared.secret("b", "a") == shared.secret("a", "b")
