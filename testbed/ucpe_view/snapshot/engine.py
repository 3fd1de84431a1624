"""What the uCPE's own Docker Engine has: containers that run or ended, networks, volumes, images, and its settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from testbed.ucpe_view.container_access import ContainerAccess
from testbed.ucpe_view.snapshot.model import Snapshot, part

Item = tuple[str, dict[str, Any]]
SETTINGS = (
    "Debug", "DefaultRuntime", "DockerRootDir", "Driver", "ExperimentalBuild", "HttpProxy", "HttpsProxy", "Labels",
    "LiveRestoreEnabled", "LoggingDriver", "Name", "NoProxy", "RegistryConfig", "Runtimes",
    "SecurityOptions", "Swarm",
)  # fmt: skip
"""What ``/info`` tells of the engine itself; all else there counts, or is the machine's."""


def read(access: ContainerAccess) -> Snapshot:
    """Return the parts that the engine answers for."""
    return {
        "containers": part(map(_container, access.engine("/containers/json?all=1"))),
        "container networks": part(map(_network, access.engine("/networks"))),
        "volumes": part(map(_volume, access.engine("/volumes")["Volumes"] or [])),
        "images": part(item for row in access.engine("/images/json?all=1") for item in _image(row)),
        "engine": part([_settings(access.engine("/info")), *map(_plugin, access.engine("/plugins"))]),
    }


def _container(row: Mapping[str, Any]) -> Item:
    kept = {"image": row["Image"], "state": row["State"], "labels": row["Labels"] or {}}
    return f"container {row['Names'][0].lstrip('/')}", kept


def _network(row: Mapping[str, Any]) -> Item:
    kept = ("Driver", "Labels", "Options", "IPAM", "Internal", "Attachable")
    return f"container network {row['Name']}", {name.lower(): row[name] for name in kept if row.get(name)}


def _volume(row: Mapping[str, Any]) -> Item:
    kept = ("Driver", "Labels", "Options")
    return f"volume {row['Name']}", {name.lower(): row[name] for name in kept if row.get(name)}


def _image(row: Mapping[str, Any]) -> Iterator[Item]:
    """Yield an image under each name that it has, or once without."""
    for tag in row["RepoTags"] or [f"without a name, {row['Id']}"]:
        yield f"image {tag}", {"id": row["Id"]}


def _settings(info: Mapping[str, Any]) -> Item:
    return "Docker Engine", {name: info[name] for name in SETTINGS if info.get(name)}


def _plugin(row: Mapping[str, Any]) -> Item:
    return f"plugin {row['Name']} of the engine", {"enabled": row["Enabled"], "settings": row["Settings"]}
