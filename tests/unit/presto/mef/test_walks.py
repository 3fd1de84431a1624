"""Orders, changes and failures at random: whatever happens, no order, item or service takes a step that is no edge."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Iterable
from typing import Any

import pytest

from orchestrator.model import OrchestratorError
from presto.persistence.events import Event, EventType
from presto_api.lifecycles import ENDED, ITEM_GRAPH, ORDER_GRAPH, SERVICE_GRAPH, OrderState, ServiceState, aggregate

pytestmark = pytest.mark.asyncio
STEPS = 30
PLACE = [{"role": "INSTALL_LOCATION", "place": {"@type": "GeographicSiteRef", "id": "site"}}]


class Storm:
    """Does something at random, again and again, and counts what was accepted."""

    def __init__(self, seed: int, mef: Any, client: Any, example: Any, change: Any, order: Any) -> None:
        self.random = random.Random(seed)  # noqa: S311  # a storm that can be repeated, not a secret
        self.mef, self.client, self.example, self.change, self.poc = mef, client, example, change, order
        self.orders: list[str] = []
        self.statuses: set[int] = set()

    async def rage(self) -> None:
        acts = (self.add, self.add, self.modify, self.modify, self.modify, self.delete, self.other_face, self.network)
        for _ in range(STEPS):
            await self.random.choice(acts)()
            for _ in range(self.random.choice((0, 0, 3, 30))):
                await asyncio.sleep(0.001)
        self.client.network.gate.set()

    async def send(self, *items: Any) -> None:
        answer = await self.mef.post(self.change(*items) if items else self.example)
        self.statuses.add(answer.status_code)
        assert answer.status_code in {201, 422}, answer.text
        if answer.status_code == 201:
            self.orders.append(answer.json()["id"])

    async def add(self) -> None:
        items = copy.deepcopy(self.example["serviceOrderItem"])
        sites, state = (
            self.random.choice(("ab", "cd")),
            self.random.choice(("active", "active", "inactive", "reserved")),
        )
        for item, site in zip(items[:2], sites, strict=True):
            item["service"]["serviceConfiguration"]["uniIdentifier"] = f"site-{site}-lan0"
        items[2]["service"]["serviceConfiguration"]["swVcIdentifier"] = f"swvc-{sites}"
        for item in items[2:]:
            item["service"]["state"] = state
        order = {**self.example, "serviceOrderItem": items}
        answer = await self.mef.post(order)
        assert answer.status_code in {201, 422}, answer.text
        self.statuses.add(answer.status_code)
        self.orders += [answer.json()["id"]] if answer.status_code == 201 else []

    async def modify(self) -> None:
        service = await self.some_service()
        kept = ("id", "serviceRelationship", "serviceConfiguration")
        asked = {name: service[name] for name in kept if name in service}
        state = self.random.choice(("active", "inactive", "inactive", "reserved", service["state"]))
        await self.send({"action": "modify", "service": {**asked, "state": state, "place": PLACE}})

    async def delete(self) -> None:
        await self.send({"action": "delete", "service": {"id": (await self.some_service(0.05))["id"]}})

    async def some_service(self, others: float = 0.3) -> Any:
        """SWVCs and their end points, and at times something else: of that an end is an end."""
        services = await self.mef.services()
        ours = [found for found in services if "swvc" in found["serviceConfiguration"]["@type"]]
        return self.random.choice(services if self.random.random() < others or not ours else ours)

    async def other_face(self) -> None:
        name = self.random.choice(("swvc-ab", "swvc-cd", "acme"))
        what = self.random.randrange(4)
        if what == 0:
            answer = await self.client.call("create-connectivity-service", self.poc)
        elif what == 1:
            answer = await self.client.call("delete-connectivity-service", {"service-id-or-name": name})
        elif what == 2:
            state = {"sip-id-or-name": "site-c-lan0", "state": self.random.choice(("LOCKED", "UNLOCKED"))}
            answer = await self.client.call("update-service-interface-point", state)
        else:
            state = {"service-id-or-name": name, "state": self.random.choice(("LOCKED", "UNLOCKED"))}
            answer = await self.client.call("update-connectivity-service", state)
        assert answer.status_code < 500, answer.text

    async def network(self) -> None:
        network = self.client.network
        what = self.random.randrange(4)
        if what == 0:
            network.faults.append({f"site-{self.random.choice('abcd')}": "down"})
        elif what == 1:
            network.faults.append({f"site-{letter}": "down" for letter in "abcd"})
        elif what == 2:
            network.faults.append(OrchestratorError("the engine is gone"))
        elif network.gate.is_set():
            network.gate.clear()
        else:
            network.gate.set()


def walk(states: Iterable[str], graph: Any, kind: Any, first: set[str]) -> None:
    """Each state follows the one before by an edge of the graph."""
    here: Any = None
    for name in states:
        there = kind(name)
        assert there in first if here is None else there in graph[here], f"{here} -> {there}"
        here = there


def of_order(events: list[Event], order: Any) -> None:
    """The events of one order: its own walk, its items', and that the one follows from the others."""
    items = {item["id"]: [OrderState.ACKNOWLEDGED] for item in order["serviceOrderItem"]}
    whole = []
    for event in events:
        if event.type is EventType.ITEM_STATE_CHANGE:
            items[str(event.item)].append(OrderState(str(event.state)))
        else:
            whole.append(str(event.state))
            assert OrderState(str(event.state)) is aggregate([states[-1] for states in items.values()])
    walk(whole, ORDER_GRAPH, OrderState, {"acknowledged"})
    for states in items.values():
        walk(states, ITEM_GRAPH, OrderState, {"acknowledged"})
    assert whole[-1] == order["state"]
    assert whole[-1] in ENDED
    assert [states[-1] for states in items.values()] == [item["state"] for item in order["serviceOrderItem"]]


