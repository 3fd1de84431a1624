"""What comes over real sockets to the real server: headers, messages and connections without end, and odd ones."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.service.core import Core
from presto.web.app import create_app
from presto.web.connections import Bounds, Gate
from presto.web.server import BackgroundServer
from testbed.polling import poll

from .serve_process import served

ASK = b"GET /presto-sdwan/v1/service HTTP/1.1\r\nHost: 127.0.0.1\r\n"
STREAM = b"GET /presto-sdwan/v1/event/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /presto-sdwan/v1/explain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HASTY = Bounds(header_timeout=0.5, body_timeout=0.7, unread_timeout=0.7)


def connected(url: str) -> socket.socket:
    port = int(url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answered(connection: socket.socket) -> bytes:
    """What comes until the server has nothing more to say, or closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while not found.endswith((b"]", b"}", b"fields.", b"received.")) and (more := connection.recv(65536)):
            found += more
    return found


def status(url: str, *parts: bytes) -> int:
    """The status of the answer to these bytes; 0: the connection was closed without one."""
    with connected(url) as connection:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        found = re.match(rb"HTTP/1.1 (\d+)", answered(connection))
        return int(found[1]) if found else 0


def closed_after(url: str, first: bytes, piece: bytes, most: int) -> bool:
    """Whether the server stops reading: pieces are sent until it does, at most so many bytes."""
    with connected(url) as connection:
        connection.sendall(first)
        sent = 0
        try:
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
        except ConnectionError:
            return True
        return False


@pytest.fixture(scope="module")
def server(lasting_core: Callable[..., tuple[Core, Any]]) -> Iterator[BackgroundServer]:
    core, _ = lasting_core()
    with BackgroundServer(create_app(core)) as found:
        yield found


