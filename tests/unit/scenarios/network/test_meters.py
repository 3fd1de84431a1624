"""Counters of a statistics VNF by name, and those that rose without a reason."""

from __future__ import annotations

from typing import Any

import pytest

from reports.model import Verdict
from scenarios.network import meters
from scenarios.network.meters import DIRECTION, FLOW, PROTOCOL, CounterName, Flow, MeterCount
from testbed.packets import Count, FlowKey
from testbed.ucpe_view import PortCount


def _status(udp: int, tcp: int, **more: Any) -> dict[str, Any]:
    flow = {"direction": "lan-to-wan", "source": "a", "destination": "b", "source_port": 1, "destination_port": 2}
    counted = [
        {"protocol": name, "packets": number, "bytes": 100 * number} for name, number in (("udp", udp), ("tcp", tcp))
    ]
    nothing = {"packets": 0, "bytes": 0}
    return {
        "directions": {"lan-to-wan": {"packets": udp + tcp, "bytes": 100 * (udp + tcp)}, "wan-to-lan": nothing},
        "protocols": [{"direction": "lan-to-wan", **entry} for entry in counted],
        "flows": [flow | entry for entry in counted],
        "untracked": nothing,
        "other": {"lan-to-wan": {"packets": 7, "bytes": 70}},
    } | more


def test_what_passed_is_expected_of_each_counter() -> None:
    flows = {
        FlowKey("forth", "a", "b", "udp", 1, 2): Count(3, 300),
        FlowKey("forth", "a", "b", "tcp", 1, 2): Count(4, 400),
    }
    directions = {"forth": "lan-to-wan", "back": "wan-to-lan"}
    expected = meters.expected(flows, directions)
    before, after = meters.totals(_status(1, 1)), meters.totals(_status(4, 5))
    assert meters.risen(before, after, expected) == expected
    assert meters.unexplained(before, after, expected) == {}


def test_what_rose_beside_it_is_not_explained_and_what_was_forgotten_is_no_rise() -> None:
    before, after = meters.totals(_status(5, 5)), meters.totals(_status(4, 6, untracked={"packets": 0, "bytes": 9}))
    wanted = [CounterName(DIRECTION, "lan-to-wan")]
    assert meters.unexplained(before, after, wanted) == {
        CounterName(PROTOCOL, "tcp lan-to-wan"): Count(1, 100),
        CounterName(FLOW, "tcp a:1 → b:2"): Count(1, 100),
        CounterName("untracked"): Count(0, 9),
    }


def test_arp_is_asked_at_any_time() -> None:
    other = {"lan-to-wan": {"packets": 9, "bytes": 90}}
    assert meters.totals(_status(1, 1)) == meters.totals(_status(1, 1, other=other))


def test_flows_may_be_forgotten_but_not_invented() -> None:
    assert meters.overstated(_status(1, 1, flows=[])) == []
    invented = _status(1, 1)
    invented["flows"].append(invented["flows"][0] | {"source": "c", "packets": 1})
    assert meters.overstated(invented) == ["flows lan-to-wan: 3 of 2"]


def _holds(
    counted: tuple[int, int],
    packets: int,
    octets: int,
    *,
    before: dict[str, Any] = {},  # noqa: B006  (only read)
    kernel: int = 0,
    lost_leaving: int = 0,
    **more: Any,
) -> bool:
    """Tell whether a VNF may have counted so many packets and bytes when its LAN port was given *packets* of *octets*.

    Seven frames of ARP are among them.
    """
    directions = {"lan-to-wan": dict(zip(("packets", "bytes"), counted, strict=True)), "wan-to-lan": NOTHING}
    status = _status(0, 0, directions=directions, protocols=[], other={"lan-to-wan": ARP, "wan-to-lan": NOTHING}) | more
    lan = PortCount(left=packets + 7, left_bytes=octets + 7 * 42, lost_leaving=lost_leaving)
    until = MeterCount(before=before, given={"lan-to-wan": lan, "wan-to-lan": PortCount()}, kernel=kernel)
    checks = meters.port_checks("site", status, until, "vnf:site/meter")
    return all(check.verdict is Verdict.PASSED for check in checks if "of what it was given" in check.name)


NOTHING = {"packets": 0, "bytes": 0}
ARP = {"packets": 7, "bytes": 7 * 28}


