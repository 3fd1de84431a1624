"""The event log: what a change writes into it, numbers without gaps, reading on, and what may be forgotten."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from common.database import WRITES
from presto.persistence.event_log import EventLog
from presto.persistence.events import Event, EventType, NewEvent, append, committed
from presto.persistence.locked_unis import lock
from presto.persistence.order_tables import ListenerRow
from presto.persistence.tables import open_engine
from presto.persistence.unit_of_work import UnitOfWork
from presto.persistence.writer import Writer

CREATE, CHANGE = EventType.SERVICE_CREATE, EventType.SERVICE_STATE_CHANGE


async def heard(client: Any) -> list[Event]:
    """All events so far, read from the database and not from memory."""
    return list(await asyncio.to_thread(client.core.events.read, 0, 1000))


def told(events: list[Event], names: dict[str, str]) -> list[tuple[str, str, str | None]]:
    return [
        (e.type.value.removesuffix("Event"), names[e.object] + (f"/{e.item}" if e.item else ""), e.state)
        for e in events
    ]


@pytest.fixture
def mef_example() -> Any:
    text = (Path(__file__).parents[4] / "docs" / "presto-mef.md").read_text(encoding="utf-8")
    return json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])


def names_of(order: Any) -> dict[str, str]:
    items = order["serviceOrderItem"]
    ids = {item["service"]["id"]: name for item, name in zip(items, ("uni-a", "uni-b", "swvc", "a", "b"), strict=True)}
    return {order["id"]: "order", **ids}


async def ordered(client: Any, mef_order: Any) -> Any:
    base = "/mefApi/legato/serviceOrderingManagement/v6/serviceOrder"
    placed = (await client.http.post(base, json=mef_order)).json()
    async with asyncio.timeout(60):
        while (found := (await client.http.get(f"{base}/{placed['id']}")).json())["state"] in {
            "acknowledged",
            "inProgress",
        }:
            await asyncio.sleep(0.002)
    return found


def item_events(state: str) -> list[tuple[str, str, str | None]]:
    return [("serviceOrderItemStateChange", f"order/0{number}", state) for number in range(1, 6)]


ACTIVATION = [("serviceStateChange", name, "active") for name in ("swvc", "a", "b")]
CREATION = [("serviceCreate", name, "reserved") for name in ("swvc", "a", "b")]


@pytest.mark.asyncio
async def test_an_order_from_creation_to_its_end(client: Any, mef_example: Any) -> None:
    order = await ordered(client, mef_example)
    events = await heard(client)
    assert told(events, names_of(order)) == [
        ("serviceOrderCreate", "order", "acknowledged"),
        *CREATION,
        *item_events("inProgress"),
        ("serviceOrderStateChange", "order", "inProgress"),
        *ACTIVATION,
        *item_events("completed"),
        ("serviceOrderStateChange", "order", "completed"),
    ]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert {event.service for event in events} == {order["serviceOrderItem"][2]["service"]["id"]}


@pytest.mark.asyncio
async def test_a_partial_failure(client: Any, mef_example: Any) -> None:
    client.network.faults.append({"site-b": "the engine is down"})
    order = await ordered(client, mef_example)
    events = told(await heard(client), names_of(order))
    states = ["completed", "failed", "failed", "completed", "failed"]
    assert events[10:] == [
        ("serviceStateChange", "a", "active"),
        *[("serviceOrderItemStateChange", f"order/0{n}", state) for n, state in enumerate(states, 1)],
        ("serviceOrderStateChange", "order", "partial"),
    ]


@pytest.mark.asyncio
async def test_what_the_other_face_does_is_told_too(client: Any, order: Any) -> None:
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    service = (await client.until("acme", "active"))["uuid"]
    change = {"service-id-or-name": "acme", "swvc-service-attributes": {"mtu": 1300}}
    assert (await client.call("update-connectivity-service", change)).status_code == 200
    await client.until("acme", "active")
    assert (await client.call("delete-connectivity-service", {"service-id-or-name": "acme"})).status_code == 201
    await client.until_gone("acme")
    events = await heard(client)
    kinds = [(event.type, event.object == service, event.state) for event in events]
    ends = [(CREATE, False, "reserved")] * 2, [(CHANGE, False, "active")] * 2
    assert kinds[:6] == [(CREATE, True, "reserved"), *ends[0], (CHANGE, True, "active"), *ends[1]]
    assert kinds[6] == (EventType.ATTRIBUTE_VALUE_CHANGE, True, None), "the MTU is the SWVC's, not its end points'"
    assert kinds[7:10] == [(CHANGE, True, "inactive"), *[(CHANGE, False, "inactive")] * 2]
    assert {kind[0::2] for kind in kinds[10:]} == {(CHANGE, "terminated"), (EventType.SERVICE_DELETE, "terminated")}
    assert len(kinds) == 16


@pytest.mark.asyncio
async def test_locking_a_uni_is_a_state_change_the_first_time(client: Any) -> None:
    uni = client.core.inventory.unis[0]
    for locked in (True, True, False, False):
        await client.core.lock_uni(uni.name, locked=locked)
    assert [(event.object, event.state) for event in await heard(client)] == [(uni.id, "inactive"), (uni.id, "active")]


@pytest.mark.asyncio
async def test_readers_wait_for_what_comes(client: Any, order: Any) -> None:
    log = client.core.events
    assert not await log.wait(log.last, 0.01)
    waiting = asyncio.create_task(log.wait(0, 5))
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    assert await waiting
    await log.wait(5, 5)
    assert [event.sequence for event in await log.since(2, 3)] == [3, 4, 5]
    assert await log.since(log.last) == ()


def write(engine: Any, count: int, *, fail: bool = False) -> None:
    events = [NewEvent(CHANGE, f"service-{number}", None, "active") for number in range(count)]
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        append(connection, events)
        if fail:
            raise InterruptedError
    committed()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_numbers_have_no_gaps_whoever_writes_or_fails(database_url: str) -> None:
    engine = open_engine(database_url)
    seen: list[int] = []
    done = threading.Event()

    def read_on() -> None:
        """Who reads on from the last number misses nothing, whatever is being written."""
        while not done.is_set() or len(seen) < 120:
            seen.extend(event.sequence for event in EventLog(engine).read(seen[-1] if seen else 0, 7))

    def many() -> None:
        for number in range(10):
            if number % 3 == 0:
                with pytest.raises(InterruptedError):
                    write(engine, 2, fail=True)
            write(engine, 3)

    reader = threading.Thread(target=read_on, daemon=True)
    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join(20)
    assert seen == list(range(1, 121))
    assert [event.sequence for event in EventLog(engine).read(0, 1000)] == list(range(1, 121))
    assert EventLog(engine).last_stored() == 120


@pytest.mark.parametrize(
    ("cursors", "oldest"),
    [
        pytest.param((), 91, id="nobody listens: the newest stay"),
        pytest.param((100, 97), 91, id="everybody is near the end"),
        pytest.param((100, 40), 41, id="one needs more"),
        pytest.param((0,), 1, id="one has had nothing"),
    ],
)
def test_old_events_go_when_nobody_needs_them(database: Any, cursors: tuple[int, ...], oldest: int) -> None:
    engine = open_engine(str(database))
    write(engine, 100)
    with Session(engine) as session, session.begin():
        for number, cursor in enumerate(cursors):
            session.add(ListenerRow(id=str(number), api="ordering", callback="http://c", cursor=cursor, failures=0))
    log = EventLog(engine, kept=10)
    while log.prune():
        pass
    assert log.oldest_stored() == oldest
    assert log.last_stored() == 100
    write(engine, 1)
    assert log.read(99, 10)[-1].sequence == 101


@pytest.mark.asyncio
async def test_a_change_that_is_not_stored_has_no_event(client: Any) -> None:
    def fail(unit: UnitOfWork) -> None:
        lock(unit, "a-uni")
        raise LookupError

    writer = client.core._store.writer
    with pytest.raises(LookupError):
        await writer.run_async(fail)
    await writer.run_async(partial(lock, resource="a-uni"))
    assert [event.object for event in await heard(client)] == ["a-uni"]


@pytest.mark.asyncio
async def test_what_this_process_wrote_is_told_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of ours costs no look at the database; what another process wrote in between is read there."""
    engine = open_engine(str(tmp_path / "lso.db"))
    other = open_engine(str(tmp_path / "lso.db"))  # as another process has it
    log, looks = EventLog(engine), list[Any]()
    read = log.read

    def counting(*where: Any) -> Any:
        looks.append(where)
        return read(*where)

    monkeypatch.setattr(log, "read", counting)
    await log.start()

    def lock_in(where: Any, uni: str) -> None:
        writer = Writer(where)
        writer.run(lambda unit: lock(unit, uni))
        writer.close()

    async def ours(uni: str) -> None:
        last = log.last
        await asyncio.to_thread(lock_in, engine, uni)
        assert await log.wait(last, 5)

    try:
        async with asyncio.timeout(60):
            while not looks:  # the first look, at the start
                await asyncio.sleep(0.001)
        await ours("u1")
        before = len(looks)
        assert [event.object for event in await log.since(0)] == ["u1"]
        assert list(await log.since(0)) == list(read(0, 10)), "the very same, from memory and from the database"
        await asyncio.to_thread(lock_in, other, "u2")
        await ours("u3")
        async with asyncio.timeout(60):
            while log.last < 3:
                await asyncio.sleep(0.001)
        assert [event.object for event in await log.since(0)] == ["u1", "u2", "u3"]
        assert before <= 2, "the first look, and perhaps the one that goes on in its place"
    finally:
        await log.stop()
