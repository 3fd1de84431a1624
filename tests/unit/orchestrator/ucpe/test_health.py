"""Health of uCPEs that are not there, that say nothing, and that say something else."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from orchestrator.inventory import Ucpe
from orchestrator.southbound.ovsdb import JsonStream
from orchestrator.southbound.tls import TlsFilesWrong
from orchestrator.ucpe.health import ucpe_health
from testbed.pki import Authority


def ucpe(port: int) -> Ucpe:
    endpoint = f"tcp:127.0.0.1:{port}"
    return Ucpe(id="site-x", docker=f"tcp://127.0.0.1:{port}", ovsdb=endpoint, openflow=endpoint, bridge="br-ucpe")


@asynccontextmanager
async def listener(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.asyncio
async def test_nobody_is_there() -> None:
    found = await ucpe_health(ucpe(9))
    assert [one.problem for one in found.endpoints] == [
        "tcp:127.0.0.1:9: connection refused; nothing listens there"
    ] * 3
    assert [one.protocol for one in found.endpoints] == ["docker", "ovsdb", "openflow"]


@pytest.mark.asyncio
async def test_who_says_nothing_is_given_up_at_the_deadline() -> None:
    over = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with listener(silent) as port:
        start = time.monotonic()
        found = await ucpe_health(ucpe(port), deadline=0.3)
        taken = time.monotonic() - start
        over.set()
    assert [one.problem for one in found.endpoints] == ["no answer within 0.3 s"] * 3
    assert taken < 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nApi-Version: x\r\nContent-Length: 2\r\n\r\n[]",
        b'{"id": 1, "error": null, "result": [7, 7, 7]}',
        b"\x05\x00\x00\x01\x00\x00\x00\x00",
        b"\xff" * 64,
        b"",
    ],
)
async def test_a_stranger_is_of_no_use(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer[:1] == b"H":
            await reader.read(65536)
        writer.write(answer)
        writer.close()

    async with listener(talk) as port:
        found = await ucpe_health(ucpe(port), deadline=2)
    assert all(one.problem for one in found.endpoints), found


@pytest.mark.asyncio
async def test_a_switch_without_the_bridge_is_told() -> None:
    """An OVSDB server that answers (RFC 7047) and has no such bridge."""

    async def ovsdb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = JsonStream()
        while data := await reader.read(65536):
            for request in stream.feed(data):
                rows: list[Any] = [{"rows": []} for _ in request["params"][1:]]
                writer.write(json.dumps({"id": request["id"], "error": None, "result": rows}).encode())
        writer.close()

    async with listener(ovsdb) as port:
        found = await ucpe_health(ucpe(port), deadline=1)
    assert found.ovsdb.problem is not None
    assert "there is no bridge 'br-ucpe'" in found.ovsdb.problem


@pytest.mark.asyncio
async def test_tls_files_that_are_no_good_are_told(tmp_path: Any) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("")
    box = ucpe(9).model_copy(update={"ovsdb": "ssl:127.0.0.1:9"})
    values = {**box.model_dump(), "tls": {"ca": file, "certificate": file, "key": file}}
    found = await ucpe_health(Ucpe.model_validate(values))
    problem = "the TLS files are of no use: ca is no PEM of CA certificates"
    assert [one.problem for one in found.endpoints] == [problem] * 3


def test_what_is_wrong_with_tls_files_can_be_copied_as_between_processes() -> None:
    wrong = copy.copy(TlsFilesWrong("site-x", "ca.pem", "ca is no PEM of CA certificates"))
    assert (str(wrong), wrong.reason) == (
        "site-x: ca.pem: ca is no PEM of CA certificates",
        "ca is no PEM of CA certificates",
    )


@pytest.mark.asyncio
async def test_nobody_is_asked_for_the_passphrase_of_a_key(tmp_path: Any) -> None:
    authority = Authority.create("lab")
    own = authority.issue("orchestrator")
    locked = serialization.load_pem_private_key(own.key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    files = {"ca": authority.certificate, "certificate": own.certificate, "key": locked}
    for name, text in files.items():
        (tmp_path / name).write_bytes(text)
    values = {**ucpe(9).model_dump(), "tls": {name: tmp_path / name for name in files}}
    found = await ucpe_health(Ucpe.model_validate(values))
    assert found.tls == "certificate and key are no PEM of a pair, the key without a passphrase"