@pytest.mark.parametrize(
    ("counted", "packets", "octets", "holds"),
    [
        ((10, 1000), 10, 1140, True),
        ((0, 0), 0, 0, True),
        ((9, 1000), 10, 1140, False),
        ((11, 1000), 10, 1140, False),
        ((10, 999), 10, 1140, False),
        ((10, 1001), 10, 1140, False),
        ((100 + 10, 100 * 1400 + 1000), 20, 10 * (13480 + 52 + 14) + 1140, True),  # a hundred segments in ten pieces
        ((99 + 10, 99 * 1400 + 1000), 20, 10 * (13480 + 52 + 14) + 1140, True),  # too near to what other headers make
        ((95 + 10, 95 * 1400 + 1000), 20, 10 * (13480 + 52 + 14) + 1140, False),
        ((105 + 10, 105 * 1400 + 1000), 20, 10 * (13480 + 52 + 14) + 1140, False),
    ],
)
def test_a_meter_counts_what_its_ports_were_given(
    counted: tuple[int, int], packets: int, octets: int, holds: bool
) -> None:
    assert _holds(counted, packets, octets) is holds


def test_frames_that_are_not_told_by_direction_are_no_mistake() -> None:
    assert _holds((9, 900), 10, 1140, foreign={"packets": 1, "bytes": 100})
    assert not _holds((9, 900), 10, 1140, foreign={"packets": 2, "bytes": 100})
    assert not _holds((9, 900), 10, 1140)


@pytest.mark.parametrize(
    ("counted", "lost_before", "lost", "kernel", "holds"),
    [
        ((9, 900), 0, 1, 0, True),
        ((9, 900), 4, 5, 0, True),
        ((8, 800), 4, 5, 0, False),
        ((8, 800), 0, 1, 1, True),
        ((7, 700), 0, 1, 1, False),
        ((9, 900), 0, 1, -1, True),
        ((11, 1500), 0, 1, 0, False),  # one invented, and one that is said to be lost
        ((10, 1500), 0, 1, 0, False),
        ((11, 1100), 0, 1, 1, True),  # a segment more of what offload formed: so it is without losses too
        ((40, 9000), 0, 10**6, 0, False),
    ],
)
def test_what_a_meter_or_its_kernel_lost_may_be_missing(
    counted: tuple[int, int], lost_before: int, lost: int, kernel: int, holds: bool
) -> None:
    assert _holds(counted, 10, 1140, before={"lost": lost_before}, kernel=kernel, lost=lost) is holds


def test_what_found_no_room_behind_the_port_was_not_given() -> None:
    assert _holds((9, 900), 10, 1140, lost_leaving=1)
    assert not _holds((8, 800), 10, 1140, lost_leaving=1)
    assert not _holds((10, 1300), 10, 1140, lost_leaving=1)


def test_a_meter_that_does_not_tell_of_other_frames_is_not_asked() -> None:
    status = {name: entry for name, entry in _status(3, 4).items() if name != "other"}
    given = {way: PortCount() for way in meters.WAYS}
    checks = meters.port_checks("site", status, MeterCount(before={}, given=given, kernel=0), "")
    assert [check.name for check in checks] == [f"site: packets {way} of all protocols" for way in meters.WAYS]


@pytest.mark.parametrize("part", ["other", "foreign", "untracked"])
def test_a_meter_is_at_rest_when_nothing_rises(part: str) -> None:
    before, after = (
        _status(1, 1, **{part: {"lan-to-wan": one, **one}}) for one in (NOTHING, {"packets": 1, "bytes": 28})
    )
    assert meters.at_rest(before) == meters.at_rest(before)
    assert meters.at_rest(before) != meters.at_rest(after)


def test_a_meter_that_forgets_a_flow_is_at_rest() -> None:
    assert meters.at_rest(_status(1, 1)) == meters.at_rest(_status(1, 1) | {"flows": []})


def test_what_a_meter_counted_before_does_not_matter() -> None:
    status = _status(3, 4)
    given = {way: PortCount() for way in meters.WAYS}
    checks = [*meters.port_checks("site", status, MeterCount(before=status, given=given, kernel=0), "")]
    assert [check.verdict for check in checks] == [Verdict.PASSED] * 4


@pytest.mark.parametrize(("remembers", "listed", "verdict"), [(True, 7, "passed"), (True, 6, "failed"), (False, 6, "")])
def test_flows_make_up_the_total_unless_some_were_forgotten(remembers: bool, listed: int, verdict: str) -> None:
    given = {"lan-to-wan": PortCount(left=7, left_bytes=700 + 98), "wan-to-lan": PortCount()}
    flow = _status(1, 1)["flows"][0] | {"packets": listed}
    status, until = _status(3, 4, flows=[flow]), MeterCount(before={}, given=given, kernel=0, remembers=remembers)
    checks = {check.name: check.verdict for check in meters.port_checks("site", status, until, "")}
    assert checks.get("site: packets of all flows", "") == verdict


