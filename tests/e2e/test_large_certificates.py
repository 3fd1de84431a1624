"""Certificates that do not fit into a packet: ``ipsec.fragments`` tells IKE that cuts messages from IP that does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import POC, access, assert_fails, assert_passes, judge_one, swanctl

from lso.api import api_server
from scenarios.load import load
from scenarios.session import ordered
from scenarios.steps.context import Context

CONFIGURATION = "/dev/shm/vnf/swanctl/swanctl.conf"  # noqa: S108  (in the VNF)


@pytest.fixture(scope="module")
def large() -> Iterator[Context]:
    """A lab whose gateways have large certificates, with its service active."""
    with ordered(load(POC.with_name("poc-large-certificates")).scenario, api_server) as running:
        yield running


def test_large_messages_cross_in_fragments_of_ike(large: Context, tmp_path: Path) -> None:
    assert_passes(judge_one(large, tmp_path, "ipsec.established", within_seconds=30))
    assert_passes(judge_one(large, tmp_path, "ipsec.fragments"))


def test_one_gateway_leaves_it_to_ip(large: Context, tmp_path: Path) -> None:
    gateway = access(large, "site-a", "ipsec")
    gateway.run(["sed", "-i", "s/^  version = 2$/&\\n  fragmentation = no/", CONFIGURATION])
    loaded = "SWANCTL_DIR=/dev/shm/vnf/swanctl STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf swanctl --load-conns"
    gateway.run(["sh", "-c", loaded])
    swanctl(gateway, "--terminate", "--ike", "site-b", "--force", "--timeout", "1")
    swanctl(gateway, "--initiate", "--child", "site-b", "--timeout", "10")
    failed = assert_fails(judge_one(large, tmp_path, "ipsec.fragments"), "IKE in fragments of IP on internet site-a")
    assert all(check.name.startswith("IKE in fragments of IP on") for check in failed)
