"""What must be true of packets that two firewalls have to let pass: how they were sent, what was seen, its checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from ipaddress import IPv4Address

from reports.model import Check
from reports.text import count_text
from scenarios.network import marks, wire
from scenarios.network.firewall import FirewallVerb, Guard
from scenarios.network.marks import Packet, sightings
from scenarios.steps.checks import check, equal
from scenarios.steps.evidence import Evidence
from testbed.capture import Frame
from testbed.packets import Connection, answer
from testbed.packets.connection import COMPLETED

SHOWN_OCTETS = 64
"""Of each direction of a connection, in the evidence."""

_SYN, _SYN_ACK = 0x02, 0x12


class Conversation(Evidence):
    """A real connection from *source_port*: how it *ended*, what was *sent* and came back as *received*, or its start.

    *octets* were sent in all and *octets_back* came back; *expected* and *got* are SHA-256 of what should have come
    back and of what did. They are none where *sent* and *received* are all.
    """

    source_port: int
    ended: str
    sent: bytes
    received: bytes
    octets: int = 0
    octets_back: int = 0
    expected: bytes = b""
    got: bytes = b""

    @classmethod
    def of(cls, source_port: int, sent: bytes, done: Connection) -> Conversation:
        """Return what became of a connection that *sent* octets."""
        return cls(
            source_port=source_port,
            ended=done.ended,
            sent=sent[:SHOWN_OCTETS],
            received=done.received[:SHOWN_OCTETS],
            octets=len(sent),
            octets_back=len(done.received),
            expected=sha256(answer(sent)).digest(),
            got=sha256(done.received).digest(),
        )

    def judged(self) -> str:
        """Return how it ended, in words, one of them for data that came back otherwise than it was sent."""
        if self.ended != COMPLETED:
            return f"{self.ended} after {self.octets_back:,} of {self.octets:,} octets" if self.octets else self.ended
        whole = self.received == answer(self.sent) and self.got == self.expected
        return COMPLETED if whole else "changed data"


class AllowsEvidence(Evidence):
    """What was sent, made from *seed*, and seen at both ports of both firewalls and at both hosts.

    *lan_addresses* are the MAC addresses of what comes out of the far site's gateway, *between* the kinds of VNFs
    from the near firewall to the far one. *error* is an ICMP error about one of the connections, sent *error_copies*
    times by the receiver. *allowed_losses* frames may be missing at the far site, *allowed_lost_answers* at the sender.
    """

    seed: int
    packets: tuple[Packet, ...]
    near: Guard
    far: Guard
    receiver: wire.CaptureFile
    sender: wire.CaptureFile
    lan_addresses: bytes
    between: tuple[str, ...]
    error: Packet
    error_copies: int = 1
    conversation: Conversation | None = None
    source: str
    target: str
    delay_seconds: float = 0
    allowed_losses: int = 0
    allowed_lost_answers: int = 0


def checks(verb: FirewallVerb, evidence: AllowsEvidence, most_seconds: float) -> Iterator[Check]:
    """Yield all checks of what *verb* observed; a packet may take *most_seconds* and what the underlay adds."""
    yield from _arrival_checks(verb, evidence, most_seconds)
    yield from _answer_checks(verb, evidence)
    yield from _counter_checks(verb, evidence)


def _arrival_checks(verb: FirewallVerb, evidence: AllowsEvidence, most: float) -> Iterator[Check]:
    """Yield the checks that each packet was seen once and unchanged, port by port, and in time."""
    near, far, packets = evidence.near, evidence.far, evidence.packets
    entered = sightings(near.lan, packets)
    for capture, behind, name, vnf in (
        (evidence.receiver, True, "captured at the receiver", None),
        (near.lan, False, f"that came to the firewall of {near.site}", None),
        (near.wan, False, f"that left the firewall of {near.site}", near.vnf),
        (far.wan, True, f"that came to the firewall of {far.site}", None),
        (far.lan, True, f"that left the firewall of {far.site}", far.vnf),
    ):
        seen = sightings(capture, packets)
        yield _once(verb, evidence, f"packets {name}", seen, evidence.allowed_losses if behind else 0, vnf)
        yield _unchanged(verb, evidence, f"packets changed of those {name}", seen, behind, vnf)
        if capture is evidence.receiver:
            yield _in_time(most + evidence.delay_seconds, entered, seen)


def _once(
    verb: FirewallVerb,
    evidence: AllowsEvidence,
    name: str,
    seen: Sequence[list[list[Frame]]],
    allowed: int,
    vnf: str | None,
) -> Check:
    once = sum(all(len(part) == 1 for part in parts) for parts in seen)
    twice = sum(len(part) > 1 for parts in seen for part in parts)
    sent = len(evidence.packets)
    least = max(0, sent - allowed)
    message = f"{verb.what()}: {once} of {count_text(sent, 'packet')} arrived once, all should; seed {evidence.seed}"
    expected = str(sent) if not allowed else f"≥ {least} of {sent}: loss is declared"
    return check(name, once >= least and not twice, expected=expected, measured=once, message=message, element=vnf)


def _unchanged(
    verb: FirewallVerb,
    evidence: AllowsEvidence,
    name: str,
    seen: Sequence[list[list[Frame]]],
    behind: bool,
    vnf: str | None,
) -> Check:
    kinds = evidence.between if behind else ()
    found = [
        (packet.what, difference)
        for packet, parts in zip(evidence.packets, seen, strict=True)
        for frame, frames in zip(packet.frames, parts, strict=True)
        for captured in frames
        if (difference := marks.difference(marks.behind(frame, kinds, evidence.lan_addresses), captured.data))
    ]
    first = f"{found[0][0]}: {found[0][1]} changed" if found else ""
    message = f"{verb.what()}: {first}, {len(found)} in all; seed {evidence.seed}"
    return equal(name, len(found), 0, message=message, element=vnf)


def _in_time(most: float, entered: Sequence[list[list[Frame]]], seen: Sequence[list[list[Frame]]]) -> Check:
    """Return the check of the time from the near firewall's entrance to the receiver."""
    times = [
        there[0].timestamp - here[0].timestamp
        for before, after in zip(entered, seen, strict=True)
        for here, there in zip(before, after, strict=True)
        if here and there
    ]
    longest = max(times, default=0.0)
    return check(
        "seconds from the near firewall to the receiver",
        longest <= most,
        expected=f"≤ {most:g}",
        measured=f"{longest:.3f}",
    )


