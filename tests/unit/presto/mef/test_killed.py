"""The server is killed in the middle of an order; the next one ends it, and nothing is lost."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ....ports import free_port

SERVER = Path(__file__).parents[1] / "held_server.py"
ORDERING, INVENTORY = "/mefApi/legato/serviceOrderingManagement/v6", "/mefApi/legato/serviceInventory/v7"


@contextmanager
def server(inventory: Path, database: str, held: Path) -> Iterator[httpx.Client]:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(SERVER), str(inventory), database, str(held), str(port)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: up(client))
            yield client
    finally:
        process.kill()
        process.wait()


def up(client: httpx.Client) -> bool:
    try:
        return client.get(f"{ORDERING}/serviceOrder").status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_killed_in_the_middle_of_an_order(inventory: Any, example: Any, tmp_path: Path, database_url: str) -> None:
    file, held = tmp_path / "inventory.json", tmp_path / "held"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    held.touch()
    listener = {"callback": "https://client.example", "query": "eventType=serviceOrderStateChangeEvent"}
    with server(file, database_url, held) as client:
        placed = client.post(f"{ORDERING}/serviceOrder", json=example)
        assert placed.status_code == 201, placed.text
        path = f"{ORDERING}/serviceOrder/{placed.json()['id']}"
        until(lambda: client.get(path).json()["state"] == "inProgress")
        hub = client.post(f"{ORDERING}/hub", json=listener).json()["id"]
        before = copy.deepcopy(client.get(f"{INVENTORY}/service").json())
    held.unlink()
    with server(file, database_url, held) as client:
        until(lambda: client.get(path).json()["state"] == "completed")
        assert client.get(f"{ORDERING}/hub/{hub}").json() == {**listener, "id": hub}
        after = client.get(f"{INVENTORY}/service").json()
        assert [service["id"] for service in after] == [service["id"] for service in before]
        assert {service["state"] for service in after} == {"active"}
        assert len(client.get(f"{ORDERING}/serviceOrder").json()) == 1
