"""What a firewall says about its states, held against what was declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.network.firewall import Guard, StateTimeouts
from scenarios.network.wire import CaptureFile

DEFAULTS = {"tcp_opening": [240], "tcp_established": [7440], "tcp_closing": [240]}
DEFAULTS |= {"udp": [120], "udp_stream": [300], "icmp": [30]}


@pytest.mark.parametrize(
    ("told", "declared", "wrong"),
    [
        (DEFAULTS, {}, "none"),
        (DEFAULTS | {"sctp": [1]}, {}, "none"),
        (DEFAULTS | {"udp": [5]}, {"udp": 5}, "none"),
        (DEFAULTS, {"udp": 5}, "udp 120, not 5"),
        (DEFAULTS | {"tcp_established": [432000]}, {}, "tcp_established 432000, not 7440"),
        (DEFAULTS | {"tcp_closing": [10, 240], "icmp": [1]}, {}, "tcp_closing 10, 240, not 240, icmp 1, not 30"),
        (DEFAULTS | {"udp": []}, {}, "udp none, not 120"),
        (DEFAULTS | {"udp": "120"}, {}, "udp 120, not 120"),
        (DEFAULTS | {"udp": 120}, {}, "udp 120, not 120"),
        ({}, {"icmp": 3}, "tcp_opening none, not 240, tcp_established none, not 7440, tcp_closing none, not 240, "
                          "udp none, not 120, udp_stream none, not 300, icmp none, not 3"),
    ],
)  # fmt: skip
def test_states_end_when_it_is_declared(told: dict[str, Any], declared: dict[str, int], wrong: str) -> None:
    capture = CaptureFile(file=Path("a.pcap"), name="a")
    guard = Guard(site="site-a", vnf="vnf:site-a/fw", lan=capture, wan=capture, before={}, after={}, timeouts=told)
    check = guard.timeout_check(StateTimeouts(**declared))
    assert (check.measured, check.verdict == "passed", check.element) == (wrong, wrong == "none", "vnf:site-a/fw")
