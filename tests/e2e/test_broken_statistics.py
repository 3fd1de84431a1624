"""``statistics.exact`` sees counters that miss, invent or forget packets, and a VNF that is bypassed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from breaking import Judge, access, assert_fails, assert_passes, nft, port, rule_handles, rules

from scenarios.steps.context import Context
from testbed.polling import poll

STREAM = {"from_": "a1", "to": "b1", "destination_port": 9004, "packets": 50}
SOON = {"within_seconds": 1}
TABLE = ("ip", "flowstat")


def test_one_counting_rule_is_deleted(context: Context, judged: Judge) -> None:
    vnf = access(context, "site-a", "statistics")
    (handle,) = rule_handles(vnf, *TABLE, "lan-to-wan", "@lan-to-wan-protocols")
    with nft(context, "site-a", "statistics", f"delete rule ip flowstat lan-to-wan handle {handle}"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-a: protocol udp lan-to-wan")
        assert {check.name for check in failed} == {
            f"site-a: protocol {protocol} lan-to-wan" for protocol in ("udp", "icmp")
        }
    assert_passes(judged("statistics.exact", **STREAM))


def test_a_packet_is_counted_twice(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "statistics", "insert rule ip flowstat wan-to-lan counter name wan-to-lan"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-a: direction wan-to-lan")
        assert (failed[0].expected, failed[0].measured) == ("30 packets, 3370 bytes", "60 packets, 6740 bytes")
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
    assert_passes(judged("statistics.exact", **STREAM))


def test_the_vnf_is_bypassed(context: Context, judged: Judge) -> None:
    before, after = port(context, "site-b", "firewall", "wan"), port(context, "site-b", "ipsec", "lan")
    with rules(context, "site-b", f"priority=200,in_port={after},actions=output:{before}"):
        failed = assert_fails(judged("statistics.exact", **STREAM, **SOON), "site-b: direction wan-to-lan")
        assert failed[0].measured == "0 packets, 0 bytes"
        assert not any("site-a" in check.name for check in failed), "site A counts what its VNF sees"
    assert_passes(judged("statistics.exact", **STREAM))
