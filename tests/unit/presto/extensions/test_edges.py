"""uCPEs: shown, asked, enrolled and withdrawn."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model import InventoryError
from presto.service.core import Core

FORM: dict[str, Any] = {
    "id": "site-e",
    "docker": "tcp://172.30.1.9:2376",
    "ovsdb": "ssl:172.30.1.9:6640",
    "openflow": "ssl:172.30.1.9:6653",
    "bridge": "br-ucpe",
    "wan": [{"port": "wan0", "underlay": "internet", "address": "198.51.100.9/24"}],
    "unis": [{"port": "lan0", "prefix": "10.9.0.0/24", "providerAddress": "10.9.0.1"}],
    "tls": {"ca": "-----ca-----", "certificate": "-----certificate-----", "key": "-----secret key-----"},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The form with members replaced; a path such as `wan/0/port` reaches inside."""
    form = copy.deepcopy(FORM)
    for path, value in changes.items():
        *way, last = path.split("/")
        place: Any = form
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return form


@pytest.mark.asyncio
async def test_edges_of_the_inventory(face: Any) -> None:
    edges = await face.get("/edge")
    assert [edge["id"] for edge in edges] == ["site-a", "site-b", "site-c", "site-d"]
    one = await face.get("/edge/site-a")
    assert one == edges[0]
    wan = {"port": "wan0", "underlay": "internet", "address": "198.51.100.1/24", "gateway": None, "backup": False}
    assert one["wan"] == [wan]
    assert one["engines"] == {"esp": "libipsec", "datapath": "netdev"}
    assert one["unis"][0]["prefix"] == "10.1.0.0/24"


@pytest.mark.asyncio
async def test_health_says_which_endpoint_is_of_no_use(face: Any, network: Any) -> None:
    assert (await face.get("/edge/site-a/health"))["healthy"] is True
    network.unreachable.add("site-a")
    found = await face.get("/edge/site-a/health")
    assert found["healthy"] is False
    assert [one["problem"] for one in found["endpoints"]] == ["no answer within 3 s"] * 3


@pytest.mark.asyncio
async def test_an_enrolled_edge_can_be_ordered_on_and_outlives_the_server(
    client: Any, face: Any, order: dict[str, Any], new_core: Callable[..., Core]
) -> None:
    made = await face.call("POST", "/edge", 201, json=FORM)
    assert (made["mutualTls"], made["unis"][0]["name"]) == (True, "site-e-lan0")
    assert "secret key" not in str(await face.get("/edge")), "keys are never shown"
    files = client.core.edges.find("site-e").tls
    assert files.key.read_text() == "-----secret key-----"
    assert (files.key.stat().st_mode & 0o777, files.key.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    order["end-point"][1]["service-interface-point"] = {"service-interface-point-uuid": "site-e-lan0"}
    await client.call("create-connectivity-service", order)
    await client.until("acme", "active")
    assert await face.problem("DELETE", "/edge/site-e", 409) | {"findings": []} == {
        "type": "urn:lso:problem:conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "Edge site-e carries service acme",
        "findings": [],
    }
    again = new_core()
    again.load()
    assert again.edges.find("site-e").tls is not None
    await again.stop()

    await client.call("delete-connectivity-service", {"service-id-or-name": "acme"})
    await client.until_gone("acme")
    await face.call("DELETE", "/edge/site-e", 204)
    assert not files.key.exists()
    await face.problem("GET", "/edge/site-e", 404)
    assert "site-e" not in {ucpe.id for ucpe in client.network.inventory.ucpes}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("changes", "status", "pointers"),
    [
        ({"id": "site-a"}, 409, ["/id", "/unis/0/name"]),
        ({"id": "no id"}, 422, ["/id"]),
        ({"docker": "unix:///var/run/docker.sock"}, 422, ["/docker"]),
        ({"docker": "tcp://172.30.1.1:2376"}, 409, ["/docker"]),
        ({"docker": "somewhere"}, 422, ["/docker"]),
        ({"tls": None}, 422, ["/tls"]),
        ({"wan/0/address": "198.51.100.1/24"}, 409, ["/wan/0/address"]),
        ({"wan/0/address": "300.1.1.1"}, 422, ["/wan/0/address"]),
        ({"wan/0/port": "wan7"}, 422, ["/wan/0/port"]),
        ({"unis/0/port": "lan7"}, 422, ["/unis/0/port"]),
        ({"unis/0/port": "wan0"}, 422, ["/unis/0/port"]),
        ({"unis/0/name": "site-a-lan0"}, 409, ["/unis/0/name"]),
        ({"unis/0/id": "00000001-0000-4000-8000-000000000000"}, 409, ["/unis/0/id"]),
        ({"unis/0/prefix": "10.9.0.0/40", "bridge": ""}, 422, ["/bridge", "/unis/0/prefix"]),
        ({"unis": []}, 422, ["/unis"]),
        ({"colour": "blue"}, 422, ["/colour"]),
        ({"id": "site-a", "wan/0/port": "wan7"}, 422, ["/id", "/unis/0/name", "/wan/0/port"]),
    ],
)
async def test_what_cannot_be_enrolled(
    lasting_face: Any, changes: dict[str, Any], status: int, pointers: list[str]
) -> None:
    body = await lasting_face.problem("POST", "/edge", status, json=changed(**changes))
    assert [finding["pointer"] for finding in body["findings"]] == pointers
    assert len(await lasting_face.get("/edge")) == 4


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("member", ["id", "unis/0/id", "unis/0/name", "unis/0/port", "tls/ca", "tls/key"])
async def test_text_that_is_no_unicode_is_told_where_it_was_sent(lasting_face: Any, member: str) -> None:
    text, headers = json.dumps(changed(**{member: "\ud800"})), {"Content-Type": "application/json"}
    body = await lasting_face.problem("POST", "/edge", 422, content=text, headers=headers)
    assert [finding["pointer"] for finding in body["findings"]] == [f"/{member}"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("member", "scheme"), [("docker", "tcp://"), ("ovsdb", "ssl:"), ("openflow", "tcp:")])
async def test_an_address_has_no_credentials(lasting_face: Any, member: str, scheme: str) -> None:
    form = changed(**{member: f"{scheme}user:secretpw@172.30.1.9:2376"})
    (finding,) = (await lasting_face.problem("POST", "/edge", 422, json=form))["findings"]
    message = "An address has no user and no password: write host and port only"
    assert (finding["pointer"], finding["message"]) == (f"/{member}", message)


@pytest.mark.asyncio
async def test_an_edge_that_does_not_answer_is_not_enrolled(face: Any, network: Any) -> None:
    network.unreachable.add("site-e")
    body = await face.problem("POST", "/edge", 422, json=FORM)
    assert [finding["pointer"] for finding in body["findings"]][:1] == ["/docker"]
    assert "no answer within 3 s" in body["findings"][0]["message"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("edge", "status"), [("site-a", 409), ("nowhere", 404)])
async def test_what_cannot_be_withdrawn(lasting_face: Any, edge: str, status: int) -> None:
    assert (await lasting_face.problem("DELETE", f"/edge/{edge}", status))["findings"][0]["hint"]


@pytest.mark.asyncio
async def test_the_file_and_the_enrolled_must_not_name_the_same(
    client: Any, face: Any, new_core: Callable[..., Core], tmp_path: Path
) -> None:
    await face.call("POST", "/edge", 201, json=FORM)
    again = new_core(inventory=client.core.inventory)
    with pytest.raises(InventoryError, match="uCPE site-e is there more than once"):
        again.load()
