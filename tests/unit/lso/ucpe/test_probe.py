"""Whom a server answers, tried against real TLS servers of several settings."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lso.ucpe import probe
from orchestrator.inventory import Tls
from testbed.pki import Authority, write_private

AUTHORITY = Authority.create("lab")
ANSWERS = {
    "docker": b"HTTP/1.1 200 OK\r\n\r\n",
    "ovsdb": b'{"id":0,"result":["Open_vSwitch"],"error":null}',
    "openflow": b"\x05\0\0\x08\0\0\0\0",
}


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """A pair that both ends use, and its authority."""
    pair = AUTHORITY.issue("box", ["127.0.0.1"])
    for name, text in (("ca", AUTHORITY.certificate), ("certificate", pair.certificate), ("key", pair.key)):
        write_private(tmp_path / name, text)
    return Tls(ca=tmp_path / "ca", certificate=tmp_path / "certificate", key=tmp_path / "key")


def right(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca))
    context.load_cert_chain(tls.certificate, tls.key)
    return context


CLIENTS: dict[str, Callable[[Tls], ssl.SSLContext | None]] = {
    "right": right,
    "anonymous": lambda _tls: probe.anonymous(),
    "stranger": lambda _tls: probe.stranger(),
    "outdated": probe.outdated,
    "plain": lambda _tls: None,
}


def serving(tls: Tls, *, verify: bool, old: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca))
    context.load_cert_chain(tls.certificate, tls.key)
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@asynccontextmanager
async def server(protocol: str, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.read(64):
                writer.write(ANSWERS[protocol])
            writer.close()
        except OSError:
            return

    running = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("protocol", ANSWERS)
@pytest.mark.parametrize(
    ("settings", "answered"),
    [
        pytest.param({"verify": True}, {"right"}, id="as the contract has it"),
        pytest.param({"verify": False}, {"right", "anonymous", "stranger"}, id="no certificate wanted"),
        pytest.param({"verify": True, "old": True}, {"right", "outdated"}, id="old versions"),
        pytest.param(None, {"plain"}, id="no TLS"),
    ],
)
async def test_who_is_answered(tls: Tls, protocol: str, settings: dict[str, bool] | None, answered: set[str]) -> None:
    async with server(protocol, None if settings is None else serving(tls, **settings)) as port:
        told = {name: await probe.answer(protocol, "127.0.0.1", port, made(tls)) for name, made in CLIENTS.items()}
    assert {name for name, answer in told.items() if answer} == answered


@pytest.mark.asyncio
async def test_an_engine_that_wants_tls_says_so_in_plain_text_and_that_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ANSWERS, "docker", b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request")
    async with server("docker", None) as port:
        assert await probe.answer("docker", "127.0.0.1", port, None) == b""


@pytest.mark.asyncio
async def test_nobody_answers_where_nobody_listens() -> None:
    assert await probe.answer("ovsdb", "127.0.0.1", 9, None) == b""
