# ruff: noqa: N802  (names and signatures are Containernet's)
"""A container's resource limits while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker.errors import APIError

from common.findings import nearest
from testbed.containernet.containers.parameters import LIMITS, REFUSED, refuse
from testbed.containernet.plan import Plan
from testbed.host.engine import EngineError, engine
from testbed.host.process import Process


class Limited:
    """Mixin with the calls that change and read a container's limits; *resources* holds those that were set."""

    name: str
    plan: Plan
    _did: str
    running: Callable[[], Process]
    resources: dict[str, Any]

    def update_resources(self, **limits: Any) -> None:
        """Change limits of the running container; the names are those of the constructor."""
        findings = [f"no such limit: {option}{_instead(option)}" for option in sorted(limits.keys() - LIMITS.keys())]
        checked: dict[str, Any] = {}
        for option in LIMITS.keys() & limits.keys():
            try:
                checked[option] = None if limits[option] is None else LIMITS[option](limits[option])
            except ValueError as error:
                findings.append(f"{option}={limits[option]!r}: {error}")
        refuse(self.name, findings)
        self.plan.realize()
        self.running()
        self._change({**self.resources, **checked})

    def _change(self, wanted: dict[str, Any]) -> None:
        given = {limit: value for limit, value in wanted.items() if value is not None}
        if "mem_limit" in given:
            given.setdefault("memswap_limit", -1)  # the engine refuses a limit above that of memory and swap together
        try:
            engine().api.update_container(self._did, **given)
        except APIError as error:
            raise EngineError(f"{self.name}: the engine refuses {given}: {error.explanation}") from error
        self.resources.update(wanted)

    def updateCpuLimit(
        self,
        cpu_quota: int | None = None,
        cpu_period: int = -1,
        cpu_shares: int = -1,
        cores: str | None = None,
    ) -> None:
        """Change the CPU limits: quota and period in microseconds (quota -1: none), relative shares, set of cores."""
        limits: dict[str, Any] = {"cpu_quota": cpu_quota} if cpu_quota is not None else {}
        limits |= {"cpu_period": cpu_period} if cpu_period >= 0 else {}
        limits |= {"cpu_shares": cpu_shares} if cpu_shares >= 0 else {}
        limits |= {"cpuset_cpus": cores} if cores else {}
        self.update_resources(**limits)

    def updateMemoryLimit(self, mem_limit: int | str = -1, memswap_limit: int | str = -1) -> None:
        """Change the memory limits, in bytes or with a unit (``64m``)."""
        limits = {"mem_limit": mem_limit, "memswap_limit": memswap_limit}
        self.update_resources(**{name: value for name, value in limits.items() if value != -1})

    def cgroupSet(self, param: str, value: Any, resource: str = "cpu") -> int | str:
        """Write *value* into ``<resource>.<param>`` of the container's control group; return what became of it.

        Raises ``EngineError`` where there is no such file or the kernel refuses the value.
        """
        place = self._control(param, resource)
        try:
            place.write_text(str(value))
        except OSError as error:
            raise EngineError(f"{self.name}: {place.name} cannot be set to {value}: {error.strerror}") from error
        return self.cgroupGet(param, resource)

    def cgroupGet(self, param: str, resource: str = "cpu") -> int | str:
        """Return ``<resource>.<param>`` of the container's control group, as a number where it is one."""
        found = self._control(param, resource).read_text().strip()
        return int(found) if found.lstrip("-").isdigit() else found

    def _control(self, param: str, resource: str) -> Path:
        self.plan.realize()
        group = _control_group(self.running().read("cgroup"), resource)
        place = group / f"{resource}.{param}"
        if not place.exists():
            known = [each.name for each in group.glob(f"{resource}.*")]
            hint = nearest(place.name, sorted(known))
            raise EngineError(f"{self.name}: this kernel's control groups have no {place.name}. {hint}")
        return place


def _instead(option: str) -> str:
    if option == "cpus":
        return "; change cpu_quota and cpu_period"
    if option in REFUSED:
        return f": {REFUSED[option]}"
    return f". {nearest(option, LIMITS)}"


def _control_group(listed: str, resource: str) -> Path:
    """Return the folder of that control group in *listed* that has the controller *resource*, in version 1 or 2."""
    unified = Path("/sys/fs/cgroup")
    for line in listed.splitlines():
        _, controllers, group = line.split(":", 2)
        if resource in controllers.split(","):
            return unified / controllers / group.lstrip("/")
        if not controllers:
            whole = unified / group.lstrip("/")
    return whole
