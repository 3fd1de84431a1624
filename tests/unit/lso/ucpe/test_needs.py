"""What VNFs need together, and what is left when some of it cannot be had."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lso.ucpe.capabilities import NAMES, capabilities
from lso.ucpe.needs import needs_of
from orchestrator.tosca.catalogue import Catalogue


def product(name: str, *caps: str, devices: tuple[str, ...] = (), **sysctls: str) -> Any:
    dotted = {key.replace("_", "."): value for key, value in sysctls.items()}
    return SimpleNamespace(name=name, linux_capabilities=caps, devices=devices, sysctls=dotted)


NEEDS = needs_of(
    [
        product("one", "NET_RAW", "NET_ADMIN", net_x="1"),
        product("two", "NET_ADMIN", devices=("/dev/net/tun",), net_x="2", net_a="0"),
    ]
)


def test_needs_are_those_of_all_products_once_each() -> None:
    assert NEEDS.names == ("NET_ADMIN", "NET_RAW", "/dev/net/tun", "net.a", "net.x")
    assert NEEDS.users["NET_ADMIN"] == ("one", "two")
    assert NEEDS.users["net.a"] == ("two",)


def test_each_need_alone() -> None:
    assert [need.names for need in NEEDS.each] == [(name,) for name in NEEDS.names]


def test_each_kind_alone() -> None:
    assert [kind.names for kind in NEEDS.kinds] == [("NET_ADMIN", "NET_RAW"), ("/dev/net/tun",), ("net.a", "net.x")]


def test_some_left_out() -> None:
    left = NEEDS.without(["NET_RAW", "/dev/net/tun", "net.x"])
    assert (left.capabilities, left.devices, left.sysctls) == (("NET_ADMIN",), (), {"net.a": "0"})


def test_what_the_catalogue_needs_are_capabilities_that_linux_has() -> None:
    wanted = needs_of(Catalogue().products())
    assert "NET_ADMIN" in wanted.capabilities
    assert set(wanted.capabilities) <= set(NAMES)


def test_capabilities_of_a_mask() -> None:
    assert capabilities(0) == frozenset()
    assert capabilities(1 << 12 | 1 << 13) == {"NET_ADMIN", "NET_RAW"}
    assert capabilities(1 << 40 | 1 << 60) == {"CHECKPOINT_RESTORE", "60"}
