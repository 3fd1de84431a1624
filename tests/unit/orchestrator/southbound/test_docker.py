"""Docker driver: errors, archives, streams and the engine's lists, from recorded answers."""

from __future__ import annotations

import socketserver
import struct
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
import requests
from docker.errors import APIError, ImageNotFound

from orchestrator.inventory import Ucpe
from orchestrator.model import UcpeError, UcpeRefused, UcpeUnreachable
from orchestrator.southbound.docker import DockerEngine, _container, _network, translate
from orchestrator.southbound.exec import split_streams


def refused_connection() -> requests.ConnectionError:
    """As requests wraps it."""
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except ConnectionRefusedError as cause:
            raise requests.ConnectionError("HTTPSConnectionPool(...): Max retries exceeded") from cause
    except requests.ConnectionError as error:
        return error


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ImageNotFound("404", explanation="No such image: x"), UcpeRefused, "No such image: x; put the image into"),
        (APIError("409", explanation="name in use"), UcpeRefused, "name in use"),
        (refused_connection(), UcpeUnreachable, "the engine does not answer: Connection refused"),
        (TimeoutError("timed out"), UcpeUnreachable, "the engine does not answer: timed out"),
    ],
    ids=["no image", "refused", "down", "silent"],
)
def test_errors_say_what_the_engine_said(error: Exception, kind: type[UcpeError], text: str) -> None:
    translated = translate("u1", error)
    assert type(translated) is kind
    assert str(translated).startswith(f"u1: docker: {text}")


def frame(kind: int, text: bytes) -> bytes:
    return struct.pack(">BxxxL", kind, len(text)) + text


@pytest.mark.parametrize(
    ("data", "streams"),
    [
        (b"", (b"", b"")),
        (frame(1, b"out") + frame(2, b"err") + frame(1, b"put"), (b"output", b"err")),
        (frame(1, b"out") + b"\x01\x00", (b"out", b"")),
    ],
    ids=["empty", "mixed", "cut"],
)
def test_streams_are_told_apart(data: bytes, streams: tuple[bytes, bytes]) -> None:
    assert split_streams(data) == streams


CONTAINER: dict[str, Any] = {
    "Id": "6b7e3d",
    "Names": ["/11111111-firewall"],
    "Image": "lso/vnf-nftables",
    "State": "running",
    "Labels": {"lso.service": "s1"},
    "NetworkSettings": {
        "Networks": {"n0": {"IPAMConfig": {"IPv4Address": "100.64.0.2"}}, "none": {"IPAMConfig": None}}
    },
}
NETWORK: dict[str, Any] = {
    "Id": "aa6ebe",
    "Name": "n0",
    "Driver": "macvlan",
    "Options": {"parent": "p0", "macvlan_mode": "passthru"},
    "IPAM": {"Driver": "default", "Config": [{"Subnet": "100.64.0.0/30", "Gateway": "100.64.0.1"}]},
    "Labels": {"lso.service": "s1"},
}


def test_lists_are_read() -> None:
    container, network = _container(CONTAINER), _network(NETWORK)
    assert (container.name, container.networks) == ("11111111-firewall", {"n0": "100.64.0.2", "none": ""})
    assert (network.parent, network.subnet, network.gateway) == ("p0", "100.64.0.0/30", "100.64.0.1")


def test_a_network_of_another_kind_is_read_too() -> None:
    network = _network({**NETWORK, "Options": {}, "IPAM": {"Config": None}})
    assert (network.parent, network.subnet, network.gateway) == (None, None, None)


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """A server that sends these bytes to whoever asks, as the engine's URL in an inventory."""
    servers: list[socketserver.TCPServer] = []

    def start(answer: bytes) -> str:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(answer)

        servers.append(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
        Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"tcp://127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def http(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", "")).encode()


def ucpe_with(endpoint: str) -> Ucpe:
    switch = "tcp:127.0.0.1:6640"
    return Ucpe.model_validate(
        {"id": "u1", "docker": endpoint, "ovsdb": switch, "openflow": switch, "bridge": "br-ucpe"}
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (http("200 OK", "Server: nginx"), "is no Docker Engine: /_ping gives HTTP 200 with Api-Version ''; look at"),
        (http("404 Not Found"), "is no Docker Engine: /_ping gives HTTP 404 with Api-Version ''; look at `docker` of"),
        (http("200 OK", "Api-Version: new"), "is no Docker Engine: /_ping gives HTTP 200 with Api-Version 'new'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the engine does not answer: "),
        (b"", "the engine does not answer: "),
    ],
    ids=["a web server", "nothing there", "no version", "another protocol", "closed at once"],
)
async def test_what_is_no_engine_is_said_to_be_none(
    answering: Callable[[bytes], str], answer: bytes, text: str
) -> None:
    with pytest.raises(UcpeUnreachable) as caught:
        await DockerEngine.connect(ucpe_with(answering(answer)))
    assert str(caught.value).startswith("u1: docker: ")
    assert text in str(caught.value)


@pytest.mark.asyncio
async def test_an_engine_tells_its_api_version_in_one_round_trip(answering: Callable[[bytes], str]) -> None:
    engine = await DockerEngine.connect(ucpe_with(answering(http("200 OK", "Api-Version: 1.44"))))
    assert engine._client.api_version == "1.44"
    await engine.close()
