"""Ports of a uCPE's bridge through OVSDB: internal ports with marks of their owner, added and removed as one change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.model import UcpeRefused
from orchestrator.southbound.ovsdb import Operation, OvsdbClient, Updates
from orchestrator.southbound.reconnect import on_connection

SWITCH_SECONDS = 5.0
"""ovs-vswitchd takes up a change within milliseconds; past this it does not run."""

SERVICE = "lso:service"
"""Key of the external id that holds the service's UUID."""

Rows = dict[str, dict[str, Any]]
"""Row UUID → columns, as far as a monitor has told."""


@dataclass(frozen=True, slots=True)
class InternalPort:
    """An OVS internal port to add: interface name (at most 15 characters), MTU in bytes, marks of its owner."""

    name: str
    mtu: int
    external_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BridgePort:
    """A port as the switch has it; `ofport` is None until the switch numbered it. `id` is the Port row's UUID."""

    id: str
    name: str
    type: str
    ofport: int | None
    mac: str | None
    mtu: int | None
    mtu_request: int | None
    external_ids: Mapping[str, str]
    error: str | None = None


def add_operations(bridge: str, ports: Iterable[InternalPort]) -> list[Operation]:
    """One transaction that adds all ports; it fails when the bridge is missing or a name is taken."""
    inserts: list[Operation] = []
    names = []
    for index, port in enumerate(ports):
        interface = {
            "name": port.name,
            "type": "internal",
            "mtu_request": port.mtu,
            "external_ids": ["map", sorted(port.external_ids.items())],
        }
        marks = {"name": port.name, "interfaces": ["named-uuid", f"interface{index}"]}
        inserts.append({"op": "insert", "table": "Interface", "uuid-name": f"interface{index}", "row": interface})
        inserts.append({"op": "insert", "table": "Port", "uuid-name": f"port{index}", "row": marks})
        names.append(["named-uuid", f"port{index}"])
    return [_exists("Bridge", bridge), *inserts, _change_ports(bridge, "insert", names), *_NEXT_CONFIGURATION]


def remove_operations(bridge: str, ports: Iterable[BridgePort]) -> list[Operation]:
    """One transaction that takes the ports off the bridge; OVSDB then collects their unreferenced rows."""
    return [_change_ports(bridge, "delete", [["uuid", port.id] for port in ports]), *_NEXT_CONFIGURATION]


def change_operations(ports: Iterable[InternalPort]) -> list[Operation]:
    """One transaction that sets MTU and external ids; it fails when a port is missing."""
    operations: list[Operation] = []
    for port in ports:
        where = [["name", "==", port.name]]
        row = {"mtu_request": port.mtu, "external_ids": ["map", sorted(port.external_ids.items())]}
        operations.append(_exists("Interface", port.name))
        operations.append({"op": "update", "table": "Interface", "where": where, "row": row})
    return [*operations, *_NEXT_CONFIGURATION]


def _exists(table: str, name: str) -> Operation:
    """To change no row is no error in OVSDB, so the existence of the row must be demanded."""
    row = {"op": "wait", "table": table, "where": [["name", "==", name]], "columns": ["name"]}
    return {**row, "until": "==", "rows": [{"name": name}], "timeout": 0}


def _change_ports(bridge: str, mutator: str, ports: Sequence[Any]) -> Operation:
    mutations = [["ports", mutator, ["set", list(ports)]]]
    return {"op": "mutate", "table": "Bridge", "where": [["name", "==", bridge]], "mutations": mutations}


Connection = Callable[[], Awaitable[OvsdbClient]]
"""Gives the OVSDB connection, made anew when it was lost."""


class PortTable:
    """The bridge's ports of one uCPE. What a lost connection interrupts is done again on a new one."""

    def __init__(self, connection: Connection, bridge: str) -> None:
        self._connection = connection
        self._bridge = bridge

    async def list(self) -> tuple[BridgePort, ...]:
        """All ports of the bridge; UcpeRefused when there is no such bridge."""
        return await on_connection(self._connection, lambda client: bridge_ports(client, self._bridge))

    async def add(self, ports: Sequence[InternalPort]) -> None:
        """Add the ports in one transaction and wait until the switch has made and numbered them.

        Raises UcpeRefused when a name is taken or the switch cannot make a port; nothing is left then.
        """

        async def work(client: OvsdbClient) -> None:
            try:
                answer = await client.transact(add_operations(self._bridge, ports))
            except UcpeRefused:
                raise  # nothing was made: a port that has the name is another's
            except BaseException:  # a transaction that was not answered may have been carried out
                await self._withdraw(ports)
                raise
            try:
                _check_made(client, await _settled(client, answer), {port.name for port in ports})
            except BaseException:
                await self._withdraw(ports)
                raise

        if ports:
            await on_connection(self._connection, work)

    async def _withdraw(self, ports: Sequence[InternalPort]) -> None:
        marks = {port.name: dict(port.external_ids) for port in ports}
        await self.remove([port for port in await self.list() if port.external_ids == marks.get(port.name)])

    async def change(self, ports: Sequence[InternalPort]) -> None:
        """Set MTU and external ids of ports that exist, and wait until the switch has taken them up."""
        if ports:
            await self._transact(change_operations(ports))

    async def remove(self, ports: Sequence[BridgePort]) -> None:
        """Take the ports off the bridge in one transaction and wait until the switch has let them go."""
        if ports:
            await self._transact(remove_operations(self._bridge, ports))

    async def _transact(self, operations: Sequence[Operation]) -> None:
        """A transaction that may be repeated."""

        async def work(client: OvsdbClient) -> None:
            await _settled(client, await client.transact(operations))

        await on_connection(self._connection, work)


