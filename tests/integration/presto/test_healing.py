"""VNFs that are killed on real uCPEs come back by themselves, judged by packets; what was removed does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from presto.domain.settings import Settings
from presto.web.server import BackgroundServer, build_app
from testbed.lab import Lab

Call = Callable[..., Any]
Until = Callable[..., Any]
KINDS = ("firewall", "statistics", "ipsec")


@pytest.fixture
def call(lab: Lab, tmp_path: Path) -> Iterator[Call]:
    """An operation of a server that stands before the lab."""
    app = build_app(lab.inventory, str(tmp_path / "presto.db"), Settings())
    with (
        BackgroundServer(app) as server,
        httpx.Client(base_url=f"{server.url}/restconf/operations/", timeout=30) as http,
    ):
        yield lambda operation, **values: http.post(operation, json={"input": values})


def details(call: Call) -> dict[str, Any]:
    """What the API says of the service; nothing when there is none."""
    answer = call("get-connectivity-service-details", **{"service-id-or-name": "acme"})
    if answer.status_code == 404:
        return {}
    service: dict[str, Any] = answer.json()["output"]["service"]
    return {**service, **{pair["value-name"]: pair["value"] for pair in service["name"]}}


@pytest.fixture
def service(lab: Lab, call: Call, order: dict[str, Any], until: Until) -> Iterator[str]:
    """The first digits of the id of a service whose tunnels stand; removed at the end."""
    assert call("create-connectivity-service", **order).status_code == 200
    until(lambda: details(call)["operational-state"] == "ENABLED", lambda: details(call))
    yield details(call)["uuid"][:8]
    call("delete-connectivity-service", **{"service-id-or-name": "acme"})
    until(lambda: not details(call), lambda: details(call))
    for ucpe in lab.ucpes.values():
        assert ucpe.exec(["docker", "ps", "--all", "--quiet"]).stdout == ""


def docker(lab: Lab, ucpe: str, *words: str) -> str:
    return lab.ucpes[ucpe].exec(["docker", *words]).stdout.strip()


def started(lab: Lab, ucpe: str, name: str) -> str:
    """When a container was started that runs, else nothing."""
    shown = lab.ucpes[ucpe].exec(
        ["docker", "inspect", "--format", "{{.State.Running}} {{.State.StartedAt}}", name], check=False
    )
    running, _, moment = shown.stdout.strip().partition(" ")
    return moment if running == "true" else ""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        *((kind, ("kill",)) for kind in KINDS),
        ("statistics", ("stop", "--time", "0")),
        ("ipsec", ("rm", "--force")),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_traffic_flows_again_after_a_vnf_has_ended(
    lab: Lab, service: str, until: Until, reaches: Callable[..., bool], kind: str, words: tuple[str, ...]
) -> None:
    name = f"{service}-{kind}"
    before = started(lab, "site-a", name)
    assert before
    assert reaches("a1", "10.2.0.10", 10)
    docker(lab, "site-a", *words, name)
    start = time.monotonic()
    until(lambda: started(lab, "site-a", name) not in {"", before})
    print(f"{kind} {words[0]}: runs again after {time.monotonic() - start:.1f} s", flush=True)
    assert reaches("a1", "10.2.0.10", 60)
    assert reaches("b1", "10.1.0.10", 10)
    print(f"{kind} {words[0]}: traffic again after {time.monotonic() - start:.1f} s", flush=True)


def test_a_vnf_that_is_killed_again_and_again_comes_back_each_time(
    lab: Lab, service: str, until: Until, reaches: Callable[..., bool]
) -> None:
    name, moments = f"{service}-firewall", set[str]()
    for _ in range(4):
        moments.add(until(lambda: (moment := started(lab, "site-a", name)) not in moments and moment))
        docker(lab, "site-a", "kill", name)
    until(lambda: started(lab, "site-a", name) not in {"", *moments})
    assert reaches("a1", "10.2.0.10", 60)


def test_vnfs_that_are_killed_while_their_service_is_changed_come_back(
    lab: Lab, call: Call, service: str, until: Until, reaches: Callable[..., bool]
) -> None:
    """The change fails or not, as the moments of the kills are; pings that enter at b are blocked when it did not."""
    override = {"policy-override": [{"app-id": "ping", "policy-name": "block"}]}
    change = {"local-id": "b", "swvc-endpoint-attributes": {"policy-overrides": override}}
    answer = call("update-connectivity-service", **{"service-id-or-name": "acme", "end-point": change})
    assert answer.status_code == 200, answer.text
    for kind in KINDS:  # the change may have one of them out of the way just now
        lab.ucpes["site-b"].exec(["docker", "kill", f"{service}-{kind}"], check=False)
    until(lambda: details(call)["lso-state"] not in {"accepted", "deploying"}, lambda: details(call))
    until(lambda: all(started(lab, "site-b", f"{service}-{kind}") for kind in KINDS), lambda: details(call))
    assert reaches("a1", "10.2.0.10", 60), details(call)
    if details(call)["lso-state"] == "active":
        assert not reaches("b1", "10.1.0.10", 1)


def test_a_removed_service_stays_away_and_a_stopped_server_brings_nothing_back(
    lab: Lab, tmp_path: Path, order: dict[str, Any], until: Until
) -> None:
    inventory, database = lab.inventory, str(tmp_path / "presto.db")
    with (
        BackgroundServer(build_app(inventory, database, Settings())) as server,
        httpx.Client(base_url=f"{server.url}/restconf/operations/", timeout=30) as http,
    ):
        call: Call = lambda operation, **values: http.post(operation, json={"input": values})  # noqa: E731
        assert call("create-connectivity-service", **order).status_code == 200
        until(lambda: details(call)["lso-state"] == "active", lambda: details(call))
        firewall = f"{details(call)['uuid'][:8]}-firewall"
    docker(lab, "site-a", "kill", firewall)
    listeners = ["ss", "--no-header", "--tcp", "state", "established", "( sport = :2376 )"]
    until(lambda: not lab.ucpes["site-a"].exec(listeners, check=False).stdout)
    assert not started(lab, "site-a", firewall)
    with (
        BackgroundServer(build_app(inventory, database, Settings())) as server,
        httpx.Client(base_url=f"{server.url}/restconf/operations/", timeout=30) as http,
    ):
        call = lambda operation, **values: http.post(operation, json={"input": values})  # noqa: E731
        until(lambda: started(lab, "site-a", firewall))  # what ended while nobody listened
        docker(lab, "site-a", "kill", firewall)
        call("delete-connectivity-service", **{"service-id-or-name": "acme"})
        until(lambda: not details(call), lambda: details(call))
        for ucpe in lab.ucpes:
            until(lambda ucpe=ucpe: not lab.ucpes[ucpe].exec(listeners, check=False).stdout)
            assert docker(lab, ucpe, "ps", "--all", "--quiet") == ""
