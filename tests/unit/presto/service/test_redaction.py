"""What is told of services names no address of the management network, whatever form an error has it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.inventory import Inventory, Tls
from orchestrator.model import UcpeUnreachable
from presto.service.redaction import WITHHELD, Redaction

HERE = WITHHELD


@pytest.fixture
def redaction(inventory: Inventory) -> Redaction:
    tls = Tls(ca=Path("/etc/lso/ca.pem"), certificate=Path("/etc/lso/cert.pem"), key=Path("/etc/lso/key.pem"))
    changes: dict[str, dict[str, Any]] = {
        "site-a": {"tls": tls},
        "site-b": {"docker": "tcp://[fd00::b]:2376", "ovsdb": "ssl:[fd00::b]:6640"},
        "site-c": {"docker": "unix:///run/c/docker.sock", "ovsdb": "unix:/run/c/db.sock"},
        "site-d": {"docker": "tcp://box-d.example:2376"},
    }
    ucpes = tuple(ucpe.model_copy(update=changes[ucpe.id]) for ucpe in inventory.ucpes)
    return Redaction(inventory.model_copy(update={"ucpes": ucpes}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("site-a: ovsdb: ssl:172.30.1.1:6640: no connection", f"site-a: ovsdb: {HERE}: no connection"),
        ("Connect call failed ('172.30.1.1', 6640)", f"Connect call failed ('{HERE}', 6640)"),
        ("Pool(host='172.30.1.1', port=2376): Read timed out", f"Pool(host='{HERE}', port=2376): Read timed out"),
        ("at https://172.30.1.1:2376 is no engine", f"at {HERE} is no engine"),
        ("at https://172.30.1.1:2376/v1.41/_ping", f"at {HERE}"),
        ("to 172.30.1.1:2376; check it", f"to {HERE}; check it"),
        ("ssl:[fd00::b]:6640: refused", f"{HERE}: refused"),
        ("Connect call failed ('fd00::b', 6640, 0, 0)", f"Connect call failed ('{HERE}', 6640, 0, 0)"),
        ("unix:/run/c/db.sock: no such file", f"{HERE}: no such file"),
        ("no such file: '/run/c/docker.sock'", f"no such file: '{HERE}'"),
        ("box-d.example:2376 has no address", f"{HERE} has no address"),
        ("site-a: /etc/lso/ca.pem: is no PEM", f"site-a: {HERE}: is no PEM"),
        ("tunnel 198.51.100.1 to 10.1.0.1/24, 172.30.1.100", "tunnel 198.51.100.1 to 10.1.0.1/24, 172.30.1.100"),
        ("VNF ipsec: /vnf/apply refused (exit 2): x at 1:2", "VNF ipsec: /vnf/apply refused (exit 2): x at 1:2"),
    ],
)  # fmt: skip
def test_every_form_of_an_address(redaction: Redaction, text: str, told: str) -> None:
    assert redaction.text(text) == told


@pytest.mark.asyncio
async def test_no_face_tells_one(client: Any, order: dict[str, Any]) -> None:
    """A uCPE that cannot be reached while a service is deployed, observed, measured and removed."""
    unreachable = UcpeUnreachable("site-a", "ovsdb", "ssl:172.30.1.1:6640: no connection")
    client.network.faults = [{"site-a": str(unreachable)}]
    assert (await client.call("create-connectivity-service", order)).status_code == 200
    told = [await client.until("acme", "partial")]
    service, base = told[0]["uuid"], "/presto-sdwan/v1"
    observe = client.network.observe

    async def unseen(service_id: str) -> Any:
        raise unreachable if service_id == service else await observe(service_id)

    client.network.observe = unseen
    for path in (f"/service/{service}", f"/service/{service}/flowTable", "/tunnel?echoes=0", "/vnfChain", "/service"):
        told.append((await client.http.get(base + path)).json())
    told.append((await client.call("get-topology-details", {"topology-id-or-name": "acme"})).json())
    client.network.faults = [unreachable]
    assert (await client.call("delete-connectivity-service", {"service-id-or-name": "acme"})).status_code == 201
    told.append(await client.until("acme", "removal-failed"))
    for answer in told:
        assert "172.30" not in str(answer)
    assert f"site-a: ovsdb: {HERE}: no connection" in str(told[0])
    assert f"site-a: ovsdb: {HERE}: no connection" in str(told[-1])
    assert sum(HERE in str(answer) for answer in told) >= 5
