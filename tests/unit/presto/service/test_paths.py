"""Paths: every common underlay is one, constraints choose among them, and what was computed outlives a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from common.findings import Rejected
from orchestrator.inventory import Inventory
from presto.persistence import paths as path_store
from presto.persistence.paths import PathStore
from presto.persistence.tables import open_engine
from presto.persistence.tenancy import acting_for
from presto.restconf.identity import UNDERLAYS, node_id, topology_id, underlay_id
from presto.service import observation_cache
from presto.service.core import Core

Json = dict[str, Any]
COMPUTE, OPTIMIZE, DELETE = "compute-p-2-p-path", "optimize-p-2-p-path", "delete-p-2-p-path"


def with_underlays(inventory: Inventory, **ports: list[str]) -> Inventory:
    """The inventory with these underlays beside the Internet, by the letter of the site; `*` marks a backup."""
    values = inventory.model_dump(mode="json")
    for number, ucpe in enumerate(values["ucpes"], 1):
        for name in ports.get(ucpe["id"][-1], ()):
            port = len(ucpe["wan"])
            wan = {"port": f"wan{port}", "underlay": name.strip("*"), "address": f"203.0.{port}.{number}/24"}
            ucpe["wan"].append({**wan, "backup": name.endswith("*")})
    return Inventory.model_validate(values)


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    return with_underlays(inventory, a=["mpls", "lte*"], b=["mpls", "lte*"], c=["mpls"])


def between(near: str, far: str, **members: Any) -> Json:
    seps = [
        {"local-id": name, "service-interface-point": {"service-interface-point-uuid": f"site-{name}-lan0"}}
        for name in (near, far)
    ]
    return {"sep": seps, **{name.replace("_", "-"): value for name, value in members.items()}}


async def ask(client: Any, operation: str, values: Json) -> Json:
    answer = await client.call(operation, values)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["output"]["service"]
    return found


def told(pairs: Any, found: Json) -> list[str]:
    return [value for name, value in pairs(found).items() if name.startswith("lso-path-")]


def link(name: str) -> Json:
    return {"link-uuid": underlay_id(name), "topology-uuid": topology_id(UNDERLAYS)}


def node(name: str) -> Json:
    return {"node-uuid": node_id(UNDERLAYS, f"site-{name}")}


CONSTRAINTS: list[tuple[str, Json, list[str]]] = [
    ("none", {}, ["internet", "mpls", "lte"]),
    ("exclude a link", {"topology_constraint": {"exclude-link": [link("internet")]}}, ["mpls", "lte"]),
    ("exclude two", {"topology_constraint": {"exclude-link": [link("internet"), link("lte")]}}, ["mpls"]),
    ("include a link", {"topology_constraint": {"include-link": [link("mpls")]}}, ["mpls"]),
    ("include an end", {"topology_constraint": {"include-node": [node("a"), node("b")]}}, ["internet", "mpls", "lte"]),
    ("exclude another node", {"topology_constraint": {"exclude-node": [node("c")]}}, ["internet", "mpls", "lte"]),
    (
        "include the underlays",
        {"topology_constraint": {"include-topology": [{"topology-uuid": topology_id(UNDERLAYS)}]}},
        ["internet", "mpls", "lte"],
    ),
    ("one path", {"objective_function": {"concurrent-paths": "DISALLOW"}}, ["internet"]),
    (
        "one path, not the Internet",
        {
            "objective_function": {"concurrent-paths": "MINIMIZE"},
            "topology_constraint": {"exclude-link": [link("internet")]},
        },
        ["mpls"],
    ),
    (
        "what asks for nothing",
        {"routing_constraint": {"route-direction": "BIDIRECTIONAL", "is-exclusive": False}},
        ["internet", "mpls", "lte"],
    ),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("members", "expected"), [case[1:] for case in CONSTRAINTS], ids=[case[0] for case in CONSTRAINTS]
)
async def test_constraints_choose_among_the_common_underlays(
    client: Any, pairs: Any, members: Json, expected: list[str]
) -> None:
    found = await ask(client, COMPUTE, between("a", "b", **members))
    assert [text.split(",")[0] for text in told(pairs, found)] == expected
    assert len({path["path-uuid"] for path in found["path"]}) == len(expected)
    for name, value in members.items():
        assert found[name.replace("_", "-")] == value, "what was asked for is told"
    assert [end["local-id"] for end in found["end-point"]] == ["a", "b"]


@pytest.mark.asyncio
async def test_a_path_names_its_ports_and_what_is_known_of_it(client: Any, order: Json, pairs: Any) -> None:
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    found = await ask(client, COMPUTE, between("a", "b"))
    assert told(pairs, found) == [
        "internet, site-a-wan0 to site-b-wan0: ENABLED",
        "mpls, site-a-wan1 to site-b-wan1: unknown (no tunnel uses it)",
        "lte, site-a-wan2 to site-b-wan2: unknown (no tunnel uses it)",
    ]


@pytest.mark.asyncio
async def test_optimising_tells_what_changed(
    client: Any, order: Json, pairs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tunnel over the Internet goes down: its path is still one, and the last choice."""
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    first = await ask(client, COMPUTE, between("a", "b"))
    same = await ask(client, OPTIMIZE, {"path-id-or-name": first["uuid"]})
    assert (pairs(same)["lso-change"], same["path"]) == ("none", first["path"])
    client.network.cut.add("site-b")
    monkeypatch.setattr(observation_cache, "FRESH", -1.0)
    changed = await ask(client, OPTIMIZE, {"path-id-or-name": first["path"][0]["path-uuid"]})
    assert pairs(changed)["lso-change"] == "mpls is preferred to internet"
    assert changed["path"] == [*first["path"][1:], first["path"][0]]
    assert told(pairs, changed)[-1].startswith("internet, site-a-wan0 to site-b-wan0: DISABLED (site-a: no IKE SA")
    one = await ask(
        client,
        OPTIMIZE,
        {"path-id-or-name": pairs(first)["name"], "objective-function": {"concurrent-paths": "DISALLOW"}},
    )
    assert pairs(one)["lso-change"] == "removed lte; removed internet"
    assert one["objective-function"] == {"concurrent-paths": "DISALLOW"}


