"""Every table of a uCPE's Open vSwitch database (RFC 7047), read at its socket: no program runs inside for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from testbed.host.process import Process
from testbed.ucpe_view.snapshot.json_rpc import Connection
from testbed.ucpe_view.snapshot.model import Part, part
from testbed.ucpe_view.switch import plain

DATABASE = "Open_vSwitch"
SOCKET = "run/openvswitch/db.sock"

NOT_COMPARED = {
    "statistics": "counters, of all tables",
    "Open_vSwitch.cur_cfg": "counts the transactions that the switch has carried out",
    "Open_vSwitch.next_cfg": "counts the transactions",
    "Interface.link_resets": "a counter",
    "Interface.link_state": "compared as the carrier of the interface, which the kernel has",
    "Interface.admin_state": "compared as the state of the interface, which the kernel has",
    "Interface.cfm_flap_count": "a counter",
    "Port.rstp_statistics": "counters, and the age of what was heard last",
    "Controller.status": "seconds since the controller came, and its last error",
    "Manager.status": "seconds since the manager came, and how many there are",
}
"""Columns that move by themselves, and why. Of a passive controller or manager, who connects is not compared either."""

PASSIVE = ("ptcp:", "pssl:", "punix:")
NAMED_BY = ("name", "target", "targets", "type", "id", "system_name", "dscp")

_OWN_SPELLING = re.compile("[a-z][A-Z]|[A-Z]{2}")

Row = Mapping[str, Any]


def read(process: Process) -> Part:
    """Return the rows of all tables, each named by its table, its name and what refers to it."""
    with Connection(process, SOCKET, "OVSDB server") as connection:
        schema = connection.call("get_schema", [DATABASE])["tables"]
        queries = [{"op": "select", "table": table, "where": []} for table in schema]
        results = connection.call("transact", [DATABASE, *queries])
    return rows(schema, {table: result["rows"] for table, result in zip(schema, results, strict=True)})


def rows(schema: Mapping[str, Any], tables: Mapping[str, Sequence[Row]]) -> Part:
    """Return the *tables* of a database with *schema* as a part; ``_uuid`` and what refers to it become names."""
    named = {_uuid(row): _name(row) for found in tables.values() for row in found}
    strong = {table: dict(_references(schema[table])) for table in tables}
    places = _places(tables, strong, named)
    return part(_row(table, row, strong[table], named, places) for table, found in tables.items() for row in found)


def _row(
    table: str, row: Row, strong: Mapping[str, bool], named: Mapping[str, str], places: Mapping[str, list[str]]
) -> tuple[str, dict[str, Any]]:
    details = {}
    for column, value in row.items():
        if column.startswith("_") or strong.get(column) or not _compared(table, column, row):
            continue
        shown = _shown(plain(value), named if column in strong else {})
        if shown not in (None, "", {}, []):
            details[column] = shown
    name = named[_uuid(row)]
    place = ", ".join(sorted(places.get(_uuid(row), ())))
    title = "Open vSwitch" if table == DATABASE else " ".join(filter(None, ("OVS", _word(table), name)))
    return f"{title} on {place}" if place and place != name else title, details


def _references(table: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each column that refers to rows, and whether these live by it alone: their own names tell it then."""
    for column, definition in table["columns"].items():
        kind = definition["type"]
        bases = [kind.get("key"), kind.get("value")] if isinstance(kind, dict) else []
        kinds = [base.get("refType", "strong") for base in bases if isinstance(base, dict) and "refTable" in base]
        if kinds:
            yield column, "strong" in kinds


def _places(
    tables: Mapping[str, Sequence[Row]], strong: Mapping[str, Mapping[str, bool]], named: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return for each row what refers to it."""
    places: dict[str, list[str]] = {}
    for table, found in tables.items():
        for row in found:
            owner = named[_uuid(row)] or ("" if table == DATABASE else _word(table))
            for column in (column for column, lives in strong[table].items() if lives):
                for key, target in _targets(plain(row[column])):
                    places.setdefault(target, []).append(" ".join(filter(None, (owner, key))))
    return {target: [place for place in found if place] for target, found in places.items()}


def _targets(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from ((str(key), target) for key, target in value.items())
    elif value is not None:
        yield from (("", target) for target in (value if isinstance(value, list) else [value]))


def _compared(table: str, column: str, row: Row) -> bool:
    if column in NOT_COMPARED or f"{table}.{column}" in NOT_COMPARED:
        return False
    return not (column in ("is_connected", "role") and str(row.get("target")).startswith(PASSIVE))


def _shown(value: Any, named: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {str(key): _shown(entry, named) for key, entry in sorted(value.items(), key=str)}
    if isinstance(value, list):
        return sorted((_shown(entry, named) for entry in value), key=str)
    return named.get(value, value) if isinstance(value, str) else value


def _name(row: Row) -> str:
    for column in NAMED_BY:
        if column in row and (name := plain(row[column])) not in (None, ""):
            return " ".join(map(str, name)) if isinstance(name, list) else str(name)
    return ""


def _word(table: str) -> str:
    """Return what people call a row of *table*: a flow table; NetFlow, QoS and IPFIX stay as they are."""
    words = table.replace("_", " ")
    return words if _OWN_SPELLING.search(table) else words.lower()


def _uuid(row: Row) -> str:
    return str(plain(row["_uuid"]))
