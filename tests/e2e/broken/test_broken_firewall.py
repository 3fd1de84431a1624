"""``firewall.allows`` and ``firewall.blocks`` see rules gone, shadowed or bypassed, and packets that never came."""

from __future__ import annotations

from typing import Any

from breaking import Judge, assert_fails, assert_passes, intent, nft, port, rules

from scenarios.steps.context import Context
from testbed.polling import poll
from testbed.traffic import ping

WEB = {"from_": "a1", "to": "b1", "protocol": "tcp", "destination_port": 80, "rule": "web", "packets": 5}
TELNET = WEB | {"destination_port": 23, "rule": "telnet"}
NAMELESS = WEB | {"protocol": "udp", "destination_port": 7777, "rule": "default"}
ARRIVED, ENTERED, LEFT, CONTROL = (
    "packets captured at the receiver",
    "packets from the LAN that came to the firewall of site-a",
    "packets from the LAN that left the firewall of site-a",
    "control packets captured at the receiver",
)
SOON = {"within_seconds": 1}
NO_TELNET = """table netdev lost {
  chain in { type filter hook ingress device PORT priority 0; tcp dport 23 drop; }
}"""


def without(rule: str) -> Any:
    """Return a change of an intent that takes *rule* away."""

    def change(document: dict[str, Any]) -> None:
        found = document["firewall"]["rules"]
        document["firewall"]["rules"] = [entry for entry in found if entry["id"] != rule]

    return change


def first(action: str, port_number: str) -> Any:
    """Return a change of an intent that puts a rule for a TCP port before all others."""

    def change(document: dict[str, Any]) -> None:
        entry = {"id": "earlier", "action": action, "protocol": "tcp", "destination_ports": [port_number]}
        document["firewall"]["rules"].insert(0, entry | {"direction": "both"})

    return change


def reaches(context: Context) -> bool:
    """Tell whether a1 still reaches b1."""
    return bool(ping(context.host("a1").namespace, context.host("b1").ip, count=1, wait=0.2).received)


def test_the_rule_is_removed(context: Context, judged: Judge) -> None:
    with intent(context, "site-a", "firewall", without("web")):
        assert_fails(judged("firewall.allows", **WEB, **SOON), ARRIVED, "packets counted by rule 'web' at site-a")
    assert_passes(judged("firewall.allows", **WEB))


def test_the_rule_is_removed_at_the_far_site(context: Context, judged: Judge) -> None:
    with intent(context, "site-b", "firewall", without("web")):
        failed = assert_fails(
            judged("firewall.allows", **WEB, **SOON), ARRIVED, "packets counted by rule 'web' at site-b"
        )
        assert not any("site-a" in check.name for check in failed), "the near site let them pass and counted them"
    assert_passes(judged("firewall.allows", **WEB))


def test_a_deny_before_it_shadows_the_rule(context: Context, judged: Judge) -> None:
    with intent(context, "site-a", "firewall", first("deny", "80")):
        assert_fails(judged("firewall.allows", **WEB, **SOON), ARRIVED, "packets counted by rule 'web' at site-a")
    assert_passes(judged("firewall.allows", **WEB))


def test_an_allow_before_it_takes_the_packets_of_the_rule(context: Context, judged: Judge) -> None:
    with intent(context, "site-a", "firewall", first("allow", "80")):
        failed = assert_fails(judged("firewall.allows", **WEB, **SOON), "packets counted by rule 'web' at site-a")
        assert len(failed) == 1, "they arrive, by another rule"
    assert_passes(judged("firewall.allows", **WEB))


def test_an_allow_before_it_opens_a_blocked_port(context: Context, judged: Judge) -> None:
    with (
        intent(context, "site-a", "firewall", first("allow", "23")),
        intent(context, "site-b", "firewall", first("allow", "23")),
    ):
        assert_fails(
            judged("firewall.blocks", **TELNET, **SOON), ARRIVED, LEFT, "packets counted by rule 'telnet' at site-a"
        )
    assert_passes(judged("firewall.blocks", **TELNET))


def test_the_far_firewall_hides_an_open_near_one(context: Context, judged: Judge) -> None:
    with nft(context, "site-a", "firewall", "insert rule inet firewall forward tcp dport 23 accept"):
        failed = assert_fails(
            judged("firewall.blocks", **TELNET, **SOON), LEFT, "packets counted by rule 'telnet' at site-a"
        )
        assert ARRIVED not in [check.name for check in failed], "the far site stopped them"
    assert_passes(judged("firewall.blocks", **TELNET))


def test_a_switch_rule_bypasses_both_firewalls(context: Context, judged: Judge) -> None:
    near, far = (port(context, site, "statistics", "lan") for site in ("site-a", "site-b"))
    with (
        rules(context, "site-a", f"priority=200,in_port=lan0,tcp,tp_dst=23,actions=output:{near}"),
        rules(context, "site-b", f"priority=200,in_port={far},tcp,tp_dst=23,actions=output:lan0"),
    ):
        assert_fails(
            judged("firewall.blocks", **TELNET, **SOON), ARRIVED, ENTERED, "packets counted by rule 'telnet' at site-a"
        )
    assert_passes(judged("firewall.blocks", **TELNET))


def test_the_default_is_to_allow(context: Context, judged: Judge) -> None:
    def allow(document: dict[str, Any]) -> None:
        document["firewall"]["default"] = "allow"

    with intent(context, "site-a", "firewall", allow), intent(context, "site-b", "firewall", allow):
        assert_fails(judged("firewall.blocks", **NAMELESS, **SOON), ARRIVED, LEFT)
    assert_passes(judged("firewall.blocks", **NAMELESS))


def test_packets_are_lost_before_the_firewall(context: Context, judged: Judge) -> None:
    with rules(context, "site-a", "priority=200,in_port=lan0,ip,actions=drop"):
        assert poll(lambda: not reaches(context), 10), "the switch still does what it had cached"
        failed = assert_fails(judged("firewall.blocks", **TELNET, **SOON), CONTROL, "packets counted by rule 'telnet'")
        assert ARRIVED not in [check.name for check in failed], "none arrived, and that proves nothing"
    assert_passes(judged("firewall.blocks", **TELNET))


def test_packets_never_enter_the_ucpe(context: Context, judged: Judge) -> None:
    lan = context.lab.lans["site-a"]
    lan.exec(["nft", "-f", "-"], input=NO_TELNET.replace("PORT", lan.ports["a1"]))
    try:
        failed = assert_fails(judged("firewall.blocks", **TELNET, **SOON), ENTERED, "packets counted by rule 'telnet'")
        assert CONTROL not in [check.name for check in failed]
    finally:
        lan.exec(["nft", "delete", "table", "netdev", "lost"])
    assert_passes(judged("firewall.blocks", **TELNET))


def test_the_lan_port_is_down(context: Context, judged: Judge) -> None:
    view = context.view("site-a")
    view.run(["ip", "link", "set", "lan0", "down"])
    try:
        for verb, probes in (("firewall.blocks", TELNET), ("firewall.allows", WEB)):
            failed = assert_fails(judged(verb, **probes), "ARP of a1 for its gateway 10.1.0.1")
            assert "nobody answers ARP" in failed[0].measured
    finally:
        view.run(["ip", "link", "set", "lan0", "up"])
    assert_passes(judged("firewall.blocks", **TELNET))
