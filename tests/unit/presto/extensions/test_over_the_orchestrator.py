"""The extensions over the real orchestrator with uCPEs in memory: plans, cookies and status as they really are."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from orchestrator.inventory import Inventory
from orchestrator.service import Orchestrator
from orchestrator.southbound.memory import MemorySouthbound
from orchestrator.southbound.rules import Rule, RuleChanges, messages
from presto.persistence.store import Store
from presto.persistence.tables import open_engine
from presto.service.core import Core
from presto.web.app import create_app
from testbed.pki import Authority

ROOT = Path(__file__).parents[4]
ORDER: Any = json.loads(
    re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "presto-mef.md").read_text(encoding="utf-8"), re.DOTALL)[0]
)
BASE = "/presto-sdwan/v1"
EDGE: dict[str, Any] = {
    "id": "site-e",
    "docker": "tcp://127.0.0.1:9",
    "ovsdb": "ssl:127.0.0.1:9",
    "openflow": "ssl:127.0.0.1:9",
    "bridge": "br-ucpe",
    "unis": [{"port": "lan0", "prefix": "10.9.0.0/24", "providerAddress": "10.9.0.1"}],
}
JOINTS = ["LAN → firewall", "firewall → statistics", "statistics → ipsec", "ipsec → WAN"]


@pytest.fixture
def southbound(inventory: Inventory) -> MemorySouthbound:
    return MemorySouthbound(inventory)


@pytest_asyncio.fixture
async def http(inventory: Inventory, southbound: MemorySouthbound, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    database = str(tmp_path / "lso.db")
    network = Orchestrator(
        inventory, f"sqlite:///{tmp_path}/state.db", connect=southbound.connect, ended=southbound.ended
    )
    app = create_app(Core(inventory, Store(open_engine(database)), network))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


async def get(http: httpx.AsyncClient, path: str) -> Any:
    answer = await http.get(BASE + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ordered(http: httpx.AsyncClient) -> tuple[str, str]:
    """The ids of the documented order and of its SWVC, once that is active."""
    answer = await http.post("/mefApi/legato/serviceOrderingManagement/v6/serviceOrder", json=ORDER)
    assert answer.status_code == 201, answer.text
    async with asyncio.timeout(20):
        while (service := (await get(http, "/service"))[0])["state"] != "active":
            assert service["state"] in {"accepted", "deploying"}, service
            await asyncio.sleep(0.01)
    return answer.json()["id"], service["id"]


@pytest.mark.asyncio
async def test_rules_lead_to_the_order_and_strangers_are_marked(
    http: httpx.AsyncClient, inventory: Inventory, southbound: MemorySouthbound
) -> None:
    order, service = await ordered(http)
    async with southbound.connect(inventory.ucpe("site-a")) as uplink:
        stranger = Rule(7, (("in_port", 1),), cookie=0x77)
        await (await uplink.switch()).commit(messages(RuleChanges(add=(stranger,)), 0))
    at_a, at_b = (await get(http, f"/service/{service}/flowTable"))["switches"]
    for switch, foreign in ((at_a, 1), (at_b, 0)):
        own = [rule for rule in switch["rules"] if not rule["foreign"]]
        assert {rule["order"] for rule in own} == {order}
        assert {rule["generation"] for rule in own} == {1}
        back = [" → ".join(reversed(joint.split(" → "))) for joint in JOINTS]
        assert sorted(rule["joint"] for rule in own) == sorted([*JOINTS, *back])
        assert len(switch["rules"]) == len(own) + foreign
    assert any("foreign rule" in difference for difference in at_a["differences"])
    assert at_b["differences"] == []


@pytest.mark.asyncio
async def test_a_chain_is_as_ordered_until_packets_go_another_way(
    http: httpx.AsyncClient, inventory: Inventory, southbound: MemorySouthbound
) -> None:
    _, service = await ordered(http)
    at_a, at_b = await get(http, "/vnfChain")
    for chain in (at_a, at_b):
        assert [vnf["name"] for vnf in chain["observed"]] == ["firewall", "statistics", "ipsec"]
        assert (chain["path"][0], chain["path"][-1], len(chain["path"])) == ("lan0", "wan0", 8)
        assert chain["asOrdered"] is True, json.dumps(chain)
    southbound.fail("site-a", "require_image", "no such image", times=1000)  # so it does not come back by itself
    async with southbound.connect(inventory.ucpe("site-a")) as uplink:
        await uplink.docker.remove_container(f"{service[:8]}-statistics")
    async with asyncio.timeout(20):  # what was seen is kept for two seconds
        while (chains := await get(http, "/vnfChain?service=acme-office"))[0]["asOrdered"]:
            await asyncio.sleep(0.05)
    broken, whole = chains
    assert whole["asOrdered"] is True
    assert any("statistics" in difference for difference in broken["differences"])


@pytest.mark.asyncio
@pytest.mark.parametrize("wrong", ["ca", "certificate", "key"])
async def test_tls_texts_that_are_none_are_told_without_the_servers_paths(http: httpx.AsyncClient, wrong: str) -> None:
    authority, other = Authority.create("lab"), Authority.create("other")
    own, foreign = (made.issue("orchestrator") for made in (authority, other))
    tls = {"ca": authority.certificate, "certificate": own.certificate, "key": own.key}
    tls |= {"key": foreign.key} if wrong == "key" else {wrong: b"-----no PEM-----"}
    form = {**EDGE, "tls": {name: text.decode() for name, text in tls.items()}}
    answer = await http.post(f"{BASE}/edge", json=form)
    (finding,) = answer.json()["findings"]
    assert (answer.status_code, finding["pointer"], finding["message"]) == (
        422,
        "/tls",
        "ca is no PEM of CA certificates"
        if wrong == "ca"
        else "certificate and key are no PEM of a pair, the key without a passphrase",
    )
