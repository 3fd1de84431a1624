"""A uCPE carries several services: each has a UNI and a WAN port of its own."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.orm import Session

from common.findings import Rejected
from orchestrator.inventory import Inventory
from presto.domain.model import EndPoint, Swvc
from presto.persistence.tenancy import ANOTHER, acting_for
from presto.service.core import Core
from presto.service.enrolled_orders import fault
from presto_api.lifecycles import ServiceState
from tests.unit.presto.conftest import Client, MemoryNetwork, make_inventory, serving

pytestmark = pytest.mark.asyncio


def uni_id(number: int, port: int) -> str:
    return f"0000000{number}-000{port}-4000-8000-000000000000"


@pytest.fixture
def inventory() -> Inventory:
    """Three sites; at site-a and site-b two LAN ports and two ports to the Internet, at site-c one to the Internet."""
    values = make_inventory(3).model_dump(mode="json")
    for number, ucpe in enumerate(values["ucpes"], 1):
        wans = 2 if number < 3 else 1
        ucpe["wan"] = [
            {"port": f"wan{n}", "underlay": "internet", "address": f"198.51.100.{10 * n + number}/24"}
            for n in range(wans)
        ]
    values["unis"] = [
        {
            "id": uni_id(number, port),
            "name": f"{ucpe['id']}-lan{port}",
            "ucpe": ucpe["id"],
            "port": f"lan{port}",
            "prefix": f"10.{number}.{port}.0/24",
            "provider_address": f"10.{number}.{port}.1",
        }
        for number, ucpe in enumerate(values["ucpes"], 1)
        for port in range(3)
    ]
    return Inventory.model_validate(values)


@pytest_asyncio.fixture
async def client(new_core: Callable[..., Core], network: MemoryNetwork) -> AsyncIterator[Client]:
    async with serving(new_core(), network) as found:
        yield found


@pytest.fixture
def ordering(order: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Makes an order of a service with that name on those LAN ports: number of the site → number of the port."""

    def make(name: str, **lans: int) -> dict[str, Any]:
        wanted = copy.deepcopy(order)
        wanted["swvc-service-attributes"]["swvc-identifier"] = name
        wanted["connectivity-constraint"] = {"service-type": "MULTIPOINT_CONNECTIVITY"}
        wanted["end-point"] = [
            {
                "local-id": site,
                "service-interface-point": {"service-interface-point-uuid": uni_id("abc".index(site) + 1, port)},
                "swvc-endpoint-attributes": {"endpoint-identifier": site},
            }
            for site, port in lans.items()
        ]
        return wanted

    return make


Ordering = Callable[..., dict[str, Any]]


async def place(client: Client, wanted: dict[str, Any]) -> str:
    answer = await client.call("create-connectivity-service", wanted)
    assert answer.status_code == 200, answer.text
    name = wanted["swvc-service-attributes"]["swvc-identifier"]
    found = await client.until(name, "active")
    return str(found["uuid"])


async def change(client: Client, name: str, **lans: int) -> None:
    """Give a service these end points, and no others."""
    ends = tuple(EndPoint(site, uni_id("abc".index(site) + 1, port)) for site, port in lans.items())
    await client.core.update(name, lambda swvc: replace(swvc, end_points=ends, listed_end_points=()))


async def refused(client: Client, wanted: dict[str, Any]) -> list[str]:
    answer = await client.call("create-connectivity-service", wanted)
    assert answer.status_code == 409, answer.text
    return [error["error-message"] for error in answer.json()["ietf-restconf:errors"]["error"]]


def ports(network: MemoryNetwork, service: str) -> dict[str, tuple[str, str]]:
    """uCPE → the LAN port and the WAN port that a service has there."""
    ends = network.deployed[service].deployments
    return {end.ucpe: (end.inputs.get("lan_port", "lan0"), end.inputs.get("wan_port", "wan0")) for end in ends}


