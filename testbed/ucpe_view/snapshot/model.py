"""A snapshot as plain values: what there is, named in words, with details; it goes to JSON and comes back equal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Details = dict[str, Any]
Part = dict[str, Details]
"""Details of each thing by its name in words, such as ``OVS mirror m0 on br-ucpe``."""
Snapshot = dict[str, Part]
"""Each part of a uCPE by its title."""


def part(items: Iterable[tuple[str, Mapping[str, Any]]]) -> Part:
    """Return *items* as a part in order of their names; equal names are told apart by a number behind the first."""
    found: Part = {}
    numbers: dict[str, int] = {}
    for name, details in sorted(items, key=lambda item: (item[0], json.dumps(item[1], sort_keys=True))):
        number = numbers.get(name, 1)
        title = name if number == 1 else f"{name} ({number})"
        while title in found:
            number += 1
            title = f"{name} ({number})"
        numbers[name] = number
        found[title] = dict(details)
    return found


def names(texts: Iterable[str]) -> Part:
    """Return a part of things that have no details."""
    return part((text, {}) for text in texts)
