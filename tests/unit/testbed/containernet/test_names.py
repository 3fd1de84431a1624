from __future__ import annotations

from collections.abc import Callable

import pytest

from testbed.containernet.names import check_interface, check_ip, check_mac, check_node


@pytest.mark.parametrize("name", ["h1", "d-1", "lan.site_a", "7", "x" * 63])
def test_a_name_that_a_node_can_have(name: str) -> None:
    check_node(name)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", ".a", "-a", "ä", "a\nb", "x" * 64, 7, None])
def test_a_name_that_no_node_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a node: 1 to 63 letters"):
        check_node(name)


@pytest.mark.parametrize("name", ["h1-eth0", "x" * 15, "eth0.7"])
def test_a_name_that_an_interface_can_have(name: str) -> None:
    check_interface("h1", name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("supervisor-unit-1-eth0", "has 22 characters, 15 is the limit: give the node a shorter name, or the link"),
        ("ä" * 8, "has 16 characters"),
        ("", "cannot name an interface"),
        ("a b", "cannot name an interface"),
        ("a/b", "cannot name an interface"),
        ("a:b", "cannot name an interface"),
        ("eth%d", "cannot name an interface"),
        ("..", "cannot name an interface"),
    ],
)
def test_a_name_that_no_interface_can_have(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^h1: .*{message}"):
        check_interface("h1", name)


@pytest.mark.parametrize(
    ("check", "good", "wrong"),
    [
        (check_mac, "02:00:00:00:00:01", "01:00:00:00:00:01"),  # a group's
        (check_mac, "2:0:0:0:0:1", "00:00:00:00:00:00"),
        (check_mac, None, "02:00:00:00:00"),
        (check_mac, "AA:bb:cc:DD:ee:ff", "02:00:00:00:00:zz"),
        (check_ip, "10.0.0.1", "10.0.0.300"),
        (check_ip, "10.0.0.1/8", "10.0.0.1/33"),
        (check_ip, "fd00::1/64", "fd00::/129"),
        (check_ip, "fd00::1", "h1"),
    ],
)
def test_addresses(check: Callable[[str, str | None], None], good: str | None, wrong: str) -> None:
    check("h1", good)
    with pytest.raises(ValueError, match=r"^h1: .*no (MAC|IP) address"):
        check("h1", wrong)
