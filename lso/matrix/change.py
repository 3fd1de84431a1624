"""Parts of a document changed, by mappings that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from common.findings import Path as Path_


def changed(value: Any, change: Any) -> Any:
    """Return *value* with *change*: a mapping changes the members that it names, and of a list of items with an ``id``
    those that it names; ``None`` takes one away. What is no mapping takes the value's place."""
    if not isinstance(change, Mapping):
        return change
    if _listed(value):
        known = {str(item["id"]): item for item in value}
        return list(_without(known, change).values())
    return _without(value if isinstance(value, Mapping) else {}, change)


def _without(members: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    new = {name: changed(members.get(name), part) for name, part in change.items()}
    return {name: part for name, part in {**members, **new}.items() if name not in new or new[name] is not None}


def unknown_items(value: Any, change: Any, place: Path_ = ()) -> Iterator[tuple[Path_, str, list[str]]]:
    """Yield place and name of each item that *change* names in a list which has none with that id, and those it has."""
    if not isinstance(change, Mapping):
        return
    if _listed(value):
        known = {str(item["id"]): item for item in value}
        yield from (((*place, name), name, list(known)) for name in change if name not in known)
        value = known
    for name, part in change.items():
        inner = value.get(name) if isinstance(value, Mapping) else None
        yield from unknown_items(inner, part, (*place, name))


def _listed(value: Any) -> bool:
    """Tell whether *value* is a list whose items have ids."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "id" in item for item in value)
