"""The arguments of the Docker Engine's create call, from the options of a container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docker.types import HostConfig

from testbed.containernet.containers.parameters import CREATE, HOST, LIMITS

API_VERSION = "1.41"  # of the engine, at least
UPSTREAM_LABEL = "com.containernet"


def arguments(options: Mapping[str, Any], resources: Mapping[str, Any], command: str | Sequence[str] | None
              ) -> dict[str, Any]:  # fmt: skip
    """Return the arguments of the create call for checked *options*; *command* None runs what the image names."""
    volumes = options.get("volumes") or []
    own = {} if command is None else {"command": command, "entrypoint": []}
    return {
        **own,
        **{option: options[option] for option in CREATE if option in options},
        "ports": exposed(options),
        "volumes": [volume for volume in volumes if ":" not in volume] or None,
        "stdin_open": True,
        "tty": True,
        "host_config": _host(options, resources, [volume for volume in volumes if ":" in volume]),
    }


def _host(options: Mapping[str, Any], resources: Mapping[str, Any], binds: list[str]) -> dict[str, Any]:
    limits = {name: resources[name] for name in LIMITS if resources.get(name) not in (None, -1)}
    devices = {"blkio_weight": limits.pop("blkio_weight")} if "blkio_weight" in limits else {}
    return HostConfig(
        version=API_VERSION,
        network_mode=network_mode(options),
        cap_add=sorted({"NET_ADMIN", *(capability(each) for each in options.get("cap_add") or ())}),
        binds=binds,
        port_bindings=options.get("port_bindings") or {},
        publish_all_ports=publishes_all(options),
        nano_cpus=options.get("cpus"),
        **{option: options[option] for option in HOST if options.get(option)},
        **limits,
        **devices,
    )


def exposed(options: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Return the ports that the container shows: those named, and those that are bound."""
    bound = [port.split("/") for port in options.get("port_bindings") or {}]
    return list(dict.fromkeys([*(options.get("ports") or ()), *((int(port), protocol) for port, protocol in bound)]))


def publishes_all(options: Mapping[str, Any]) -> bool:
    """Tell whether every exposed port is published: as asked for, else when ports are named."""
    return bool(options.get("publish_all_ports", bool(options.get("ports"))))


def network_mode(options: Mapping[str, Any]) -> str:
    """Return the network that Docker itself gives: as asked for, else its bridge only when there are ports to reach."""
    return options.get("network_mode") or ("bridge" if exposed(options) or options.get("publish_all_ports") else "none")


def capability(name: str) -> str:
    """Return the name of a capability as the engine writes it."""
    return name.upper().removeprefix("CAP_")
