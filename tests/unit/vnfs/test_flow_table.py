"""The flow table of pmacct's meter: what it adds up, forgets and has no room for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "vnfs" / "pmacct"
HEAD = "IN_IFACE,SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,PACKETS,BYTES"
FLOW = "2,10.1.0.1,10.2.0.1,7,80,6"
KEY = "lan-to-wan 10.1.0.1 10.2.0.1 6 7 80"
BACK = "wan-to-lan fd00::2 fd00::1 58 0 0"


def awk(program: str, text: list[str], **variables: object) -> tuple[list[str], int]:
    given = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    command = ["awk", *given, "-f", str(FOLDER / program)]
    done = subprocess.run(command, input="\n".join([*text, ""]), capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout.splitlines(), done.returncode


CASES = {
    "nothing yet": ([], ["all 0 0 0 0"]),
    "the first packets": ([HEAD, f"{FLOW},3,300"], ["all 3 300 0 0", f"{KEY} 3 300 100"]),
    "more packets": (
        ["all 3 300 0 0", f"{KEY} 3 300 90", HEAD, f"{FLOW},4,400"],
        ["all 7 700 0 0", f"{KEY} 7 700 100"],
    ),
    "the other direction": (
        [HEAD, "5,fd00::2,fd00::1,0,0,58,1,72"],
        ["all 1 72 0 0", f"{BACK} 1 72 100"],
    ),
    "an idle flow": (["all 3 300 0 0", f"{KEY} 3 300 69"], ["all 3 300 0 0"]),
    "a flow that is almost idle": (["all 3 300 0 0", f"{KEY} 3 300 70"], ["all 3 300 0 0", f"{KEY} 3 300 70"]),
    "an idle flow that comes back": (
        ["all 3 300 0 0", f"{KEY} 3 300 1", f"{FLOW},1,100"],
        ["all 4 400 0 0", f"{KEY} 1 100 100"],
    ),
    "more than 2^31": (
        ["all 5000000000 4000000000000 0 0", f"{KEY} 5000000000 4000000000000 90", f"{FLOW},1,100"],
        ["all 5000000001 4000000000100 0 0", f"{KEY} 5000000001 4000000000100 100"],
    ),
    "no room": (
        ["all 3 300 0 0", f"{KEY} 3 300 90", f"{BACK} 1 72 90", "2,10.1.0.9,10.2.0.1,7,80,6,2,200", f"{FLOW},1,100"],
        ["all 6 600 2 200", f"{KEY} 4 400 100", f"{BACK} 1 72 90"],
    ),
    "room that an idle flow left": (
        ["all 3 300 0 0", f"{KEY} 3 300 1", f"{BACK} 1 72 90", "2,10.1.0.9,10.2.0.1,7,80,6,2,200"],
        ["all 5 500 0 0", f"{BACK} 1 72 90", "lan-to-wan 10.1.0.9 10.2.0.1 6 7 80 2 200 100"],
    ),
}


@pytest.mark.parametrize(
    "line",
    [
        "2,10.1.0.1,10.2.0.1,,,6,3,300",
        "2,,,7,80,6,3,300",
        "0,,10.2.0.1,,80,6,1,3833456310547656704",
        f"{FLOW},1,3833456310547656704",
        f"{FLOW},3,59",
        f"{FLOW},3",
        f"{FLOW},3,300,1",
        f"{FLOW},x3,300",
    ],
)
def test_a_line_that_is_no_flow_is_left_out(line: str) -> None:
    expected = ["all 3 300 0 0", f"{KEY} 3 300 100"]
    assert awk("fold.awk", [HEAD, line, f"{FLOW},3,300"], now=100, size=2, timeout=30, lan=2) == (expected, 0)


@pytest.mark.parametrize("name", CASES)
def test_what_the_table_has(name: str) -> None:
    text, expected = CASES[name]
    lines, code = awk("fold.awk", text, now=100, size=2, timeout=30, lan=2)
    assert (lines[0], sorted(lines[1:]), code) == (expected[0], sorted(expected[1:]), 0)


def test_a_meter_that_does_not_answer_leaves_the_table_as_it_is() -> None:
    before = ["all 3 300 0 0", f"{KEY} 3 300 90"]
    assert awk("fold.awk", [*before, "silent"], now=100, size=2, timeout=30, lan=2) == (before, 1)


def test_counters_are_known_by_the_places_of_their_rules() -> None:
    saved = [
        "*raw",
        ":PREROUTING ACCEPT [9:900]",
        ":lan-to-wan - [0:0]",
        "[7:700] -A PREROUTING -m physdev --physdev-in meter-lan-in -g lan-to-wan",
        "[0:0] -A PREROUTING -m physdev --physdev-in meter-wan-in -g wan-to-lan",
        "[7:700] -A lan-to-wan -j logged",
        "[4:400] -A lan-to-wan -p tcp -j DROP",
        "[0:0] -A lan-to-wan -p udp -j DROP",
        "[2:200] -A lan-to-wan -p icmp -j DROP",
        "[1:100] -A lan-to-wan -j DROP",
        "[3:300] -A whole -j NFLOG --nflog-group 1",
        "COMMIT",
    ]
    lines, _ = awk("counters.awk", saved, protocols="6 17 1")
    assert lines == [
        '{"way": "lan-to-wan", "protocol": null, "packets": 7, "bytes": 700}',
        '{"way": "lan-to-wan", "protocol": "6", "packets": 4, "bytes": 400}',
        '{"way": "lan-to-wan", "protocol": "1", "packets": 2, "bytes": 200}',
        '{"way": "lan-to-wan", "protocol": "0", "packets": 1, "bytes": 100}',
    ]
