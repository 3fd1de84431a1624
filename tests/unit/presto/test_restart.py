"""The server is killed in the middle of an order, of a change and of a removal, and the next one ends each."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ...ports import free_port

SERVER = Path(__file__).parent / "held_server.py"


class Api:
    """Operations over real HTTP, with deadlines."""

    def __init__(self, port: int) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/restconf/operations/", timeout=60)

    def call(self, operation: str, values: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        body = {"input": values} if values is not None else None
        return self._http.post(operation, headers=headers, json=body)

    def state(self, name: str) -> str:
        """`gone`, or the service's lso-state; `down` while nobody answers."""
        try:
            answer = self.call("get-connectivity-service-details", {"service-id-or-name": name})
        except httpx.TransportError:
            return "down"
        if answer.status_code == 404:
            return "gone"
        pairs = {pair["value-name"]: pair["value"] for pair in answer.json()["output"]["service"]["name"]}
        return str(pairs["lso-state"])

    def until(self, name: str, wanted: str) -> None:
        deadline = time.monotonic() + 60
        while (state := self.state(name)) != wanted:
            assert time.monotonic() < deadline, f"{name} is {state}, not {wanted}"
            time.sleep(0.01)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < deadline, f"nothing stands in {file}"
        time.sleep(0.01)


@contextmanager
def server(inventory: Path, database: str, held: Path) -> Iterator[tuple[subprocess.Popen[bytes], Api]]:
    port = free_port()
    command = [sys.executable, str(SERVER), str(inventory), database, str(held), str(port)]
    process = subprocess.Popen(command)
    try:
        yield process, Api(port)
    finally:
        process.kill()
        process.wait()


KEY = {"idempotency-key": "c0ffee"}


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("moment", ["before the answer", "while it is carried out", "after its end"])
def test_a_repeated_order_is_one_order_wherever_the_server_was_killed(
    inventory: Any, order: dict[str, Any], tmp_path: Path, database_url: str, moment: str
) -> None:
    """The first answer may be lost with the server: the second is to the same order, which ends once."""
    file, held = tmp_path / "inventory.json", tmp_path / "held"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    held.touch()
    first = None
    with server(file, database_url, held) as (process, api):
        api.until("acme", "gone")
        if moment == "before the answer":
            with ThreadPoolExecutor() as pool:
                sent = pool.submit(api.call, "create-connectivity-service", order, KEY)
                wait_for(held.with_suffix(".log"))  # stored and taken up; the answer may be on its way
                kill(process)
                first = None if sent.exception() else sent.result()
        else:
            first = api.call("create-connectivity-service", order, KEY)
            wait_for(held.with_suffix(".log"))
            if moment == "after its end":
                held.unlink()
                api.until("acme", "active")
            kill(process)

    held.unlink(missing_ok=True)
    with server(file, database_url, held) as (_, api):
        api.until("acme", "active")
        again = api.call("create-connectivity-service", order, KEY)
        assert again.status_code == 200, again.text
        if first is not None:
            assert (first.status_code, first.content) == (again.status_code, again.content)
        other = api.call("create-connectivity-service", order, {"idempotency-key": "other"})
        assert other.status_code == 409
        services = api.call("get-connectivity-service-list").json()["output"]["service"]
        assert len(services) == 1
        asked = held.with_suffix(".log").read_text(encoding="utf-8").splitlines()
        assert set(asked) == {f"deploy {services[0]['uuid']}"}, "nothing else was ever asked of the network"


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_killed_in_the_middle(inventory: Any, order: dict[str, Any], tmp_path: Path, database_url: str) -> None:
    file, held = tmp_path / "inventory.json", tmp_path / "held"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    held.touch()
    with server(file, database_url, held) as (process, api):
        api.until("acme", "gone")
        assert api.call("create-connectivity-service", order).status_code == 200
        api.until("acme", "deploying")
        wait_for(held.with_suffix(".log"))
        kill(process)

    held.unlink()
    with server(file, database_url, held) as (process, api):
        api.until("acme", "active")
        asked = held.with_suffix(".log").read_text(encoding="utf-8").splitlines()
        assert (len(asked), len(set(asked))) == (2, 1), "the same service was asked for again"
        held.touch()
        change = {"service-id-or-name": "acme", "swvc-service-attributes": {"mtu": 1300}}
        assert api.call("update-connectivity-service", change).status_code == 200
        assert api.call("delete-connectivity-service", {"service-id-or-name": "acme"}).status_code == 201
        assert api.state("acme") == "removing"
        kill(process)

    held.unlink()
    with server(file, database_url, held) as (_, api):
        api.until("acme", "gone")
        assert api.call("create-connectivity-service", order).status_code == 200
        api.until("acme", "active")
