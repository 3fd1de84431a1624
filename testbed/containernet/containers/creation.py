"""What the engine is asked for: the arguments of its create call, out of a container's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docker.types import HostConfig

from testbed.containernet.containers.parameters import CREATE, HOST, LIMITS

API_VERSION = "1.41"  # of the engine, at least
UPSTREAM_LABEL = "com.containernet"


def arguments(words: Mapping[str, Any], resources: Mapping[str, Any], command: str | Sequence[str] | None
              ) -> dict[str, Any]:  # fmt: skip
    """Return the arguments of the create call for checked *words*; *command* None runs what the image names."""
    volumes = words.get("volumes") or []
    own = {} if command is None else {"command": command, "entrypoint": []}
    return {
        **own,
        **{word: words[word] for word in CREATE if word in words},
        "ports": exposed(words),
        "volumes": [volume for volume in volumes if ":" not in volume] or None,
        "stdin_open": True,
        "tty": True,
        "host_config": _host(words, resources, [volume for volume in volumes if ":" in volume]),
    }


def _host(words: Mapping[str, Any], resources: Mapping[str, Any], binds: list[str]) -> dict[str, Any]:
    limits = {name: resources[name] for name in LIMITS if resources.get(name) not in (None, -1)}
    devices = {"blkio_weight": limits.pop("blkio_weight")} if "blkio_weight" in limits else {}
    return HostConfig(
        version=API_VERSION,
        network_mode=network_mode(words),
        cap_add=sorted({"NET_ADMIN", *(capability(each) for each in words.get("cap_add") or ())}),
        binds=binds,
        port_bindings=words.get("port_bindings") or {},
        publish_all_ports=publishes_all(words),
        nano_cpus=words.get("cpus"),
        **{word: words[word] for word in HOST if words.get(word)},
        **limits,
        **devices,
    )


def exposed(words: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Return the ports that the container shows: those named, and those that are bound."""
    bound = [port.split("/") for port in words.get("port_bindings") or {}]
    return list(dict.fromkeys([*(words.get("ports") or ()), *((int(port), protocol) for port, protocol in bound)]))


def publishes_all(words: Mapping[str, Any]) -> bool:
    """Tell whether every exposed port is published: as asked for, else when ports are named."""
    return bool(words.get("publish_all_ports", bool(words.get("ports"))))


def network_mode(words: Mapping[str, Any]) -> str:
    """Return the network that Docker itself gives: as asked for, else its bridge only when there are ports to reach."""
    return words.get("network_mode") or ("bridge" if exposed(words) or words.get("publish_all_ports") else "none")


def capability(name: str) -> str:
    """Return the name of a capability as the engine writes it."""
    return name.upper().removeprefix("CAP_")
