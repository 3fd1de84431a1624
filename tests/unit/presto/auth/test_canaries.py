"""Secrets stay where they belong: nothing that is answered, logged, told in events or stored elsewhere has them."""

from __future__ import annotations

import copy
import json
import logging
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from sqlalchemy.orm import Session

from presto.auth.security import Security
from presto.domain.settings import Settings
from presto.notify.settings import NotifySettings
from presto.persistence.tables import CredentialsRow
from presto.service.core import Core
from presto.web.app import catalogue, create_app

from .conftest import HASHED, SECRET, Door
from .test_door import WRONG
from .test_endpoint import POST, assertion

pytestmark = pytest.mark.asyncio
ALLOWED = {"presto_credentials", "presto_signing_keys", "presto_edges"}
"""The tables that hold keys, because somebody must."""


@pytest.mark.parametrize("authentication", ["psk", "certificate"])
async def test_no_secret_gets_out(
    new_core: Callable[..., Core],
    security: Security,
    database: Path,
    order: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    authentication: Any,
    network: Any,
) -> None:
    for name in (None, "presto", "presto.auth", "presto.auth.endpoint"):
        caplog.set_level(logging.DEBUG, name)
    core = new_core(Settings(authentication=authentication))
    app = create_app(core, security=security, notifications=NotifySettings(development=True))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        door = Door(http, security, catalogue(app), core, app)
        answers, sent = await _everything(door, order, network)
        events = str(core.events.read(0, 1000))
        kept = _kept(core)
    logged = "\n".join(record.getMessage() + (record.exc_text or "") for record in caplog.records)
    assert "has a token" in logged, "what was logged is looked at"
    assert kept, "keys were made for the service"
    pem = security.minter._key.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    assert pem == (tmp_path / "key.pem").read_text(), "the signing key is looked for as it is"
    secret = {SECRET, HASHED, pem.splitlines()[1], *sent, *kept}
    tables = _dump(database)
    places = {"the log": logged, "an answer": answers, "an event": events, **tables}
    found = {
        (place, word[:12]) for place, text in places.items() if place not in ALLOWED for word in secret if word in text
    }
    assert found == set()
    assert any(word in tables["presto_credentials"] for word in kept), "the dump is really one"


async def _everything(door: Door, order: dict[str, Any], network: Any) -> tuple[str, set[str]]:
    """Ask for tokens in all ways, and for everything with them; returns the answers less tokens, and the secrets."""
    answers, sent = [], set()
    for form in (POST, assertion(), {**POST, "client_secret": SECRET + "x"}, {**POST, "client_id": SECRET}):
        sent |= {form[name] for name in ("client_secret", "client_assertion") if name in form}
        answer = await door.http.post("/oauth2/token", data=form)
        if answer.status_code == 200:
            sent.add(answer.json()["access_token"])
        else:
            answers.append(answer.text)
    for forge, _ in WRONG.values():
        token = forge(door)
        sent.add(token)
        answer = await door.http.get("/presto-sdwan/v1/versions", headers={"authorization": f"Bearer {token}"})
        answers.append(answer.text + str(answer.headers))
    placed = await door.call("operator", "create-connectivity-service", copy.deepcopy(order))
    assert placed.status_code == 200, placed.text
    await network.asked(1)
    for operation in sorted(door.operations.scopes):
        if operation.startswith("get-"):
            given = {"service-id-or-name": "acme", "sip-id-or-name": "site-a-lan0"}
            for values in ({}, *({name: value} for name, value in given.items())):
                answers.append((await door.call("operator", operation, values)).text)
    for path in ("/edge", "/edge/site-a", "/service", "/tunnel", "/vnfChain", "/underlay", "/versions", "/event/key"):
        answers.append((await door.ask("operator", "GET", f"/presto-sdwan/v1{path}")).text)
    answers.append((await door.ask("operator", "GET", "/mefApi/legato/serviceInventory/v7/service")).text)
    for name in ("jwks.json", "oauth-authorization-server"):
        answers.append((await door.http.get(f"/.well-known/{name}")).text)
    sent |= set(door.tokens.values())
    return "\n".join(answers), {word for word in sent if len(word) > 20 and not word.startswith("aaaa")}


def _kept(core: Core) -> set[str]:
    """The shared secrets and the bodies of the private keys of all services."""
    with Session(core.engine) as session:
        documents = json.dumps([row.document for row in session.query(CredentialsRow)])
    keys = re.findall(r"-----BEGIN PRIVATE KEY-----\\n([^\\]+)\\n", documents)
    return {*keys, *(word for row in json.loads(documents) for word in row.get("shared", {}).values())}


def _dump(database: Path) -> dict[str, str]:
    """Table → its rows as text."""
    with sqlite3.connect(database) as connection:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        return {name: str(connection.execute(f'select * from "{name}"').fetchall()) for name in names}  # noqa: S608
