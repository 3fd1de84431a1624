"""Firewalls that keep states of connections for another time than they say; ``firewall.allows`` takes their word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from breaking import Judge, access, assert_fails, assert_passes, intent, nft, program

from scenarios.network.firewall import StateTimeouts
from scenarios.steps.context import Context

SHORT = {"tcp_opening": 3, "tcp_established": 4, "udp": 3, "udp_stream": 2}
HOSTS = {"from_": "a1", "to": "b1", "timeouts": SHORT}
AGES = HOSTS | {"tcp_port": 5201, "udp_port": 9001}
WORD = HOSTS | {"protocol": "tcp", "destination_port": 80, "rule": "web", "packets": 4}
NEAR, FAR = (f"that passed the firewall of site-{site}" for site in "ab")
BEFORE, AFTER = (f"packets {when} the time-out" for when in ("before", "after"))

SET_BEHIND_IT = {
    "UDP that lives on": (
        "site-b",
        "udp",
        "unreplied 60 replied 60",
        (f"udp: {AFTER} {FAR}", f"udp_stream: {AFTER} {FAR}"),
    ),
    "streams that live on": ("site-a", "udp", "replied 60", (f"udp_stream: {AFTER} {NEAR}",)),
    "half-open TCP that lives on": ("site-a", "tcp", "syn_sent 60", (f"tcp_opening: {AFTER} {NEAR}",)),
    "UDP that ends too soon": ("site-a", "udp", "unreplied 1", (f"udp: {BEFORE} {NEAR}",)),
    "half-open TCP that ends too soon": ("site-b", "tcp", "syn_sent 1", (f"tcp_opening: {BEFORE} {FAR}",)),
    "established TCP that ends too soon": ("site-b", "tcp", "established 2", (f"tcp_established: {BEFORE} {FAR}",)),
}


@pytest.fixture
def short(context: Context) -> Iterator[None]:
    """Have both firewalls forget connections after the declared seconds."""

    def declare(document: dict[str, Any]) -> None:
        document["firewall"]["timeouts"] = SHORT

    with intent(context, "site-a", "firewall", declare), intent(context, "site-b", "firewall", declare):
        yield


@contextmanager
def silently(context: Context, site: str, protocol: str, seconds: str) -> Iterator[None]:
    """Change time-outs of a firewall's kernel while its status goes on telling those of before."""
    vnf = access(context, site, "firewall")
    told = {name: [value] for name, value in (StateTimeouts().model_dump() | SHORT).items()}
    lying = f"#!/bin/sh\n/vnf/status.real | jq '.timeouts = {json.dumps(told)}'\n"
    with program(context, site, "firewall", "status", lying):
        try:
            vnf.run(["nfct", "timeout", "default-set", "inet", protocol, *seconds.split()])
            yield
        finally:
            vnf.run(["/vnf/apply"], input=vnf.run(["cat", "/var/lib/vnf/intent.json"]))


@pytest.mark.usefixtures("short")
def test_states_that_end_when_it_is_declared(context: Context, judged: Judge) -> None:
    assert_passes(judged("firewall.ages", **AGES))
    assert_passes(judged("firewall.ages", **AGES | {"from_": "b1", "to": "a1"}))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", SET_BEHIND_IT)
def test_states_that_end_at_another_time(context: Context, judged: Judge, name: str) -> None:
    site, protocol, seconds, checks = SET_BEHIND_IT[name]
    with silently(context, site, protocol, seconds):
        failed = assert_fails(judged("firewall.ages", **AGES), *checks)
        assert len(failed) == len(checks), "the other states end in time"


@pytest.mark.usefixtures("short")
def test_the_word_of_a_firewall_hides_what_it_does(context: Context, judged: Judge) -> None:
    with silently(context, "site-b", "udp", "unreplied 60 replied 60"):
        assert_passes(judged("firewall.allows", **WORD))
        assert_fails(judged("firewall.ages", **AGES), f"udp: {AFTER} {FAR}")


@pytest.mark.usefixtures("short")
def test_a_rule_lets_pass_what_has_no_state(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "firewall", "insert rule inet firewall forward udp sport 9001 accept"):
        assert_fails(judged("firewall.ages", **AGES), f"udp: {AFTER} {NEAR}")


@pytest.mark.usefixtures("short")
def test_connections_that_are_never_opened(context: Context, judged: Judge) -> None:
    with nft(context, "site-b", "firewall", "insert rule inet firewall forward udp dport 9001 drop"):
        failed = assert_fails(judged("firewall.ages", **AGES), "udp: connections that the firewall of site-b let open")
        assert {check.element for check in failed} == {None, context.vnf_element("site-b", "firewall")}