def test_protocols_make_up_their_direction() -> None:
    given = {"lan-to-wan": PortCount(left=14, left_bytes=700 + 7 * 42 + 98), "wan-to-lan": PortCount()}
    status = _status(3, 4, other={"lan-to-wan": ARP, "wan-to-lan": NOTHING})
    del status["protocols"][0]
    checks = meters.port_checks("site", status, MeterCount(before={}, given=given, kernel=0), "")
    failed = [check for check in checks if check.verdict is Verdict.FAILED]
    assert [(check.name, check.measured) for check in failed] == [("site: packets lan-to-wan of all protocols", "4")]


def _flow(protocol: str, port: int = 7) -> Flow:
    return protocol, "a", "b", port, port


@pytest.mark.parametrize(
    ("sent", "came", "names"),
    [
        ({_flow("udp"): Count(5, 500)}, {_flow("udp"): Count(5, 500)}, []),
        ({_flow("udp"): Count(5, 500)}, {_flow("udp"): Count(4, 400)}, []),
        ({_flow("udp"): Count(5, 500)}, {_flow("udp"): Count(6, 500)}, ["udp a:7 → b:7"]),
        ({}, {_flow("udp"): Count(1, 30)}, ["udp a:7 → b:7"]),
        ({_flow("tcp"): Count(5, 5000)}, {_flow("tcp"): Count(6, 5052)}, []),  # cut anew
        ({_flow("tcp"): Count(5, 5000)}, {_flow("tcp"): Count(6, 6400)}, ["tcp a:7 → b:7"]),
        ({_flow("icmp", 0): Count(1, 2028)}, {_flow("icmp", 0): Count(2, 2048)}, []),  # in fragments
        ({_flow("icmp", 0): Count(2, 168)}, {_flow("icmp", 0): Count(3, 252)}, ["icmp a → b"]),
        ({_flow("udp"): Count(2, 4000)}, {_flow("udp"): Count(2, 2800), _flow("udp", 0): Count(2, 1240)}, []),
        (
            {_flow("udp"): Count(2, 4000)},
            {_flow("udp"): Count(3, 4200), _flow("udp", 0): Count(2, 1240)},
            ["udp a → b"],
        ),
        ({_flow("132", 0): Count(5, 500)}, {_flow("132"): Count(5, 500)}, []),  # only one knows the ports of SCTP
        ({_flow("132", 0): Count(5, 500)}, {_flow("132"): Count(6, 600)}, ["132 a → b"]),
        ({_flow("udp", 0): Count(5, 500)}, {_flow("udp"): Count(5, 500)}, ["udp a:7 → b:7"]),
    ],
)
def test_no_flow_grows_on_its_way(sent: dict[Flow, Count], came: dict[Flow, Count], names: list[str]) -> None:
    assert [told.split(": ")[0] for told in meters.multiplied(sent, came)] == [f"flow {name}" for name in names]


def test_a_meter_that_has_forgotten_flows_is_known_by_its_total() -> None:
    assert not meters.forgot(_status(3, 4))
    assert meters.forgot(_status(3, 4, flows=[]))
    flow = _status(3, 4)["flows"][0]
    without_room = _status(3, 4, flows=[flow], untracked={"packets": 4, "bytes": 400})
    assert meters.forgot(without_room)
    until = MeterCount(before={}, given={way: PortCount() for way in meters.WAYS}, kernel=0, remembers=True)
    *_, flows = meters.port_checks("site", without_room, until, "")
    assert (flows.name, flows.verdict) == ("site: packets of all flows", Verdict.PASSED)


METRICS = """# HELP lso_vnf_packets_total IP packets seen, by direction.
lso_vnf_packets_total{direction="lan-to-wan"} 3
lso_vnf_packets_total{direction="wan-to-lan"} 0
lso_vnf_bytes_total{direction="lan-to-wan"} 300
lso_vnf_bytes_total{direction="wan-to-lan"} 0
lso_vnf_protocol_packets_total{protocol="udp",direction="lan-to-wan"} 3.0
lso_vnf_protocol_bytes_total{protocol="udp",direction="lan-to-wan"} 300
lso_vnf_other_frames_total{direction="lan-to-wan"} 7
lso_vnf_flows 1
lso_vnf_lost_packets_total 0
vendors_own 7 1700000000
"""