@pytest.fixture(scope="module")
def url(server: BackgroundServer) -> str:
    return server.url


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What the server has logged as an error, or with a traceback."""
    logger = logging.getLogger("uvicorn")  # which keeps what it logs from others
    logger.addHandler(caplog.handler)
    yield lambda: [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info]
    logger.removeHandler(caplog.handler)


HEADERS = {
    "a large header": (ASK + b"X-A: " + b"a" * 60_000 + b"\r\n\r\n", 200),
    "many fields": (ASK + b"".join(b"X-%d: a\r\n" % number for number in range(90)) + b"\r\n", 200),
    "200 KB in one field": (ASK + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n", 400),
    "200 KB in twenty": (ASK + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 10_000) for n in range(20)) + b"\r\n", 400),
    "200 KB in the target": (b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % (b"a" * 200_000), 400),
    "5,000 fields": (ASK + b"".join(b"X-%d: a\r\n" % number for number in range(5_000)) + b"\r\n", 400),
    "two hosts": (ASK + b"Host: evil.example\r\n\r\n", 400),
    "the same host twice": (ASK + b"Host: 127.0.0.1\r\n\r\n", 400),
    "no host": (b"GET /presto-sdwan/v1/service HTTP/1.1\r\n\r\n", 400),
    "another host": (ASK.replace(b"127.0.0.1", b"evil.example") + b"\r\n", 403),
    "another host in the target": (ASK.replace(b"GET ", b"GET http://evil.example") + b"\r\n", 403),
    "another port in the target": (ASK.replace(b"GET ", b"GET http://127.0.0.1:1") + b"\r\n", 200),
    "our host in the target alone": (
        ASK.replace(b"GET ", b"GET http://127.0.0.1").replace(b"Host: 127.0.0.1", b"Host: evil.example") + b"\r\n",
        200,
    ),
    "a target without a path": (ASK.replace(b"/presto-sdwan/v1/service", b"http://127.0.0.1?a=/b") + b"\r\n", 404),
    "our host in the target, and two": (ASK.replace(b"GET ", b"GET http://127.0.0.1") + b"Host: a\r\n\r\n", 400),
    "a user in the target": (ASK.replace(b"GET ", b"GET http://127.0.0.1@evil.example") + b"\r\n", 403),
    "a body of another coding": (POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
    "a body of no coding": (POST + b"Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}", 422),
    "no coding, then another": (
        POST + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        415,
    ),
    "no coding twice": (
        POST + b"Content-Encoding: identity\r\nContent-Encoding:\r\nContent-Length: 2\r\n\r\n{}",
        422,
    ),
    "chunks": (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", 422),
    "chunks of another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 501),
    "chunks of another coding, in two lines": (
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        501,
    ),
    "length and chunks": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(url: str, name: str) -> None:
    sent, expected = HEADERS[name]
    assert status(url, sent) == expected
    assert status(url, *(sent[start : start + 10_000] for start in range(0, len(sent), 10_000))) == expected


TARGETS = [
    b"CONNECT 127.0.0.1:80",
    b"GET http:///healthz",
    b"GET http://127.0.0.1:99999/healthz",
    b"GET http://127.0.0.1:0x50/healthz",
    b"GET http://[::1/healthz",
    b"GET http:// ",
    b"GET healthz",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("before", [b"", ASK + b"\r\n"], ids=["first", "second"])
def test_a_target_that_is_none(url: str, target: bytes, before: bytes, faults: Callable[[], list[str]]) -> None:
    with connected(url) as connection:
        if before:
            connection.sendall(before)
            assert answered(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answer = answered(connection)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"connection: close" in answer
        assert answered(connection) == b""
    assert faults() == []


def test_a_target_that_is_none_does_not_break_into_the_answer_before(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(STREAM)
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.sendall(TARGETS[-1] + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        rest = b""
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65536):
                rest += more
    assert b"HTTP/1.1" not in rest


ENDLESS = {
    "a line of a header": (ASK + b"X-A: ", b"a" * 10_000),
    "fields": (ASK, b"a:\r\n" * 2_500),
    "a target": (b"GET /", b"a" * 10_000),
    "empty lines": (b"", b"\r\n" * 5_000),
    "a trailer": (CHUNKED + b"0\r\nX-A: ", b"a" * 10_000),
    "trailers": (CHUNKED + b"0\r\n", b"a:\r\n" * 2_500),
    "an extension of a chunk": (CHUNKED + b"1;", b"a" * 10_000),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_not_read_for_long(url: str, name: str) -> None:
    """The server stops after the size of a header; what is on the way, in buffers of both sides, is some megabytes."""
    first, piece = ENDLESS[name]
    assert closed_after(url, first, piece, 64 << 20)


GONE = {
    "amid its length": (b"Content-Length: 100\r\n\r\n{}", b"  "),
    "amid its chunks": (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"5\r\n  "),
    "with too many trailers": (b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"a:\r\n" * 101),
}
FACES = [
    "/restconf/operations/create-connectivity-service",
    "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder",
    "/mefApi/legato/serviceInventory/v7/hub",
    "/presto-sdwan/v1/explain",
    "/presto-sdwan/v1/bulk",
]


@pytest.mark.parametrize("name", GONE)
@pytest.mark.parametrize("key", [b"", b"Idempotency-Key: gone\r\n"], ids=["", "key"])
@pytest.mark.parametrize("path", FACES)
def test_a_client_that_goes_amid_its_body_is_no_fault(
    server: BackgroundServer, path: str, key: bytes, name: str, faults: Callable[[], list[str]]
) -> None:
    under_way = server._server.server_state.tasks
    assert poll(lambda: not under_way, 20)
    first, second = GONE[name]
    with connected(server.url) as connection:
        connection.sendall(POST.replace(b"/presto-sdwan/v1/explain", path.encode()) + key + first)
        assert poll(lambda: bool(under_way), 20)
        connection.sendall(second)
    assert poll(lambda: not under_way, 20)
    assert faults() == []
    assert 'status="500"' not in httpx.get(f"{server.url}/presto-sdwan/v1/metrics").text


SLOW = {
    "nothing": b"",
    "half a line": b"GET /",
    "half a header": ASK,
    "a body that does not come": POST + b"Content-Length: 100\r\n\r\n{",
    "a body that nobody asks for": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
    "chunks that do not come": CHUNKED + b"1\r\n{\r\n",
}


@pytest.fixture(scope="module")
def hasty(lasting_core: Callable[..., tuple[Core, Any]]) -> Iterator[str]:
    """A server that waits for half a second only."""
    core, _ = lasting_core()
    with BackgroundServer(create_app(core), bounds=HASTY) as server:
        yield server.url


@pytest.mark.parametrize("name", SLOW)
def test_what_does_not_come_is_not_waited_for(hasty: str, name: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(SLOW[name])
        connection.settimeout(10)
        with contextlib.suppress(ConnectionError):
            while connection.recv(65536):
                pass


def test_an_answer_that_nobody_reads_is_not_kept(hasty: str) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", int(hasty.rpartition(":")[2])))
        wanted = b"GET /docs/files/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        try:
            for _ in range(1_000_000):  # more than the buffers of both ends may grow to
                connection.sendall(wanted)
            raise AssertionError("the server goes on reading")
        except (ConnectionError, TimeoutError):
            pass
        received = 0
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(1 << 20):
                received += len(more)
    assert received < 4 << 20


def test_who_sends_nothing_keeps_nobody_out(
    lasting_core: Callable[..., tuple[Core, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """Of eight places six are for those who were not let in; who was keeps his, and newcomers find one."""
    core, _ = lasting_core()
    caplog.set_level(logging.WARNING, "presto.web.connections")
    with (
        BackgroundServer(create_app(core), bounds=Bounds(connections=8)) as server,
        connected(server.url) as known,
    ):
        known.sendall(STREAM)
        assert known.recv(12) == b"HTTP/1.1 200"
        idle = [connected(server.url) for _ in range(50)]
        for connection in idle:
            connection.sendall(ASK)
        assert httpx.get(f"{server.url}/presto-sdwan/v1/service").status_code == 200
        assert poll(lambda: "others came, and no place was free" in caplog.text, 20)
        known.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while True:
                assert known.recv(65536) != b"", "the connection of who was let in has been ended"
        for connection in idle:
            connection.close()


def test_when_all_places_are_taken_it_is_said(lasting_core: Callable[..., tuple[Core, Any]]) -> None:
    core, _ = lasting_core()
    with BackgroundServer(create_app(core), bounds=Bounds(connections=4)) as server, contextlib.ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(connected(server.url))
            connection.sendall(STREAM)
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert httpx.get(server.url).status_code == 503


def test_unfinished_requests_of_many_files(inventory: Any, tmp_path: Path) -> None:
    """More connections than the process may have files, none of which ever sends a whole header."""
    with served(tmp_path, inventory, files=1024) as (url, process):
        idle = []
        for _ in range(1500):
            connection = connected(url)
            connection.sendall(ASK)
            idle.append(connection)
        answer = httpx.get(f"{url}/presto-sdwan/v1/service", timeout=60)
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        for connection in idle:
            connection.close()
    assert "no place was free" in said


class Held:
    """A connection whose client holds it and sends nothing more."""

    deadline, waits = float("inf"), True

    def drop(self) -> None:
        """Nothing is there to be closed."""


def test_one_client_takes_no_places_from_others() -> None:
    gate = Gate(Bounds(connections=80))
    for _ in range(200):
        connection = Held()
        assert gate.enter(connection)
        gate.admit(connection, "greedy")
    other = Held()
    assert gate.enter(other)
    gate.admit(other, "modest")
    for _ in range(200):
        assert gate.enter(Held())
    gate.leave(other)
    assert len(gate._known) == gate.bounds.of_one_client
