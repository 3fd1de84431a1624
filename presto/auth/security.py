"""What a server with authentication knows: its clients, its keys, the issuers that it trusts, and its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from presto.auth.clients import Clients, read_clients
from presto.auth.config import Client, Issuer
from presto.auth.errors import ClientsWrong, KeyUnusable
from presto.auth.keys import SigningKey, VerificationKey, public_key, signing_key
from presto.auth.limits import Buckets, Limits
from presto.auth.principal import Principal
from presto.auth.scopes import Catalogue
from presto.auth.tokens import Minter, TokenRefused, Trusted, verify
from presto.web.guards import LOOPBACK_HOSTS


class Security:
    """Turns tokens into principals. `hosts` are the names that the server answers for, its issuers' among them."""

    def __init__(
        self, clients: Clients, key: SigningKey, limits: Limits | None = None, hosts: frozenset[str] = LOOPBACK_HOSTS
    ) -> None:
        self.clients, self.limits = clients, limits or Limits()
        self.minter = Minter(key, clients.file.audience, clients.file.token_lifetime)
        self.requests = Buckets(self.limits.rate, self.limits.burst)
        self.failures = Buckets(self.limits.failures_a_minute / 60, self.limits.failures_at_once)
        self._outside, self._hosts = _outside(clients), hosts

    def issuer(self, base: str) -> str:
        """Who issues the tokens that are asked for at *base*: that URL (RFC 8414 section 3.3), unless the file says."""
        return self.clients.file.issuer or base

    def principal(self, token: str, catalogue: Catalogue) -> Principal:
        """Who sends this token: never more than the clients file grants today. Raises TokenRefused."""
        claims = verify(token, self._trusted)
        client = self.clients.find(claims.client)
        if client is None or client.issuer != (claims.issuer if claims.issuer in self._outside else None):
            raise TokenRefused("The client of the access token is not known here")
        return Principal(client.id, client.tenant, claims.scopes & catalogue.granted(client), claims.ends)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The keys that our tokens are verified with (RFC 7517)."""
        return {"keys": [self.minter.public.jwk()]}

    def client(self, client_id: str) -> Client | None:
        """The client that may prove who it is at our token endpoint."""
        client = self.clients.find(client_id)
        return client if client and not client.issuer else None

    def _trusted(self, issuer: str) -> Trusted | None:
        """An issuer of the file, or ourselves by one of our names."""
        fixed = self.clients.file.issuer
        ours = issuer == fixed if fixed else self._named(issuer)
        return self._outside.get(issuer) or (self.minter.trusted(issuer) if ours else None)

    def _named(self, issuer: str) -> bool:
        try:
            host = (urlsplit(issuer).hostname or "").rstrip(".")
        except ValueError:
            return False
        return (f"[{host}]" if ":" in host else host) in self._hosts


def load_security(
    clients: Path, database: str, limits: Limits | None = None, hosts: frozenset[str] = LOOPBACK_HOSTS
) -> Security:
    """Read the clients file and the signing key, made at the first start. Raises ClientsWrong and KeyUnusable."""
    return Security(read_clients(clients), signing_key(key_file(clients, database)), limits, hosts)


def key_file(clients: Path, database: str) -> Path:
    """The signing key lies beside the database file; beside the clients file when the database is no file."""
    path = database.removeprefix("sqlite:///")
    return (
        clients.with_name("token-key.pem")
        if "://" in path
        else Path(path).with_name(f"{Path(path).stem}-token-key.pem")
    )


def _outside(clients: Clients) -> dict[str, Trusted]:
    found = {}
    for issuer in clients.file.issuers:
        keys = _keys(clients.folder / issuer.jwks, issuer)
        found[issuer.issuer] = Trusted(issuer.issuer, issuer.audience or clients.file.audience, keys)
    return found


def _keys(path: Path, issuer: Issuer) -> Mapping[str, VerificationKey]:
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))["keys"]
        return {str(document["kid"]): public_key(document) for document in documents if document.get("use") != "enc"}
    except OSError as error:
        raise ClientsWrong(f"{path}: keys of issuer {issuer.issuer}: {error.strerror}") from None
    except KeyUnusable as error:
        raise ClientsWrong(f"{path}: keys of issuer {issuer.issuer}: a key {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ClientsWrong(f"{path}: keys of issuer {issuer.issuer}: this is no JWK set with key ids") from None
