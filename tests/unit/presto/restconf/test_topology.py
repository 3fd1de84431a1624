"""Topologies, nodes, edge points, links and connections: true states, and every reference leads somewhere."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from presto.restconf.pairs import published
from presto.service import observation_cache

from ..conftest import serving
from .documents import objects

pytestmark = pytest.mark.asyncio
Json = dict[str, Any]


def roles(order: Json, *names: str) -> Json:
    """The order with one end point for each role, on site-a, site-b …; `name` gets its own applications."""
    ends = []
    for number, role in enumerate(names, 1):
        end = copy.deepcopy(order["end-point"][1])
        letter = "abcd"[number - 1]
        end["local-id"], end["role"] = letter, role
        end["service-interface-point"]["service-interface-point-uuid"] = f"0000000{number}-0000-4000-8000-000000000000"
        end["swvc-endpoint-attributes"]["endpoint-identifier"] = letter
        ends.append(end)
    order["end-point"] = ends
    order["connectivity-constraint"] = {"service-type": "ROOTED_MULTIPOINT_CONNECTIVITY"}
    return order


async def ask(client: Any, operation: str, **members: str) -> Any:
    """The one member of the output."""
    answer = await client.call(operation, {name.replace("_", "-"): value for name, value in members.items()} or None)
    assert answer.status_code == 200, answer.text
    (value,) = answer.json()["output"].values()
    return value


async def details(client: Any, topology: str) -> Any:
    return await ask(client, "get-topology-details", topology_id_or_name=topology)


def named(things: list[Json], name: str) -> Json:
    return next(thing for thing in things if {"value-name": "name", "value": name} in thing["name"])


def references(document: Any) -> list[Json]:
    """All objects that name others by UUID."""
    return [found for found in objects(document) if any(name.endswith("-uuid") for name in found)]


def uuids(document: Any) -> list[str]:
    """The UUIDs of all things in an answer, without those of what they name."""
    return [found["uuid"] for found in objects(document) if "uuid" in found]


async def follow(client: Any, service: str, reference: Json) -> Any:
    """What the details operation for a reference says, and the UUID that it was asked for."""
    calls = [
        ("connection-uuid", "get-connection-details", ["connection-uuid"]),
        ("node-edge-point-uuid", "get-node-edge-point-details", ["topology-uuid", "node-uuid", "node-edge-point-uuid"]),
        ("node-uuid", "get-node-details", ["topology-uuid", "node-uuid"]),
        ("link-uuid", "get-link-details", ["topology-uuid", "link-uuid"]),
        ("topology-uuid", "get-topology-details", ["topology-uuid"]),
        ("service-interface-point-uuid", "get-service-interface-point-details", ["service-interface-point-uuid"]),
    ]
    last, operation, members = next(call for call in calls if call[0] in reference)
    inputs = {"node-edge-point-uuid": "ep_id_or_name", "service-interface-point-uuid": "sip_id_or_name"}
    values = {inputs.get(name, name.replace("-uuid", "_id_or_name")): reference[name] for name in members}
    if last == "connection-uuid":
        values["service_id_or_name"] = service
    found = await ask(client, operation, **values)
    assert found["uuid"] == reference[last]
    return found


async def test_every_reference_is_answered_by_its_details(client: Any, order: Json) -> None:
    """A walk over the whole graph, from the two lists."""
    await client.call("create-connectivity-service", roles(order, "ROOT", "LEAF", "LEAF"))
    await client.until("acme", "active")
    start = [await ask(client, "get-connectivity-service-list"), await ask(client, "get-topology-list")]
    todo = references(start) + [{"topology-uuid": topology["uuid"]} for topology in start[1]]
    done: dict[tuple[tuple[str, str], ...], Any] = {}
    while todo:
        reference = {name: value for name, value in todo.pop().items() if isinstance(value, str)}
        key = tuple(sorted(reference.items()))
        if key not in done:
            done[key] = await follow(client, "acme", reference)
            todo += references(done[key])
    kinds = [sorted(name for name, _ in key) for key in done]
    assert sum("connection-uuid" in kind for kind in kinds) == 2, "two leaves reach one root"
    assert sum(kind == ["link-uuid", "topology-uuid"] for kind in kinds) == 2
    assert sum("connection-end-point-uuid" in kind for kind in kinds) == 2 * 4
    assert sum(kind == ["topology-uuid"] for kind in kinds) == 2
    assert sum(kind == ["service-interface-point-uuid"] for kind in kinds) == 4


async def test_a_details_answer_is_what_its_topology_shows(client: Any, order: Json) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    for topology in await ask(client, "get-topology-list"):
        # Without the moments of looking, which may differ.
        whole, summary = published(await details(client, topology["uuid"])), published(topology)
        assert {name: whole[name] for name in summary} == summary
        for node in whole["node"]:
            where = {"topology_id_or_name": topology["uuid"], "node_id_or_name": node["uuid"]}
            assert published(await ask(client, "get-node-details", **where)) == node
            for point in node["owned-node-edge-point"]:
                asked = await ask(client, "get-node-edge-point-details", **where, ep_id_or_name=point["uuid"])
                assert published(asked) == point
        for link in whole["link"]:
            where = {"topology_id_or_name": topology["uuid"], "link_id_or_name": link["uuid"]}
            assert published(await ask(client, "get-link-details", **where)) == link


async def test_each_end_of_a_tunnel_is_called_after_the_other(client: Any, order: Json) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    topology = await details(client, "acme")
    ends = [
        {pair["value"] for point in node["owned-node-edge-point"] for pair in point["name"]} & {"to-a", "to-b"}
        for node in (named(topology["node"], site) for site in ("site-a", "site-b"))
    ]
    assert ends == [{"to-b"}, {"to-a"}]
    tunnel_ends = {reference["node-edge-point-uuid"] for reference in topology["link"][0]["node-edge-point"]}
    assert len(tunnel_ends) == 2


async def test_the_underlays_show_the_inventory(client: Any) -> None:
    topology = await details(client, "underlays")
    assert [node["name"][0]["value"] for node in topology["node"]] == ["site-a", "site-b", "site-c", "site-d"]
    ports = topology["node"][0]["owned-node-edge-point"]
    assert [port["name"][0]["value"] for port in ports] == ["site-a-lan0", "site-a-wan0"]
    (link,) = topology["link"]
    assert [end["node-uuid"] for end in link["node-edge-point"]] == [node["uuid"] for node in topology["node"]]


async def test_uuids_outlive_a_restart(client: Any, order: Json, new_core: Callable[..., Any]) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    before = [uuids(await details(client, name)) for name in ("underlays", "acme")]
    async with serving(new_core(), client.network) as again:
        assert [uuids(await details(again, name)) for name in ("underlays", "acme")] == before
    assert len({uuid for found in before for uuid in found}) == len([uuid for found in before for uuid in found])


Prepare = Callable[[Any], object]
STATES: list[tuple[str, Prepare, str, str | None, str | None]] = [
    ("all up", lambda _: None, "active", "ENABLED", None),
    ("cut", lambda network: network.cut.add("site-b"), "active", "DISABLED", "site-a: no IKE SA with site-b"),
    (
        "not readable",
        lambda network: network.unreachable.add("site-a"),
        "active",
        None,
        "site-a: docker: no answer in time",
    ),
    ("no answer", lambda network: network.sight.clear(), "active", None, "it did not answer in 0.05 s"),
    ("failed at one site", lambda network: network.faults.append({"site-b": "disk full"}), "partial", "ENABLED", None),
    (
        "not deployed",
        lambda network: network.faults.append(ValueError("x")),
        "failed",
        "DISABLED",
        "nothing is deployed",
    ),
]


@pytest.mark.parametrize(
    ("prepare", "ends", "state", "why"), [case[1:] for case in STATES], ids=[case[0] for case in STATES]
)
async def test_a_tunnel_is_what_it_is_seen_to_be(
    new_core: Callable[..., Any],
    network: Any,
    order: Json,
    pairs: Any,
    prepare: Prepare,
    ends: str,
    state: str | None,
    why: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare(network)
    monkeypatch.setattr(observation_cache, "DEADLINE", 5 if network.sight.is_set() else 0.05)
    async with serving(new_core(), network) as client:
        await client.call("create-connectivity-service", order)
        await client.until("acme", ends)
        link = named((await details(client, "acme"))["link"], "a--b")
        ids = {"service_id_or_name": "acme", "connection_id_or_name": "a--b"}
        connection = await ask(client, "get-connection-details", **ids)
    for thing in (link, connection):
        assert thing.get("operational-state") == state
        assert thing["lifecycle-state"] == ("INSTALLED" if ends == "active" else "PLANNED")
        told = pairs(thing).get("lso-error", "") + pairs(thing)["lso-observed"]
        assert (why or "") in told
        assert ("unknown" in told) == (state is None)


async def test_a_working_tunnel_proves_its_underlay_and_its_ports(client: Any, order: Json) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    topology = await details(client, "underlays")
    seen = {
        point["name"][0]["value"]: point.get("operational-state")
        for node in topology["node"]
        for point in node["owned-node-edge-point"]
    }
    assert (seen["site-a-wan0"], seen["site-a-lan0"]) == ("ENABLED", "ENABLED")
    assert (seen["site-c-wan0"], seen["site-c-lan0"]) == (None, None), "nothing is known of what nothing uses"
    assert [node.get("operational-state") for node in topology["node"]] == ["ENABLED", "ENABLED", None, None]
    assert topology["link"][0]["operational-state"] == "ENABLED"


async def test_a_locked_uni_is_locked_as_an_edge_point(client: Any) -> None:
    values = {"sip-id-or-name": "site-a-lan0", "state": "LOCKED"}
    assert (await client.call("update-service-interface-point", values)).status_code == 201
    where = {"topology_id_or_name": "underlays", "node_id_or_name": "site-a", "ep_id_or_name": "site-a-lan0"}
    assert (await ask(client, "get-node-edge-point-details", **where))["administrative-state"] == "LOCKED"


async def test_a_service_names_its_connections_from_its_acceptance_to_its_end(client: Any, order: Json) -> None:
    client.network.gate.clear()
    created = (await client.call("create-connectivity-service", order)).json()["output"]["service"]
    (reference,) = created["connection"]
    connection = await follow(client, created["uuid"], reference)
    assert (connection["operational-state"], connection["lifecycle-state"]) == ("DISABLED", "PLANNED")
    client.network.gate.set()
    assert (await client.until("acme", "active"))["connection"] == [reference]
    client.network.gate.clear()
    await client.call("delete-connectivity-service", {"service-id-or-name": "acme"})
    assert (await follow(client, "acme", reference))["lifecycle-state"] == "PENDING_REMOVAL"


async def test_the_list_of_topologies_costs_the_network_nothing(client: Any, order: Json) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    looks = len(client.network.looks)
    listed = await ask(client, "get-topology-list")
    assert [topology["name"][0]["value"] for topology in listed] == ["underlays", "acme"]
    assert len(client.network.looks) == looks
