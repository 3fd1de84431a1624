"""What a server with authentication knows: its clients, its keys, the issuers that it trusts, and its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from presto.auth.clients import Clients, read_clients
from presto.auth.config import Client, Issuer
from presto.auth.errors import ClientsWrong, KeyUnusable
from presto.auth.keys import SigningKey, VerificationKey, public_key, signing_key
from presto.auth.limits import Buckets, Limits
from presto.auth.principal import Principal
from presto.auth.scopes import Catalogue
from presto.auth.tokens import Minter, TokenRefused, Trusted, verify


class Security:
    """Turns tokens into principals. `catalogue` says which scopes there are."""

    def __init__(self, clients: Clients, key: SigningKey, limits: Limits | None = None) -> None:
        self.clients, self.limits = clients, limits or Limits()
        self.minter = Minter(key, clients.file.issuer, clients.file.audience, clients.file.token_lifetime)
        self.requests = Buckets(self.limits.rate, self.limits.burst)
        self.failures = Buckets(self.limits.failures_a_minute / 60, self.limits.failures_at_once)
        self._issuers = {self.minter.issuer: self.minter.trusted(), **_outside(clients)}

    def principal(self, token: str, catalogue: Catalogue) -> Principal:
        """Who sends this token: never more than the clients file grants today. Raises TokenRefused."""
        claims = verify(token, self._issuers)
        client = self.clients.find(claims.client)
        if client is None or (client.issuer or self.minter.issuer) != claims.issuer:
            raise TokenRefused("The client of the access token is not known here")
        return Principal(client.id, client.tenant, claims.scopes & catalogue.granted(client), claims.ends)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The keys that our tokens are verified with (RFC 7517)."""
        return {"keys": [key.jwk() for key in self.minter.trusted().keys.values()]}

    def client(self, client_id: str) -> Client | None:
        """The client that may prove who it is at our token endpoint."""
        client = self.clients.find(client_id)
        return client if client and not client.issuer else None


def load_security(clients: Path, database: str, limits: Limits | None = None) -> Security:
    """Read the clients file and the signing key, made at the first start. Raises ClientsWrong and KeyUnusable."""
    return Security(read_clients(clients), signing_key(key_file(clients, database)), limits)


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
