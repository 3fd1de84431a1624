"""kill -9 of the server again and again during a storm of orders and notifications; uCPEs and subscriber live on.

`LSO_STORM=<orders>,<kills>` makes it longer, `LSO_STORM_SEED` repeats a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import INVENTORY, ORDERING, Connection, orders
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from presto.persistence.event_log import EventLog
from presto.persistence.events import Event, EventType
from presto.persistence.tables import open_engine
from presto.web.server import BackgroundServer
from presto_api.mef.notifications import Notification
from presto_client.listener import create_listener

from ...ports import free_port

ROOT = Path(__file__).parents[3]
ORDERS, KILLS = map(int, os.environ.get("LSO_STORM", "30,4").split(","))
TIMEOUT = 300.0 + ORDERS
"""Seconds that the clients try again, and that the last order may take."""
CLIENTS = 6
ENDED = {"completed", "failed", "partial", "rejected"}
MOMENTS = {"requestedStartDate": "2026-03-02T08:00:00Z", "requestedCompletionDate": "2026-03-02T08:05:00Z"}


class Server:
    """The server's process on one port and one database, killed and started anew."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database, self.boxes = folder / "lso.db", folder / "boxes.jsonl"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        module = ["-m", "benchmarks.presto_server", str(self.database), "--sites", str(2 * ORDERS)]
        options = ["--port", str(self.port), "--state", str(self.boxes), "--delay", "0.003"]
        self._process = subprocess.Popen([sys.executable, *module, *options], cwd=ROOT, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


class Client:
    """Asks again, with the same key, until it is answered."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url)
        self.lost = 0

    async def get(self, path: str) -> Any:
        status, body = await self._until_answered("GET", path)
        assert status == 200, body
        return json.loads(body)

    async def post(self, body: bytes, key: str) -> tuple[int, Any]:
        status, answer = await self._until_answered("POST", f"{ORDERING}/serviceOrder", body, key)
        return status, json.loads(answer)

    async def all(self, path: str) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        while page := await self.get(f"{path}?offset={len(found)}&limit=100"):
            found += page
        return found

    async def _until_answered(self, method: str, path: str, body: bytes = b"", key: str = "") -> tuple[int, bytes]:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return await self._connection.request(method, path, body, f"Idempotency-Key: {key}\r\n" if key else "")
            except (OSError, EOFError):
                assert time.monotonic() < deadline, f"{method} {path} is not answered"
                self.lost += bool(body)
                await asyncio.sleep(0.02)


class Storm:
    """Clients that order services, and delete every second one again, while the server is killed."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.random = server, random.Random(seed)  # noqa: S311  # moments, not secrets
        self.accepted: dict[str, str] = {}  # external id → id of the order, of those that were answered
        self.refused: list[Any] = []
        self.lost = 0
        self._orders = enumerate(orders(1, 2 * ORDERS))

    async def run(self) -> None:
        killer = asyncio.create_task(self._kill())
        await asyncio.gather(*(self._client() for _ in range(CLIENTS)))
        await killer

    async def _kill(self) -> None:
        for _ in range(KILLS):
            await asyncio.to_thread(until_up, self.server)
            await asyncio.sleep(self.random.uniform(0.05, 1.2))
            self.server.kill()
            self.server.start()

    async def _client(self) -> None:
        client = Client(self.server.url)
        for number, (name, body) in self._orders:
            await self._place(client, name, body)
            if number % 2:
                swvc = await self._completed(client, name)
                await self._place(client, f"{name}-end", deletion(swvc, f"{name}-end"))
        self.lost += client.lost

    async def _place(self, client: Client, name: str, body: bytes) -> None:
        before = client.lost
        status, answer = await client.post(body, f"storm-{name}")
        if status == 201:
            self.accepted[name] = answer["id"]
        else:  # only who was not answered may be told that it has been ordered already
            self.refused += [] if client.lost > before else [(name, status, answer)]

    async def _completed(self, client: Client, name: str) -> str:
        """The id of the SWVC of an order that has ended."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            found = [one for one in await client.all(f"{ORDERING}/serviceOrder") if one["externalId"] == name]
            assert len(found) == 1, f"{name} was ordered {len(found)} times"
            if found[0]["state"] in ENDED:
                swvc: str = found[0]["serviceOrderItem"][2]["service"]["id"]
                return swvc
            assert time.monotonic() < deadline, f"{name} is {found[0]['state']}"
            await asyncio.sleep(0.1)


def deletion(swvc: str, name: str) -> bytes:
    item = {"id": "01", "action": "delete", "service": {"id": swvc}}
    return json.dumps({**MOMENTS, "externalId": name, "serviceOrderItem": [item]}).encode()


def until_up(server: Server) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


def test_killed_again_and_again_in_a_storm(server: Server) -> None:
    seed = int(os.environ.get("LSO_STORM_SEED", random.SystemRandom().randrange(10**6)))
    print(f"LSO_STORM_SEED={seed}")
    taken: list[Notification] = []

    async def take(event: Notification) -> None:
        taken.append(event)

    with BackgroundServer(create_listener(take)) as subscriber:
        storm, found, services = asyncio.run(_storm(server, seed, subscriber.url))
        events = EventLog(open_engine(str(server.database))).read(0, 10**6)
        heard = [event.id for event in events if event.type.api == "ordering"]
        _until_all_taken(taken, len(heard))
    server.kill()
    print(f"{len(found)} orders, {KILLS} kills, {storm.lost} answers lost, {len(heard)} notifications")
    assert storm.refused == []
    _check_orders(storm, found)
    _check_events(found, events)
    _check_network(server, services)
    assert [event.event_id for event in taken] == heard, "each notification, in order"


async def _storm(server: Server, seed: int, subscriber: str) -> tuple[Storm, list[Any], list[Any]]:
    client, storm = Client(server.url), Storm(server, seed)
    await asyncio.to_thread(until_up, server)
    status, answer = await Connection(server.url).request(
        "POST", f"{ORDERING}/hub", json.dumps({"callback": subscriber}).encode()
    )
    assert status == 201, answer
    await storm.run()
    deadline = time.monotonic() + TIMEOUT
    while (found := await client.all(f"{ORDERING}/serviceOrder")) and any(o["state"] not in ENDED for o in found):
        assert time.monotonic() < deadline, Counter(order["state"] for order in found)
        await asyncio.sleep(0.1)
    return storm, found, await client.all(f"{INVENTORY}/service")


def _until_all_taken(taken: list[Notification], count: int) -> None:
    deadline = time.monotonic() + TIMEOUT
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} notifications came"
        time.sleep(0.05)


def _check_orders(storm: Storm, found: list[Any]) -> None:
    """Each order once, each that was answered is there, all completed."""
    times = Counter(order["externalId"] for order in found)
    assert {name for name, count in times.items() if count > 1} == set()
    assert len(found) == ORDERS + ORDERS // 2
    assert storm.accepted.items() <= {(order["externalId"], order["id"]) for order in found}
    assert Counter(order["state"] for order in found) == {"completed": len(found)}


def _check_events(found: list[Any], events: tuple[Event, ...]) -> None:
    """Every order walked its states once, in order, and the log has no gap."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    for order in found:
        walk = [event.state for event in events if event.object == order["id"] and event.item is None]
        assert walk[0] == "acknowledged"
        assert walk[1:] in (["inProgress", "completed"], ["completed"]), walk
        created = [event for event in events if event.object == order["id"] and event.type is EventType.ORDER_CREATE]
        assert len(created) == 1


def _check_network(server: Server, services: list[Any]) -> None:
    """On the uCPEs there is what the inventory says, and nothing else."""
    inventory = memory_inventory(2 * ORDERS)
    swvcs = {one["id"]: one["state"] for one in services if "swVcIdentifier" in one["serviceConfiguration"]}
    assert Counter(swvcs.values()) == {"active": ORDERS - ORDERS // 2, "terminated": ORDERS // 2}
    southbound = MemorySouthbound(inventory, file=server.boxes)
    carried: Counter[str] = Counter()
    for ucpe in inventory.ucpes:
        state = southbound.state(ucpe.id)
        shape = (len(state.vnfs), len(state.networks), len(state.ports), len(state.rules))
        assert shape in {(3, 6, 8, 8), (0, 0, 2, 0)}, f"{ucpe.id}: {shape}"
        carried.update({vnf.entry.labels["lso.service"] for vnf in state.vnfs.values()})
        assert all(vnf.entry.state == "running" for vnf in state.vnfs.values())
    assert carried == {swvc: 2 for swvc, state in swvcs.items() if state == "active"}