def test_metrics_are_held_against_the_status() -> None:
    protocol = {"direction": "lan-to-wan", "protocol": "udp", "packets": 3, "bytes": 300}
    status = _status(3, 0, protocols=[protocol], flows=[{}], lost=0)
    assert meters.differing(METRICS, status) == []
    assert meters.differing(METRICS.replace("3.0", "4"), status) == [
        'lso_vnf_protocol_packets_total{direction="lan-to-wan",protocol="udp"} 4, by the status 3'
    ]
    assert meters.differing(METRICS.replace("udp", "tcp"), status) == [
        'lso_vnf_protocol_bytes_total{direction="lan-to-wan",protocol="tcp"} 300, by the status none',
        'lso_vnf_protocol_bytes_total{direction="lan-to-wan",protocol="udp"} is missing, by the status 300',
        'lso_vnf_protocol_packets_total{direction="lan-to-wan",protocol="tcp"} 3, by the status none',
        'lso_vnf_protocol_packets_total{direction="lan-to-wan",protocol="udp"} is missing, by the status 3',
    ]
    own = "vendors_own"
    assert len(meters.differing("", status)) == len([name for name in meters.samples(METRICS) if name != own])
    foreign = {**status, "foreign": {"packets": 3, "bytes": 0}}
    assert meters.differing(METRICS, foreign) == ["lso_vnf_foreign_frames_total is missing, by the status 3"]
    assert meters.differing(METRICS + "lso_vnf_foreign_frames_total 1\n", foreign) == [
        "lso_vnf_foreign_frames_total 1, by the status 3"
    ]


@pytest.mark.parametrize("number", [2.9, -2, "2", True, float("nan"), None])
def test_what_is_no_whole_number_of_packets_is_not_taken_for_one(number: Any) -> None:
    status = _status(2, 0)
    status["flows"][0]["packets"] = number
    with pytest.raises(ValueError, match="is no number of packets or bytes"):
        meters.totals(status)
    with pytest.raises(ValueError, match="is no number of packets or bytes"):
        meters.overstated(status)


@pytest.mark.parametrize(
    ("told", "holds"),
    [
        ("7", True),
        ("7.0", True),
        ("7e0 1700000000", True),
        ("7.9", False),
        ("NaN", False),
        ("+Inf", False),
        ("seven", False),
        ("7\nlso_vnf_lost_packets_total 8\nlso_vnf_lost_packets_total 7", False),
    ],
)
def test_samples_are_compared_as_they_are_told(told: str, holds: bool) -> None:
    assert (meters.differing(f"lso_vnf_flows 0\nlso_vnf_lost_packets_total {told}\n", {"lost": 7}) == []) is holds


UDP, TCP = CounterName(FLOW, "udp a → b"), CounterName(FLOW, "tcp a → b")
STATED = [
    ((10, 1000), (10, 1000), (0, 0), True),
    ((10, 1000), (9, 900), (1, 100), True),
    ((10, 1000), (8, 800), (1, 100), False),
    ((10, 1000), (9, 900), (0, 0), False),
    ((10, 1000), (9, 800), (1, 100), False),
    ((10, 1000), (11, 1100), (5, 500), False),
    ((10, 1000), (10, 900), (5, 500), False),
]
"""What a flow has carried, what it is told to have, the stated error of flows, and whether that is right."""


@pytest.mark.parametrize(("carried", "told", "stated", "right"), STATED)
def test_flows_may_lack_what_is_stated_and_not_more(
    carried: tuple[int, int], told: tuple[int, int], stated: tuple[int, int], right: bool
) -> None:
    expected, measured = {UDP: Count(*carried)}, {UDP: Count(*told)}
    assert (expected == measured or meters.excused(expected, measured, Count(*stated)) == set(expected)) is right


def test_the_stated_error_is_of_all_flows_together_and_of_no_total() -> None:
    expected = {UDP: Count(9, 90), TCP: Count(9, 90), CounterName(DIRECTION, "lan-to-wan"): Count(18, 180)}
    measured = {UDP: Count(8, 80), TCP: Count(8, 80), CounterName(DIRECTION, "lan-to-wan"): Count(16, 160)}
    assert meters.excused(expected, measured, Count(1, 10)) == set()
    assert meters.excused(expected, measured, Count(2, 20)) == {UDP, TCP}


def test_a_meter_that_states_an_error_has_not_all_flows_but_accounts_for_all_packets() -> None:
    status = _status(5, 5, flows_error={"packets": 2, "bytes": 200})
    status["flows"][0] |= {"packets": 3, "bytes": 300}
    assert meters.forgot(status)
    until = MeterCount(before={}, given={way: PortCount() for way in meters.WAYS}, kernel=0, remembers=True)
    (of_flows,) = [
        item for item in meters.port_checks("m", status, until, "e") if item.name == "m: packets of all flows"
    ]
    assert of_flows.verdict is Verdict.PASSED
    assert meters.as_samples(status)["lso_vnf_flows_error_packets"] == 2
