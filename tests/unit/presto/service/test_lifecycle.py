"""An order's life: acknowledged at once, carried out in the background, changed, and removed."""

from __future__ import annotations

import asyncio
import copy
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.findings import FileFinding
from orchestrator.model import TemplateError, UcpeUnreachable
from presto.service.core import Core

pytestmark = pytest.mark.asyncio

CREATE, UPDATE, DELETE = (f"{verb}-connectivity-service" for verb in ("create", "update", "delete"))
Pairs = Callable[[dict[str, Any]], dict[str, str]]


def states(thing: dict[str, Any]) -> tuple[str, str]:
    return thing["lifecycle-state"], thing["operational-state"]


async def test_create_is_acknowledged_before_it_is_done(client: Any, order: dict[str, Any], pairs: Pairs) -> None:
    client.network.gate.clear()
    answer = await client.call(CREATE, order)
    assert answer.status_code == 200
    service = answer.json()["output"]["service"]
    assert states(service) == ("PLANNED", "DISABLED")
    assert pairs(service) == {"name": "acme", "lso-state": "accepted"}

    await client.network.asked(1)
    under_way = await client.service("acme")
    assert pairs(under_way)["lso-state"] == "deploying"
    assert states(under_way) == ("PLANNED", "DISABLED")
    assert pairs(under_way)["lso-progress"] == "site-a: starting containers"

    client.network.gate.set()
    done = await client.until("acme", "active")
    assert states(done) == ("INSTALLED", "ENABLED")
    assert [states(end) for end in done["end-point"]] == [("INSTALLED", "ENABLED")] * 2
    assert "lso-progress" not in pairs(done)


async def test_a_service_is_enabled_when_its_tunnels_stand(client: Any, order: dict[str, Any], pairs: Pairs) -> None:
    client.network.cut.add("site-b")
    await client.call(CREATE, order)
    waiting = await client.until("acme", "active")
    assert states(waiting) == ("INSTALLED", "DISABLED")
    async with asyncio.timeout(60):
        while "not seen yet" in pairs(waiting)["lso-missing"]:
            waiting = await client.service("acme")
    assert pairs(waiting)["lso-missing"] == (
        "1 of 1 tunnel not standing: a--b (site-a: no IKE SA with site-b; site-b: no IKE SA with site-a)"
    )
    own = (await client.http.get("/presto-sdwan/v1/service/acme")).json()
    assert own["missing"] == pairs(waiting)["lso-missing"]

    client.network.cut.clear()
    standing = await client.until("acme", "active")
    assert (states(standing), pairs(standing)) == (("INSTALLED", "ENABLED"), {"name": "acme", "lso-state": "active"})
    assert (await client.http.get("/presto-sdwan/v1/service/acme")).json()["missing"] is None


async def test_details_echo_the_order(client: Any, order: dict[str, Any]) -> None:
    order["end-point"][0]["name"] = [{"value-name": "label", "value": "Zürich"}]
    order["swvc-service-attributes"]["fragmentation"] = "ENABLED"
    order["swvc-service-attributes"]["reserved-prefixes"] = {"prefix": ["172.16.0.0/24"]}
    order["end-point"][1]["swvc-endpoint-attributes"]["policy-overrides"] = {
        "policy-override": [{"app-id": "web", "policy-name": "BLOCK"}]
    }
    await client.call(CREATE, order)
    service = await client.service("acme")
    given = order["swvc-service-attributes"]
    assert service["swvc-service-attributes"] == {**given, "endpoints": ["a", "b"]}
    assert service["service-type"] == "POINT_TO_POINT_CONNECTIVITY"
    for shown, asked in zip(service["end-point"], order["end-point"], strict=True):
        for member, value in asked.items():
            if member == "swvc-endpoint-attributes":
                assert value.items() <= shown[member].items()
            else:
                assert shown[member] == value


async def test_services_are_found_by_id_and_name_and_listed(client: Any, order: dict[str, Any]) -> None:
    created = (await client.call(CREATE, order)).json()["output"]["service"]
    await client.until("acme", "active")
    assert (await client.service(created["uuid"]))["uuid"] == created["uuid"]
    listed = (await client.call("get-connectivity-service-list")).json()["output"]["service"]
    assert listed == [await client.service("acme")]


