"""Every name that can be ordered can be asked for, whatever printable characters it has, on every face."""

from __future__ import annotations

import copy
import string
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.asyncio
NAMES = [
    *(f"a{letter}b" for letter in string.punctuation + " "),
    *("/", "//", "/a", "a/", "a/effectivePolicy", "service/x", "a/../b", "../a", "..."),
    *("%2F", "%252F", "%", " x ", "+", "~"),
]


async def test_every_name_is_asked_for(client: Any, face: Any, order: dict[str, Any]) -> None:
    for name in NAMES:
        wanted = copy.deepcopy(order)
        wanted["swvc-service-attributes"]["swvc-identifier"] = name
        placed = await client.call("create-connectivity-service", wanted)
        assert placed.status_code == 200, placed.text
        await client.until(name, "active")
        await _ask(client, face, name, placed.json()["output"]["service"]["uuid"])
        await client.until_gone(name)


async def _ask(client: Any, face: Any, name: str, service: str) -> None:
    path = f"/service/{quote(name, safe='')}"
    assert (await face.get(path))["name"] == name
    for part in ("effectivePolicy", "flowTable"):
        assert (await face.get(f"{path}/{part}"))["serviceName"] == name
    assert [one["serviceName"] for one in await face.get("/tunnel", params={"service": name, "echoes": 0})] == [name]
    assert {one["serviceName"] for one in await face.get("/vnfChain", params={"service": name})} == {name}
    packet = {"source": "10.1.0.10", "destination": "10.2.0.10", "protocol": "tcp", "destinationPort": 80}
    question = {"service": name, "endPoint": "a", "sourcePort": 4000, **packet}
    assert (await face.call("POST", "/explain", json=question))["service"] == name
    topology = await client.call("get-topology-details", {"topology-id-or-name": name})
    assert topology.status_code == 200
    changed = await face.call("PATCH", path, 202, json={"mtu": 1300}, headers={"If-Match": "*"})
    assert (changed["id"], changed["mtu"]) == (service, 1300)
    assert (await face.call("DELETE", path, 202, headers={"If-Match": "*"}))["id"] == service


@pytest.mark.parametrize("path", ["/service/no%2Fsuch", "/service/no%2fsuch/flowTable", "/edge/no%2Fsuch/health"])
async def test_what_is_not_there_is_told_as_it_was_written(face: Any, path: str) -> None:
    kind = path.split("/")[1]
    assert (await face.problem("GET", path, 404))["detail"] == f'There is no {kind} "no/such"'
    problem = await face.problem("GET", f"{path}/x%2Fy", 404)
    assert problem["detail"].endswith("no/such" + path.partition("such")[2] + "/x/y: Not Found")
