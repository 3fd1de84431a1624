"""The documentation's table of upstream's classes holds, row by row."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.containernet import Containernet, Docker, ParameterError
from testbed.containernet.containers.parameters import LIMITS, OPTIONS, REFUSED, WITHOUT_EFFECT, read
from testbed.containernet.plan import Plan
from testbed.containernet.sap import ExternalAccess

DOC = Path(__file__).parents[4] / "docs" / "labs.md"
UPSTREAM = {
    ("Docker", "parameter"): "dimage dcmd build_params cpu_quota cpu_period cpu_shares cpuset_cpus mem_limit"
    " memswap_limit environment volumes tmpfs network_mode publish_all_ports port_bindings ports dns ipc_mode devices"
    " cap_add storage_opt sysctls shm_size cpus device_requests rm",
    ("Docker", "method"): "build start get_cmd_field get_entrypoint_field startShell terminate sendCmd popen cmd"
    " update_resources updateCpuLimit updateMemoryLimit cgroupSet cgroupGet",
    ("Docker", "attribute"): "dimage dnameprefix dcmd dc dcinfo did resources shm_size nano_cpus device_requests"
    " volumes tmpfs environment network_mode publish_all_ports port_bindings dns ipc_mode devices cap_add sysctls"
    " storage_opt d_client dcli master slave",
    ("Containernet", "method"): "addDocker removeDocker addExtSAP removeExtSAP addSAPNAT removeSAPNAT stop getNextIp"
    " removeHost addLink removeLink ping pingFull",
    ("Containernet", "attribute"): "SAPswitches",
}  # fmt: skip
VALUES: dict[str, Any] = {
    "cpu_quota": 10000, "cpu_period": 50000, "cpu_shares": 20, "cpuset_cpus": "0,1", "mem_limit": 132182016,
    "memswap_limit": "1g", "environment": {"A": "b"}, "volumes": ["/srv:/mnt/vol1:rw"], "tmpfs": ["/t:size=3G"],
    "network_mode": "bridge", "publish_all_ports": True, "port_bindings": {9999: 9999}, "ports": [9999],
    "dns": ["192.0.2.53"], "ipc_mode": "shareable", "devices": ["/dev/net/tun"], "cap_add": ["net_admin"],
    "storage_opt": {"size": "42m"}, "sysctls": {"net.ipv4.ip_forward": 1}, "shm_size": "64mb", "cpus": 2,
    "device_requests": [], "rm": True, "cpu_share": 0.3,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One name of the table."""

    owner: str
    kind: str
    name: str
    verdict: str

    def __str__(self) -> str:
        return f"{self.owner} {self.kind} {self.name}"


def rows() -> Iterator[Row]:
    """Yield a row for each name that the table has; an empty cell means the one above."""
    part = (
        DOC.read_text().partition("### What of upstream's classes is there")[2].partition("More than upstream has")[0]
    )
    owner = kind = ""
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[2].startswith("`"):
            owner, kind = cells[0].strip("`") or owner, cells[1] or kind
            for name in re.findall(r"`(\w+)`", cells[2]):
                yield Row(owner, kind, name, re.split(r"[:;, ]", cells[3])[0])


ROWS = list(rows())


def owner() -> Any:
    raise AssertionError("naming makes no lab")


def container(**options: Any) -> Docker:
    """Name a container, as a network does."""
    with Plan(owner).as_host():
        return Docker("d1", **options)


@pytest.mark.parametrize(("owner", "kind"), UPSTREAM)
def test_every_name_of_upstream_has_one_row(owner: str, kind: str) -> None:
    named = [row.name for row in ROWS if (row.owner, row.kind) == (owner, kind)]
    assert len(named) == len(set(named))
    extra = {*REFUSED, *WITHOUT_EFFECT} if kind == "parameter" else set()
    assert set(UPSTREAM[owner, kind].split()) <= set(named) <= {*UPSTREAM[owner, kind].split(), *extra}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_row_is_true(row: Row) -> None:
    assert row.verdict in ("same", "better", "refused")
    if row.kind != "parameter":
        assert row.verdict != "refused"
        assert present(row)
    elif row.verdict == "refused":
        with pytest.raises(ParameterError, match=f"d1: {row.name} is not supported: "):
            read("d1", {row.name: VALUES.get(row.name, 1)})
    elif row.name in ("dimage", "dcmd", "build_params"):
        assert row.name in inspect.signature(Docker).parameters
    else:
        read("d1", {row.name: VALUES[row.name]})


def present(row: Row) -> bool:
    """Tell whether what the row names is there, on an object that nothing has been started for."""
    found: Any
    if row.kind == "method":
        found = {"Docker": Docker, "Containernet": Containernet}[row.owner]
        return callable(getattr(found, row.name))
    if row.owner == "Containernet":
        return hasattr(ExternalAccess(), row.name)
    if isinstance(vars(Docker).get(row.name), property) or row.name in ("did", "dc", "dcinfo", "dcli", "d_client"):
        return any(row.name in vars(cls) for cls in Docker.__mro__)
    node = container(dimage="lso/base", **{row.name: VALUES[row.name]} if row.name in OPTIONS else {})
    return hasattr(node, row.name)


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind == "attribute" and row.name in VALUES], ids=str)
def test_a_parameter_can_be_read_back(row: Row) -> None:
    assert getattr(container(dimage="lso/base", **{row.name: VALUES[row.name]}), row.name) not in (None, "none", False)


def test_the_parameters_beyond_upstreams_are_those_listed() -> None:
    listed = re.findall(
        r"`(\w+)`", DOC.read_text().partition("More than upstream has: the parameters")[2].split("\n\n")[0]
    )
    upstream = {*UPSTREAM["Docker", "parameter"].split(), *LIMITS}
    assert sorted(listed) == sorted(OPTIONS.keys() - upstream)
