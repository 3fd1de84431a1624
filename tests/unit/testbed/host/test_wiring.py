from __future__ import annotations

import pytest

from testbed.host import wiring
from testbed.host.wiring import Cable, End

CABLE = Cable(
    End("/ns/host", "eth0", "06:00:00:00:00:02", 1400),
    End("/ns/lan", "port1", "06:00:00:00:00:03", 1400),
)


def test_both_ends_are_made_in_their_own_namespaces() -> None:
    assert wiring.creation([CABLE]) == [
        "link add name eth0 netns /ns/host address 06:00:00:00:00:02 mtu 1400 type veth"
        " peer name port1 netns /ns/lan address 06:00:00:00:00:03 mtu 1400",
    ]


def test_mac_addresses_are_stable_distinct_and_never_dockers() -> None:
    names = [(lab, node, port) for lab in ("a", "b") for node in ("x", "y", "xy") for port in ("lan0", "wan0")]
    macs = {wiring.mac_address(*name) for name in names}
    assert len(macs) == len(names)
    assert all(mac.startswith("06:") and len(mac) == 17 for mac in macs)
    assert wiring.mac_address("a", "x", "lan0") == wiring.mac_address("a", "x", "lan0")
    assert wiring.mac_address("a", "bc") != wiring.mac_address("ab", "c")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["link set dev lso-no-such up"], "ip link set dev lso-no-such up: Cannot find device"),
        (["link show dev lo", "bogus line"], 'ip bogus line: Object "bogus" is unknown'),
    ],
)
def test_a_refused_line_is_named_with_the_kernels_words(lines: list[str], message: str) -> None:
    with pytest.raises(wiring.WiringError) as raised:
        wiring.ip_batch(lines)
    assert message in str(raised.value)


def test_an_empty_batch_starts_nothing() -> None:
    wiring.ip_batch([])
