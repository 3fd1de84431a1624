"""OVSDB rows and packet traces of Open vSwitch, as values: pure functions from its text and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INTERFACE_COLUMNS = (
    "name",
    "type",
    "ofport",
    "external_ids",
    "mac_in_use",
    "mtu_request",
    "options",
    "error",
    "status",
)
_MATCHED = re.compile(r"^\s*(\d+)\. (.*)$")
_ACTIONS = re.compile(r"^Datapath actions: (.*)$", re.MULTILINE)

_CALL = re.compile(r"\w+\([^()]*\)")  # an action with arguments, innermost first
_NO_PORTS = {"drop", "pop_vlan", "ct_clear", "dec_ttl"}


@dataclass(frozen=True)
class Port:
    """One OVS interface; what it is to a service comes from its external ids, "" or None without them.

    *number* is its OpenFlow port number, -1 while the device is missing; *error* says why. *driver* is the device's.
    """

    name: str
    type: str
    number: int
    mac: str
    mtu_request: int | None
    external_ids: Mapping[str, str]
    options: Mapping[str, str]
    error: str
    driver: str = ""

    @property
    def service(self) -> str:
        """Return the id of the service that the port belongs to."""
        return self.external_ids.get("lso:service", "")

    @property
    def vnf(self) -> str:
        """Return the name of the VNF in its template."""
        return self.external_ids.get("lso:vnf", "")

    @property
    def kind(self) -> str:
        """Return the VNF's kind: firewall, statistics, ipsec …"""
        return self.external_ids.get("lso:kind", "")

    @property
    def role(self) -> str:
        """Return the port's role at its VNF: lan or wan."""
        return self.external_ids.get("lso:role", "")

    @property
    def position(self) -> int | None:
        """Return the VNF's place in the chain, counted from 0 at the LAN."""
        text = self.external_ids.get("lso:position", "")
        return int(text) if text.isdecimal() else None


@dataclass(frozen=True)
class Trace:
    """What the switch would do with a packet: the rules that match in order, its final actions, the full text.

    *ports* are the ports it leaves by, empty when it is dropped.
    """

    rules: tuple[str, ...]
    actions: str
    ports: tuple[str, ...]
    text: str


def parse_ports(table: str) -> list[Port]:
    """Return the ports in ``ovs-vsctl --format=json list Interface``'s output with :data:`INTERFACE_COLUMNS`."""
    document = json.loads(table)
    rows = [dict(zip(document["headings"], map(plain, row), strict=True)) for row in document["data"]]
    return sorted((_port(row) for row in rows), key=lambda port: port.name)


def plain(value: Any) -> Any:
    """Return an OVSDB value (RFC 7047, 5.1) in Python's own types; an empty set is None, a set of one its element."""
    if not isinstance(value, list):
        return value
    tag, content = value
    if tag == "map":
        return {plain(key): plain(entry) for key, entry in content}
    if tag == "set":
        items = [plain(item) for item in content]
        return None if not items else items[0] if len(items) == 1 else items
    return content


def parse_trace(text: str) -> Trace:
    """Return the result of ``ovs-appctl ofproto/trace --names``."""
    rules = tuple(found[2].strip() for line in text.splitlines() if (found := _MATCHED.match(line)))
    final = _ACTIONS.findall(text)
    actions = final[-1].strip() if final else ""
    flat = actions
    while (shorter := _CALL.sub("", flat)) != flat:
        flat = shorter
    words = (word.strip().strip('"') for word in flat.split(","))
    ports = tuple(word for word in words if word and word not in _NO_PORTS)
    return Trace(rules, actions, ports, text)


def _port(row: Mapping[str, Any]) -> Port:
    return Port(
        name=row["name"],
        type=row["type"],
        number=-1 if row["ofport"] is None else int(row["ofport"]),
        mac=row["mac_in_use"] or "",
        mtu_request=row["mtu_request"],
        external_ids=row["external_ids"],
        options=row["options"],
        error=row["error"] or "",
        driver=(row["status"] or {}).get("driver_name", ""),
    )
