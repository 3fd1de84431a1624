"""The server is killed while it notifies and while its subscriber is down: nothing is lost, nothing out of order."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from presto.persistence.event_log import EventLog
from presto.persistence.tables import open_engine

SERVER = Path(__file__).parents[1] / "held_server.py"
ORDERING = "/mefApi/legato/serviceOrderingManagement/v6"


class Process:
    """A server in a process of its own, that `kill` ends as a power cut does."""

    def __init__(self, inventory: Path, database: Path, held: Path, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), str(inventory), str(database), str(held), str(port)]
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def up(self) -> bool:
        try:
            return self.http.get(f"{ORDERING}/serviceOrder").status_code == 200
        except httpx.TransportError:
            return False

    def state(self, order_id: str) -> str:
        state: str = self.http.get(f"{ORDERING}/serviceOrder/{order_id}").json()["state"]
        return state

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.http.close()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@contextmanager
def running(inventory: Path, database: Path, held: Path, port: int) -> Iterator[Process]:
    process = Process(inventory, database, held, port)
    try:
        until(process.up, "the server answers")
        yield process
    finally:
        process.kill()


def ordering_events(database: Path) -> list[str]:
    return [event.id for event in EventLog(open_engine(str(database))).read(0, 1000) if event.type.api == "ordering"]


def test_killed_between_and_in_the_middle(inventory: Any, example: Any, subscriber: Any, tmp_path: Path) -> None:
    file, database, held = tmp_path / "inventory.json", tmp_path / "lso.db", tmp_path / "held"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    held.touch()
    there, port = subscriber(up=False), subscriber(up=False).port
    with running(file, database, held, port) as server:
        hub = server.http.post(f"{ORDERING}/hub", json={"callback": there.callback})
        assert hub.status_code == 201, hub.text
        order = server.http.post(f"{ORDERING}/serviceOrder", json=example).json()["id"]
        until(lambda: server.state(order) == "inProgress", "the order is being carried out")
    assert not there.taken

    held.unlink()
    there.hang = 0.3
    with running(file, database, held, port) as server:
        there.up()
        until(lambda: len(there.taken) > 3, "the subscriber is being notified")
        until(lambda: server.state(order) == "completed", "the order ends")
    assert len(there.taken) < len(ordering_events(database)), "it was killed in the middle of notifying"

    there.hang = 0.0
    with running(file, database, held, port) as server:
        until(lambda: len(there.taken) >= 13, "the subscriber has everything")
        assert [event.event_id for event in there.taken] == ordering_events(database)
        assert len(there.taken) == 13
        server.http.delete(f"{ORDERING}/hub/{hub.json()['id']}")
