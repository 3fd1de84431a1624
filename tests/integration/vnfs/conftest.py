"""VNF images on the machine's own Docker Engine, with LAN hosts in network namespaces as their neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from testbed import bench as testbed_bench
from testbed.images.build import build_product
from testbed.images.recipes import recipes
from testbed.polling import poll

from .gateways import mixed, pair, up  # noqa: F401  # fixtures

RECIPES = {recipe.name: recipe for recipe in recipes()}


def wait_until(condition: Callable[[], Any], what: str | Callable[[], str], timeout: float = 30.0) -> Any:
    """Return *condition*'s first true value; fail the test after *timeout* seconds."""
    value = poll(condition, timeout, 0.02)
    if not value:
        pytest.fail(f"not within {timeout:g} s: {what() if callable(what) else what}")
    return value


class Vnf(testbed_bench.Vnf):
    """A VNF that a test expects to work."""

    def applied(self, intent: Mapping[str, Any]) -> None:
        """Apply *intent* and expect success."""
        result = self.apply(intent)
        assert result.returncode == 0, result.stderr

    def wait_ready(self, intent: Mapping[str, Any], timeout: float = 30.0) -> dict[str, Any]:
        wait_until(lambda: self.has_applied(intent), "the VNF is ready", timeout)
        return self.status()


class Bench:
    """The test-bed's bench, which starts images of this checkout by their products' descriptors."""

    def __init__(self, bench: testbed_bench.Bench) -> None:
        self._bench = bench
        self.host, self.port = bench.host, bench.port

    def vnf(self, image: str, descriptor: Mapping[str, Any], seeded: Mapping[str, Any] | None = None) -> Vnf:
        """A container of that image, which is built first if it is on demand."""
        needs = (descriptor[name] for name in ("linux_capabilities", "devices", "sysctls"))
        return Vnf(self._bench.vnf(build_product(RECIPES[image]), *needs, seeded).container)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with testbed_bench.Bench.opened("vnf-tests") as opened:
        yield Bench(opened)


@pytest.fixture(scope="session", name="wait_until")
def _wait_until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def descriptor() -> Callable[[str], dict[str, Any]]:
    """Return the property defaults of a product's descriptor."""
    import yaml

    def read(product: str) -> dict[str, Any]:
        path = Path(__file__).parents[3] / "vnfs" / product / "descriptor.yaml"
        (node_type,) = yaml.safe_load(path.read_text())["node_types"].values()
        return {name: definition["default"] for name, definition in node_type["properties"].items()}

    return read
