"""OVSDB (RFC 7047): the tables that are used, transactions, and what the bridge is set to."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from lso.ucpe.box import LOCK, Box
from lso.ucpe.contract import clause
from lso.ucpe.trial import PORTS, internal_ports
from orchestrator.model import UcpeError
from orchestrator.southbound.ovsdb import DATABASE, OvsdbClient
from orchestrator.southbound.ports import add_operations, bridge_ports
from reports.model import Check

USED = {
    "Open_vSwitch": ("next_cfg", "cur_cfg", "ovs_version"),
    "Bridge": ("name", "ports", "fail_mode", "other_config", "protocols"),
    "Port": ("name", "interfaces"),
    "Interface": ("name", "type", "ofport", "mac_in_use", "mtu", "mtu_request", "external_ids", "error"),
}
"""Tables and columns that the orchestrator and this check read or write."""


async def run(box: Box) -> list[Check]:
    """Judge the database and the bridge in it; nothing is changed."""
    client = await box.database()
    found = [*await _schema(client)]
    if not all(check.verdict == "passed" for check in found):
        return found
    return [
        *found,
        await _whole_or_not(client, box),
        await _answered("monitor", _monitor(client)),
        await _answered("lock", client.call("lock", [f"{LOCK}_trial"])),
        await _answered("echo", client.call("echo", [LOCK]), [LOCK]),
        *await _bridge(client, box),
    ]


async def _schema(client: OvsdbClient) -> list[Check]:
    names = await client.call("list_dbs", [])
    there = DATABASE in names
    found = [clause("O1").judged(f"database {DATABASE}", there, "there", ", ".join(map(str, names)))]
    if there:
        missing = lacking(await client.call("get_schema", [DATABASE]))
        found.append(
            clause("O1").judged("tables and columns", not missing, "all that are used", missing or "all there")
        )
    return found


def lacking(schema: Mapping[str, Any]) -> str:
    """Return the tables and columns that are used and not in *schema*, as text."""
    tables = schema["tables"]
    missing = [
        f"{table}.{column}"
        for table, columns in USED.items()
        for column in columns
        if column not in tables.get(table, {}).get("columns", {})
    ]
    return f"without {', '.join(missing)}" if missing else ""


async def _whole_or_not(client: OvsdbClient, box: Box) -> Check:
    """A transaction that makes the trial's ports, and aborts itself at its end."""
    operations = [*add_operations(box.ucpe.bridge, internal_ports()), {"op": "abort"}]
    results = await client.call("transact", [DATABASE, *operations])
    aborted = any(isinstance(result, Mapping) and result.get("error") == "aborted" for result in results)
    left = sorted({port.name for port in await bridge_ports(client, box.ucpe.bridge)} & set(PORTS))
    measured = f"{'aborted' if aborted else 'carried out'}, {', '.join(left) or 'nothing'} left"
    return clause("O2").judged("a transaction that aborts", aborted and not left, "aborted, nothing left", measured)


async def _monitor(client: OvsdbClient) -> Any:
    async with client.monitor({"Open_vSwitch": ["cur_cfg"]}) as updates:
        return await anext(updates)


async def _answered(method: str, answer: Awaitable[Any], expected: Any = None) -> Check:
    try:
        told = await answer
    except UcpeError as error:
        return clause("O3").judged(method, False, "answered", error.message)
    return clause("O3").judged(method, bool(told) and expected in (None, told), "answered", str(told)[:60])


async def _bridge(client: OvsdbClient, box: Box) -> list[Check]:
    where = [["name", "==", box.ucpe.bridge]]
    columns = ["fail_mode", "other_config"]
    query = {"op": "select", "table": "Bridge", "where": where, "columns": columns}
    (answer,) = await client.transact([query])
    ports = {
        port.name: port.ofport for port in await bridge_ports(client, box.ucpe.bridge)
    }  # raises without the bridge
    row = answer["rows"][0]
    fixed = dict(row["other_config"][1]).get("datapath-id")
    return [
        clause("O4").judged("fail mode", row["fail_mode"] == "secure", "secure", str(row["fail_mode"])),
        clause("O4").judged("datapath id", bool(fixed), "other_config:datapath-id is set", fixed or "not set"),
        *(
            clause("O5").judged(f"port {name}", bool(ports.get(name)), "numbered", _number(ports, name))
            for name in box.enrolled_ports
        ),
    ]


def _number(ports: Mapping[str, int | None], name: str) -> str:
    return str(ports[name] or "without a number") if name in ports else "not on the bridge"