async def test_delete_is_acknowledged_and_leaves_nothing(client: Any, order: dict[str, Any]) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    client.network.gate.clear()
    answer = await client.call(DELETE, {"service-id-or-name": "acme"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert states(await client.service("acme")) == ("PENDING_REMOVAL", "DISABLED")
    again = await client.call(DELETE, {"service-id-or-name": "acme"})
    assert again.status_code == 201

    client.network.gate.set()
    await client.until_gone("acme")
    assert client.network.deployed == {}
    assert [verb for verb, _ in client.network.calls] == ["deploy", "remove"]
    assert (await client.call(CREATE, order)).status_code == 200


async def test_delete_while_deploying_waits_its_turn(client: Any, order: dict[str, Any]) -> None:
    client.network.gate.clear()
    await client.call(CREATE, order)
    await client.network.asked(1)
    await client.call(DELETE, {"service-id-or-name": "acme"})
    await asyncio.sleep(0)
    assert [verb for verb, _ in client.network.calls] == ["deploy"]
    client.network.gate.set()
    await client.until_gone("acme")
    assert client.network.deployed == {}


async def test_partial_failure_keeps_what_works_and_names_the_rest(
    client: Any, order: dict[str, Any], pairs: Pairs
) -> None:
    client.network.faults.append({"site-b": "image lso/vnf-nftables is missing"})
    await client.call(CREATE, order)
    service = await client.until("acme", "partial")
    assert states(service) == ("PLANNED", "DISABLED"), "one end point alone carries no traffic"
    assert pairs(service)["lso-error"] == "b: image lso/vnf-nftables is missing"
    good, bad = service["end-point"]
    assert states(good) == ("INSTALLED", "ENABLED")
    assert "lso-error" not in pairs(good)
    assert states(bad) == ("PLANNED", "DISABLED")
    assert pairs(bad) == {"lso-error": "image lso/vnf-nftables is missing"}

    await client.call(DELETE, {"service-id-or-name": "acme"})
    await client.until_gone("acme")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (UcpeUnreachable("site-a", "docker", "connection refused"), "site-a: docker: connection refused"),
        (
            TemplateError((FileFinding("poc-site.yaml", 3, 1, "inputs", "bad"),)),
            "poc-site.yaml:3:1: inputs: bad",
        ),
        (ZeroDivisionError("secret of the inside"), "internal error (ZeroDivisionError); see the server's log"),
    ],
)
async def test_failure_is_told_and_can_be_deleted(
    client: Any, order: dict[str, Any], pairs: Pairs, fault: Exception, reason: str
) -> None:
    client.network.faults.append(fault)
    await client.call(CREATE, order)
    service = await client.until("acme", "failed")
    assert states(service) == ("PLANNED", "DISABLED")
    assert pairs(service)["lso-error"] == reason
    await client.call(DELETE, {"service-id-or-name": "acme"})
    await client.until_gone("acme")


async def test_removal_that_fails_is_told_and_can_be_asked_again(
    client: Any, order: dict[str, Any], pairs: Pairs
) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    client.network.faults.append({"site-a": "container is stuck"})
    await client.call(DELETE, {"service-id-or-name": "acme"})
    service = await client.until("acme", "removal-failed")
    assert states(service) == ("PENDING_REMOVAL", "DISABLED")
    assert pairs(service)["lso-error"] == "site-a: container is stuck"
    refused = await client.call(UPDATE, {"service-id-or-name": "acme", "state": "LOCKED"})
    assert refused.status_code == 409
    await client.call(DELETE, {"service-id-or-name": "acme"})
    await client.until_gone("acme")


