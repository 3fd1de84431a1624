"""Every case of the contract's table, on the wire and in the counters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from scapy.layers.inet import IP, TCP

from lso.checking.judged import judged
from lso.vnf.faults import ProductFault
from lso.vnf.firewall.cases import ADDRESSES, cases, sent
from lso.vnf.firewall.wire import Wire
from lso.vnf.rig import Rig, words
from lso.vnf.session import Session
from reports.model import Check
from reports.text import count_text

OWN = 18000
"""The client's port of the super-packet: no case has it."""
SEGMENTS = 6
"""Of the super-packet: more than an MTU, and less than a TCP window."""
HEADERS = 54  # Ethernet, IPv4 and TCP


@contextlib.contextmanager
def wire(session: Session) -> Iterator[tuple[Rig, Wire]]:
    """A wire through the session's product, newly started; afterwards the next check begins with a new one."""
    rig = session.fresh()

    def apply(firewall: dict[str, Any]) -> None:
        done = rig.apply(rig.intent(firewall))
        if done.returncode:
            raise ProductFault(f"/vnf/apply refuses a good intent with exit code {done.returncode}: {words(done)}")

    apply(dict(session.kind.config))  # one port that comes up after the other: the first frames could be lost
    if not rig.carries():
        raise ProductFault("nothing passes, not even what the intent allows")
    rig.quick = True
    with Wire.between(rig.hosts, apply, rig.status) as through:
        through.rules, through.totals = list(session.kind.config["rules"]), through.count()
        yield rig, through
    session.drop()


def run(session: Session) -> Iterator[Check]:
    """Send each case; a product that refuses the intent of one is judged by the others too."""
    with wire(session) as (rig, through):
        for case in cases():
            try:
                wrong = through.judge(case)
            except ProductFault as fault:
                wrong = [str(fault)]
                through.rules, through.totals = [], through.count()
            count = len(case.packets)
            expected = f"{count} packets as the table says" if count > 1 else "one packet as the table says"
            yield judged(case.name, not wrong, expected, "; ".join(wrong)[:600] or expected)
        yield _super_packet(rig, through)


def _super_packet(rig: Rig, through: Wire) -> Check:
    """Open a connection, and send data by it as an interface with segmentation offload gets them."""
    through.make({"default": "allow", "rules": []})
    for line in ("lan tcp p>80 S", "wan tcp 80>p SA", "lan tcp p>80 A"):
        through.send(sent(line, "default", OWN), expected=True)
    ends = IP(src=ADDRESSES["lan"][0], dst=ADDRESSES["wan"][0])
    header = ends / TCP(sport=OWN, dport=80, flags="A", seq=OWN + 1, ack=OWN + 1)
    payload = through.send_super(rig.hosts["lan"].namespace, header, SEGMENTS)
    came = through.pass_through("lan", [], 1)
    carried = b"".join(frame[HEADERS:] for frame in came)
    told = f"{len(carried)} of {len(payload)} octets in {count_text(len(came), 'packet')}"
    return judged("a TCP super-packet", carried == payload, "all that it carries, in one packet or in segments", told)
