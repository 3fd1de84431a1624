"""Room for neighbours: limits are raised when a lab needs it, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.host.neighbours import make_room
from testbed.lab.lab import neighbours_of
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine with Linux' own limits, and ten neighbours of each family."""
    for family, statistics in (("ipv4", "arp_cache"), ("ipv6", "ndisc_cache")):
        folder = tmp_path / "sys/net" / family / "neigh/default"
        folder.mkdir(parents=True)
        for name, value in (("gc_thresh1", 128), ("gc_thresh2", 512), ("gc_thresh3", 1024)):
            (folder / name).write_text(f"{value}\n")
        (tmp_path / "net/stat").mkdir(parents=True, exist_ok=True)
        (tmp_path / "net/stat" / statistics).write_text("entries  allocs\n0000000a 000003e8\n0000000a 000003e8\n")
    return tmp_path


def _limits(proc: Path, family: str) -> list[int]:
    folder = proc / "sys/net" / family / "neigh/default"
    return [int((folder / f"gc_thresh{number}").read_text()) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("entries", "limits"),
    [(20, [128, 512, 1024]), (507, [128, 512, 1024]), (508, [1024, 2048, 4096]), (1640, [2048, 4096, 8192])],
)
def test_limits_are_raised_when_a_lab_needs_it(proc: Path, entries: int, limits: list[int]) -> None:
    told = make_room(entries, proc)
    assert [_limits(proc, family) for family in ("ipv4", "ipv6")] == [limits, limits]
    assert told == (f"raised the kernel's limit of neighbours (ipv4: {limits[2]}, ipv6: {limits[2]})" * (entries > 507))


def test_a_machine_that_does_not_show_its_limits_is_left_alone(tmp_path: Path) -> None:
    assert make_room(10_000, tmp_path) == ""


@pytest.mark.parametrize(("sites", "neighbours"), [(1, 6), (2, 14), (40, 1800)])
def test_neighbours_of_a_mesh(sites: int, neighbours: int) -> None:
    spec = LabSpec(
        "mesh",
        tuple(
            SiteSpec(
                f"s{number}",
                f"10.{number}.0.0/24",
                f"10.{number}.0.1",
                (HostSpec(f"h{number}", f"10.{number}.0.10/24"),),
                (WanSpec("wan0", "internet", f"198.18.0.{number}/16"),),
            )
            for number in range(1, sites + 1)
        ),
        (UnderlaySpec("internet", "198.18.0.0/16"),),
    )
    assert neighbours_of(spec) == neighbours