def _answer_checks(verb: FirewallVerb, evidence: AllowsEvidence) -> Iterator[Check]:
    if verb.protocol != "icmp" or verb.icmp_type == 8:
        keys = marks.keys_of(evidence.packets)
        frames = [frame.data for frame in marks.answers(evidence.sender, keys)]
        if verb.protocol == "tcp":
            frames = [frame for frame in frames if marks.tcp_flags(frame) == _SYN_ACK]
        answered = {marks.key_of(frame[14:]) for frame in frames}
        lost = evidence.allowed_losses + evidence.allowed_lost_answers
        got, least = len(answered & {marks.reverse(key) for key in keys}), len(keys) - lost
        expected = str(len(keys)) if not lost else f"≥ {least} of {len(keys)}: loss is declared"
        yield check("packets that were answered", got >= least, expected=expected, measured=got)
    errors = [frame for parts in sightings(evidence.sender, [evidence.error]) for part in parts for frame in part]
    yield check(
        "related ICMP errors captured at the sender",
        0 < len(errors) <= evidence.error_copies,
        expected="1" if evidence.error_copies == 1 else f"1 to {evidence.error_copies}",
        measured=len(errors),
        message=f"{verb.what()}: an ICMP error about an allowed connection did not come back",
        element=evidence.far.vnf,
    )
    if evidence.conversation:
        done = evidence.conversation
        yield equal(f"connection from port {done.source_port}", done.judged(), COMPLETED, element=evidence.near.vnf)
    elif verb.protocol == "tcp":
        yield equal("connection of two sockets", "not tried", COMPLETED)


def _counter_checks(verb: FirewallVerb, evidence: AllowsEvidence) -> Iterator[Check]:
    """Yield the checks that the rule counted what came to the firewall, at both sites."""
    for guard, entrance in ((evidence.near, evidence.near.lan), (evidence.far, evidence.far.wan)):
        seen = sightings(entrance, evidence.packets)
        whole, frames = sum(all(parts) for parts in seen), sum(bool(part) for parts in seen for part in parts)
        opened = _syns(entrance, evidence, verb.destination_port)
        name = f"packets counted by rule {verb.rule!r}"
        yield guard.counter_check(name, whole + min(1, opened), frames + opened, verb.rule)


def _syns(capture: wire.CaptureFile, evidence: AllowsEvidence, port: int) -> int:
    """Return how many SYNs of the real connection are in *capture*: some are sent again."""
    if not evidence.conversation:
        return 0
    ends = IPv4Address(evidence.source).packed, IPv4Address(evidence.target).packed
    key = (marks.TCP, *ends, evidence.conversation.source_port, port)
    return sum(marks.tcp_flags(frame.data) == _SYN for frame in marks.of_connection(capture, key))
