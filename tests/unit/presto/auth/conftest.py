"""A server with authentication: clients of every kind, and a door to it that sends their tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from fastapi import FastAPI

from presto.auth.clients import read_clients
from presto.auth.keys import SigningKey, VerificationKey, signing_key
from presto.auth.limits import Limits
from presto.auth.scopes import Catalogue
from presto.auth.secret import hashed, new_secret
from presto.auth.security import Security
from presto.notify.settings import NotifySettings
from presto.service.core import Core
from presto.web.app import catalogue, create_app

SECRET = new_secret()
HASHED = hashed(SECRET)
CLIENT_KEY = ec.generate_private_key(ec.SECP256R1())
OUTSIDE_KEY = SigningKey(ed25519.Ed25519PrivateKey.generate(), "outside-1")
OUTSIDE = "https://idp.example"
OURS = "http://127.0.0.1"


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def clients_file() -> dict[str, Any]:
    return {
        "clients": [
            {"id": "operator", "secret": HASHED, "roles": ["admin"]},
            {"id": "acme-portal", "secret": HASHED, "roles": ["operate"], "tenant": "acme"},
            {"id": "acme-watch", "secret": HASHED, "roles": ["read"], "tenant": "acme"},
            {"id": "globex-portal", "secret": HASHED, "roles": ["admin"], "tenant": "globex"},
            {"id": "lister", "secret": HASHED, "scopes": ["listServiceOrder", "get-topology-list"]},
            {"id": "signer", "public_key": pem(CLIENT_KEY), "roles": ["read"]},
            {"id": "guest", "issuer": OUTSIDE, "roles": ["read"], "tenant": "acme"},
        ],
        "tenants": {"acme": {"unis": ["site-a-lan0"]}, "globex": {"unis": ["site-c-lan0"]}},
        "issuers": [{"issuer": OUTSIDE, "jwks": "outside.json"}],
    }


@dataclass
class Door:
    """Requests to the server; `tokens` are kept by client."""

    http: httpx.AsyncClient
    security: Security
    operations: Catalogue
    core: Core
    app: FastAPI
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, client: str) -> str:
        """As the endpoint would issue it."""
        found = self.security.clients.find(client)
        assert found is not None
        scopes = self.operations.granted(found)
        return self.tokens.setdefault(client, self.security.minter.mint(client, scopes, found.tenant, OURS))

    async def ask(self, client: str, method: str, path: str, **values: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token(client)}", **values.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **values)

    async def call(self, client: str, operation: str, values: dict[str, Any] | None = None) -> httpx.Response:
        return await self.ask(client, "POST", f"/restconf/operations/{operation}", json={"input": values or {}})


def written(folder: Path, document: Any) -> Path:
    """A clients file, with the keys of the outside issuer beside it."""
    keys = {"keys": [{**VerificationKey(OUTSIDE_KEY.key.public_key(), "EdDSA").jwk(), "kid": OUTSIDE_KEY.kid}]}
    (folder / "outside.json").write_text(json.dumps(keys))
    path = folder / "clients.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False))
    return path


@pytest.fixture
def write_clients(tmp_path: Path) -> Callable[[Any], Path]:
    return partial(written, tmp_path)


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def security(write_clients: Callable[[Any], Path], tmp_path: Path, limits: Limits) -> Security:
    return Security(read_clients(write_clients(clients_file())), signing_key(tmp_path / "key.pem"), limits)


@asynccontextmanager
async def opened(core: Core, security: Security) -> AsyncIterator[Door]:
    """The door to a server that lives as long as the context."""
    app = create_app(core, security=security, notifications=NotifySettings(development=True))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        yield Door(http, security, catalogue(app), core, app)


@pytest_asyncio.fixture
async def door(new_core: Callable[..., Core], security: Security, inventory: Any) -> AsyncIterator[Door]:
    async with opened(new_core(assignments=security.clients.assignments(inventory)), security) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_door(
    lasting_core: Any, inventory: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    """One server for all cases of a module that change nothing; nobody is told to wait."""
    folder = tmp_path_factory.mktemp("door")
    patient = Limits(rate=0, failures_a_minute=1e6, failures_at_once=10**6)
    security = Security(read_clients(written(folder, clients_file())), signing_key(folder / "key.pem"), patient)
    core, _ = lasting_core(security.clients.assignments(inventory))
    async with opened(core, security) as found:
        yield found
        for path in ("/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", "/presto-sdwan/v1/service"):
            assert (await found.ask("operator", "GET", path)).json() == []
