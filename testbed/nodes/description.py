"""The file ``lab.json`` in a lab's folder: its nodes and engines, for processes that attach to a running lab."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed import pki
from testbed.nodes.node import Node

FILE = "lab.json"


@dataclass(frozen=True)
class Description:
    """The *nodes* of a lab; the *engines* of its uCPEs, none in a network that has no uCPEs."""

    nodes: tuple[Node, ...]
    engines: Mapping[str, str]


def write(folder: Path, nodes: Iterable[Node], engines: Mapping[str, str], inventory: Path | None) -> None:
    """Write the description of the lab in *folder*, atomically: readers see the one before, or this one."""
    document = {
        "id": folder.name,
        "engines": dict(engines),
        "inventory": str(inventory) if inventory else None,
        "nodes": [node.described() for node in nodes],
    }
    fresh = folder / f"{FILE}.new"
    pki.write_private(fresh, json.dumps(document, indent=2).encode())
    fresh.rename(folder / FILE)


def read(folder: Path) -> Description:
    """Return what :func:`write` wrote; raise ``FileNotFoundError`` when the lab is not up yet, or has been removed."""
    document = json.loads((folder / FILE).read_text())
    return Description(tuple(Node.of(folder.name, node) for node in document["nodes"]), document["engines"])
