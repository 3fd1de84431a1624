"""``wire.encrypted`` and ``wire.decrypts`` see readable packets, NULL encryption, wrong keys and changed packets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from breaking import (
    INTENT,
    Judge,
    access,
    assert_fails,
    assert_passes,
    await_path,
    intent,
    nft,
    program,
    rules,
    swanctl,
)

from scenarios.steps.context import Context

ENCRYPTED = {"from_": "a1", "to": "b1", "destination_port": 9001, "packets": 5}
DECRYPTS = {"from_": "b1", "to": "a1", "destination_port": 9002, "packets": 5}
SOON = {"within_seconds": 1}
SITES = ("site-a", "site-b")
ANOTHER_KEY = """#!/bin/sh
/vnf/keys.real | jq -c '.sas[].encryption_key |= (.[:-1] + (if .[-1:] == "0" then "1" else "0" end))'
"""
ANOTHER_SA = """#!/bin/sh
sa() { /vnf/status | jq -c '[.peers[0].children[] | select(.state == "INSTALLED") | .spi_in, .spi_out]'; }
before=$(sa)
STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf swanctl --rekey --child site-a >/dev/null
until now=$(sa); [ "$now" != "[]" ] && [ "$now" != "$before" ]; do :; done
/vnf/keys.real | jq -c --argjson now "$now" '.sas |= map(select(.spi | IN($now[])))'
"""


@contextmanager
def plain_forwarding(context: Context) -> Iterator[None]:
    """Replace the tunnel by routes over the WAN, in both gateways."""
    gateways = {site: access(context, site, "ipsec") for site in SITES}
    before = {site: vnf.run(["cat", INTENT]) for site, vnf in gateways.items()}
    topology = context.scenario.topology.sites
    try:
        for vnf in gateways.values():
            vnf.run(["sh", "-c", ": >/dev/shm/vnf/initiators"])
        for site, other in (SITES, SITES[::-1]):
            vnf = gateways[site]
            swanctl(vnf, "--terminate", "--ike", other, "--force", "--timeout", "1")
            vnf.run(["nft", "add", "rule", "inet", "gateway", "forward", "accept"])
            far = topology[other]
            vnf.run(["ip", "route", "replace", str(far.lan), "via", str(far.wan["wan0"].address)])
        await_path(context)
        yield
    finally:
        for site, other in (SITES, SITES[::-1]):
            gateways[site].run(["ip", "route", "flush", "exact", str(topology[other].lan)])
            gateways[site].run(["/vnf/apply"], input=before[site])
        await_path(context)


def integrity_only(document: dict[str, Any]) -> None:
    document["ipsec"]["encryption"] = "integrity-only"


def test_the_tunnel_is_replaced_by_plain_forwarding(context: Context, judged: Judge) -> None:
    with plain_forwarding(context):
        failed = assert_fails(
            judged("wire.encrypted", **ENCRYPTED, **SOON),
            "canaries readable on internet site-a",
            "canaries readable on internet site-b",
            "other IP packets on internet site-a",
            "ESP packets on the links of site-a",
        )
        assert not any("arrived" in check.name for check in failed), "the canaries must arrive"
    assert_passes(judged("wire.encrypted", **ENCRYPTED))


def test_esp_with_null_encryption(context: Context, judged: Judge) -> None:
    with ExitStack() as stack:
        for site in SITES:
            stack.enter_context(intent(context, site, "ipsec", integrity_only))
        await_path(context)
        failed = assert_fails(judged("wire.encrypted", **ENCRYPTED, **SOON), "canaries readable on internet site-a")
        assert {check.name.split(" on ")[0] for check in failed} == {"canaries readable"}, "it is ESP, but readable"
        assert_fails(judged("ipsec.established", encryption="AES_GCM_16-256"), "ESP algorithm")
        failed = assert_fails(
            judged("wire.decrypts", **DECRYPTS, **SOON), "SAs of site-b without", "a1→b1: packets readable on internet"
        )
        assert not any("found once" in check.name for check in failed), "it opens to what was sent"
    await_path(context)
    assert_passes(judged("wire.encrypted", **ENCRYPTED))


def test_a_rule_copies_packets_past_the_tunnel(context: Context, judged: Judge) -> None:
    with rules(context, "site-a", f"priority=200,in_port=lan0,udp,actions=output:wan0,output:{_first(context)}"):
        failed = assert_fails(judged("wire.encrypted", **ENCRYPTED, **SOON), "canaries readable on internet site-a")
        assert not any("arrived" in check.name for check in failed)
    assert_passes(judged("wire.encrypted", **ENCRYPTED))


def test_a_gateway_forwards_what_is_for_no_lan(context: Context, judged: Judge) -> None:
    for site, other in (SITES, SITES[::-1]):
        lan = context.scenario.topology.sites[other].lan
        with nft(context, site, "ipsec", f"insert rule inet gateway forward iifname gro0 ip daddr != {lan} accept"):
            failed = assert_fails(
                judged("wire.encrypted", **ENCRYPTED, **SOON), f"for no LAN readable on internet {site}"
            )
        assert not any("canaries" in check.name for check in failed)
    assert_passes(judged("wire.encrypted", **ENCRYPTED))


@pytest.mark.parametrize(("script", "reason"), [(ANOTHER_KEY, "does not open"), (ANOTHER_SA, "no key for SPI")])
def test_keys_that_are_not_those_of_the_packets(context: Context, judged: Judge, script: str, reason: str) -> None:
    with program(context, "site-b", "ipsec", "keys", script):
        failed = assert_fails(
            judged("wire.decrypts", **DECRYPTS, **SOON),
            "b1→a1: packets found once inside the captured ESP",
            "ESP packets that the keys do not open",
        )
        assert reason in failed[-1].message
        assert all(check.name.startswith("b1→a1") for check in failed), "the keys of the other gateway are right"
    assert_passes(judged("wire.decrypts", **DECRYPTS))


def test_keys_that_cannot_be_read(context: Context, judged: Judge) -> None:
    with program(context, "site-b", "ipsec", "keys", "#!/bin/sh\necho 'no keys here'\n"):
        assert_fails(judged("wire.decrypts", **DECRYPTS, **SOON), "site-b: /vnf/keys of the ipsec VNF")
    with program(context, "site-b", "ipsec", "keys", '#!/bin/sh\necho \'{"sas": [{"spi": "1"}]}\'\n'):
        assert_fails(judged("wire.decrypts", **DECRYPTS, **SOON), "site-b: /vnf/keys of the ipsec VNF")
    assert_passes(judged("wire.decrypts", **DECRYPTS))


def test_the_gateway_sends_something_else_than_it_got(context: Context, judged: Judge) -> None:
    with nft(
        context, "site-b", "ipsec", "insert rule inet gateway forward iifname gro0 meta l4proto udp ip dscp set cs1"
    ):
        name = "b1→a1: packets found once inside the captured ESP"
        failed = assert_fails(judged("wire.decrypts", **DECRYPTS, **SOON), name)
        assert len(failed) == 1, "the keys open every packet, yet not all are as they were sent"
    assert_passes(judged("wire.decrypts", **DECRYPTS))


def _first(context: Context) -> str:
    ports = context.view("site-a").ports(context.service_id)
    return next(port.name for port in ports if (port.position, port.role) == (0, "lan"))
