"""The options of a container: their names, the check of each value, and where the engine's create call takes it.

No option is ignored in silence: unknown ones, unsupported ones and wrong values are refused by name, all at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from common.findings import nearest
from testbed.containernet.containers.values import (
    count,
    devices,
    environment,
    integer,
    labels,
    mapping,
    names,
    port_bindings,
    ports,
    processors,
    size,
    switch,
    text,
    tmpfs,
    volumes,
)

Check = Callable[[Any], Any]

LIMITS: dict[str, Check] = {
    "blkio_weight": count,
    "cpu_period": integer,
    "cpu_quota": integer,
    "cpu_shares": integer,
    "cpuset_cpus": text,
    "cpuset_mems": text,
    "mem_limit": size,
    "mem_reservation": size,
    "memswap_limit": size,
}
HOST: dict[str, Check] = {  # parts of the engine's host configuration, under the same name
    "cap_drop": names,
    "device_requests": names,
    "devices": devices,
    "dns": names,
    "extra_hosts": mapping,
    "group_add": names,
    "init": switch,
    "ipc_mode": text,
    "mem_swappiness": integer,
    "pid_mode": text,
    "pids_limit": integer,
    "read_only": switch,
    "runtime": text,
    "security_opt": names,
    "shm_size": size,
    "storage_opt": mapping,
    "sysctls": mapping,
    "tmpfs": tmpfs,
    "ulimits": names,
}
CREATE: dict[str, Check] = {"domainname": text, "hostname": text, "user": text, "working_dir": text}
OWN: dict[str, Check] = {
    "cap_add": names,
    "cpus": processors,
    "environment": environment,
    "labels": labels,
    "network_mode": text,
    "port_bindings": port_bindings,
    "ports": ports,
    "publish_all_ports": switch,
    "rm": switch,
    "volumes": volumes,
}
OPTIONS = {**LIMITS, **HOST, **CREATE, **OWN}
MININET = frozenset({"ip", "mac", "defaultRoute", "lo", "privateDirs", "inNamespace", "cores", "waitExited", "name"})
LIFE = "a container that the engine starts again has lost its links"
REFUSED = {
    "auto_remove": "containers are removed when the network stops",
    "cgroup_parent": "commands join whichever control groups the container is in",
    "cpu": "it is a word of CPULimitedHost: use cpus, or cpu_quota with cpu_period",
    "detach": "containers always run beside the script",
    "entrypoint": "name what shall run as dcmd; start() runs the image's own ENTRYPOINT and CMD",
    "kernel_memory": "kernels no longer have that limit: use mem_limit",
    "nano_cpus": "use cpus, in processors",
    "network": "use network_mode",
    "privileged": "name the capabilities that it needs in cap_add",
    "remove": "containers are removed when the network stops",
    "restart_policy": LIFE,
    "stdin_open": "it is always open",
    "tty": "there is always one",
}
WITHOUT_EFFECT = {"cpu_share": "cpu_shares"}  # upstream's own tests pass it; there it does nothing, and nothing is said


class ParameterError(ValueError):
    """A node was given options that it does not take; the message names each of them."""


def read(name: str, given: Mapping[str, Any], also: Iterable[str] = (), found: Iterable[str] = ()) -> dict[str, Any]:
    """Return the options of *given* that are the container's own, with checked values; None means not given.

    *also* are options that a subclass takes, *found* are faults that were found elsewhere. Raises
    :class:`ParameterError` with everything that is wrong.
    """
    known = {*OPTIONS, *MININET, *also}
    findings = [*found, *(finding for option in given if (finding := _unknown(option, known)))]
    values: dict[str, Any] = {}
    for option in sorted(OPTIONS.keys() & given.keys()):
        if given[option] is None:
            continue
        try:
            values[option] = OPTIONS[option](given[option])
        except ValueError as error:
            findings.append(f"{option}={given[option]!r}: {error}")
    refuse(name, [*findings, *_contradictions({**given, **values})])
    return values


def refuse(name: str, findings: Iterable[str]) -> None:
    """Raise :class:`ParameterError` when there are *findings*."""
    if found := list(findings):
        raise ParameterError("\n".join(f"{name}: {finding}" for finding in found))


def options_of(cls: type, base: type) -> set[str]:
    """Return the options that classes between *cls* and *base* take for themselves, in ``__init__`` or ``config``."""
    own = cls.__mro__[: cls.__mro__.index(base)]
    functions = [vars(each)[name] for each in own for name in ("__init__", "config") if name in vars(each)]
    return {option for function in functions for option in inspect.signature(function).parameters}


def _unknown(option: str, known: Iterable[str]) -> str | None:
    if option in known or option in WITHOUT_EFFECT:
        return None
    if option in REFUSED:
        return f"{option} is not supported: {REFUSED[option]}"
    return f"{option} is no parameter of a container. {nearest(option, known)}"


def _contradictions(given: Mapping[str, Any]) -> Iterable[str]:
    mode = given.get("network_mode") or ""
    if mode == "host":
        yield "network_mode='host': its links would be the machine's own interfaces"
    if mode.startswith(("none", "container:")) and (given.get("ports") or given.get("port_bindings")):
        yield f"network_mode={mode!r}: ports cannot be published without a network of Docker's"
    if given.get("inNamespace") is False:
        yield "inNamespace=False: a container always has a network of its own"
    if given.get("cpus") and (given.get("cpu_quota") or given.get("cpu_period")):
        yield "cpus says the same as cpu_quota and cpu_period: give one of them"
