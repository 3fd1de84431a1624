"""Find what carries the mark of a lab, wherever on this machine it is. Looks only."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from docker.errors import APIError, NotFound

from testbed.host import netns
from testbed.host.engine import engine
from testbed.host.termination import end_all
from testbed.labels import ALIAS, BRIDGE_KEY, BRIDGE_MAKER, KEPT_LABEL, LAB_VARIABLE, LABEL, MAKER_LABEL
from testbed.ownership import lease

CONFLICT = 409


@dataclass(frozen=True)
class Thing:
    """One thing that a lab made: its *kind* (``container``, ``process`` …), its name or number, its lab's id."""

    kind: str
    name: str
    lab: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of lab {self.lab}"


@dataclass(frozen=True)
class Marked(Thing):
    """A thing found by its mark. ``remove`` removes it and is content when it is gone already."""

    remove: Callable[[], None]
    maker: str = ""  # who made it (``testbed.ownership.creator``), where those see it who do not see the lab's folder
    kept: bool = False  # it says that its lab shall outlive its maker

    def plain(self) -> Thing:
        """Return it as a mere value."""
        return Thing(self.kind, self.name, self.lab)


def containers() -> Iterator[Marked]:
    """Yield containers; removing one removes its anonymous volumes."""
    api = engine().api
    for found in api.containers(all=True, filters={"label": LABEL}):
        remove = partial(gone, partial(api.remove_container, found["Id"], force=True, v=True))
        labels = found["Labels"]
        yield Marked("container", found["Names"][0].lstrip("/"), labels[LABEL], remove, labels.get(MAKER_LABEL, ""))


def volumes() -> Iterator[Marked]:
    """Yield Docker volumes."""
    for found in engine().volumes.list(filters={"label": LABEL}):
        labels = found.attrs["Labels"]
        maker, kept = labels.get(MAKER_LABEL, ""), KEPT_LABEL in labels
        yield Marked("volume", str(found.name), labels[LABEL], partial(gone, found.remove), maker, kept)


def networks() -> Iterator[Marked]:
    """Yield Docker networks."""
    for found in engine().networks.list(filters={"label": LABEL}):
        labels = found.attrs["Labels"]
        remove = partial(gone, found.remove)
        yield Marked("network", str(found.name), labels[LABEL], remove, labels.get(MAKER_LABEL, ""))


def namespaces() -> Iterator[Marked]:
    """Yield network namespaces in the folders of labs."""
    for folder in lease.folders():
        for path in sorted(path for path in (folder / "ns").rglob("*") if not path.is_dir()):
            yield Marked("namespace", str(path), folder.name, partial(netns.remove, path))


def processes() -> Iterator[Marked]:
    """Yield processes with the mark in their environment, and those that live in a lab's namespace.

    Those inside containers are left out: they end with their container.
    """
    here = netns.identity("/proc/self/ns/pid")
    homes = {netns.identity(found.name): found.lab for found in namespaces()}
    homes.pop(netns.identity("/proc/self/ns/net"), None)  # never our own, whatever a path says
    homes.pop(None, None)
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        if netns.identity(f"{entry.path}/ns/pid") == here:
            lab = mark_of(entry.path) or homes.get(netns.identity(f"{entry.path}/ns/net"))
            if lab:
                yield Marked("process", entry.name, lab, partial(end_all, (int(entry.name),)))


def interfaces() -> Iterator[Marked]:
    """Yield interfaces in the machine's own namespace, by their alias."""
    listed = subprocess.run(["ip", "-json", "link", "show"], check=True, capture_output=True, text=True, timeout=30)
    for found in json.loads(listed.stdout):
        alias, lab, maker, *_ = *str(found.get("ifalias", "")).split(":"), "", ""
        if alias == ALIAS:
            remove = partial(_quietly, "ip", "link", "del", found["ifname"])
            yield Marked("interface", found["ifname"], lab, remove, maker)


def bridges() -> Iterator[Marked]:
    """Yield bridges of the machine's Open vSwitch, by their external id; none where it does not run."""
    asked = ["ovs-vsctl", "--timeout=5", "--format=json", "--columns=name,external_ids", "list", "Bridge"]
    try:
        listed = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return
    if listed.returncode:
        return
    for name, (_, pairs) in json.loads(listed.stdout)["data"]:
        lab = dict(pairs).get(BRIDGE_KEY)
        if lab:
            remove = partial(_quietly, "ovs-vsctl", "--timeout=5", "--if-exists", "del-br", name)
            yield Marked("bridge", name, lab, remove, dict(pairs).get(BRIDGE_MAKER, ""))


def rules() -> Iterator[Marked]:
    """Yield rules of the machine's packet filter, by their comment; none where there is no iptables."""
    try:
        listed = subprocess.run(["iptables-save"], check=False, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        return
    table = ""
    for line in listed.stdout.splitlines():
        table = line.removeprefix("*") if line.startswith("*") else table
        if f" --comment {ALIAS}:" in line.replace('"', ""):
            words = shlex.split(line)
            _, lab, maker = words[words.index("--comment") + 1].split(":")
            remove = partial(_quietly, "iptables", "-w", "-t", table, "-D", *words[1:])
            yield Marked("rule", f"{table} {words[1]}", lab, remove, maker)


def folders() -> Iterator[Marked]:
    """Yield the folders of labs; the lease, not this, removes one."""
    for folder in lease.folders():
        yield Marked("folder", str(folder), folder.name, lambda: None)


def everything() -> tuple[Marked, ...]:
    """Return all of it."""
    sources = (containers, networks, volumes, bridges, interfaces, rules, processes, namespaces, folders)
    return tuple(found for source in sources for found in source())


def gone(remove: Callable[[], object]) -> None:
    """Call *remove* and be content when there is nothing left to remove, or someone else is removing it."""
    try:
        remove()
    except NotFound:
        return
    except APIError as error:
        if error.status_code != CONFLICT:
            raise


def mark_of(process: str) -> str | None:
    """Return the lab that the process at ``/proc/<pid>`` is marked with, None when it has ended or has no mark."""
    wanted = f"{LAB_VARIABLE}=".encode()
    try:
        variables = Path(process, "environ").read_bytes().split(b"\0")
    except OSError:  # it ended just now
        return None
    marks = [variable.removeprefix(wanted) for variable in variables if variable.startswith(wanted)]
    return marks[0].decode(errors="replace") if marks else None


def _quietly(*argv: str) -> None:
    subprocess.run(argv, check=False, capture_output=True, timeout=30)
