"""The event stream of an engine, over a socket whose other end says what an engine says, or something else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from orchestrator.inventory import Ucpe
from orchestrator.model import UcpeError, UcpeRefused, UcpeUnreachable
from orchestrator.southbound import engine_events
from orchestrator.southbound.engine_events import ended_containers
from orchestrator.southbound.memory_inventory import memory_inventory

HEAD = b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\r\n"


def event(service: str) -> bytes:
    attributes = {"image": "lso/vnf-nftables", "lso.service": service}
    return json.dumps({"status": "die", "Actor": {"ID": "c1", "Attributes": attributes}}).encode() + b"\n"


def heard(socket: Path, *pieces: bytes) -> tuple[list[str], UcpeError]:
    """The services that are told of, and how the stream ends, when the engine sends these pieces and hangs up."""
    ucpe = memory_inventory(1).ucpes[0]
    there = Ucpe.model_validate({**ucpe.model_dump(), "docker": f"unix://{socket}"})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert asked.startswith(b"GET /events?filters=%7B")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def main() -> tuple[list[str], UcpeError]:
        found: list[str] = []
        async with await asyncio.start_unix_server(serve, socket):
            try:
                async with ended_containers(there) as services:
                    async for service in services:
                        found.append(service)
            except UcpeError as error:
                return found, error
        raise AssertionError("the stream came to an end")

    return asyncio.run(main())


@pytest.mark.parametrize("cut", [1, 40, 10_000])
def test_services_are_told_of_however_the_stream_is_cut(tmp_path: Path, cut: int) -> None:
    sent = HEAD + event("one") + event("two") + event("one")
    pieces = (sent[start : start + cut] for start in range(0, len(sent), cut))
    found, end = heard(tmp_path / "docker", *pieces)
    assert found == ["one", "two", "one"]
    assert isinstance(end, UcpeUnreachable)
    assert "the engine has ended its events" in str(end)


@pytest.mark.parametrize(
    ("sent", "kind", "text"),
    [
        (b"", UcpeUnreachable, "no answer to /events"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n", UcpeRefused, "/events was answered 'HTTP/1.0 403 Forbidden'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", UcpeRefused, "/events was answered 'SSH-2.0-OpenSSH_9.2'"),
        (b"x" * 200_000, UcpeUnreachable, "no answer to /events"),
        (HEAD + b"no JSON\n", UcpeRefused, "/events told something else"),
        (HEAD + b"[]\n", UcpeRefused, "/events told something else"),
        (HEAD + b'{"Actor":{"Attributes":{}}}\n', UcpeRefused, "/events told something else"),
        (HEAD + b"x" * 200_000, UcpeRefused, "/events told something else"),
    ],
)
def test_what_is_no_engine_is_said_to_be_none(tmp_path: Path, sent: bytes, kind: type[UcpeError], text: str) -> None:
    found, end = heard(tmp_path / "docker", sent)
    assert found == []
    assert isinstance(end, kind)
    assert text in str(end)


def test_an_engine_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_events, "ANSWER_SECONDS", 0.05)

    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        ucpe = memory_inventory(1).ucpes[0]
        there = Ucpe.model_validate({**ucpe.model_dump(), "docker": f"unix://{tmp_path}/docker"})
        async with await asyncio.start_unix_server(silent, tmp_path / "docker"):
            with pytest.raises(UcpeUnreachable, match="no answer to /events within"):
                async with ended_containers(there):
                    pass

    asyncio.run(main())
