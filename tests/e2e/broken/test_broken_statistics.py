"""``statistics.exact`` sees counters that miss, invent or forget packets, and a VNF that is bypassed."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from breaking import Judge, access, assert_fails, assert_passes, await_path, nft, port, program, rule_handles, rules

from scenarios.steps.context import Context
from testbed.polling import poll

STREAM = {"from_": "a1", "to": "b1", "destination_port": 9004, "packets": 50}
SOON = {"within_seconds": 1}
TABLE = ("ip", "flowstat")


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_lost(context: Context) -> None:
    """A meter that broken packets of other tests have made lose count starts anew: it tells of that for ever."""

    def lost(site: str) -> int:
        count: int = json.loads(access(context, site, "statistics").run(["/vnf/status"]))["lost"]
        return count

    for site in context.scenario.topology.sites:
        if lost(site):
            vnf = context.view(site).vnf(context.service_id, "statistics")
            assert vnf
            context.view(site).run(["docker", "restart", "--time", "0", vnf.container.name])
            await_path(context)
            assert not lost(site)


def test_one_counting_rule_is_deleted(context: Context, judged: Judge) -> None:
    vnf = access(context, "site-a", "statistics")
    (handle,) = rule_handles(vnf, *TABLE, "lan-to-wan", "@lan-to-wan-protocols")
    with nft(context, "site-a", "statistics", f"delete rule ip flowstat lan-to-wan handle {handle}"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-a: protocol udp lan-to-wan")
        # On a busy machine something may pass between /vnf/status and /vnf/metrics.
        assert {check.name for check in failed if ": samples of" not in check.name} == {
            f"site-a: protocol {protocol} lan-to-wan" for protocol in ("udp", "tcp", "icmp")
        }
    assert_passes(judged("statistics.exact", **STREAM))


def test_a_packet_is_counted_twice(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "statistics", "insert rule ip flowstat wan-to-lan counter name wan-to-lan"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-a: direction wan-to-lan")
        sent, counted = (
            [int(word) for word in re.findall(r"\d+", text)] for text in (failed[0].expected, failed[0].measured)
        )
        assert counted == [2 * number for number in sent]
    assert_passes(judged("statistics.exact", **STREAM))


def test_some_packets_are_not_counted(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "statistics", "insert rule ip flowstat count iifname meter1 numgen inc mod 10 0 drop"):
        assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-a: direction lan-to-wan", "site-a: flow udp")
    assert_passes(judged("statistics.exact", **STREAM))


def test_the_counters_are_reset_while_packets_pass(context: Context, judged: Judge) -> None:
    vnf = access(context, "site-a", "statistics")

    def counted() -> bool:
        return any(entry["packets"] for entry in context.vnf_status("site-a", "statistics")["directions"].values())

    def reset_when_counted() -> None:
        vnf.run(["nft", "reset", "counters", "table", *TABLE])
        assert poll(counted, 10)
        vnf.run(["nft", "reset", "counters", "table", *TABLE])

    with ThreadPoolExecutor(max_workers=1) as other:
        resetting = other.submit(reset_when_counted)
        result = judged("statistics.exact", **(STREAM | {"packets": 1000}), **SOON)
        resetting.result()
    assert_fails(result, "site-a: direction lan-to-wan")
    with nft(context, "site-a", "statistics", "delete table ip flowstat"):
        pass  # totals that were set back are less than the flows that they are made of: all start anew
    assert_passes(judged("statistics.exact", **STREAM))


def test_the_vnf_is_bypassed(context: Context, judged: Judge) -> None:
    before, after = port(context, "site-b", "firewall", "wan"), port(context, "site-b", "ipsec", "lan")
    with rules(context, "site-b", f"priority=200,in_port={after},actions=output:{before}"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-b: direction wan-to-lan")
        assert failed[0].measured == "0 packets, 0 bytes"
        assert not any("site-a" in check.name for check in failed), "site A counts what its VNF sees"
    assert_passes(judged("statistics.exact", **STREAM))


@pytest.mark.parametrize(
    ("match", "missed"),
    [
        ("ip protocol tcp", "site-a: protocol tcp lan-to-wan"),
        ("udp dport 5201-5299", "site-a: flow udp"),
        ("ip length > 1300", "site-a: direction lan-to-wan"),
    ],
)
def test_packets_of_a_kind_pass_uncounted(context: Context, judged: Judge, match: str, missed: str) -> None:
    with nft(context, "site-a", "statistics", f"insert rule ip flowstat count iifname meter1 meta mark 1 {match} drop"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON, seed=5), missed)
        assert not any("site-b" in check.name or "wan-to-lan" in check.name for check in failed)
    assert_passes(judged("statistics.exact", **STREAM))


def test_one_of_a_thousand_is_missed(context: Context, judged: Judge) -> None:
    miss = "insert rule ip flowstat count iifname meter1 meta mark 2 numgen inc mod 1000 999 drop"
    with nft(context, "site-b", "statistics", miss):
        failed = assert_fails(
            judged("statistics.exact", **(STREAM | {"packets": 1000}), **SOON), "site-b: direction wan-to-lan"
        )
        sent, counted = (int(text.split()[0].replace(",", "")) for text in (failed[0].expected, failed[0].measured))
        assert sent - counted == 1
    assert_passes(judged("statistics.exact", **STREAM))


FLOW = (
    '{direction: "wan-to-lan", source: "10.2.0.66", destination: "10.1.0.10", protocol: "udp", source_port: 9, '
    "destination_port: 9, packets: %s, bytes: 4000}"
)


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (f".flows += [{FLOW % '(now * 1000 | floor)'}]", "site-a: counted though it was not sent"),
        (f".flows += [{FLOW % '1000000000'}]", "site-a: counts beyond the direction's total"),
        (
            '.protocols += [{direction: "lan-to-wan", protocol: "47", packets: (now * 1000 | floor), bytes: 1}]',
            "site-a: counted though it was not sent",
        ),
        (".untracked.packets = (now * 1000 | floor)", "site-a: counted though it was not sent"),
        (".lost = 2", "site-a: packets that it lost count of"),
    ],
)
def test_the_status_tells_of_what_never_was(context: Context, judged: Judge, lie: str, told: str) -> None:
    with program(context, "site-a", "statistics", "status", f"#!/bin/sh\n/vnf/status.real | jq -c '{lie}'\n"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), told)
        of_status = "site-a: count", "site-a: samples"
        assert all(check.name.startswith(of_status) or check.name == told for check in failed)
    assert_passes(judged("statistics.exact", **STREAM))


def test_a_foreign_rule_takes_tcp_past_the_vnf(context: Context, judged: Judge) -> None:
    before, after = port(context, "site-a", "firewall", "wan"), port(context, "site-a", "ipsec", "lan")
    with rules(context, "site-a", f"priority=200,in_port={before},tcp,actions=output:{after}"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-a: protocol tcp lan-to-wan")
        assert not any("udp" in check.name or "site-b" in check.name for check in failed)
    assert_passes(judged("statistics.exact", **STREAM))
