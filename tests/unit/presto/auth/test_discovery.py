"""Clients that find everything out by themselves (RFC 8414), with a library that others use: Authlib."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey

from presto.auth.access import Tls
from presto.auth.clients import read_clients
from presto.auth.errors import ClientsWrong
from presto.auth.keys import signing_key
from presto.auth.security import Security
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer

from .conftest import CLIENT_KEY, OURS, SECRET, Door, clients_file, opened
from .test_access import Authority, authority, trusting  # noqa: F401  (a fixture)

ORDERS = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"


def discovered(issuer: str, http: Any) -> AuthorizationServerMetadata:
    """What a client learns that knows nothing but the issuer."""
    answer = http.get(get_well_known_url(issuer, external=True))
    assert answer.status_code == 200, answer.text
    found = AuthorizationServerMetadata(answer.json())
    assert found["issuer"] == issuer, "RFC 8414 section 3.3: identical, or the client must not go on"
    return found


@pytest.fixture
def url(authority: Authority, new_core: Callable[..., Core], security: Security) -> Any:  # noqa: F811
    tls = Tls(*authority.issue("server", "127.0.0.1", name="localhost"))
    with BackgroundServer(create_app(new_core(), security=security), tls=tls) as server:
        yield server.url


def proofs(method: str) -> dict[str, Any]:
    if method != "private_key_jwt":
        return {"client_id": "operator", "client_secret": SECRET, "token_endpoint_auth_method": method}
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = ECKey.import_key(CLIENT_KEY.private_bytes(*form))
    return {"client_id": "signer", "client_secret": key, "token_endpoint_auth_method": method}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_from_the_issuer_to_an_answer(url: str, authority: Authority, host: str, method: str) -> None:  # noqa: F811
    """By each name of the server and each way to prove who one is; nothing is configured but the issuer."""
    issuer = url.replace("127.0.0.1", host)
    with trusting(authority.file) as http:
        found = discovered(issuer, http)
        found.validate()
        assert method in found["token_endpoint_auth_methods_supported"]
        key = jwt.PyJWK(http.get(found["jwks_uri"]).json()["keys"][0])
    with OAuth2Session(**proofs(method)) as client:
        client.verify, client.trust_env = str(authority.file), False
        client.register_client_auth_method(PrivateKeyJWT(found["token_endpoint"], alg="ES256"))
        token = client.fetch_token(found["token_endpoint"], grant_type="client_credentials")["access_token"]
        assert client.get(issuer + ORDERS).status_code == 200
    assert jwt.decode(token, key, ["EdDSA"], issuer=issuer, audience="urn:lso-testbed:presto")["iss"] == issuer


@pytest.mark.asyncio
async def test_in_development_the_issuer_is_the_url_too(door: Door) -> None:
    """Libraries take http from this machine, or can be told to; for those that cannot there is the setting below."""
    found = (await door.http.get("/.well-known/oauth-authorization-server")).json()
    assert (found["issuer"], found["token_endpoint"]) == (OURS, f"{OURS}/oauth2/token")
    AuthorizationServerMetadata(found).validate()


@pytest.mark.asyncio
@pytest.mark.parametrize("issuer", ["https://lso.example", "https://lso.example/", "https://lso.example:8443/sdwan"])
async def test_an_issuer_that_the_file_names(
    new_core: Callable[..., Core], write_clients: Callable[[Any], Path], tmp_path: Path, issuer: str
) -> None:
    """As behind a proxy with TLS: whatever the proxy asks, clients hear what they know."""
    path = write_clients({**clients_file(), "issuer": issuer})
    security = Security(read_clients(path), signing_key(tmp_path / "key.pem"))
    async with opened(new_core(), security) as door:
        found = AuthorizationServerMetadata((await door.http.get("/.well-known/oauth-authorization-server")).json())
        found.validate()
        assert found["issuer"] == issuer
        assert found["token_endpoint"] == f"{issuer.rstrip('/')}/oauth2/token"
        form = {"grant_type": "client_credentials", "client_id": "operator", "client_secret": SECRET}
        token = (await door.http.post("/oauth2/token", data=form)).json()["access_token"]
        assert jwt.decode(token, options={"verify_signature": False})["iss"] == issuer
        assert (await door.http.get(ORDERS, headers={"authorization": f"Bearer {token}"})).status_code == 200
        other = security.minter.mint("operator", door.operations.scopes, None, OURS)
        assert (await door.http.get(ORDERS, headers={"authorization": f"Bearer {other}"})).status_code == 401


@pytest.mark.parametrize(
    "issuer",
    [
        "urn:lso-testbed:presto",
        "http://lso.example",
        "https://lso.example?a=b",
        "https://lso.example/#a",
        "https://user@lso.example",
        "https://",
        "https://[::1",
        "",
    ],
)
def test_an_issuer_that_no_client_would_take(write_clients: Callable[[Any], Path], issuer: str) -> None:
    with pytest.raises(ClientsWrong, match="issuer: an issuer is an https URL without query and fragment, such as"):
        read_clients(write_clients({**clients_file(), "issuer": issuer}))


def test_an_issuer_on_this_machine_may_be_http(write_clients: Callable[[Any], Path]) -> None:
    issuer = "http://localhost:8181"
    assert read_clients(write_clients({**clients_file(), "issuer": issuer})).file.issuer == issuer