@pytest.mark.parametrize("seed", range(8))
async def test_no_step_is_taken_that_is_no_edge(
    mef: Any, client: Any, example: Any, change: Any, order: Any, seed: int
) -> None:
    storm = Storm(seed, mef, client, example, change, order)
    await storm.rage()
    ended = {order_id: await mef.ended(order_id) for order_id in storm.orders}
    assert storm.orders
    await still(client)
    log = client.core.events.read(0, 100_000)
    by_object: dict[str, list[Event]] = {}
    for event in log:
        by_object.setdefault(event.object, []).append(event)
    for order_id, shown in ended.items():
        of_order(by_object.pop(order_id), shown)
    told = {service["id"]: service["state"] for service in await mef.services(limit=100)}
    enrolled = {resource.id for resource in client.core.enrolment.resources}
    for service_id, events in by_object.items():
        states = [str(event.state) for event in events if event.type in CHANGES]
        first = {"active"} if service_id in enrolled else {"reserved", "inactive"}
        walk(["active", *states] if service_id in enrolled else states, SERVICE_GRAPH, ServiceState, first)
        assert told[service_id] == ([*states, "active"][0] if not states else states[-1])


CHANGES = {EventType.SERVICE_CREATE, EventType.SERVICE_STATE_CHANGE}


async def still(client: Any) -> None:
    """Until no service is being worked on."""
    async with asyncio.timeout(60):
        while any(service.state in {"accepted", "deploying", "removing"} for service in await client.core.services()):
            await asyncio.sleep(0.005)


async def test_the_storms_reach_what_they_are_about(
    mef: Any, client: Any, example: Any, change: Any, order: Any
) -> None:
    """Orders are refused, fail and succeed, and services end."""
    storm, ends = Storm(99, mef, client, example, change, order), set[str]()
    for _ in range(8):
        await storm.rage()
        ends = {(await mef.ended(order_id))["state"] for order_id in storm.orders}
        if "completed" in ends and ends & {"failed", "partial"} and await mef.services(state="terminated"):
            break
    assert storm.statuses == {201, 422}
    assert "completed" in ends
    assert ends & {"failed", "partial"}
    assert await mef.services(state="terminated")
