"""Open vSwitch's own words about rules, ports and traces, as values."""

from __future__ import annotations

import pytest

from testbed.ucpe_view import FlowEntry, parse_flows, parse_trace
from testbed.ucpe_view.flows import outputs
from testbed.ucpe_view.switch import parse_ports, plain

DUMP = """OFPST_FLOW reply (OF1.4) (xid=0x2):
 cookie=0x5, duration=0.025s, table=0, n_packets=7, n_bytes=590, idle_timeout=60, priority=200,ip,in_port=fwlan,nw_dst=10.0.0.0/8 actions=set_field:00:00:00:00:00:01->eth_src,LOCAL,output:lan0
 cookie=0xabcdef0100000001, duration=0.354s, table=0, n_packets=0, n_bytes=0, udp,in_port="fw-lan.1",tp_dst=53 actions=output:"fw-lan.1",IN_PORT,CONTROLLER:65535
 cookie=0x0, duration=0.045s, table=2, n_packets=0, n_bytes=0, send_flow_rem actions=NORMAL
 cookie=0x0, duration=1.0s, table=0, n_packets=1, n_bytes=60, reset_counts priority=1 actions=drop
 cookie=0x0, duration=1.0s, table=0, n_packets=0, n_bytes=0, actions=drop
"""  # noqa: E501

FLOWS = [
    FlowEntry(
        table=0,
        cookie=5,
        priority=200,
        in_port="fwlan",
        match=("ip", "nw_dst=10.0.0.0/8"),
        actions="set_field:00:00:00:00:00:01->eth_src,LOCAL,output:lan0",
        outputs=("LOCAL", "lan0"),
        idle_timeout=60,
        hard_timeout=0,
        packets=7,
        bytes=590,
    ),
    FlowEntry(
        table=0,
        cookie=0xABCDEF0100000001,
        priority=32768,
        in_port="fw-lan.1",
        match=("tp_dst=53", "udp"),
        actions='output:"fw-lan.1",IN_PORT,CONTROLLER:65535',
        outputs=("fw-lan.1", "IN_PORT", "CONTROLLER"),
        idle_timeout=0,
        hard_timeout=0,
        packets=0,
        bytes=0,
    ),
    FlowEntry(2, 0, 32768, None, (), "NORMAL", ("NORMAL",), 0, 0, 0, 0),
    FlowEntry(0, 0, 1, None, (), "drop", (), 0, 0, 1, 60),
    FlowEntry(0, 0, 32768, None, (), "drop", (), 0, 0, 0, 0),
]


def test_every_form_of_rule_is_read() -> None:
    assert parse_flows(DUMP) == FLOWS


def test_a_rule_keeps_its_identity_while_it_counts() -> None:
    later = parse_flows(DUMP.replace("n_packets=7, n_bytes=590", "n_packets=9, n_bytes=700"))
    assert later[0] != FLOWS[0]
    assert later[0].identity == FLOWS[0].identity
    assert len({flow.identity for flow in FLOWS}) == len(FLOWS)


def test_a_rule_in_one_line_has_all_but_its_counters() -> None:
    assert FLOWS[0].text() == (
        "table=0 cookie=0x5 priority=200 idle_timeout=60,in_port=fwlan,ip,nw_dst=10.0.0.0/8 "
        "actions=set_field:00:00:00:00:00:01->eth_src,LOCAL,output:lan0"
    )
    assert FLOWS[3].text() == "table=0 cookie=0x0 priority=1 any actions=drop"


@pytest.mark.parametrize(
    ("actions", "ports"),
    [
        ("drop", ()),
        ("output:wan0", ("wan0",)),
        ("dec_ttl,output:a,output:b", ("a", "b")),
        ("clone(output:a),FLOOD", ("a", "FLOOD")),
        ("group:1", ()),
    ],
)
def test_the_ports_of_actions(actions: str, ports: tuple[str, ...]) -> None:
    assert outputs(actions) == ports


INTERFACES = (
    '{"data":[["fwlan","internal",3,["map",[["lso:kind","firewall"],["lso:position","0"],["lso:role","lan"],'
    '["lso:service","u1"],["lso:vnf","fw"]]],"0a:75:08:1c:4c:25",1400,["map",[]],["set",[]],'
    '["map",[["driver_name","tun"]]]],'
    '["wan0","",-1,["map",[]],["set",[]],["set",[]],["map",[]],"could not open network device wan0 (No such device)",'
    '["map",[]]],'
    '["br-ucpe","internal",65534,["map",[]],"ea:c6:6b:6a:78:4f",["set",[]],["map",[]],["set",[]],["map",[]]]],'
    '"headings":["name","type","ofport","external_ids","mac_in_use","mtu_request","options","error","status"]}'
)


def test_ports_are_read_with_their_external_ids() -> None:
    bridge, firewall, wan = parse_ports(INTERFACES)
    assert (bridge.name, bridge.number, bridge.service, bridge.position) == ("br-ucpe", 65534, "", None)
    assert (firewall.service, firewall.vnf, firewall.kind, firewall.role) == ("u1", "fw", "firewall", "lan")
    assert (firewall.position, firewall.mtu_request, firewall.error, firewall.driver) == (0, 1400, "", "tun")
    assert (wan.number, wan.mac, wan.error) == (-1, "", "could not open network device wan0 (No such device)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (["set", []], None),
        (["set", [1, 2]], [1, 2]),
        (["set", [["uuid", "x"]]], "x"),
        (["map", [["a", "b"]]], {"a": "b"}),
        (["uuid", "x"], "x"),
    ],
)
def test_ovsdb_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected


TRACE = """Flow: ip,in_port=fwlan,vlan_tci=0x0000,nw_dst=10.3.3.3

bridge("br-ucpe")
-----------------
 0. ip,in_port=fwlan,nw_dst=10.0.0.0/8, priority 200, cookie 0x5
    set_field:00:00:00:00:00:01->eth_src
    LOCAL
    output:lan0

Final flow: ip,in_port=fwlan
Megaflow: recirc_id=0,eth,ip,in_port=fwlan
Datapath actions: {}
"""


@pytest.mark.parametrize(
    ("actions", "ports"),
    [
        ("set(eth(src=00:00:00:00:00:01)),br-ucpe,lan0", ("br-ucpe", "lan0")),
        ("fwlan", ("fwlan",)),
        ("drop", ()),
        ("push_vlan(vid=1,pcp=0),wan0", ("wan0",)),
    ],
)
def test_a_trace_tells_by_which_ports_the_packet_leaves(actions: str, ports: tuple[str, ...]) -> None:
    trace = parse_trace(TRACE.format(actions))
    assert trace.ports == ports
    assert trace.rules == ("ip,in_port=fwlan,nw_dst=10.0.0.0/8, priority 200, cookie 0x5",)
