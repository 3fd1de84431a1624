"""Orders to the API, carried out by the real orchestrator on real uCPEs, judged by packets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.domain.settings import Settings
from presto.web.server import BackgroundServer, build_app
from testbed.lab import Lab

TIMEOUT = 60.0


class Api:
    """Operations on a server that stands before the lab."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def call(self, operation: str, status: int, **values: Any) -> Any:
        body = {"input": {name.replace("_", "-"): value for name, value in values.items()}}
        answer = self._http.post(operation, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()["output"] if status == 200 else None

    def until(self, wanted: str) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT
        while True:
            output = self.call("get-connectivity-service-details", 200, service_id_or_name="acme")
            service: dict[str, Any] = output["service"]
            pairs = {pair["value-name"]: pair["value"] for pair in service["name"]}
            if pairs["lso-state"] == wanted:
                return service
            assert pairs["lso-state"] in {"accepted", "deploying"}, pairs
            assert time.monotonic() < deadline, pairs
            time.sleep(0.05)

    def until_enabled(self) -> None:
        """Until the tunnels stand; the order is completed before that."""
        deadline = time.monotonic() + TIMEOUT
        while (service := self.until("active"))["operational-state"] != "ENABLED":
            assert time.monotonic() < deadline, service["name"]
            time.sleep(0.05)

    def remove(self) -> None:
        """Leave no service, whatever a test came to."""
        deadline = time.monotonic() + TIMEOUT
        details = {"input": {"service-id-or-name": "acme"}}
        self._http.post("delete-connectivity-service", json=details)
        while self._http.post("get-connectivity-service-details", json=details).status_code != 404:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def api(lab: Lab, tmp_path: Path) -> Iterator[Api]:
    app = build_app(lab.inventory, str(tmp_path / "presto.db"), Settings(export_keys=True))
    with (
        BackgroundServer(app) as server,
        httpx.Client(base_url=f"{server.url}/restconf/operations/", timeout=30) as http,
    ):
        api = Api(http)
        yield api
        api.remove()


def in_vnf(lab: Lab, ucpe: str, service: dict[str, Any], vnf: str, program: str) -> Any:
    answer = lab.ucpes[ucpe].exec(["docker", "exec", f"{service['uuid'][:8]}-{vnf}", program])
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_order_change_and_removal(lab: Lab, api: Api, order: dict[str, Any], reaches: Callable[..., bool]) -> None:
    """Allowed traffic passes in both directions; a change at one end point blocks it there, where it enters."""
    api.call("create-connectivity-service", 200, **{name.replace("-", "_"): value for name, value in order.items()})
    service = api.until("active")
    assert service["lifecycle-state"] == "INSTALLED"
    api.until_enabled()
    assert reaches("a1", "10.2.0.10", 10)
    assert reaches("b1", "10.1.0.10", 10)
    rules = {rule["id"]: rule["packets"] for rule in in_vnf(lab, "site-a", service, "firewall", "/vnf/status")["rules"]}
    assert list(rules) == ["telnet", "web", "ping"]
    assert rules["ping"] >= 2

    override = {"policy-override": [{"app-id": "ping", "policy-name": "block"}]}
    change = {"local-id": "b", "swvc-endpoint-attributes": {"policy-overrides": override}}
    api.call("update-connectivity-service", 200, service_id_or_name="acme", end_point=change)
    api.until("active")
    assert not reaches("b1", "10.1.0.10", 1), "pings that enter at b are blocked"
    assert reaches("a1", "10.2.0.10", 10), "pings that enter at a are not"

    api.remove()
    for ucpe in lab.ucpes.values():
        assert ucpe.exec(["docker", "ps", "--all", "--quiet"]).stdout == ""


@pytest.mark.parametrize(
    ("encryption", "algorithm"), [("Yes", "AES_GCM_16"), ("Either", "NULL")], ids=["required", "either"]
)
def test_encryption_is_a_choice_that_the_gateways_make(
    lab: Lab, api: Api, order: dict[str, Any], reaches: Callable[..., bool], encryption: str, algorithm: str
) -> None:
    order["swvc-service-attributes"]["policies"]["policy"][0]["criteria"][0]["pc-param"] = [encryption]
    api.call("create-connectivity-service", 200, **{name.replace("-", "_"): value for name, value in order.items()})
    service = api.until("active")
    assert reaches("a1", "10.2.0.10", 10)
    (peer,) = in_vnf(lab, "site-a", service, "ipsec", "/vnf/status")["peers"]
    assert peer["ike"]["remote_id"].endswith("site-b")
    assert peer["children"][0]["encryption"].startswith(algorithm)


def link_until(api: Api, state: str | None) -> dict[str, Any]:
    """The tunnel of `acme` once it has that operational state."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        output = api.call("get-link-details", 200, topology_id_or_name="acme", link_id_or_name="a--b")
        link: dict[str, Any] = output["link"]
        if link.get("operational-state") == state:
            return link
        assert time.monotonic() < deadline, link
        time.sleep(0.2)


def test_the_topologies_show_the_tunnel_as_it_is(
    api: Api, order: dict[str, Any], end_for_good: Callable[[str, str], None]
) -> None:
    """ENABLED while the security associations are there, DISABLED when the gateway of one site is gone."""
    api.call("create-connectivity-service", 200, **{name.replace("-", "_"): value for name, value in order.items()})
    service = api.until("active")
    up = link_until(api, "ENABLED")
    assert "lso-error" not in {pair["value-name"] for pair in up["name"]}
    reference = service["connection"][0]["connection-uuid"]
    asked = {"service_id_or_name": "acme", "connection_id_or_name": reference}
    assert api.call("get-connection-details", 200, **asked)["connection"]["operational-state"] == "ENABLED"
    underlay = api.call("get-link-details", 200, topology_id_or_name="underlays", link_id_or_name="internet")["link"]
    assert underlay["operational-state"] == "ENABLED"
    seps = [{"service-interface-point": {"service-interface-point-uuid": f"site-{name}-lan0"}} for name in "ab"]
    computed = api.call("compute-p-2-p-path", 200, sep=seps)["service"]
    assert "internet, site-a-wan0 to site-b-wan0: ENABLED" in {pair["value"] for pair in computed["name"]}

    gateway = f"{service['uuid'][:8]}-ipsec"
    end_for_good("site-b", gateway)
    down = link_until(api, "DISABLED")
    (error,) = [pair["value"] for pair in down["name"] if pair["value-name"] == "lso-error"]
    assert "site-b" in error