async def bridge_ports(client: OvsdbClient, bridge: str) -> tuple[BridgePort, ...]:
    """As `PortTable.list`, on one connection."""
    where = [["name", "==", bridge]]
    bridges, ports, interfaces = await client.transact(
        [
            {"op": "select", "table": "Bridge", "where": where, "columns": ["ports"]},
            {"op": "select", "table": "Port", "where": [], "columns": ["_uuid", "interfaces"]},
            {"op": "select", "table": "Interface", "where": [], "columns": ["_uuid", *_COLUMNS]},
        ]
    )
    if not bridges["rows"]:
        raise _refused(client, f"there is no bridge '{bridge}'; check the inventory's bridge")
    mine = set(_references(bridges["rows"][0]["ports"]))
    owner = {
        interface: port["_uuid"][1]
        for port in ports["rows"]
        if port["_uuid"][1] in mine
        for interface in _references(port["interfaces"])
    }
    rows = [(row["_uuid"][1], row) for row in interfaces["rows"]]
    return tuple(bridge_port(owner[uuid], row) for uuid, row in rows if uuid in owner)


async def _settled(client: OvsdbClient, results: Sequence[Mapping[str, Any]]) -> Rows:
    """Wait until ovs-vswitchd has taken up a transaction's configuration number; the Interface rows at that time."""
    configuration = results[-1]["rows"][0]["next_cfg"]
    tables = {"Open_vSwitch": ["cur_cfg"], "Interface": ["name", "ofport", "error"]}
    rows: dict[str, Rows] = {table: {} for table in tables}
    try:
        async with asyncio.timeout(SWITCH_SECONDS), client.monitor(tables) as updates:
            async for update in updates:
                _merge(rows, update)
                if any(row["cur_cfg"] >= configuration for row in rows["Open_vSwitch"].values()):
                    break
    except TimeoutError:
        problem = f"the switch did not take up the change within {SWITCH_SECONDS:g} s; does ovs-vswitchd run?"
        raise client.endpoint.unreachable(problem) from None
    return rows["Interface"]


def _refused(client: OvsdbClient, problem: str) -> UcpeRefused:
    return UcpeRefused(client.endpoint.ucpe, "ovsdb", problem)


def bridge_port(port_id: str, row: Mapping[str, Any]) -> BridgePort:
    """From an Interface row; -1 is how the switch numbers a port that it cannot make."""
    ofport = _optional(row["ofport"])
    return BridgePort(
        id=port_id,
        name=row["name"],
        type=row["type"],
        ofport=ofport if ofport is not None and ofport > 0 else None,
        mac=_optional(row["mac_in_use"]),
        mtu=_optional(row["mtu"]),
        mtu_request=_optional(row["mtu_request"]),
        external_ids=dict(row["external_ids"][1]),
        error=_optional(row["error"]),
    )


def _check_made(client: OvsdbClient, rows: Rows, names: set[str]) -> None:
    for row in rows.values():
        if row["name"] in names and (_optional(row["ofport"]) or -1) < 0:
            problem = _optional(row["error"]) or "the switch gave it no number"
            raise _refused(client, f"port '{row['name']}' cannot be made: {problem}")


def _merge(rows: dict[str, Rows], update: Updates) -> None:
    for table, changes in update.items():
        for uuid, change in changes.items():
            if change.get("new") is None:
                rows[table].pop(uuid, None)
            else:
                rows[table].setdefault(uuid, {}).update(change["new"])


def _references(value: Any) -> list[str]:
    """Row UUIDs out of a column that holds one or a set (RFC 7047, 5.1)."""
    items = value[1] if value[0] == "set" else [value]
    return [item[1] for item in items]


def _optional(value: Any) -> Any:
    """A column of at most one value: the empty set is None."""
    return None if isinstance(value, list) and value[0] == "set" else value


_COLUMNS = ("name", "type", "ofport", "mac_in_use", "mtu", "mtu_request", "external_ids", "error")
_NEXT_CONFIGURATION: tuple[Operation, ...] = (
    {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]},
    {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]},
)
