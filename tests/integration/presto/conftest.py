"""A lab of two sites on one underlay, for the tests of a module that have orders carried out there."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.lab import Lab
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec

ORDER = json.loads((Path(__file__).parents[2] / "unit" / "presto" / "order.json").read_text(encoding="utf-8"))
TIMEOUT = 180.0  # the second machine (docs/vm.md) needs a minute from the order to the tunnel


def site(letter: str, number: int) -> SiteSpec:
    """A site `site-a` with the LAN host `a1` at 10.1.0.10, behind 198.51.100.1."""
    host = HostSpec(f"{letter}1", f"10.{number}.0.10/24")
    wan = WanSpec("wan0", "internet", f"198.51.100.{number}/24")
    return SiteSpec(f"site-{letter}", f"10.{number}.0.0/24", f"10.{number}.0.1", (host,), (wan,))


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    spec = LabSpec("presto", (site("a", 1), site("b", 2)), (UnderlaySpec("internet", "198.51.100.0/24"),))
    with Lab.create(spec) as started:
        yield started


@pytest.fixture
def order() -> dict[str, Any]:
    """A fresh copy of the good order of the unit tests, on the UNIs of the lab."""
    values: dict[str, Any] = copy.deepcopy(ORDER)
    for end_point, name in zip(values["end-point"], ("site-a-lan0", "site-b-lan0"), strict=True):
        end_point["service-interface-point"] = {"service-interface-point-uuid": name}
    return values


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Waits for what a function returns once that is true; *told* is shown when it never was."""

    def wait(check: Callable[[], Any], told: Callable[[], Any] = lambda: "never true") -> Any:
        deadline = time.monotonic() + TIMEOUT
        while not (found := check()):
            assert time.monotonic() < deadline, told()
            time.sleep(0.1)
        return found

    return wait


@pytest.fixture
def reaches(lab: Lab) -> Callable[[str, str, float], bool]:
    """Whether a ping from a host to an address comes back within some seconds."""

    def ping(source: str, target: str, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while True:
            if lab.hosts[source].exec(["ping", "-c", "1", "-W", "1", target], check=False).returncode == 0:
                return True
            if time.monotonic() > deadline:
                return False

    return ping


@pytest.fixture
def end_for_good(lab: Lab) -> Iterator[Callable[[str, str], None]]:
    """Ends a container of a uCPE, and hides its image until the test is over: without that it does not come back."""
    hidden: list[tuple[str, str]] = []

    def docker(ucpe: str, *words: str) -> str:
        return lab.ucpes[ucpe].exec(["docker", *words]).stdout.strip()

    def end(ucpe: str, container: str) -> None:
        image = docker(ucpe, "inspect", "--format", "{{.Config.Image}}", container)
        docker(ucpe, "tag", image, "hidden")
        docker(ucpe, "rmi", image)
        hidden.append((ucpe, image))
        docker(ucpe, "stop", "--time", "1", container)

    yield end
    for ucpe, image in hidden:
        docker(ucpe, "tag", "hidden", image)
        docker(ucpe, "rmi", "hidden")