async def test_each_service_has_ports_of_its_own(client: Client, network: MemoryNetwork, ordering: Ordering) -> None:
    one, two = await place(client, ordering("one", a=0, b=0)), await place(client, ordering("two", a=1, b=1))
    assert ports(network, one) == {"site-a": ("lan0", "wan0"), "site-b": ("lan0", "wan0")}
    assert ports(network, two) == {"site-a": ("lan1", "wan1"), "site-b": ("lan1", "wan1")}
    ends = {end.ucpe: end.inputs for end in network.deployed[two].deployments}
    assert ends["site-a"]["wan_address"] == "198.51.100.11/24"
    assert [peer["address"] for peer in ends["site-a"]["peers"]] == ["198.51.100.12"]
    assert [peer["subnets"] for peer in ends["site-a"]["peers"]] == [["10.2.1.0/24"]]


async def test_removal_leaves_the_other_alone_and_frees_the_port(
    client: Client, network: MemoryNetwork, ordering: Ordering
) -> None:
    await place(client, ordering("one", a=0, b=0))
    two = await place(client, ordering("two", a=1, b=1))
    before, calls = network.deployed[two], len(network.calls)
    await client.call("delete-connectivity-service", {"service-id-or-name": "one"})
    await client.until_gone("one")
    assert network.deployed == {two: before}
    assert two not in {service for _, service in network.calls[calls:]}
    three = await place(client, ordering("three", a=2, b=2))
    assert ports(network, three) == {"site-a": ("lan2", "wan0"), "site-b": ("lan2", "wan0")}


async def test_a_change_keeps_the_port_also_when_one_before_it_is_free(
    client: Client, network: MemoryNetwork, ordering: Ordering
) -> None:
    await place(client, ordering("one", a=0, b=0))
    two = await place(client, ordering("two", a=1, b=1))
    await client.call("delete-connectivity-service", {"service-id-or-name": "one"})
    await client.until_gone("one")
    await change(client, "two", a=1, b=1, c=0)
    await client.until("two", "active")
    kept = {"site-a": ("lan1", "wan1"), "site-b": ("lan1", "wan1"), "site-c": ("lan0", "wan0")}
    assert ports(network, two) == kept


async def test_a_site_that_leaves_frees_its_port(client: Client, network: MemoryNetwork, ordering: Ordering) -> None:
    await place(client, ordering("one", a=0, b=0, c=0))
    assert await refused(client, ordering("two", b=1, c=1)) == [
        'uCPE site-c has no free WAN port for UNI site-c-lan1: wan0 to internet belongs to service "one". '
        "Delete that service, or connect the uCPE by another port."
    ]
    await change(client, "one", a=0, b=0)
    await client.until("one", "active")
    two = await place(client, ordering("two", b=1, c=1))
    assert ports(network, two) == {"site-b": ("lan1", "wan1"), "site-c": ("lan1", "wan0")}


async def test_a_port_is_not_free_before_its_ucpe_is_clean(
    client: Client, network: MemoryNetwork, ordering: Ordering
) -> None:
    await place(client, ordering("one", a=0, b=0, c=0))
    network.gate.clear()
    await change(client, "one", a=0, b=0)
    assert "wan0 to internet belongs to service" in (await refused(client, ordering("two", b=1, c=1)))[0]
    network.gate.set()
    await client.until("one", "active")
    await place(client, ordering("two", b=1, c=1))


async def test_each_site_without_a_free_port_is_named(client: Client, ordering: Ordering) -> None:
    await place(client, ordering("one", a=0, b=0))
    await place(client, ordering("two", a=1, b=1))
    told = await refused(client, ordering("three", a=2, b=2))
    assert len(told) == 2
    for site, text in zip("ab", told, strict=True):
        assert f"uCPE site-{site} has no free WAN port for UNI site-{site}-lan2" in text
        assert 'wan0 to internet belongs to service "one"; wan1 to internet belongs to service "two"' in text