async def test_update_changes_policies_and_keeps_the_rest(client: Any, order: dict[str, Any]) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    mappings = {"mapping": [{"app-id": "web", "policy-name": "block"}]}
    change = {
        "service-id-or-name": "acme",
        "swvc-service-attributes": {"application-policy-mappings": mappings},
        "end-point": {
            "local-id": "b",
            "swvc-endpoint-attributes": {
                "policy-overrides": {"policy-override": [{"app-id": "web", "policy-name": "secure"}]}
            },
        },
    }
    client.network.gate.clear()
    answer = await client.call(UPDATE, change)
    assert answer.status_code == 200, answer.text
    assert states(answer.json()["output"]["service"]) == ("INSTALLED", "ENABLED"), "it still carries traffic"
    client.network.gate.set()
    service = await client.until("acme", "active")
    attributes = service["swvc-service-attributes"]
    assert attributes["application-policy-mappings"] == mappings
    assert attributes["applications"] == order["swvc-service-attributes"]["applications"]
    (request,) = client.network.deployed.values()
    rules = {
        end.ucpe: {rule["id"]: rule["action"] for rule in end.inputs["firewall_rules"]} for end in request.deployments
    }
    assert rules["site-a"]["web"] == "deny"
    assert rules["site-b"]["web"] == "allow"


async def test_update_adds_an_end_point(client: Any, order: dict[str, Any]) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    third = {"local-id": "c", "service-interface-point": {"service-interface-point-uuid": "site-c-lan0"}}
    change = {"service-id-or-name": "acme", "end-point": third}
    refused = await client.call(UPDATE, change)
    assert refused.status_code == 400
    assert "A point-to-point service has two end points, not 3" in refused.text
    change["connectivity-constraint"] = {"service-type": "MULTIPOINT_CONNECTIVITY"}
    assert (await client.call(UPDATE, change)).status_code == 200
    service = await client.until("acme", "active")
    assert service["swvc-service-attributes"]["endpoints"] == ["a", "b", "site-c-lan0"]
    (request,) = client.network.deployed.values()
    assert [len(end.inputs["peers"]) for end in request.deployments] == [2, 2, 2]


async def test_refused_update_changes_nothing(client: Any, order: dict[str, Any]) -> None:
    await client.call(CREATE, order)
    before = await client.until("acme", "active")
    change = {"service-id-or-name": "acme", "swvc-service-attributes": {"mtu": 9000}}
    assert (await client.call(UPDATE, change)).status_code == 400
    assert await client.service("acme") == before
    assert len(client.network.calls) == 1


async def test_failed_update_leaves_what_worked(client: Any, order: dict[str, Any], pairs: Pairs) -> None:
    await client.call(CREATE, order)
    await client.until("acme", "active")
    client.network.faults.append({"site-b": "out of memory"})
    await client.call(UPDATE, {"service-id-or-name": "acme", "swvc-service-attributes": {"mtu": 1300}})
    service = await client.until("acme", "partial")
    assert states(service) == ("INSTALLED", "ENABLED"), "the site that was rolled back works as before"
    assert pairs(service)["lso-error"] == "b: out of memory"


async def test_locked_service_is_kept_off_the_network(client: Any, order: dict[str, Any]) -> None:
    order["state"] = "LOCKED"
    await client.call(CREATE, order)
    service = await client.until("acme", "locked")
    assert states(service) == ("PLANNED", "DISABLED")
    assert service["administrative-state"] == "LOCKED"
    assert client.network.deployed == {}
    await client.call(UPDATE, {"service-id-or-name": "acme", "state": "UNLOCKED"})
    assert states(await client.until("acme", "active")) == ("INSTALLED", "ENABLED")
    await client.call(UPDATE, {"service-id-or-name": "acme", "state": "LOCKED"})
    assert states(await client.until("acme", "locked")) == ("PLANNED", "DISABLED")
    assert client.network.deployed == {}


async def test_locked_uni_cannot_be_ordered(client: Any, order: dict[str, Any]) -> None:
    lock = {"sip-id-or-name": "site-b-lan0", "state": "LOCKED"}
    assert (await client.call("update-service-interface-point", lock)).status_code == 201
    sip = (await client.call("get-service-interface-point-details", {"sip-id-or-name": "site-b-lan0"})).json()
    assert sip["output"]["sip"]["administrative-state"] == "LOCKED"
    refused = await client.call(CREATE, order)
    assert refused.status_code == 409
    assert "UNI site-b-lan0 is administratively locked" in refused.text
    await client.call("update-service-interface-point", {**lock, "state": "UNLOCKED"})
    assert (await client.call(CREATE, order)).status_code == 200
    assert (await client.call("update-service-interface-point", lock)).status_code == 409


