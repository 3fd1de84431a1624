"""The extensions on real uCPEs: health, chains, flow tables, tunnels, and an edge that is enrolled at run time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from presto.web.server import BackgroundServer, build_app
from testbed.lab import Lab


def served(inventory: Path, database: Path) -> BackgroundServer:
    return BackgroundServer(build_app(inventory, str(database)))


def test_one_service_seen_from_all_sides(
    lab: Lab, tmp_path: Path, order: dict[str, Any], until: Callable[..., Any]
) -> None:
    with (
        served(lab.inventory, tmp_path / "presto.db") as server,
        httpx.Client(base_url=f"{server.url}/presto-sdwan/v1", timeout=30) as http,
    ):
        health = http.get("/edge/site-a/health").json()
        assert health["healthy"] is True, health
        assert all(endpoint["certificateEnds"] for endpoint in health["endpoints"])
        assert {image["kind"] for image in health["capabilities"]} == {"firewall", "ipsec", "statistics"}

        placed = httpx.post(f"{server.url}/restconf/operations/create-connectivity-service", json={"input": order})
        assert placed.status_code == 200, placed.text
        until(lambda: service(http)["state"] == "active", lambda: service(http))
        until(lambda: [tunnel["state"] for tunnel in http.get("/tunnel?service=acme").json()] == ["up"])
        (tunnel,) = http.get("/tunnel").json()
        assert [end["esp"][0]["encryption"] for end in tunnel["ends"]] == ["AES_GCM_16-256"] * 2

        for chain in http.get("/vnfChain").json():
            assert chain["asOrdered"] is True, chain
            assert [vnf["name"] for vnf in chain["observed"]] == ["firewall", "statistics", "ipsec"]
            assert (chain["path"][0], chain["path"][-1], len(chain["path"])) == ("lan0", "wan0", 8)

        ucpe = lab.ucpes["site-a"]
        ucpe.exec(["ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br-ucpe", "priority=7,udp,tp_dst=9,actions=drop"])
        at_a, _ = until(lambda: _with_stranger(http.get("/service/acme/flowTable").json()["switches"]))
        own = [rule for rule in at_a["rules"] if not rule["foreign"]]
        assert {rule["generation"] for rule in own} == {1}
        joints = ["LAN → firewall", "firewall → statistics", "statistics → ipsec", "ipsec → WAN"]
        back = [" → ".join(reversed(joint.split(" → "))) for joint in joints]
        assert {rule["joint"] for rule in own} == {*joints, *back}
        (stranger,) = (rule for rule in at_a["rules"] if rule["foreign"] and rule["priority"] == 7)
        assert "udp" in stranger["rule"] or "17" in stranger["rule"]
        ucpe.exec(["ovs-ofctl", "-O", "OpenFlow14", "--strict", "del-flows", "br-ucpe", "priority=7,udp,tp_dst=9"])

        allowed = {"service": "acme", "endPoint": "a", "source": "10.1.0.10", "destination": "10.2.0.10"}
        ping = {"protocol": "icmp", "icmpType": "echo-request"}
        assert http.post("/explain", json={**allowed, **ping}).json()["verdict"] == "allow"
        assert lab.hosts["a1"].exec(["ping", "-c", "1", "-W", "2", "10.2.0.10"], check=False).returncode == 0

        refused = http.delete("/service/acme")
        assert refused.status_code == 428
        assert http.delete("/service/acme", headers={"If-Match": "*"}).status_code == 202
        until(lambda: not service(http), lambda: service(http))


def service(http: httpx.Client) -> dict[str, Any]:
    """What the API says of the service; nothing when there is none."""
    answer = http.get("/service/acme")
    found: dict[str, Any] = {} if answer.status_code == 404 else answer.json()
    return found


def _with_stranger(switches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The switches once the look at them is a new one, which sees the foreign rule."""
    return switches if any(rule["priority"] == 7 for rule in switches[0]["rules"]) else []


def test_an_edge_is_enrolled_after_it_was_really_reached(
    lab: Lab, tmp_path: Path, order: dict[str, Any], until: Callable[..., Any]
) -> None:
    """Site b is not in the inventory file; enrolled over the API, it carries a service like any other."""
    values = json.loads(lab.inventory.read_text(encoding="utf-8"))
    (left_out,) = (ucpe for ucpe in values["ucpes"] if ucpe["id"] == "site-b")
    unis = [uni for uni in values["unis"] if uni["ucpe"] == "site-b"]
    values["ucpes"].remove(left_out)
    values["unis"] = [uni for uni in values["unis"] if uni["ucpe"] != "site-b"]
    folder = lab.inventory.parent
    for ucpe in values["ucpes"]:
        ucpe["tls"] = {name: str(folder / path) for name, path in ucpe["tls"].items()}
    file = tmp_path / "inventory.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    pem = {name: (folder / path).read_text(encoding="utf-8") for name, path in left_out["tls"].items()}
    form = {name: left_out[name] for name in ("id", "docker", "ovsdb", "openflow", "bridge", "wan")}
    form["unis"] = [
        {"id": uni["id"], "name": uni["name"], "port": uni["port"], "prefix": uni["prefix"]}
        | {"providerAddress": uni["provider_address"]}
        for uni in unis
    ]
    with (
        served(file, tmp_path / "presto.db") as server,
        httpx.Client(base_url=f"{server.url}/presto-sdwan/v1", timeout=30) as http,
    ):
        stranger = http.post("/edge", json={**form, "tls": {**pem, "ca": pem["certificate"]}})
        assert stranger.status_code == 422
        assert "certificate" in stranger.json()["findings"][0]["message"]
        wrong = http.post("/edge", json={**form, "tls": pem, "wan": [{**form["wan"][0], "port": "wan9"}]})
        assert [finding["pointer"] for finding in wrong.json()["findings"]] == ["/wan/0/port"]
        assert http.post("/edge", json={**form, "tls": pem}).status_code == 201
        placed = httpx.post(f"{server.url}/restconf/operations/create-connectivity-service", json={"input": order})
        assert placed.status_code == 200, placed.text
        until(lambda: service(http)["state"] == "active", lambda: service(http))
        assert http.delete("/edge/site-b").status_code == 409
        until(lambda: lab.hosts["a1"].exec(["ping", "-c", "1", "-W", "1", "10.2.0.10"], check=False).returncode == 0)
        http.delete("/service/acme", headers={"If-Match": "*"})
        until(lambda: not service(http), lambda: service(http))
        assert http.delete("/edge/site-b").status_code == 204
