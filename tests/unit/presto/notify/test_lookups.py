"""Lookups of names: one at a time for each, shared; and names whose name server does not answer hold up no others."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from presto.notify import lookups
from presto.notify.lookups import Lookups

pytestmark = pytest.mark.asyncio


class Resolver:
    """Stands for the system's: `dead…` waits until the name server answers, and `none…` has no address."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = Event()

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("dead"):
            assert self.answers.wait(30)
        if host.startswith("none"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.answers.set()


async def gives_up(names: Lookups, host: str) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await names.addresses(host)


async def test_who_waits_for_a_name_shares_its_lookup(resolver: Resolver) -> None:
    names = Lookups()
    waiting = [asyncio.create_task(names.addresses("dead.example")) for _ in range(3)]
    await gives_up(names, "dead.example")
    resolver.answers.set()
    assert await asyncio.gather(*waiting) == [["192.0.2.1"]] * 3, "one that gave up leaves it to the others"
    assert resolver.asked == ["dead.example"]
    assert await names.addresses("dead.example") == ["192.0.2.1"]
    assert resolver.asked == ["dead.example"] * 2, "nothing is remembered of what was found"


async def test_a_name_without_an_address(resolver: Resolver, caplog: pytest.LogCaptureFixture) -> None:
    names = Lookups()
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await names.addresses("none.example")
    asked = asyncio.create_task(names.addresses("none.example"))
    await asyncio.sleep(0)
    asked.cancel()
    (lookup,) = (task for task in asyncio.all_tasks() if task.get_name() == "lookup of none.example")
    await asyncio.wait({lookup})
    del lookup
    gc.collect()
    assert not caplog.records, "nobody waited for it any more"


async def test_dead_name_servers_hold_up_no_other_name(resolver: Resolver) -> None:
    names = Lookups()
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(gives_up(names, f"dead-{number}.example"))
    async with asyncio.timeout(1):
        assert await names.addresses("client.example") == ["192.0.2.1"]
    assert len(resolver.asked) == 101


async def test_names_that_were_slow_wait_apart(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "CONCURRENT", 3)
    monkeypatch.setattr(lookups, "SLOW_CONCURRENT", 1)
    monkeypatch.setattr(lookups, "SLOW", 0.05)
    names, dead = Lookups(), [f"dead-{number}.example" for number in range(3)]
    for host in dead:
        await gives_up(names, host)
    resolver.answers.set()
    await asyncio.gather(*map(names.addresses, dead))
    resolver.answers.clear()
    resolver.asked.clear()
    for host in dead:
        await gives_up(names, host)
    async with asyncio.timeout(1):
        assert await names.addresses("client.example") == ["192.0.2.1"]
    assert resolver.asked == [dead[0], "client.example"]
    resolver.answers.set()
    assert await asyncio.gather(*map(names.addresses, dead)) == [["192.0.2.1"]] * 3, "each has its turn"
