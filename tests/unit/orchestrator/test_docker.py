"""Docker driver: errors, archives, streams and the engine's lists, from recorded answers."""

from __future__ import annotations

import io
import struct
import tarfile
from typing import Any

import pytest
import requests
from docker.errors import APIError, ImageNotFound

from orchestrator.model import UcpeError, UcpeRefused, UcpeUnreachable
from orchestrator.southbound.docker import _container, _network, private_archive, translate
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
        (refused_connection(), UcpeUnreachable, "the engine does not answer: [Errno 111] Connection refused"),
        (TimeoutError("timed out"), UcpeUnreachable, "the engine does not answer: timed out"),
    ],
    ids=["no image", "refused", "down", "silent"],
)
def test_errors_say_what_the_engine_said(error: Exception, kind: type[UcpeError], text: str) -> None:
    translated = translate("u1", error)
    assert type(translated) is kind
    assert str(translated).startswith(f"u1: docker: {text}")


def test_files_arrive_private() -> None:
    data = private_archive({"/var/lib/vnf/intent.json": b'{"a": 1}'})
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {member.name: (member.mode, member.isdir()) for member in archive}
        content = archive.extractfile("var/lib/vnf/intent.json")
        assert content is not None
        assert content.read() == b'{"a": 1}'
    assert members == {"var/lib/vnf": (0o700, True), "var/lib/vnf/intent.json": (0o600, False)}


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
