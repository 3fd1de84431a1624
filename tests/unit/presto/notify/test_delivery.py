"""Notifications over real HTTP: what arrives, in which order, how often, and what happens when it does not."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from typing import Any

import pytest

from presto.notify.delivery import delay
from presto.notify.register import Register
from presto.notify.settings import NotifySettings
from presto.notify.signing import public_keys
from presto_client.signatures import Verifier

from .conftest import INVENTORY, ORDERING, names, quick

pytestmark = pytest.mark.asyncio
NAMES = [f"service-{number:03}" for number in range(40)]


async def ended(server: Any, example: Any) -> Any:
    placed = await server.http.post(f"{ORDERING}/serviceOrder", json=example)
    assert placed.status_code == 201, placed.text
    return placed.json()


async def test_an_order_is_told_as_the_files_have_it(serving: Any, subscriber: Any, example: Any) -> None:
    async with serving() as server:
        verifier = Verifier(await asyncio.to_thread(public_keys, server.core.engine))
        orders, services = subscriber(verifier), subscriber(verifier)
        await server.subscribe(orders.callback, ORDERING)
        await server.subscribe(services.callback, INVENTORY)
        order = await ended(server, example)
        await orders.has(13)
        await services.has(6)
        bodies = [json.loads(body) for _, _, _, body in orders.requests]
        assert bodies[0] | {"eventId": "", "eventTime": ""} == {
            "eventId": "",
            "eventTime": "",
            "eventType": "serviceOrderCreateEvent",
            "event": {"id": order["id"]},
        }
        assert bodies[1]["event"] == {"id": order["id"], "orderItemId": "01", "state": "inProgress"}
        assert bodies[12]["event"] == {"id": order["id"], "state": "completed"}
        assert len({body["eventId"] for body in bodies}) == len(bodies) == 13
        assert [path for _, path, _, _ in orders.requests[:2]] == [
            "/listening/mefApi/legato/serviceOrderingNotification/v6/listener/serviceOrderCreateEvent",
            "/listening/mefApi/legato/serviceOrderingNotification/v6/listener/serviceOrderItemStateChangeEvent",
        ]
        kinds = [json.loads(body)["eventType"] for _, _, _, body in services.requests]
        assert kinds == ["serviceCreateEvent"] * 3 + ["serviceStateChangeEvent"] * 3
        assert services.requests[0][1].startswith("/listening/mefApi/legato/serviceInventoryNotification/v7/listener/")


async def test_the_other_base_path(serving: Any, subscriber: Any) -> None:
    async with serving(quick(base="management")) as server:
        there = subscriber()
        await server.subscribe(there.callback)
        server.write("a")
        await there.has(1)
        assert there.requests[0][1] == f"/listening{INVENTORY}/listener/serviceStateChangeEvent"


async def test_only_what_was_asked_for(serving: Any, subscriber: Any, example: Any) -> None:
    async with serving() as server:
        there, nobody = subscriber(), subscriber()
        query = "eventType=serviceOrderCreateEvent,serviceOrderStateChangeEvent"
        await server.subscribe(there.callback, ORDERING, query)
        await server.subscribe(nobody.callback, ORDERING, "eventType=serviceOrderInformationRequiredEvent")
        await ended(server, example)
        taken = await there.has(3)
        assert [event.event_type for event in taken] == [
            "serviceOrderCreateEvent",
            "serviceOrderStateChangeEvent",
            "serviceOrderStateChangeEvent",
        ]
        assert not nobody.requests


async def test_what_happened_before_is_not_told(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there = subscriber()
        server.write("before")
        await server.subscribe(there.callback)
        server.write("after")
        await there.has(1)
        assert names(there) == ["after"]


async def test_a_subscriber_that_fails_and_is_down_misses_nothing(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there = subscriber()
        await server.subscribe(there.callback)
        there.script = [503, 500, 404, 429, 302]
        server.write(*NAMES[:10])
        await there.has(3)
        there.down()
        server.write(*NAMES[10:30])
        await server.failed(1, "no connection")
        there.up()
        server.write(*NAMES[30:])
        await there.has(len(NAMES))
        assert names(there) == NAMES, "all, and in order"


async def test_back_off_grows_and_has_a_cap(serving: Any, subscriber: Any) -> None:
    settings = NotifySettings(first_delay=1, longest_delay=60)
    least = [delay(failures, settings, lambda: 0.0) for failures in (1, 2, 3, 6, 7, 8, 5000)]
    assert least == [0.5, 1.0, 2.0, 16.0, 30.0, 30.0, 30.0]
    assert [delay(failures, settings, lambda: 1.0) for failures in (1, 2, 7)] == [1.0, 2.0, 60.0]
    assert len({delay(5, settings) for _ in range(20)}) > 10, "no two come back together"
    async with serving(NotifySettings(development=True, first_delay=0.1, longest_delay=0.4)) as server:
        there = subscriber()
        await server.subscribe(there.callback)
        there.script = [503] * 4
        server.write("a")
        await there.has(1)
        moments = [moment for moment, _, _, _ in there.requests]
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        assert all(gap >= least for gap, least in zip(gaps, (0.05, 0.1, 0.2, 0.2), strict=True)), gaps


async def test_what_is_refused_is_a_dead_letter_and_the_rest_goes_on(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there = subscriber()
        listener = await server.subscribe(there.callback)
        there.script = [422]
        server.write("refused", "taken")
        await there.has(1)
        assert names(there) == ["taken"]
        (letter,) = Register(server.core.engine).dead_letters(listener)
        assert (letter.body["event"]["id"], letter.attempts, letter.reason) == ("refused", 1, "answered 422")
        assert (letter.callback, letter.api, letter.sequence) == (there.callback, "inventory", 1)
        assert "secret" not in str(letter), "what a subscriber answers is told to nobody"
        assert Register(server.core.engine).dead_letters("somebody else") == []


async def test_listeners_are_listed_with_what_fails_at_once(serving: Any, subscriber: Any) -> None:
    path = "/presto-sdwan/v1/event/listener"
    async with serving() as server:
        assert (await server.http.get(path)).json() == []
        there, nobody = subscriber(), subscriber(up=False)
        ids = [
            await server.subscribe(there.callback, ORDERING, "eventType=serviceOrderCreateEvent"),
            await server.subscribe(nobody.callback, INVENTORY),
            await server.subscribe(there.callback, INVENTORY),
        ]
        server.write("a", "b")
        await there.has(2)
        async with asyncio.timeout(60):
            while sorted(one["behind"] for one in (await server.http.get(path)).json()) != [0, 0, 2]:
                await asyncio.sleep(0.005)
        found = {one["id"]: one for one in (await server.http.get(path)).json()}
        ordering, failing, inventory = (found.pop(listener) for listener in ids)
        assert not found
        assert (failing["api"], failing["callback"], failing["cursor"]) == ("inventory", nobody.callback, 0)
        assert failing["failures"] > 0
        assert failing["failingSince"]
        assert failing["fault"] == "no connection (ConnectError)"
        for working in (ordering, inventory):
            assert (working["failures"], working["failingSince"], working["fault"]) == (0, None, None)
        assert (ordering["api"], ordering["query"]) == ("ordering", "eventType=serviceOrderCreateEvent")
        assert (inventory["api"], inventory["query"]) == ("inventory", None)


async def test_who_is_gone_hears_of_nothing_more(serving: Any, subscriber: Any) -> None:
    """410 ends the subscription, at a restart too; others go on, and what was not taken is a dead letter."""
    async with serving() as server:
        gone, there = subscriber(), subscriber()
        listener = await server.subscribe(gone.callback)
        await server.subscribe(there.callback)
        gone.script = [410]
        server.write(*NAMES[:10])
        await there.has(10)
        async with asyncio.timeout(60):
            while (await server.http.get(f"{INVENTORY}/hub/{listener}")).status_code != 404:
                await asyncio.sleep(0.005)
        (letter,) = await asyncio.to_thread(Register(server.core.engine).dead_letters)
        assert (letter.listener, letter.body["event"]["id"], letter.attempts) == (listener, NAMES[0], 1)
        assert letter.reason == "answered 410"
    async with serving() as server:
        server.write("later")
        await there.has(11)
        assert len(gone.requests) == 1


async def test_who_asks_for_time_is_given_it(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there = subscriber()
        await server.subscribe(there.callback)
        there.script = [(503, 1), (429, 0)]
        server.write("a")
        await there.has(1)
        asked, again, last = (moment for moment, *_ in there.requests)
        assert again - asked >= 0.99
        assert last - again >= 0.01, "no sooner than without"


async def test_nobody_is_waited_for_without_end(serving: Any, subscriber: Any) -> None:
    async with serving(quick(longest_wait=0.2)) as server:
        there = subscriber()
        await server.subscribe(there.callback)
        there.script = [(503, 10**9)]
        server.write("a")
        await there.has(1)


async def test_what_fails_for_too_long_is_given_up_in_order(serving: Any, subscriber: Any) -> None:
    async with serving(quick(give_up=0.5)) as server:
        there = subscriber()
        await server.subscribe(there.callback)
        there.script = [503] * 1000
        server.write("a", "b", "c")
        register = Register(server.core.engine)
        async with asyncio.timeout(60):
            while len(register.dead_letters()) < 3:
                await asyncio.sleep(0.01)
        letters = sorted(register.dead_letters(), key=lambda letter: letter.sequence)
        assert [letter.body["event"]["id"] for letter in letters] == ["a", "b", "c"]
        assert letters[0].attempts > 3
        assert [letter.attempts for letter in letters[1:]] == [0, 0], "what is as old goes with it"
        assert {letter.reason for letter in letters} == {"answered 503"}
        there.script = []
        server.write("d")
        await there.has(1)
        assert names(there) == ["d"]


async def test_a_slow_subscriber_delays_nobody_else(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        slow, dead, others = subscriber(), subscriber(up=False), [subscriber() for _ in range(3)]
        slow.hang = 30.0
        for each in (slow, dead, *others):
            await server.subscribe(each.callback)
        began = time.monotonic()
        server.write(*NAMES)
        for each in others:
            await each.has(len(NAMES))
        assert time.monotonic() - began < 3.5, "nobody waited for the slow one"
        assert names(others[0]) == NAMES
        assert (len(slow.requests), len(slow.taken)) == (1, 0)


async def test_unsubscribing_stops_at_once(serving: Any, subscriber: Any) -> None:
    async with serving() as server:
        there, other = subscriber(), subscriber()
        listener = await server.subscribe(there.callback)
        there.script = [503] * 1000
        server.write("a", "b")
        await there.asked(2)
        assert (await server.http.delete(f"{INVENTORY}/hub/{listener}")).status_code == 204
        count = len(there.requests)
        there.script = []
        await server.subscribe(other.callback)
        other.script = [503] * 4  # tried for longer than until another attempt would have come
        server.write("c")
        await other.has(1)
        assert len(there.requests) == count
        assert not there.taken


async def test_a_restart_goes_on_where_it_was(serving: Any, subscriber: Any) -> None:
    there = subscriber()
    async with serving() as server:
        await server.subscribe(there.callback)
        server.write(*NAMES[:5])
        await there.has(5)
        there.down()
        server.write(*NAMES[5:20])
    async with serving() as server:
        server.write(*NAMES[20:])
        there.up()
        await there.has(len(NAMES))
    assert names(there) == NAMES
    assert len(there.requests) <= len(NAMES) + 1, "of what was delivered before, at most the last is sent again"
