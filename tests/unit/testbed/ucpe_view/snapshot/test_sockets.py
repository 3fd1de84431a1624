"""Sockets of a uCPE's network, and what the daemons of its switch tell, as parts of a snapshot."""

from __future__ import annotations

import pytest

from testbed.ucpe_view.snapshot import daemons
from testbed.ucpe_view.snapshot.model import Details
from testbed.ucpe_view.snapshot.sockets import as_part

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0"
TEXTS = {
    "tcp": HEAD
    + f"   0: 0100007F:19F0 00000000:0000 0A {REST} 11 1 0 100 0 0 10 0\n"
    + f"   1: 0100007F:19F0 0200007F:D431 01 {REST} 12 1 0 20 4 30 10 -1\n",
    "tcp6": HEAD + f"   0: {'0' * 32}:0948 {'0' * 32}:0000 0A {REST} 13 1 0 100 0 0 10 0\n",
    "udp": HEAD
    + f"   7: 00000000:0035 00000000:0000 07 {REST} 14 2 0 0\n" * 2
    + f"   8: 0100007F:8001 0100007F:0035 01 {REST} 22 2 0 0\n",
    "raw": HEAD + "".join(f"   1: 00000000:0001 00000000:0000 07 {REST} {inode} 2 0 0\n" for inode in (15, 99)),
    "packet": "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"
    "0000000000000000 3      3    0003   5     1 0      0      16\n"
    "0000000000000000 3      3    88cc   0     1 0      0      17\n"
    "0000000000000000 3      3    0003   5     1 0      0      99\n"
    "0000000000000000 3      3    0000   0     1 0      0      16\n",
    "unix": "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 18 /run/docker.sock\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 19 /run/docker.sock\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 20\n"
    "0000000000000000: 00000002 00000000 00000000 0002 01 21 /run/log of someone\n"
    "0000000000000000: 00000002 00000000 00000000 0002 01 23 @4545a\n",
}


def test_sockets_that_wait_have_names() -> None:
    assert as_part(TEXTS, {5: "lan0"}, {"15": "/bin/ping", "16": "/sbin/switch", "17": "/sbin/lldp"}) == {
        "TCP socket on 127.0.0.1 port 6640": {},
        "TCP socket on :: port 2376": {},
        "UDP socket on 0.0.0.0 port 53": {"number": 2},
        "raw socket of /bin/ping on 0.0.0.0, protocol 1": {},
        "packet socket of /sbin/switch on lan0, protocol 0x0003": {},
        "packet socket of /sbin/lldp on all interfaces, protocol 0x88cc": {},
        "unix socket /run/docker.sock": {},
        "unix socket /run/log of someone": {},
    }


@pytest.mark.parametrize(
    ("command", "told", "things"),
    [
        (
            "vlog/list",
            "                 console    syslog    file\n                 -------    ------    ------\n"
            "backtrace          OFF        ERR       INFO\nbfd                OFF        ERR       DBG\n",
            [("log levels of x", {"backtrace": "OFF ERR INFO", "bfd": "OFF ERR DBG"})],
        ),
        (
            "ovsdb-server/list-remotes",
            "pssl:6640\nptcp:6641\n",
            [("remote pssl:6640 of x", {}), ("remote ptcp:6641 of x", {})],
        ),
        ("ovsdb-server/list-dbs", "_Server\n", [("database _Server of x", {})]),
        (
            "ovs/route/show",
            "Route Table:\nCached: 127.0.0.1/32 dev lo local\nUser: 192.0.2.0/24   dev br0 SRC 192.0.2.1\n",
            [("route 192.0.2.0/24 dev br0 SRC 192.0.2.1 of x", {})],
        ),
    ],
)
def test_what_daemons_tell_has_names(command: str, told: str, things: list[tuple[str, Details]]) -> None:
    assert list(daemons.items("x", command, told)) == things
