"""The page of the API as people use it, in a real browser: a token by its Authorize button, then orders."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from presto.auth.edit import add_client
from presto.auth.security import load_security
from presto.persistence.store import Store
from presto.persistence.tables import database_url, open_engine
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer

from .browser import Page, browser

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")
ORDERS = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"
OPERATION = "[id$=-createServiceOrder]"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server over uCPEs in memory that asks who its clients are: `portal`, whose secret is in a file."""
    inventory, database, clients = memory_inventory(3), str(tmp_path / "presto.db"), tmp_path / "clients.yaml"
    secret = add_client(clients, "portal", ["operate"], [], None, [], None)
    (tmp_path / "secret").write_text(str(secret), encoding="utf-8")
    southbound = MemorySouthbound(inventory)
    security = load_security(clients, database)
    core = Core(
        inventory,
        Store(open_engine(database)),
        Orchestrator(inventory, database_url(database), connect=southbound.connect, ended=southbound.ended),
        assignments=security.clients.assignments(inventory),
    )
    with BackgroundServer(create_app(core, security=security)) as server:
        yield server.url
    southbound.close()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(str(PROGRAM), tmp_path / "browser") as started:
        yield started


def find(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


def authorize(page: Page, secret: str) -> None:
    """As a person does: both fields, the button, what it then says, and the dialog closed."""
    page.click(find(".btn.authorize"))
    page.type(find("#client_id_clientCredentials"), "portal")
    page.type(find("#client_secret_clientCredentials"), secret)
    page.click(find(".auth-btn-wrapper .authorize"))
    said = f"{find('.modal-ux-content')}?.innerText"
    page.until(f"/Authorized|error/i.test({said} ?? '')")
    assert "Authorized" in page.value(said)
    page.click(find(".auth-btn-wrapper .btn-done"))
    page.until("performance.getEntriesByType('resource').filter(({name}) => name.endsWith('.json')).length === 2")


def execute(page: Page, status: int) -> None:
    page.click(find(f"{OPERATION} .execute"))
    shown = find(f"{OPERATION} .live-responses-table tbody .response-col_status")
    assert page.until(f"{shown}?.innerText.trim()").split()[0] == str(status)


def show(page: Page, url: str) -> None:
    """The page, as it is when it has been loaded anew."""
    page.faults.clear()
    page.open(url)
    page.until(f"location.href === {json.dumps(url)} && !!{find('.btn.authorize')}")


def unfold(page: Page) -> str:
    """The name of the example that stands first, under the operation that takes orders."""
    page.click(find(f"{OPERATION} .opblock-summary-control"))
    name: str = page.until(f"{find(f'{OPERATION} .examples-select-element')}?.value")
    return name


def test_orders_are_placed_with_a_token_of_the_authorize_button(url: str, page: Page, tmp_path: Path) -> None:
    secret = (tmp_path / "secret").read_text(encoding="utf-8")
    show(page, f"{url}/docs")
    unfold(page)
    execute(page, 401)

    form = {"grant_type": "client_credentials", "client_id": "portal", "client_secret": secret}
    token = httpx.post(f"{url}/oauth2/token", data=form).json()["access_token"]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        for visit, example in enumerate(("add-service", "add-site"), 1):
            show(page, f"{url}/docs?visit={visit}")
            authorize(page, secret)
            assert unfold(page) == example, "the examples are for what the server has, as far as the client may see it"
            execute(page, 201)
            assert page.faults == []
            orders = http.get(ORDERS).json()
            assert len(orders) == visit
            ended(http, orders[-1]["id"])


def test_a_wrong_secret_is_said_to_be_wrong(url: str, page: Page) -> None:
    show(page, f"{url}/docs?api=restconf")
    page.click(find(".btn.authorize"))
    page.type(find("#client_id_clientCredentials"), "portal")
    page.type(find("#client_secret_clientCredentials"), "guessed")
    page.click(find(".auth-btn-wrapper .authorize"))
    said = f"{find('.modal-ux-content .errors')}?.innerText"
    assert "The client is not known, or its secret is wrong" in page.until(said)


def ended(http: httpx.Client, order_id: str) -> None:
    """Wait until an order is completed."""
    deadline = time.monotonic() + 30
    while (state := http.get(f"{ORDERS}/{order_id}").json()["state"]) != "completed":
        assert state in {"acknowledged", "inProgress"}
        assert time.monotonic() < deadline
        time.sleep(0.02)