async def test_a_uni_in_use_is_told_by_itself(client: Client, ordering: Ordering) -> None:
    await place(client, ordering("one", a=0, c=0))
    told = await refused(client, ordering("two", a=0, c=0))
    assert len(told) == 2
    assert all('belongs to service "one"' in text and "WAN port" not in text for text in told)


async def test_another_underlay_is_taken_when_the_first_has_no_free_port(
    new_core: Callable[..., Core], inventory: Inventory, network: MemoryNetwork, ordering: Ordering
) -> None:
    values = inventory.model_dump(mode="json")
    for number, ucpe in enumerate(values["ucpes"], 1):
        ucpe["wan"] = [ucpe["wan"][0], {"port": "wan1", "underlay": "mpls", "address": f"192.0.2.{number}/24"}]
    async with serving(new_core(inventory=Inventory.model_validate(values)), network) as client:
        await place(client, ordering("one", a=0, b=0))
        two = await place(client, ordering("two", a=1, b=1))
    assert [end.inputs["wan_address"] for end in network.deployed[two].deployments] == ["192.0.2.1/24", "192.0.2.2/24"]


async def test_each_port_is_in_use_by_its_own_service(client: Client, ordering: Ordering) -> None:
    await place(client, ordering("one", a=0, b=0))

    def used() -> list[str | None]:
        things = [client.core.enrolment.find("ucs-uni", f"site-a-wan{n}") for n in (0, 1)]
        things += [client.core.enrolment.find("ucs-end-point", f"site-a-wan{n}-internet") for n in (0, 1)]
        with Session(client.core.engine) as session:
            found = [fault(session, client.core.enrolment, thing, ServiceState.INACTIVE) for thing in things if thing]
        return [finding.message.partition('"')[2] if finding else None for finding in found]

    assert used() == ['one"', None, 'one"', None]
    await place(client, ordering("two", a=1, b=1))
    assert used() == ['one"', 'two"', 'one"', 'two"']


async def test_each_port_is_seen_by_its_own_tunnels(client: Client, ordering: Ordering) -> None:
    async def seen() -> list[str | None]:
        answer = await client.call("get-topology-details", {"topology-id-or-name": "underlays"})
        node = answer.json()["output"]["topology"]["node"][0]
        ports = {point["name"][0]["value"]: point for point in node["owned-node-edge-point"]}
        return [ports[f"site-a-wan{n}"].get("operational-state") for n in (0, 1)]

    await place(client, ordering("one", a=0, b=0))
    first = await seen()
    await place(client, ordering("two", a=1, b=1))
    assert (first, await seen()) == (["ENABLED", None], ["ENABLED", "ENABLED"])


async def test_a_restart_knows_the_ports(
    new_core: Callable[..., Core], network: MemoryNetwork, ordering: Ordering
) -> None:
    async with serving(new_core(), network) as client:
        await place(client, ordering("one", a=0, b=0))
        two = await place(client, ordering("two", a=1, b=1))
        await client.call("delete-connectivity-service", {"service-id-or-name": "one"})
        await client.until_gone("one")
    async with serving(new_core(), network) as client:
        await change(client, "two", a=1, b=1, c=0)
        await client.until("two", "active")
        assert ports(network, two)["site-a"] == ("lan1", "wan1")
        three = await place(client, ordering("three", a=2, b=2))
        assert ports(network, three) == {"site-a": ("lan2", "wan0"), "site-b": ("lan2", "wan0")}


async def test_other_tenants_do_not_learn_the_name(new_core: Callable[..., Core]) -> None:
    core = new_core()

    def ordered(name: str, port: int) -> Swvc:
        return Swvc(name, "point-to-point", (EndPoint("a", uni_id(1, port)), EndPoint("c", uni_id(3, port))))

    with acting_for("acme"):
        await core.create(ordered("secret", 0))
    with acting_for("globex"), pytest.raises(Rejected) as told:
        await core.create(ordered("ours", 1))
    (finding,) = told.value.findings
    assert f'wan0 to internet belongs to service "{ANOTHER}"' in finding.text
    assert "secret" not in finding.text
