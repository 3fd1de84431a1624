"""What the tests of running labs share: a two-site lab, and a look at what a lab has left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mininet.log import setLogLevel

from testbed.containernet import Containernet
from testbed.images import build
from testbed.lab import Lab
from testbed.ownership import resources
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec


def site(number: int) -> SiteSpec:
    """Return the site with that number: LAN 10.<number>.0.0/24, one host, one WAN port."""
    letter = "abcdefgh"[number - 1]
    return SiteSpec(
        f"site-{letter}",
        f"10.{number}.0.0/24",
        f"10.{number}.0.1",
        (HostSpec(f"host-{letter}", f"10.{number}.0.10/24"),),
        (WanSpec("wan0", "internet", f"198.51.100.{number}/24"),),
    )


def spec_of(sites: int) -> LabSpec:
    """Return a lab of so many sites on one underlay."""
    return LabSpec(
        "test", tuple(site(number) for number in range(1, sites + 1)), (UnderlaySpec("internet", "198.51.100.0/24"),)
    )


def left_of(lab: str) -> list[str]:
    """Return everything that *lab* has left on this machine; other labs may run meanwhile."""
    found = [str(thing) for thing in resources.everything() if thing.lab == lab]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if lab in line]
    return found + mounts


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """Have all images and the store."""
    build.build()


@pytest.fixture(scope="session")
def two_sites() -> LabSpec:
    """Two sites on one underlay."""
    return spec_of(2)


@pytest.fixture(scope="session")
def make_spec() -> Callable[[int], LabSpec]:
    """Return the function that describes a lab of so many sites."""
    return spec_of


@pytest.fixture(scope="session")
def leftovers() -> Callable[[str], list[str]]:
    """Return the function that lists what a lab has left."""
    return left_of


@pytest.fixture(scope="module")
def lab(two_sites: LabSpec) -> Iterator[Lab]:
    """A running lab of two sites, shared by the tests of one file; they leave it as it is."""
    with Lab.create(two_sites) as running:
        yield running


@pytest.fixture
def net(leftovers: Callable[[str], list[str]]) -> Iterator[Containernet]:
    """An empty network of a script; whatever the test does, nothing of it may be left."""
    setLogLevel("warning")
    network = Containernet(controller=None)
    yield network
    lab = network.plan.owner.lab
    network.stop()
    assert leftovers(lab) == []