@pytest.mark.asyncio
async def test_a_change_of_the_inventory_is_found_after_a_restart(
    client: Any, pairs: Any, inventory: Inventory, new_core: Callable[..., Core]
) -> None:
    values = between("a", "c", topology_constraint={"exclude-link": [link("lte")]})
    first = await ask(client, COMPUTE, values)
    assert [text.split(",")[0] for text in told(pairs, first)] == ["internet", "mpls"]
    client.core.paths = new_core().paths
    client.core._use(with_underlays(inventory, c=["lte", "sat"], a=["sat"]))
    changed = await ask(client, OPTIMIZE, {"path-id-or-name": first["uuid"]})
    assert pairs(changed)["lso-change"] == "added sat", "the excluded link stays out"
    one_site = {**inventory.model_dump(mode="json"), "unis": [inventory.unis[0].model_dump(mode="json")]}
    client.core._use(Inventory.model_validate(one_site))
    gone = await ask(client, OPTIMIZE, {"path-id-or-name": first["uuid"]})
    assert (gone["path"], pairs(gone)["lso-change"]) == ([], "removed internet; removed mpls; removed sat")


@pytest.mark.asyncio
async def test_paths_constrain_paths(client: Any, pairs: Any) -> None:
    first = await ask(client, COMPUTE, between("a", "b"))
    internet, mpls, _ = first["path"]
    without = await ask(client, COMPUTE, between("a", "b", topology_constraint={"exclude-path": [internet]}))
    assert [text.split(",")[0] for text in told(pairs, without)] == ["mpls", "lte"]
    along = await ask(client, COMPUTE, between("a", "c", topology_constraint={"include-path": [mpls]}))
    assert [text.split(",")[0] for text in told(pairs, along)] == ["mpls"]


@pytest.mark.asyncio
async def test_deleting_forgets_a_path_or_all(client: Any, pairs: Any) -> None:
    first, second = await ask(client, COMPUTE, between("a", "b")), await ask(client, COMPUTE, between("a", "b"))
    assert [pairs(found)["name"] for found in (first, second)] == [
        "site-a-lan0--site-b-lan0",
        "site-a-lan0--site-b-lan0-2",
    ]
    one = await ask(client, DELETE, {"path-id-or-name": first["path"][0]["path-uuid"]})
    assert one["path"] == first["path"][:1]
    rest = await ask(client, DELETE, {"path-id-or-name": first["uuid"]})
    assert rest["path"] == first["path"][1:]
    for wanted in (first["uuid"], first["path"][1]["path-uuid"], pairs(first)["name"]):
        assert (await client.call(OPTIMIZE, {"path-id-or-name": wanted})).status_code == 404
    for path in second["path"]:
        await ask(client, DELETE, {"path-id-or-name": path["path-uuid"]})
    assert (await client.call(DELETE, {"path-id-or-name": second["uuid"]})).status_code == 404, "its last path is gone"


@pytest.mark.asyncio
async def test_only_so_many_are_kept(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_store, "MAX_COMPUTATIONS", 1)
    first = await ask(client, COMPUTE, between("a", "b"))
    answer = await client.call(COMPUTE, between("a", "b"))
    assert answer.status_code == 409
    assert answer.json()["ietf-restconf:errors"]["error"][0]["error-tag"] == "in-use"
    await ask(client, DELETE, {"path-id-or-name": first["uuid"]})
    await ask(client, COMPUTE, between("a", "b"))


def test_each_tenant_has_places_and_names_of_its_own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_store, "MAX_COMPUTATIONS", 1)
    store = PathStore(open_engine(str(tmp_path / "lso.db")))
    for tenant in ("acme", "globex", None):
        with acting_for(tenant):
            assert store.add("a--b", "a", "b", {}, ["internet"]).name == "a--b"
            with pytest.raises(Rejected, match="All 1 places"):
                store.add("a--b", "a", "b", {}, ["internet"])


def test_a_name_costs_the_same_however_many_are_kept(tmp_path: Any) -> None:
    engine = open_engine(str(tmp_path / "lso.db"))
    store = PathStore(engine)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: statements.append(statement))
    costs = []
    for number in range(1, 6):
        before = len(statements)
        assert store.add("a--b", "a", "b", {}, []).name == ("a--b" if number == 1 else f"a--b-{number}")
        costs.append(len(statements) - before)
    assert len(set(costs)) == 1
    store.forget("a--b-3")
    assert store.add("a--b", "a", "b", {}, []).name == "a--b-3"


def test_what_was_forgotten_is_not_renewed(tmp_path: Any) -> None:
    store = PathStore(open_engine(str(tmp_path / "lso.db")))
    kept = store.add("a--b", "a", "b", {}, ["internet"])
    assert store.renew(kept, ["mpls", "internet"]) == store.find("a--b")
    store.forget("a--b")
    assert store.renew(kept, ["mpls"]) is None
    assert store.underlays([path.id for path in kept.paths]) == {}
