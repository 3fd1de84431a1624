"""Rows of an Open vSwitch database, as things with names."""

from __future__ import annotations

from typing import Any

from testbed.ucpe_view.snapshot.database import rows


def _reference(table: str, *, weak: bool = False) -> dict[str, Any]:
    kind = {"type": "uuid", "refTable": table, **({"refType": "weak"} if weak else {})}
    return {"type": {"key": kind, "min": 0, "max": "unlimited"}}


def _numbered(table: str) -> dict[str, Any]:
    value = {"type": "uuid", "refTable": table}
    return {"type": {"key": "integer", "value": value, "min": 0, "max": "unlimited"}}


PLAIN = {"type": "string"}
SCHEMA = {
    "Open_vSwitch": {"columns": {"bridges": _reference("Bridge"), "cur_cfg": PLAIN, "ovs_version": PLAIN}},
    "Bridge": {"columns": {"name": PLAIN, "ports": _reference("Port"), "mirrors": _reference("Mirror")}},
    "Port": {"columns": {"name": PLAIN, "tag": PLAIN, "statistics": PLAIN, "qos": _reference("QoS")}},
    "Mirror": {"columns": {"name": PLAIN, "output_port": _reference("Port", weak=True)}},
    "QoS": {"columns": {"type": PLAIN, "queues": _numbered("Queue")}},
    "Queue": {"columns": {"dscp": PLAIN}},
    "Controller": {"columns": {"target": PLAIN, "is_connected": PLAIN}},
    "Flow_Table": {"columns": {"name": PLAIN}},
}


def _row(uuid: str, **columns: Any) -> dict[str, Any]:
    return {"_uuid": ["uuid", uuid], "_version": ["uuid", f"version of {uuid}"], **columns}


def _set(*uuids: str) -> list[Any]:
    return ["set", [["uuid", uuid] for uuid in uuids]]


def test_every_row_is_named_by_what_it_is_and_where_it_is() -> None:
    tables = {
        "Open_vSwitch": [_row("r", bridges=["uuid", "b"], cur_cfg=7, ovs_version="3.1.0")],
        "Bridge": [_row("b", name="br", ports=_set("p", "q"), mirrors=["uuid", "m"])],
        "Port": [
            _row("p", name="lan0", tag=100, statistics=["map", [["n", 1]]], qos=["uuid", "s"]),
            _row("q", name="wan0", tag=["set", []], statistics=["map", []], qos=["set", []]),
        ],
        "Mirror": [_row("m", name="m0", output_port=["uuid", "p"])],
        "QoS": [_row("s", type="linux-htb", queues=["map", [[0, ["uuid", "u"]]]])],
        "Queue": [_row("u", dscp=["set", []]), _row("v", dscp=46), _row("w", dscp=["set", []])],
        "Controller": [
            _row("c", target="tcp:192.0.2.1:6653", is_connected=False),
            _row("d", target="pssl:6653", is_connected=True),
        ],
        "Flow_Table": [_row("f", name="")],
    }
    assert rows(SCHEMA, tables) == {
        "Open vSwitch": {"ovs_version": "3.1.0"},
        "OVS bridge br": {"name": "br"},
        "OVS port lan0 on br": {"name": "lan0", "tag": 100},
        "OVS port wan0 on br": {"name": "wan0"},
        "OVS mirror m0 on br": {"name": "m0", "output_port": "lan0"},
        "OVS QoS linux-htb on lan0": {"type": "linux-htb"},
        "OVS queue on linux-htb 0": {},
        "OVS queue 46": {"dscp": 46},
        "OVS queue": {},
        "OVS controller tcp:192.0.2.1:6653": {"target": "tcp:192.0.2.1:6653", "is_connected": False},
        "OVS controller pssl:6653": {"target": "pssl:6653"},
        "OVS flow table": {},
    }
