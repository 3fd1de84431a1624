"""How faults become capabilities, and when nothing can run."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.doctor import Capability, can_run
from testbed.doctor.machine import docker_engine, missing_programs, privileges, too_old
from testbed.doctor.model import choice, present
from testbed.doctor.network import first_line


@pytest.mark.parametrize(
    ("engines", "expected"),
    [
        ([("kernel", None), ("libipsec", None)], Capability("esp", "kernel", "kernel", works=True)),
        (
            [("kernel", "unknown"), ("libipsec", None)],
            Capability("esp", "kernel", "libipsec", works=True, reason="kernel: unknown", remedy="load it"),
        ),
        (
            [("kernel", "unknown"), ("libipsec", "no tap")],
            Capability("esp", "kernel", "", works=False, reason="kernel: unknown; libipsec: no tap", remedy="load it"),
        ),
    ],
)
def test_the_first_engine_without_a_fault_is_chosen(
    engines: list[tuple[str, str | None]], expected: Capability
) -> None:
    assert choice("esp", engines, remedy="load it") == expected


def test_only_what_is_required_stops_everything() -> None:
    optional = present("bridge-netfilter", "br_netfilter", "not loaded", remedy="load it")
    needed = present("docker", "Docker Engine", "no engine answers", remedy="start it", required=True)
    fine = present("tun", "tap devices", None, remedy="", required=True)
    assert can_run([optional, fine])
    assert not can_run([optional, fine, needed])


def test_missing_privileges_are_named() -> None:
    assert privileges("Name:\tx\nCapEff:\t000001fffeffffff\n") is None
    assert privileges("CapEff:\t00000000a80425fb\n") == "this process lacks NET_ADMIN, SYS_PTRACE, SYS_ADMIN"


def test_an_engine_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    version, fault = docker_engine(str(tmp_path / "none.sock"))
    assert version == ""
    assert fault and "no engine answers" in fault


@pytest.mark.parametrize(("api", "old"), [("1.41", False), ("1.47", False), ("1.40", True), ("2.0", False)])
def test_an_old_engine_is_told_by_its_api(api: str, old: bool) -> None:
    assert bool(too_old(api)) is old


def test_missing_programs_are_all_named() -> None:
    assert missing_programs(["sh"]) is None
    assert missing_programs(["sh", "no-such-one", "no-such-two"]) == "not installed: no-such-one, no-such-two"


def test_a_tools_complaint_is_cut_to_what_it_says() -> None:
    assert first_line("\nError: Specified qdisc kind is unknown.\nmore\n") == "Specified qdisc kind is unknown."
    assert first_line(" \n") == ""
