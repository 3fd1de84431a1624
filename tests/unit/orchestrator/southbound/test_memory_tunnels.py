"""The tunnels that gateways in memory tell of: those of their intent, as the VNF contract has them, without keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model import DeploymentRequest, Result, ServiceRequest
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.memory_inventory import memory_inventory
from orchestrator.southbound.memory_tunnels import tunnels_of
from orchestrator.ucpe.steps import intent_bytes
from orchestrator.vnf_contract import status_findings

SERVICE = "11111111-2222-3333-4444-555555555555"
INVENTORY = memory_inventory(1)
SITE = INVENTORY.ucpes[0].id


def peer(name: str, subnet: str) -> dict[str, Any]:
    return {
        "name": name,
        "address": f"198.51.100.{name[-1]}",
        "identity": name,
        "subnets": [subnet],
        "psk": f"secret of {name}",
        "initiate": True,
    }


PEERS = [peer("site-2", "10.2.0.0/24"), peer("site-3", "10.3.0.0/24")]


@pytest.mark.parametrize("peers", [[], PEERS[:1], PEERS], ids=["no peer", "one", "two"])
def test_gateways_tell_the_peers_of_their_intent(tmp_path: Path, site_inputs: Any, peers: list[dict[str, Any]]) -> None:
    async def main() -> dict[str, Any]:
        file = tmp_path / "boxes.jsonl"
        southbound = MemorySouthbound(INVENTORY, file=file)
        orchestrator = Orchestrator(INVENTORY, f"sqlite:///{tmp_path}/state.db", connect=southbound.connect)
        inputs = site_inputs(peers=peers)
        request = ServiceRequest(SERVICE, "acme", (DeploymentRequest(SITE, "poc-site", inputs),))
        assert (await orchestrator.deploy(request)).result is Result.APPLIED
        assert not [word for word in (b"secret of", b"PRIVATE KEY") if word in file.read_bytes()]
        after = MemorySouthbound(INVENTORY, file=file).state(SITE)
        assert after.vnfs == southbound.state(SITE).vnfs, "the tunnels outlive the process"
        seen = (await orchestrator.observe(SERVICE)).deployments[0]
        return next(dict(vnf.status or {}) for vnf in seen.vnfs if vnf.kind == "ipsec")

    status = asyncio.run(main())
    assert status_findings(status, "ipsec", {}, status["intent_sha256"]) == ()
    states = [(p["name"], p["ike"]["state"], [child["state"] for child in p["children"]]) for p in status["peers"]]
    assert states == [(p["name"], "ESTABLISHED", ["INSTALLED"]) for p in peers]
    assert [p["children"][0]["remote_subnets"] for p in status["peers"]] == [p["subnets"] for p in peers]


def test_both_ends_of_a_tunnel_tell_the_same_sas() -> None:
    one, other = peer("site-2", "10.2.0.0/24"), peer("site-3", "10.3.0.0/24")

    def sas(local: dict[str, Any], remote: dict[str, Any]) -> dict[str, Any]:
        tunnels = tunnels_of(intent_bytes({"ipsec": {"local": local, "peers": [remote]}}))
        assert tunnels is not None
        [told] = tunnels.status()
        return {**told["children"][0], **told["ike"]}

    near, far = sas(one, other), sas(other, one)
    assert (near["spi_in"], near["spi_out"]) == (far["spi_out"], far["spi_in"])
    assert near["spi_in"] != near["spi_out"]
    for name in ("initiator_spi", "responder_spi"):
        assert near[name] == far[name]
    assert (near["local_id"], near["remote_id"]) == (far["remote_id"], far["local_id"])
