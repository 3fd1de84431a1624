"""Check the values of a container's options: each function returns what the Docker SDK takes, or raises ``ValueError``.

The message says what would be right; the caller adds the option and the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

SIZE = re.compile(r"\d+(\.\d+)?\s*[bkmgt]?b?", re.IGNORECASE)
PORT = re.compile(r"(\d+)(?:/(tcp|udp|sctp))?")
NANO = 1_000_000_000


def text(value: Any) -> str:
    """Return a text as it is; also a number, for sets of processors and users."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError("must be a text")
    return str(value)


def switch(value: Any) -> bool:
    """Return True or False."""
    if not isinstance(value, (bool, int)):
        raise ValueError("must be True or False")
    return bool(value)


def integer(value: Any) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def count(value: Any) -> int:
    """Return a whole number that is not negative."""
    if integer(value) < 0:
        raise ValueError("must not be negative")
    return int(value)


def processors(value: Any) -> int:
    """Return a number of processors, whole or not, in the engine's unit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValueError("must be a number above 0, such as 0.5 or 2")
    return int(value * NANO)


def size(value: Any) -> int | str:
    """Return a number of bytes, or a text such as ``64m``; -1 stands for no limit."""
    if isinstance(value, str) and SIZE.fullmatch(value.strip()):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= -1:
        return value
    raise ValueError("must be a number of bytes, or one with a unit such as 64m")


def names(value: Any) -> list[Any]:
    """Return a list as it is; a single text would be taken letter by letter."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, (Sequence, set, frozenset)):
        raise ValueError("must be a list")
    return list(value)


def devices(value: Any) -> list[str]:
    """Return devices as ``host[:container[:permissions]]``."""
    if any(not isinstance(device, str) or not device.startswith("/") for device in names(value)):
        raise ValueError("must be a list such as ['/dev/net/tun']")
    return list(value)


def mapping(value: Any) -> dict[str, Any]:
    """Return a dictionary as it is."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a dictionary")
    return dict(value)


def tmpfs(value: Any) -> dict[str, str]:
    """Return mount point → options of a dictionary or of ``path:options``."""
    if isinstance(value, Mapping):
        return dict(value)
    return {path: options for path, _, options in (str(each).partition(":") for each in names(value))}


def labels(value: Any) -> dict[str, str]:
    """Return name → value of a dictionary or of a list of names."""
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else dict.fromkeys(names(value), "")


def environment(value: Any) -> dict[str, str | None]:
    """Return name → value of a dictionary or of ``NAME=value``; None takes the image's variable away."""
    if isinstance(value, Mapping):
        return {str(key): None if each is None else str(each) for key, each in value.items()}
    pairs = [str(each).partition("=") for each in names(value)]
    return {name: each if equals else None for name, equals, each in pairs}


def volumes(value: Any) -> list[str]:
    """Return ``source:place[:mode]``, or ``place`` alone, of a list or of the SDK's dictionary."""
    if not isinstance(value, Mapping):
        if any(not isinstance(each, str) or not each for each in names(value)):
            raise ValueError("must be a list such as ['/srv/data:/data:ro']")
        return list(value)
    return [f"{source}:{_place(place)}" for source, place in value.items()]


def _place(value: Any) -> str:
    if isinstance(value, str) and value.startswith("/"):
        return value
    if not isinstance(value, Mapping) or not str(value.get("bind", "")).startswith("/"):
        raise ValueError("must be such as {'/srv/data': {'bind': '/data', 'mode': 'ro'}}")
    if unknown := sorted(set(value) - {"bind", "mode"}):
        raise ValueError(f"{', '.join(unknown)}: only bind and mode are known")
    return f"{value['bind']}:{value.get('mode') or 'rw'}"


def ports(value: Any) -> list[tuple[int, str]]:
    """Return (port, protocol) of numbers, ``53/udp`` and pairs."""
    return [_port(each) for each in names(value)]


def port_bindings(value: Any) -> dict[str, Any]:
    """Return ``port/protocol`` → where it is published, as the SDK takes it: a port, an address and a port, or None."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a dictionary such as {80: 8080} or {'53/udp': ('127.0.0.1', 5353)}")
    return {"{}/{}".format(*_port(port)): place for port, place in value.items()}


def _port(value: Any) -> tuple[int, str]:
    number, protocol = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
    found = PORT.fullmatch(str(number))
    if not found or not 0 < int(found[1]) < 1 << 16:
        raise ValueError(f"{value!r} is no port: 80, '53/udp' and (53, 'udp') are")
    return int(found[1]), protocol or found[2] or "tcp"
