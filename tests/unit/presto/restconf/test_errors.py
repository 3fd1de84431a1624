"""What is refused, in which words: every case changes one good order, and its answer is a golden file.

`LSO_GOLDEN=write pytest tests/unit/presto/restconf/test_errors.py` writes the files anew.
Read the difference before you commit.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from presto.restconf.identity import UNDERLAYS, node_id, topology_id, underlay_id

from .refused_orders import CASES, Order, sip

pytestmark = pytest.mark.asyncio
GOLDEN = Path(__file__).parent / "golden"
CREATE = "create-connectivity-service"


@pytest.fixture(scope="module")
def inventory(inventory: Any) -> Any:
    """Four good sites, and UNIs that go wrong with site-a: overlapping, in the underlay, on its uCPE, unreachable."""
    values = inventory.model_dump(mode="json")
    ucpe = values["ucpes"][0]
    for name, underlay, address in (("site-e", "internet", "198.51.100.5/24"), ("site-f", "mpls", "192.0.2.1/24")):
        port = {"port": "wan0", "underlay": underlay, "address": address}
        values["ucpes"].append({**ucpe, "id": name, "wan": [port]})
    for number, name, ucpe_id, prefix, address in (
        (5, "overlapping", "site-e", "10.1.0.0/16", "10.1.1.1"),
        (6, "in-underlay", "site-e", "198.51.100.128/25", "198.51.100.129"),
        (7, "second-on-a", "site-a", "10.7.0.0/24", "10.7.0.1"),
        (8, "unreachable", "site-f", "10.8.0.0/24", "10.8.0.1"),
    ):
        uni = {"id": f"0000000{number}-0000-4000-8000-000000000000", "name": name, "ucpe": ucpe_id, "port": "lan0"}
        values["unis"].append({**uni, "prefix": prefix, "provider_address": address})
    return type(inventory).model_validate(values)


def compare(name: str, answer: Any) -> None:
    text = json.dumps({"status": answer.status_code, **answer.json()}, indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("LSO_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


async def test_the_order_to_start_from_is_good(client: Any, order: Order) -> None:
    assert (await client.call(CREATE, order)).status_code == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", CASES)
async def test_refused(lasting_client: Any, order: Order, name: str) -> None:
    CASES[name](order)
    answer = await lasting_client.call(CREATE, order)
    assert answer.headers["content-type"] == "application/yang-data+json"
    compare(name, answer)
    assert lasting_client.network.calls == [], "a refused order must not reach the network"
    assert (await lasting_client.call("get-connectivity-service-list")).json() == {"output": {"service": []}}


SECOND: list[tuple[str, Order]] = [
    ("second-name", {"swvc-identifier": "acme"}),
    ("second-uni", {"swvc-identifier": "other"}),
]


@pytest.mark.parametrize(("name", "change"), SECOND)
async def test_second_order_collides(client: Any, order: Order, name: str, change: Order) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    order["swvc-service-attributes"].update(change)
    if name == "second-name":
        sip(0, "00000003-0000-4000-8000-000000000000")(order)
        sip(1, "00000004-0000-4000-8000-000000000000")(order)
    answer = await client.call(CREATE, order)
    assert answer.status_code == 409
    compare(name, answer)


def path(*unis: str, **members: Any) -> Order:
    """The input of a path computation between UNIs."""
    seps = [{"service-interface-point": {"service-interface-point-uuid": uni}} for uni in unis]
    return {"sep": seps, **{name.replace("_", "-"): value for name, value in members.items()}}


A, B = "site-a-lan0", "site-b-lan0"
NODE_C = {"node-uuid": node_id(UNDERLAYS, "site-c")}
INTERNET, UNDERLAY_TOPOLOGY = {"link-uuid": underlay_id("internet")}, {"topology-uuid": topology_id(UNDERLAYS)}
GIGABIT = {"capacity": {"total-size": {"value": 1, "unit": "GBPS"}}}
PATHS: dict[str, Order] = {
    "without-ends": {},
    "one-end": path(A),
    "three-ends": path(A, B, "site-c-lan0"),
    "end-without-uni": {"sep": [{"local-id": "a"}, *path(B)["sep"]]},
    "unknown-uni": path(A, "site-b-lan1"),
    "wrong-end": {"sep": [1, *path(B)["sep"]]},
    "same-uni": path(A, A),
    "same-ucpe": path(A, "second-on-a"),
    "no-common-underlay": path(A, "unreachable"),
    "end-capacity": {
        "sep": [{**path(A)["sep"][0], "capacity": {"total-size": {"value": 1, "unit": "GBPS"}}}, *path(B)["sep"]]
    },
    "least-delay": path(A, B, routing_constraint={"route-objective-function": "MIN_WORK_ROUTE_LATENCY"}),
    "node-diversity": path(A, B, routing_constraint={"diversity-policy": "NODE"}),
    "most-bandwidth": path(A, B, objective_function={"bandwidth-optimization": "MAXIMIZE"}),
    "optical": path(A, B, topology_constraint={"preferred-transport-layer": ["PHOTONIC_MEDIA"]}),
    "unknown-link": path(A, B, topology_constraint={"exclude-link": [{"link-uuid": "internet"}]}),
    "link-without-id": path(A, B, topology_constraint={"exclude-link": [UNDERLAY_TOPOLOGY]}),
    "unknown-node": path(A, B, topology_constraint={"include-node": [{"node-uuid": "site-a"}]}),
    "node-of-other-topology": path(A, B, topology_constraint={"include-node": [{**NODE_C, "topology-uuid": "acme"}]}),
    "unknown-topology": path(A, B, topology_constraint={"avoid-topology": [{"topology-uuid": "acme"}]}),
    "unknown-path": path(A, B, topology_constraint={"include-path": [{"path-uuid": "1"}]}),
    "link-excluded": path(A, B, topology_constraint={"exclude-link": [INTERNET]}),
    "node-not-on-the-way": path(A, B, topology_constraint={"include-node": [NODE_C]}),
    "topology-avoided": path(
        A, B, topology_constraint={"avoid-topology": [UNDERLAY_TOPOLOGY], "exclude-link": [INTERNET]}
    ),
    "many-at-once": path(
        A,
        "nowhere",
        topology_constraint={"exclude-link": [{}]},
        routing_constraint={"route-direction": "UNIDIRECTIONAL", "is-exclusive": "no"},
        objective_function={"link-utilisation": "MINIMIZE"},
    ),
}
OTHERS: list[tuple[str, str, Order]] = [
    ("details-unknown", "get-connectivity-service-details", {"service-id-or-name": "acne"}),
    ("details-without-id", "get-connectivity-service-details", {}),
    ("details-misspelt-member", "get-connectivity-service-details", {"service-id": "acme"}),
    ("delete-unknown", "delete-connectivity-service", {"service-id-or-name": "nothing"}),
    ("update-unknown", "update-connectivity-service", {"service-id-or-name": "nothing"}),
    ("update-without-id", "update-connectivity-service", {"state": "LOCKED"}),
    (
        "update-wrong",
        "update-connectivity-service",
        {"service-id-or-name": "acme", "end-point": {"local-id": "z"}, "swvc-service-attributes": {"mtu": 1}},
    ),
    ("sip-unknown", "get-service-interface-point-details", {"sip-id-or-name": "site-a-lan1"}),
    ("sip-update-in-use", "update-service-interface-point", {"sip-id-or-name": "site-a-lan0", "state": "LOCKED"}),
    ("sip-update-empty", "update-service-interface-point", {}),
    ("sip-update-wrong", "update-service-interface-point", {"sip-id-or-name": 1, "state": "BAD"}),
    ("update-wrong-id", "update-connectivity-service", {"service-id-or-name": 1}),
    ("list-with-input", "get-connectivity-service-list", {"state": "active"}),
    *((f"path-{name}", "compute-p-2-p-path", values) for name, values in PATHS.items()),
    ("optimize-unknown", "optimize-p-2-p-path", {"path-id-or-name": "site-a--site-b"}),
    ("optimize-without-id", "optimize-p-2-p-path", {}),
    (
        "optimize-many-at-once",
        "optimize-p-2-p-path",
        {
            "routing-constraint": {"latency-characteristic": [{"fixed-latency-characteristic": "5 ms"}]},
            "objective-function": {"cost-optimization": "MINIMIZE"},
            "optimization-constraint": {"traffic-interruption": "MAXIMIZE"},
            "topology-constraint": {},
        },
    ),
    ("path-delete-unknown", "delete-p-2-p-path", {"path-id-or-name": "site-a--site-b"}),
    ("path-delete-without-id", "delete-p-2-p-path", {}),
    ("topology-list-with-input", "get-topology-list", {"topology-id-or-name": "underlays"}),
    ("topology-unknown", "get-topology-details", {"topology-id-or-name": "underlay"}),
    ("topology-without-id", "get-topology-details", {}),
    ("topology-by-number", "get-topology-details", {"topology-id-or-name": 1}),
    ("node-unknown", "get-node-details", {"topology-id-or-name": "acme", "node-id-or-name": "site-c"}),
    ("node-without-ids", "get-node-details", {}),
    ("node-of-unknown-topology", "get-node-details", {"topology-id-or-name": "x", "node-id-or-name": "site-a"}),
    (
        "edge-point-unknown",
        "get-node-edge-point-details",
        {"topology-id-or-name": "underlays", "node-id-or-name": "site-a", "ep-id-or-name": "site-a-wan1"},
    ),
    ("edge-point-without-ids", "get-node-edge-point-details", {"node-id-or-name": "site-a"}),
    ("link-unknown", "get-link-details", {"topology-id-or-name": "underlays", "link-id-or-name": "lte"}),
    ("link-without-id", "get-link-details", {"topology-id-or-name": "underlays"}),
    ("connection-unknown", "get-connection-details", {"service-id-or-name": "acme", "connection-id-or-name": "a-b"}),
    (
        "connection-of-unknown-service",
        "get-connection-details",
        {"service-id-or-name": "x", "connection-id-or-name": "a--b"},
    ),
    ("connection-without-ids", "get-connection-details", {}),
    ("unknown-operation", "get-conectivity-service-list", {}),
    ("wrong-module", "tapi-common:get-connectivity-service-list", {}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(lasting: Any) -> AsyncIterator[Any]:
    """A client of a server with one service, which is as it was after the last case."""
    async with lasting() as client:
        await client.call(CREATE, json.loads((Path(__file__).parents[1] / "order.json").read_text(encoding="utf-8")))
        before = await client.until("acme", "active")
        yield client
        assert await client.service("acme") == before
        assert len(client.network.calls) == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "operation", "values"), OTHERS)
async def test_other_operations_refuse(acme: Any, name: str, operation: str, values: Order) -> None:
    compare(name, await acme.call(operation, values))


async def test_each_golden_file_belongs_to_a_case() -> None:
    cases = {*CASES, *(name for name, *_ in OTHERS), *(name for name, _ in SECOND)}
    assert {file.stem for file in GOLDEN.glob("*.json")} == cases
