"""Binding, starting and stopping."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.model import InventoryError, StoreError
from presto.auth.errors import UnsafeBinding
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer, build_app, serve
from presto_client import Client, Options

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_other_addresses_than_loopback_are_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(UnsafeBinding, match="authentication is off"):
        serve(tmp_path / "inventory.json", str(tmp_path / "lso.db"), host, 0)
    assert list(tmp_path.iterdir()) == []


def test_in_a_thread_on_a_port_of_its_own(new_core: Callable[..., Core]) -> None:
    threads = threading.active_count()
    with BackgroundServer(create_app(new_core())) as server:
        answer = httpx.post(f"{server.url}/restconf/operations/get-service-interface-point-list/")
        assert [sip["name"][0]["value"] for sip in answer.json()["output"]["sip"]][:2] == ["site-a-lan0", "site-b-lan0"]
        assert answer.headers.get("server") is None
    assert threading.active_count() == threads
    with pytest.raises(httpx.ConnectError):
        httpx.post(server.url)


def test_two_servers_side_by_side(new_core: Callable[..., Core]) -> None:
    with BackgroundServer(create_app(new_core())) as one, BackgroundServer(create_app(new_core())) as other:
        assert one.url != other.url


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(tmp_path / "inventory.json", str(tmp_path / "lso.db"), port=taken.getsockname()[1])


def test_the_real_orchestrator_is_behind_the_application(inventory: Any, order: dict[str, Any], tmp_path: Path) -> None:
    """An order for uCPEs that nobody has started is accepted, fails, says why, and is removed."""
    values = inventory.model_dump(mode="json")
    for ucpe in values["ucpes"]:
        ucpe.update(docker="tcp://127.0.0.1:9", ovsdb="tcp:127.0.0.1:9", openflow="tcp:127.0.0.1:9")
    file = tmp_path / "inventory.json"
    file.write_text(type(inventory).model_validate(values).model_dump_json(), encoding="utf-8")
    app = build_app(file, str(tmp_path / "lso.db"))
    with BackgroundServer(app) as server, httpx.Client(base_url=f"{server.url}/restconf/operations/") as http:
        assert http.post("create-connectivity-service", json={"input": order}).status_code == 200
        state, error = until_ended(http, {"input": {"service-id-or-name": "acme"}})
    assert state == "failed"
    assert "a: site-a: " in error
    assert "b: site-b: " in error


def until_ended(http: httpx.Client, name: dict[str, Any]) -> tuple[str, str]:
    deadline = time.monotonic() + 15
    while True:
        service = http.post("get-connectivity-service-details", json=name).json()["output"]["service"]
        pairs = {pair["value-name"]: pair["value"] for pair in service["name"]}
        if pairs["lso-state"] not in {"accepted", "deploying"}:
            return pairs["lso-state"], pairs.get("lso-error", "")
        assert time.monotonic() < deadline, pairs
        time.sleep(0.02)


def test_a_wrong_inventory_is_told(tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    file.write_text('{"ucpes": 1}', encoding="utf-8")
    with pytest.raises(InventoryError, match="ucpes"):
        build_app(file, str(tmp_path / "lso.db"))


@pytest.mark.parametrize("database", ["missing/lso.db", ".", "nosuch://x"])
def test_a_database_that_cannot_be_used_is_told(inventory: Any, tmp_path: Path, database: str) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    with pytest.raises(StoreError, match="cannot open the database"):
        build_app(file, database if "://" in database else str(tmp_path / database))


def test_what_lso_serve_prints_is_what_clients_need(inventory: Any, tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "lso", "serve", "--inventory", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as serving:
        try:
            assert serving.stdout
            verb, url = serving.stdout.readline().split()
            assert verb == "serving"
            with Client(Options(url=url)) as client:
                assert [*client.services.all()]
            assert httpx.get(f"{url}/docs").status_code == 200
        finally:
            serving.terminate()
            rest, _ = serving.communicate()
    assert rest == f"try the APIs out at {url}/docs\n"
