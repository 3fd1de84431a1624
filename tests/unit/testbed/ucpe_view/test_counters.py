"""What a uCPE counts, out of the texts of its kernel and its switch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.ucpe_view import PortCount, UcpeView, ViewError, Vnf, beside_rules, count, port_counts, taken_by_kernel

DEVICES = """Inter-|   Receive | Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0  0  0        0       0    0    0    0     0  0  0
  lan0:  186666    3023    0    0    0     0  0  0   225942    3423    0    2    0     0  0  0
7ba55146-00000l:   18666     700    0    5    0     0  0  0   225942     900    0    7    0     0  0  0
"""
SOCKETS = """Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess
p_raw UNCONN 0 0    *:lan0   *   users:(("ovs-vswitchd",pid=1,fd=35)) skmem:(r0,rb8,t0,tb2,f0,w0,o176,bl0,d44)
p_raw UNCONN 0 0    *:lan0   *   skmem:(r0,rb8,t0,tb2,f0,w0,o176,bl0,d9)
p_raw UNCONN 0 0  [0]:*      *   users:(("ovs-vswitchd",pid=1,fd=49)) skmem:(r0,rb8,t0,tb2,f0,w0,o0,bl0,d3)
"""
HEADINGS = '["name", "type", "ofport", "external_ids", "mac_in_use", "mtu_request", "options", "error", "status"]'
INTERFACES = (
    '{"headings": ' + HEADINGS + ', "data": ['
    '["lan0", "", 1, ["map", []], "", ["set", []], ["map", []], ["set", []], ["map", []]],'
    '["7ba55146-00000l", "internal", 3, ["map", []], "", ["set", []], ["map", []], ["set", []], %s]]}'
)
RULES = " cookie=0x1, duration=1s, table=0, n_packets=60, n_bytes=6, priority=100,in_port=lan0 actions=output:x"
BRIDGE = '{"headings": ["mirrors", "netflow", "sflow", "ipfix"], "data": [[["set", []], %s, ["set", []], ["set", []]]]}'


class Ucpe:
    """The texts that the programs in a uCPE print, by a word of their command."""

    def __init__(self, **changed: str) -> None:
        self.bridge = "br-ucpe"
        self.texts = {
            "ss": SOCKETS,
            "dump-flows": RULES,
            "dump-tables": "  table 0:\n    active=1, lookup=100, matched=60\n  tables 1...253: ditto",
            "dpctl/show": "system@ovs:\n  lookups: hit:70 missed:30 lost:1",
            "dump-groups": "OFPST_GROUP_DESC reply (OF1.4):",
            "dump-meters": "OFPST_METER_CONFIG reply (OF1.4):",
            "Bridge": BRIDGE % '["set", []]',
            "Interface": INTERFACES % '["map", [["driver_name", "tun"]]]',
        } | changed
        self.access = SimpleNamespace(process=SimpleNamespace(read=lambda _path: DEVICES), run=self.run)

    def run(self, argv: list[str]) -> str:
        return next(text for word, text in self.texts.items() if word in argv)

    def ports(self) -> Any:
        return UcpeView.ports(cast(UcpeView, self))


def ucpe(**changed: str) -> UcpeView:
    return cast(UcpeView, Ucpe(**{name.replace("_", "-"): text for name, text in changed.items()}))


def test_an_internal_port_counts_from_the_other_end() -> None:
    counted = count(ucpe())
    assert counted.ports == {
        "lan0": PortCount(3023, 3425, 44, 2, 225942),
        "7ba55146-00000l": PortCount(907, 705, 7, 5, 18666),
    }
    assert {name: port.came for name, port in port_counts(ucpe()).items()} == {"lan0": 3023, "7ba55146-00000l": 907}
    assert PortCount(5, 4, 3, 2, 9) - PortCount(1, 1, 1, 1, 1) == PortCount(4, 3, 2, 1, 8)


def test_the_kernels_internal_ports_count_no_ethernet_headers() -> None:
    there = ucpe(Interface=INTERFACES % '["map", [["driver_name", "openvswitch"]]]')
    assert {name: port.left_bytes for name, port in count(there).ports.items()} == {
        "lan0": 225942,
        "7ba55146-00000l": 18666 + 700 * 14,
    }


@pytest.mark.parametrize(
    ("looked_up", "rules", "unmatched", "settled"),
    [(100, RULES, 40, True), (90, RULES, 30, False), (0, "", 100, True), (100, "", 100, True)],
)
def test_a_switch_is_settled_when_it_has_added_up_all(
    looked_up: int, rules: str, unmatched: int, settled: bool
) -> None:
    table = f"    active=1, lookup={looked_up}, matched=60"
    counted = count(ucpe(dump_tables=table, dump_flows=rules))
    assert (counted.received, counted.unmatched, counted.settled) == (100, unmatched, settled)


def test_a_switch_that_tells_nothing_is_trouble() -> None:
    with pytest.raises(ViewError, match="tells no counters: nothing"):
        count(ucpe(dump_tables=""))


def test_what_copies_or_changes_packets_beside_rules() -> None:
    assert beside_rules(ucpe()) == ()
    told = beside_rules(
        ucpe(dump_groups=" group_id=1,type=all", dump_meters="meter=1 kbps", Bridge=BRIDGE % '["uuid", "7"]')
    )
    assert told == ("group_id=1,type=all", "meter=1 kbps", "netflow of the bridge")


def test_what_a_kernel_took() -> None:
    text = "Ip: InHdrErrors ReasmReqds ReasmOKs FragOKs FragCreates\nIp: 5 9 3 2 4\nIcmp: InMsgs\nIcmp: 1\n"
    process = SimpleNamespace(read=lambda _path: text)
    vnf = cast(Vnf, SimpleNamespace(access=SimpleNamespace(process=process)))
    assert taken_by_kernel(vnf) == 5 + (9 - 3) - (4 - 2)
