"""Two services on the same two uCPEs, each over a WAN port of its own, judged by the rules of the bridges."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.inventory import Inventory, Uni, load_inventory
from presto.domain.settings import Settings
from presto.web.server import BackgroundServer, build_app
from testbed.lab import Lab
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec


def site(letter: str, number: int) -> SiteSpec:
    wans = (
        WanSpec("wan0", "internet", f"198.51.100.{number}/24"),
        WanSpec("wan1", "mpls", f"192.0.2.{number}/24"),
    )
    host = HostSpec(f"{letter}1", f"10.{number}.0.10/24")
    return SiteSpec(f"site-{letter}", f"10.{number}.0.0/24", f"10.{number}.0.1", (host,), wans)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two sites on two underlays; each bridge has a second LAN port."""
    underlays = (UnderlaySpec("internet", "198.51.100.0/24"), UnderlaySpec("mpls", "192.0.2.0/24"))
    spec = LabSpec("several", (site("a", 1), site("b", 2)), underlays)
    with Lab.create(spec) as started:
        for ucpe in started.ucpes.values():
            added = ["ovs-vsctl", "add-port", "br-ucpe", "lan1", "--", "set", "interface", "lan1", "type=internal"]
            assert ucpe.exec(added).returncode == 0
        yield started


@pytest.fixture
def inventory(lab: Lab) -> Inventory:
    """That of the lab, with the UNIs on the second LAN ports."""
    known = load_inventory(lab.inventory)
    more = [
        Uni(
            id=f"{ucpe.id}-lan1",
            name=f"{ucpe.id}-lan1",
            ucpe=ucpe.id,
            port="lan1",
            prefix=IPv4Network(f"10.{number}.1.0/24"),
            provider_address=IPv4Address(f"10.{number}.1.1"),
        )
        for number, ucpe in enumerate(known.ucpes, 1)
    ]
    return known.model_copy(update={"unis": (*known.unis, *more)})


@pytest.fixture
def call(inventory: Inventory, tmp_path: Path) -> Iterator[Callable[..., httpx.Response]]:
    file = tmp_path / "inventory.json"
    file.write_text(inventory.model_dump_json(), encoding="utf-8")
    app = build_app(file, str(tmp_path / "presto.db"), Settings())
    with (
        BackgroundServer(app) as server,
        httpx.Client(base_url=f"{server.url}/restconf/operations/", timeout=30) as http,
    ):
        yield lambda operation, values: http.post(operation, json={"input": values})


def rules(lab: Lab, ucpe: str, number: int) -> list[str]:
    """The rules of a bridge that concern its LAN or WAN port of that number, without their counters."""
    dump = ["ovs-ofctl", "-O", "OpenFlow14", "--names", "--no-stats", "dump-flows", "br-ucpe"]
    lines = lab.ucpes[ucpe].exec(dump).stdout.replace('"', "").splitlines()
    return sorted(line.strip() for line in lines if f"lan{number}" in line or f"wan{number}" in line)


def test_two_services_stand_side_by_side_and_leave_alone(
    lab: Lab,
    order: dict[str, Any],
    call: Callable[..., httpx.Response],
    until: Callable[..., Any],
    reaches: Callable[[str, str, float], bool],
) -> None:
    for number, name in enumerate(("one", "two")):
        wanted = copy.deepcopy(order)
        wanted["swvc-service-attributes"]["swvc-identifier"] = name
        for end_point, letter in zip(wanted["end-point"], "ab", strict=True):
            end_point["service-interface-point"] = {"service-interface-point-uuid": f"site-{letter}-lan{number}"}
            end_point["swvc-endpoint-attributes"].pop("endpoint-uni", None)
        answer = call("create-connectivity-service", wanted)
        assert answer.status_code == 200, answer.text

    def stands(name: str) -> dict[str, Any] | None:
        found = call("get-connectivity-service-details", {"service-id-or-name": name}).json()["output"]["service"]
        pairs = {pair["value-name"]: pair["value"] for pair in found["name"]}
        assert pairs["lso-state"] in {"accepted", "deploying", "active"}, pairs
        return found if pairs["lso-state"] == "active" and "lso-missing" not in pairs else None

    services = [until(lambda name=name: stands(name)) for name in ("one", "two")]
    before = {ucpe: rules(lab, ucpe, 0) for ucpe in lab.ucpes}
    for ucpe in lab.ucpes:
        for number, service in enumerate(services):
            found = rules(lab, ucpe, number)
            assert len(found) == 4
            assert all(service["uuid"][:8].lstrip("0") in rule.partition(",")[0] for rule in found)
    assert reaches("a1", "10.2.0.10", 10)

    call("delete-connectivity-service", {"service-id-or-name": "two"})
    until(lambda: call("get-connectivity-service-details", {"service-id-or-name": "two"}).status_code == 404)
    assert {ucpe: rules(lab, ucpe, 0) for ucpe in lab.ucpes} == before
    assert [rules(lab, ucpe, 1) for ucpe in lab.ucpes] == [[], []]
    assert reaches("a1", "10.2.0.10", 1)
    call("delete-connectivity-service", {"service-id-or-name": "one"})
    until(lambda: call("get-connectivity-service-details", {"service-id-or-name": "one"}).status_code == 404)
