"""A gateway that is killed without a word: ``ipsec.recovers`` tells one that notices from one that does not."""

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
SETTINGS = "/dev/shm/vnf/strongswan.conf"  # noqa: S108
ENVIRONMENT = f"export SWANCTL_DIR=/dev/shm/vnf/swanctl STRONGSWAN_CONF={SETTINGS}"
LOAD = f"{ENVIRONMENT}; swanctl --reload-settings; swanctl --load-conns"
RECOVERS = {"from_": "a1", "to": "b1", "destination_port": 9001, "per_second": 2}  # the recorded cases stay small


@pytest.fixture(scope="module")
def waiting() -> Iterator[Context]:
    """A lab in which site B waits for its peer to begin, with its service active."""
    with ordered(load(POC.with_name("poc-dead-peer")).scenario, api_server) as running:
        yield running


def ask_a_silent_peer_after(waiting: Context, seconds: int) -> None:
    """Let site A's gateway do so, and give up sooner than it would by itself."""
    gateway = access(waiting, "site-a", "ipsec")
    gateway.run(["sed", "-i", "s/retransmit_tries = .*/retransmit_tries = 5/", SETTINGS])
    gateway.run(["sed", "-i", f"s/dpd_delay = .*/dpd_delay = {seconds}s/", CONFIGURATION])
    gateway.run(["sh", "-c", LOAD])
    swanctl(gateway, "--terminate", "--ike", "site-b", "--force", "--timeout", "1")
    swanctl(gateway, "--initiate", "--child", "site-b", "--timeout", "10")


def test_a_dead_peer_is_noticed(waiting: Context, tmp_path: Path) -> None:
    ask_a_silent_peer_after(waiting, 1)
    assert_passes(judge_one(waiting, tmp_path, "ipsec.recovers", **RECOVERS, back_within_seconds=90))


def test_nobody_asks_a_dead_peer(waiting: Context, tmp_path: Path) -> None:
    ask_a_silent_peer_after(waiting, 0)
    failed = assert_fails(
        judge_one(waiting, tmp_path, "ipsec.recovers", **RECOVERS, back_within_seconds=20),
        "packets both ways after the kill",
        "site-a: questions to the dead peer by the IKE SA that stood",
    )
    assert not any("readable" in check.name for check in failed)
