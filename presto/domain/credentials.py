"""The keys of a service's IPsec peers: a certificate authority for the service alone, or a secret for each pair.

Credentials live in the database file only. They are never shown, so they have no representation.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from presto.domain.settings import Authentication

AUTHORITY_LIFE, SITE_LIFE, RENEW_BEFORE = timedelta(days=3650), timedelta(days=397), timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)
IPSEC_IKE = ObjectIdentifier("1.3.6.1.5.5.7.3.17")
"""id-kp-ipsecIKE, RFC 4945 section 5.1.3.12."""


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: str
    private_key: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """The authority and the sites' key pairs by identity, or the shared secrets by pair (`a|b`, lower name first)."""

    authority: KeyPair | None = field(default=None, repr=False)
    sites: Mapping[str, KeyPair] = field(default_factory=dict, repr=False)
    shared: Mapping[str, str] = field(default_factory=dict, repr=False)

    def secret(self, one: str, other: str) -> str | None:
        """The secret that two identities share; None when they use certificates."""
        return self.shared.get(_pair(one, other))


def complete(
    held: Credentials,
    service_id: str,
    identities: Iterable[str],
    authentication: Authentication,
    now: datetime,
    pairs: Iterable[tuple[str, str]] | None = None,
) -> Credentials:
    """Credentials that serve all identities: what is held and still good is kept, the rest is made.

    `pairs` are those that need a shared secret, where these are not all.

    Certificates are ECDSA P-256 with the identity as DNS name, renewed 30 days before they end.
    """
    names = sorted(identities)
    if authentication == "psk":
        among = combinations(names, 2) if pairs is None else pairs
        shared = {_pair(a, b): held.secret(a, b) or secrets.token_urlsafe(32) for a, b in among}
        return replace(held, shared=shared)
    authority = held.authority if held.authority and _good(held.authority, now) else _authority(service_id, now)
    kept = held.sites if authority is held.authority else {}
    sites = {
        name: kept[name] if name in kept and _good(kept[name], now) else _site(name, authority, now) for name in names
    }
    return Credentials(authority=authority, sites=sites)


def _pair(one: str, other: str) -> str:
    return "|".join(sorted((one, other)))


def _good(pair: KeyPair, now: datetime) -> bool:
    return x509.load_pem_x509_certificate(pair.certificate.encode()).not_valid_after_utc - now > RENEW_BEFORE


def _authority(service_id: str, now: datetime) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Service {service_id}")
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return _key_pair(builder.sign(key, hashes.SHA256()), key)


def _site(identity: str, authority: KeyPair, now: datetime) -> KeyPair:
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key = serialization.load_pem_private_key(authority.private_key.encode(), password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(identity), issuer.subject, key.public_key(), now, SITE_LIFE)
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(authority=False), True),
        (x509.SubjectAlternativeName([x509.DNSName(identity)]), False),
        (x509.ExtendedKeyUsage([IPSEC_IKE, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False),
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return _key_pair(builder.sign(issuer_key, hashes.SHA256()), key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(now + life)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> KeyPair:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())


def utc_now() -> datetime:
    """The current time, with its zone."""
    return datetime.now(UTC)