async def test_services_run_in_parallel_and_changes_of_one_in_order(
    client: Any, order: dict[str, Any], new_core: Callable[..., Core]
) -> None:
    other = copy.deepcopy(order)
    other["swvc-service-attributes"]["swvc-identifier"] = "other"
    for end_point, site in zip(other["end-point"], ("c", "d"), strict=True):
        number = ord(site) - ord("a") + 1
        end_point["service-interface-point"] = {
            "service-interface-point-uuid": f"0000000{number}-0000-4000-8000-000000000000"
        }
        end_point["swvc-endpoint-attributes"].pop("endpoint-uni", None)
    client.network.gate.clear()
    assert (await client.call(CREATE, order)).status_code == 200
    assert (await client.call(CREATE, other)).status_code == 200
    for mtu in (1300, 1200):
        change = {"service-id-or-name": "acme", "swvc-service-attributes": {"mtu": mtu}}
        assert (await client.call(UPDATE, change)).status_code == 200
    await client.network.asked(2)
    client.network.gate.set()
    await client.until("acme", "active")
    await client.until("other", "active")
    assert client.network.most_at_once == 2
    by_name = {request.name: request for request in client.network.deployed.values()}
    assert by_name["acme"].deployments[0].inputs["lan_mtu"] == 1200


async def test_orders_for_one_uni_at_the_same_time_cannot_both_win(client: Any, order: dict[str, Any]) -> None:
    orders = [copy.deepcopy(order) for _ in range(5)]
    for number, one in enumerate(orders):
        one["swvc-service-attributes"]["swvc-identifier"] = f"acme-{number}"
    answers = await asyncio.gather(*(client.call(CREATE, one) for one in orders))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]


async def test_changes_at_the_same_time_are_all_kept(client: Any, order: dict[str, Any]) -> None:
    await client.call(CREATE, order)
    parts: list[dict[str, Any]] = [
        {"mtu": 1200},
        {"reserved-prefixes": {"prefix": ["172.16.0.0/24"]}},
        {"swvc-identifier": "acme"},
        {"application-policy-mappings": {"mapping": []}},
    ]
    changes = [{"service-id-or-name": "acme", "swvc-service-attributes": part} for part in parts]
    answers = await asyncio.gather(*(client.call(UPDATE, change) for change in changes))
    assert {answer.status_code for answer in answers} == {200}
    attributes = (await client.until("acme", "active"))["swvc-service-attributes"]
    for part in parts:
        assert part.items() <= attributes.items()


async def test_restart_takes_up_what_was_under_way(
    client: Any, order: dict[str, Any], new_core: Callable[..., Core], network: Any
) -> None:
    """The first core is abandoned in the middle of a deployment, as by a kill: nothing of it runs on."""
    network.gate.clear()
    await client.call(CREATE, order)
    await network.asked(1)
    await client.core._pipeline.stop(0.0)
    network.gate.set()

    second = new_core()
    await second.start()
    async with asyncio.timeout(60):
        while (await second.service("acme")).state != "active":
            await asyncio.sleep(0.002)
    assert [verb for verb, _ in network.calls] == ["deploy", "deploy"]
    await second.stop()


async def test_database_is_private_and_holds_no_key_in_answers(
    client: Any, order: dict[str, Any], database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await client.call(CREATE, order)
    service = await client.until("acme", "active")
    for file in database.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    (request,) = client.network.deployed.values()
    key = request.deployments[0].inputs["private_key"]
    assert key.startswith("-----BEGIN PRIVATE KEY-----")
    secret = key.splitlines()[1]
    assert secret not in repr(request)
    assert secret not in repr(service)
    assert secret not in caplog.text
