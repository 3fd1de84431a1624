"""Every firewall does with packets what the contract's table of cases says: on the wire, and in its counters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lso.vnf.firewall.cases import ADDRESSES, Case, cases
from lso.vnf.firewall.wire import Wire

from .products import products


@pytest.fixture(scope="module", params=products("firewall"))
def wire(bench: Any, descriptor: Callable[[str], dict[str, Any]], request: pytest.FixtureRequest) -> Iterator[Wire]:
    """A firewall between two hosts that say nothing by themselves."""
    hosts = {side: bench.host() for side in ADDRESSES}
    ports = {side: bench.port(side, host, "eth0") for side, host in hosts.items()}
    shown = [{"role": side, "mac": port.mac, "mtu": 1500, "addresses": []} for side, port in ports.items()]
    vnf = bench.vnf(f"lso/vnf-{request.param}", descriptor(request.param))
    for side, host in hosts.items():
        host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
        vnf.plug(ports[side])
    own = {"contract": "1", "kind": "firewall", "name": "fw", "ports": shown}
    with Wire.between(
        hosts, lambda config: vnf.inside("/vnf/apply", stdin=json.dumps({**own, "firewall": config})), vnf.status
    ) as through:
        yield through


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_case_of_the_table(wire: Wire, case: Case) -> None:
    wrong = wire.judge(case)
    assert not wrong, "\n".join(wrong)
