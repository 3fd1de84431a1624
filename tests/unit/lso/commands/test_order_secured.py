"""`lso order …` at a server that asks who its clients are, with the client that `lso client add` has made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from presto.auth.limits import Limits
from presto.auth.security import load_security
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer


@dataclass(frozen=True)
class Secured:
    """A server and the secrets of its clients, by id."""

    url: str
    secrets: dict[str, str]


@pytest.fixture
def secured(lso: Any, southbound: MemorySouthbound, tmp_path: Path) -> Iterator[Secured]:
    file, secrets = tmp_path / "clients.yaml", {}
    for client, role in (("portal", "operate"), ("watch", "read")):
        added = lso("client", "add", str(file), client, "--role", role)
        assert added.code == 0
        (secrets[client],) = re.findall(r"client_secret: (\S+)", added.out)
    enrolled, database = memory_inventory(4), str(tmp_path / "presto.db")
    security = load_security(file, database, Limits())
    orchestrator = Orchestrator(
        enrolled, f"sqlite:///{tmp_path}/orchestrator.db", connect=southbound.connect, ended=southbound.ended
    )
    core = Core(enrolled, Store(open_engine(database)), orchestrator, None, security.clients.assignments(enrolled))
    with BackgroundServer(create_app(core, security=security)) as running:
        yield Secured(running.url, secrets)


def test_an_order_is_placed_with_credentials(lso: Any, secured: Secured, tmp_path: Path) -> None:
    known = {"LSO_URL": secured.url, "LSO_CLIENT_ID": "portal", "LSO_CLIENT_SECRET": secured.secrets["portal"]}
    file = tmp_path / "order.yaml"
    file.write_text(lso("order", "example", **known).out, encoding="utf-8")
    ran = lso("order", "create", str(file), "--wait", "--json", **known)
    assert (ran.code, ran.json["state"]) == (0, "completed"), ran.err
    watcher = {**known, "LSO_CLIENT_ID": "watch", "LSO_CLIENT_SECRET": secured.secrets["watch"]}
    assert ran.json["id"] in lso("order", "list", **watcher).out
    refused = lso("order", "create", str(file), **watcher)
    assert (refused.code, refused.out) == (2, "")
    assert "The access token has no scope createServiceOrder" in refused.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "No access token"),
        ({"LSO_CLIENT_ID": "portal", "LSO_CLIENT_SECRET": "wrong"}, "The client is not known, or its secret is wrong"),
        ({"LSO_TOKEN": "a.b.c"}, "This is no JWT that is understood here"),
    ],
)
def test_without_the_right_ones_it_says_why(lso: Any, secured: Secured, changes: dict[str, str], message: str) -> None:
    ran = lso("order", "list", LSO_URL=secured.url, **changes)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
