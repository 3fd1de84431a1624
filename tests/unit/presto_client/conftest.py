"""A server over the in-memory network on a real port, and a relay in front of it that loses answers."""

from __future__ import annotations

import copy
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app
from presto.web.server import BackgroundServer
from presto_client import Client, Options

from ..presto.conftest import MemoryNetwork, make_inventory

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8")
EXAMPLE: Any = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])


class Relay:
    """Passes whole requests on, one a connection; the first `losses` answers are read and thrown away."""

    def __init__(self, target: tuple[str, int], losses: int) -> None:
        self._target, self._losses = target, losses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.create_connection(self._target) as server:
                request = read_message(client)
                self.requests.append(request)
                server.sendall(re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", request, count=1))
                answer = read_message(server)
                if len(self.requests) > self._losses:
                    client.sendall(answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))


def read_message(end: socket.socket) -> bytes:
    """A request or answer whose length is told."""
    content = b""
    while b"\r\n\r\n" not in content:
        content += end.recv(65536)
    head, _, body = content.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += end.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def example() -> Any:
    """A fresh copy of the order that the documentation shows."""
    return copy.deepcopy(EXAMPLE)


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
def server(database_url: str, network: MemoryNetwork) -> Iterator[str]:
    """The URL of a server over the in-memory network."""
    core = Core(make_inventory(), Store(open_engine(database_url)), network)
    with BackgroundServer(create_app(core)) as running:
        yield running.url
        network.gate.set()


@pytest.fixture
def presto(server: str) -> Iterator[Client]:
    with Client(Options(url=server)) as client:
        yield client


@pytest.fixture
def relay(server: str) -> Iterator[Callable[[int], Relay]]:
    """Makes a relay in front of the server that loses so many answers."""
    made: list[Relay] = []

    def make(losses: int) -> Relay:
        host, port = server.removeprefix("http://").split(":")
        made.append(Relay((host, int(port)), losses))
        return made[-1]

    yield make
    for relay in made:
        relay.close()
