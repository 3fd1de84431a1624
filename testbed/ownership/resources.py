"""Find the resources of all labs on this machine by their labels (``testbed.labels``); looks only."""

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
from testbed.host.termination import terminate
from testbed.labels import ALIAS, BRIDGE_CREATOR, BRIDGE_KEY, CREATOR_LABEL, KEPT_LABEL, LAB_VARIABLE, LABEL
from testbed.ownership import lease

CONFLICT = 409


@dataclass(frozen=True)
class Resource:
    """A resource of a lab: its *kind* (``container``, ``process`` …), its *name* (of a process: its pid), its lab."""

    kind: str
    name: str
    lab: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of lab {self.lab}"


@dataclass(frozen=True)
class OwnedResource(Resource):
    """A resource with the means to remove it: ``remove`` does nothing when it is gone already.

    *creator* is the process that made it (``testbed.ownership.creator``), for those who cannot see the lab's folder.
    *kept*: its lab is to outlive that process.
    """

    remove: Callable[[], None]
    creator: str = ""
    kept: bool = False

    def plain(self) -> Resource:
        """Return it without the means to remove it."""
        return Resource(self.kind, self.name, self.lab)


def containers() -> Iterator[OwnedResource]:
    """Yield containers; removing one removes its anonymous volumes."""
    api = engine().api
    for found in api.containers(all=True, filters={"label": LABEL}):
        name, labels = found["Names"][0].lstrip("/"), found["Labels"]
        remove = partial(if_present, partial(api.remove_container, found["Id"], force=True, v=True))
        yield OwnedResource("container", name, labels[LABEL], remove, labels.get(CREATOR_LABEL, ""))


def volumes() -> Iterator[OwnedResource]:
    """Yield Docker volumes."""
    for found in engine().volumes.list(filters={"label": LABEL}):
        labels = found.attrs["Labels"]
        creator, kept = labels.get(CREATOR_LABEL, ""), KEPT_LABEL in labels
        yield OwnedResource("volume", str(found.name), labels[LABEL], partial(if_present, found.remove), creator, kept)


def networks() -> Iterator[OwnedResource]:
    """Yield Docker networks."""
    for found in engine().networks.list(filters={"label": LABEL}):
        labels = found.attrs["Labels"]
        remove = partial(if_present, found.remove)
        yield OwnedResource("network", str(found.name), labels[LABEL], remove, labels.get(CREATOR_LABEL, ""))


def namespaces() -> Iterator[OwnedResource]:
    """Yield network namespaces in the folders of labs."""
    for folder in lease.folders():
        for path in sorted(path for path in (folder / "ns").rglob("*") if not path.is_dir()):
            yield OwnedResource("namespace", str(path), folder.name, partial(netns.remove, path))


def processes() -> Iterator[OwnedResource]:
    """Yield processes with a lab's id in their environment, and those that live in a lab's namespace.

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
            lab = lab_of(entry.path) or homes.get(netns.identity(f"{entry.path}/ns/net"))
            if lab:
                yield OwnedResource("process", entry.name, lab, partial(terminate, (int(entry.name),)))


def interfaces() -> Iterator[OwnedResource]:
    """Yield interfaces in the machine's own namespace, by their alias."""
    listed = subprocess.run(["ip", "-json", "link", "show"], check=True, capture_output=True, text=True, timeout=30)
    for found in json.loads(listed.stdout):
        alias, lab, creator, *_ = *str(found.get("ifalias", "")).split(":"), "", ""
        if alias == ALIAS:
            remove = partial(_quietly, "ip", "link", "del", found["ifname"])
            yield OwnedResource("interface", found["ifname"], lab, remove, creator)


def bridges() -> Iterator[OwnedResource]:
    """Yield bridges of the machine's Open vSwitch, by their external id; none where it does not run."""
    command = ["ovs-vsctl", "--timeout=5", "--format=json", "--columns=name,external_ids", "list", "Bridge"]
    try:
        listed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return
    if listed.returncode:
        return
    for name, (_, pairs) in json.loads(listed.stdout)["data"]:
        lab = dict(pairs).get(BRIDGE_KEY)
        if lab:
            remove = partial(_quietly, "ovs-vsctl", "--timeout=5", "--if-exists", "del-br", name)
            yield OwnedResource("bridge", name, lab, remove, dict(pairs).get(BRIDGE_CREATOR, ""))


def rules() -> Iterator[OwnedResource]:
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
            _, lab, creator = words[words.index("--comment") + 1].split(":")
            remove = partial(_quietly, "iptables", "-w", "-t", table, "-D", *words[1:])
            yield OwnedResource("rule", f"{table} {words[1]}", lab, remove, creator)


def folders() -> Iterator[OwnedResource]:
    """Yield the folders of labs; ``remove`` does nothing, since the lease removes its folder."""
    for folder in lease.folders():
        yield OwnedResource("folder", str(folder), folder.name, lambda: None)


def everything() -> tuple[OwnedResource, ...]:
    """Return the resources of all kinds."""
    sources = (containers, networks, volumes, bridges, interfaces, rules, processes, namespaces, folders)
    return tuple(found for source in sources for found in source())


def if_present(remove: Callable[[], object]) -> None:
    """Call *remove*; ignore that nothing is left to remove, or that another process is removing it."""
    try:
        remove()
    except NotFound:
        return
    except APIError as error:
        if error.status_code != CONFLICT:
            raise


def lab_of(process: str) -> str | None:
    """Return the lab's id in the environment of the process at ``/proc/<pid>``; None when it has none, or has ended."""
    wanted = f"{LAB_VARIABLE}=".encode()
    try:
        variables = Path(process, "environ").read_bytes().split(b"\0")
    except OSError:  # it ended just now
        return None
    labs = [variable.removeprefix(wanted) for variable in variables if variable.startswith(wanted)]
    return labs[0].decode(errors="replace") if labs else None


def _quietly(*argv: str) -> None:
    subprocess.run(argv, check=False, capture_output=True, timeout=30)
