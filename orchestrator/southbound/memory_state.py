"""The state of uCPEs in memory, and its file: one line for each change, appended before the change is answered."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from orchestrator.inventory import Inventory
from orchestrator.southbound.docker import ContainerEntry, NetworkEntry
from orchestrator.southbound.memory_tunnels import Tunnels, tunnels_of
from orchestrator.southbound.ports import BridgePort
from orchestrator.southbound.rules import Rule

_ZERO = {"packets": 0, "bytes": 0}
_NOTHING_SEEN: Mapping[str, Mapping[str, Any]] = {
    "firewall": {
        "engine": {},
        "rules": [],
        "established": _ZERO,
        "default": _ZERO,
        "connections": 0,
        "timeouts": {key: [] for key in ("tcp_opening", "tcp_established", "tcp_closing", "udp", "udp_stream", "icmp")},
    },
    "statistics": {
        "engine": {},
        "directions": {"lan-to-wan": _ZERO, "wan-to-lan": _ZERO},
        "protocols": [],
        "flows": [],
        "untracked": _ZERO,
        "lost": 0,
        "export": None,
    },
    "ipsec": {"engine": {"esp": "kernel"}, "peers": []},
}


@dataclass(frozen=True, slots=True)
class Vnf:
    """A container, the digest of the intent that its VNF has, and the tunnels of a gateway; the intent itself may hold
    keys, which are not kept.
    """

    entry: ContainerEntry
    intent_sha256: str | None
    tunnels: Tunnels | None = None

    def status(self) -> Mapping[str, Any]:
        """Its status by the VNF contract: of a VNF that has seen no packet, and reaches every peer at once."""
        kind = self.entry.labels.get("lso.kind", "")
        return {
            "contract": "1",
            "kind": kind,
            "name": None,
            "ready": self.intent_sha256 is not None,
            "intent_sha256": self.intent_sha256,
            "vendor": "none",
            "version": "none",
            **_NOTHING_SEEN.get(kind, {"engine": {}}),
            **({"peers": self.tunnels.status()} if self.tunnels else {}),
        }

    def in_state(self, state: str) -> Vnf:
        """A copy in another state."""
        return replace(self, entry=replace(self.entry, state=state))

    def with_intent(self, intent: bytes) -> Vnf:
        """A copy with another intent."""
        ipsec = self.entry.labels.get("lso.kind") == "ipsec"
        return replace(self, intent_sha256=sha256(intent).hexdigest(), tunnels=tunnels_of(intent) if ipsec else None)


@dataclass(frozen=True, slots=True)
class Delta:
    """Rows of one uCPE that were written (None: removed); `rules` are all of them, where they changed."""

    ucpe: str
    ports: Mapping[str, BridgePort | None] = field(default_factory=dict)
    networks: Mapping[str, NetworkEntry | None] = field(default_factory=dict)
    vnfs: Mapping[str, Vnf | None] = field(default_factory=dict)
    rules: tuple[Rule, ...] | None = None


_DELTA = TypeAdapter(Delta)


class UcpeState:
    """What one uCPE has, by name."""

    def __init__(self, ucpe: str, ports: Iterable[str], journal: Journal | None) -> None:
        self.ucpe = ucpe
        self.ports = {name: BridgePort(name, name, "", n, None, 1500, None, {}) for n, name in enumerate(ports, 1)}
        self.networks: dict[str, NetworkEntry] = {}
        self.vnfs: dict[str, Vnf] = {}
        self.rules: tuple[Rule, ...] = ()
        self._journal = journal

    def keep(
        self,
        *,
        ports: Mapping[str, BridgePort | None] | None = None,
        networks: Mapping[str, NetworkEntry | None] | None = None,
        vnfs: Mapping[str, Vnf | None] | None = None,
    ) -> None:
        """Write or remove rows."""
        self._do(Delta(self.ucpe, ports or {}, networks or {}, vnfs or {}))

    def set_rules(self, rules: Iterable[Rule]) -> None:
        """Replace all rules."""
        self._do(Delta(self.ucpe, rules=tuple(rules)))

    def apply(self, delta: Delta) -> None:
        """Take a change over without telling the file."""
        for table, rows in ((self.ports, delta.ports), (self.networks, delta.networks), (self.vnfs, delta.vnfs)):
            _merge(table, rows)
        if delta.rules is not None:
            self.rules = delta.rules

    def _do(self, delta: Delta) -> None:
        if self._journal:
            self._journal.append(delta)
        self.apply(delta)


class Journal:
    """The file. Written without fsync: it outlives the process, which is what it is for, not the machine."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def append(self, delta: Delta) -> None:
        """One line in one write, so that a killed process leaves all of it or nothing."""
        os.write(self._file, _DELTA.dump_json(delta) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class UcpeStates:
    """The states of an inventory's uCPEs, each made when it is first asked for."""

    def __init__(self, inventory: Inventory, file: Path | None) -> None:
        self._ports = {ucpe.id: [wan.port for wan in ucpe.wan] for ucpe in inventory.ucpes}
        for uni in inventory.unis:
            self._ports[uni.ucpe].append(uni.port)
        self._states: dict[str, UcpeState] = {}
        self._journal: Journal | None = None
        if file:
            self._journal = Journal(file)
            for line in file.read_bytes().splitlines():
                delta = _DELTA.validate_json(line)
                self.state(delta.ucpe).apply(delta)

    def state(self, ucpe: str) -> UcpeState:
        """What that uCPE has."""
        if ucpe not in self._states:
            self._states[ucpe] = UcpeState(ucpe, self._ports[ucpe], self._journal)
        return self._states[ucpe]

    def close(self) -> None:
        """Close the file."""
        if self._journal:
            self._journal.close()


def _merge(table: dict[str, Any], rows: Mapping[str, Any]) -> None:
    for name, row in rows.items():
        if row is None:
            table.pop(name, None)
        else:
            table[name] = row
