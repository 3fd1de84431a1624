from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.ownership import reap, resources
from testbed.ownership.owner import Owner
from testbed.ownership.reap import ReapError
from testbed.ownership.resources import OwnedResource

SOURCES = ("containers", "processes", "bridges", "interfaces", "rules", "namespaces", "volumes", "networks")


def of(*found: OwnedResource) -> Callable[[], Iterator[OwnedResource]]:
    return lambda: iter(found)


def fails(fault: Exception) -> Callable[[], None]:
    def remove() -> None:
        raise fault

    return remove


def test_what_cannot_be_removed_is_told_in_words_and_all_else_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    for source in SOURCES:
        monkeypatch.setattr(resources, source, of())
    busy, gone = OSError(16, "Device or resource busy"), PermissionError(13, "Permission denied", "/run/netns/a")
    monkeypatch.setattr(resources, "interfaces", of(OwnedResource("interface", "a0", "lab-1", fails(busy))))
    monkeypatch.setattr(resources, "namespaces", of(OwnedResource("namespace", "a", "lab-1", fails(gone))))
    last = OwnedResource("network", "b", "lab-1", lambda: removed.append("b"))
    other = OwnedResource("network", "c", "lab-2", lambda: removed.append("c"))
    monkeypatch.setattr(resources, "networks", of(last, other))
    owner: Any = SimpleNamespace(lab="lab-1")
    with pytest.raises(ReapError) as caught:
        reap.remove(cast(Owner, owner))
    assert str(caught.value) == "lab lab-1: Device or resource busy, /run/netns/a: Permission denied"
    assert removed == ["b"]
