"""Small networks of namespaces for the tests of probes: no Docker, no switch, gone after each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.host import netns
from testbed.host.namespace import Namespace
from testbed.polling import poll
from testbed.traffic import ping


@dataclass(frozen=True)
class Host:
    """A namespace with one interface and address."""

    namespace: Namespace
    interface: str
    address: str


@dataclass(frozen=True)
class Segment:
    """Hosts a and b behind the ports ``to-a`` and ``to-b`` of the bridge ``net`` in the namespace *middle*."""

    a: Host
    b: Host
    middle: Namespace
    folder: Path


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: sockets live in it."""
    path = Path(tempfile.mkdtemp(prefix="lso-test-", dir="/run"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def segment(folder: Path) -> Iterator[Segment]:
    """Two hosts on one bridged segment."""
    paths = {name: folder / f"ns-{name}" for name in ("a", "b", "middle")}
    try:
        for path in paths.values():
            netns.make(path)
        yield _build(folder, paths)
    finally:
        for path in paths.values():
            netns.remove(path)


def _build(folder: Path, paths: dict[str, Path]) -> Segment:
    middle = Namespace(str(paths["middle"]))
    _ip(middle, "link add net type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "link set dev net up")
    a, b = (Host(Namespace(str(paths[name])), "eth0", f"192.0.2.{number}") for number, name in enumerate("ab", 1))
    for name, host in (("a", a), ("b", b)):
        _ip(
            middle,
            f"link add to-{name} type veth peer name eth0 netns {host.namespace.path}",
            f"link set dev to-{name} master net up",
        )
        _ip(host.namespace, "link set dev lo up", f"addr add {host.address}/24 dev eth0", "link set dev eth0 up")
    # A bridge forwards to a new port only when the kernel has noticed its carrier, which may take a moment.
    assert poll(lambda: ping(a.namespace, b.address, count=1, wait=0.1).received, 5)
    return Segment(a, b, middle, folder)


def _ip(namespace: Namespace, *lines: str) -> None:
    namespace.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n")
