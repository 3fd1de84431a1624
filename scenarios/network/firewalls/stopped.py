"""What must be true of packets that two firewalls have to stop: how they were sent, what was seen, and its checks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from reports.model import Check
from reports.text import count_text
from scenarios.network import marks, wire
from scenarios.network.drawn.forbidden import Forbidden
from scenarios.network.firewall import COUNTED_WITHIN, DEFAULT, FirewallVerb, Guard
from scenarios.network.marks import Packet, frames_of, sightings
from scenarios.steps.checks import check, equal
from scenarios.steps.evidence import Evidence
from testbed.capture import count_each
from testbed.packets.connection import TIMED_OUT

Sent = tuple[tuple[Packet, ...], tuple[Forbidden, ...]]

WATCHED_SECONDS = 2.0
"""How long after the last packet something may still come late."""


class Tried(Evidence):
    """A firewall, what came to its LAN side, and what came to its WAN side: nothing of it may pass.

    The *forbidden* ones are none of the step's flow, nor answers: the service lets them nowhere pass.
    """

    guard: Guard
    from_lan: tuple[Packet, ...]
    from_wan: tuple[Packet, ...]
    forbidden_lan: tuple[Forbidden, ...] = ()
    forbidden_wan: tuple[Forbidden, ...] = ()

    @property
    def lan(self) -> Sent:
        """What came to the LAN side."""
        return self.from_lan, self.forbidden_lan

    @property
    def wan(self) -> Sent:
        """What came to the WAN side."""
        return self.from_wan, self.forbidden_wan


class Attempt(Evidence):
    """A real connection that was tried from *source_port*, and how that *ended*."""

    source_port: int
    ended: str
    established: bool


class BlocksEvidence(Evidence):
    """What was sent to both firewalls, made from *seed*, and watched for *watched_seconds* after the last of it.

    *control* is the allowed packet that was sent behind the others, *receiver* what came to its host. *attempt* is
    None unless the packets are TCP. *source* and *target* are addresses.
    """

    seed: int
    source: str
    target: str
    near: Tried
    far: Tried
    receiver: wire.CaptureFile
    control: wire.Probes
    attempt: Attempt | None = None
    watched_seconds: float


def checks(verb: FirewallVerb, evidence: BlocksEvidence) -> Iterator[Check]:
    """Yield all checks of what *verb* observed."""
    near, far = evidence.near, evidence.far
    yield from _entry_checks(near, far)
    yield _control_check(evidence)
    yield from _leaving_checks(verb, evidence)
    yield from _silence_checks(verb, evidence)
    yield from _counter_checks(verb, near, near.from_lan, evidence)
    yield from _counter_checks(verb, far, far.from_wan, None)
    watched = evidence.watched_seconds
    name, least = "seconds that were watched after the last packet", WATCHED_SECONDS
    yield check(name, watched >= least, expected=f"≥ {least:g}", measured=watched)


def _leaving_checks(verb: FirewallVerb, evidence: BlocksEvidence) -> Iterator[Check]:
    """Yield the checks that nothing has left the firewall that it came to, nor come further."""
    near, far = evidence.near, evidence.far
    for tried in (near, far):
        for side, sent, leaves in _sides(tried):
            through, tries = _passed(leaves, *sent), count_text(sum(map(len, sent)), "packet")
            site, vnf = tried.guard.site, tried.guard.vnf
            what = ", ".join(sorted(set(through))[:3])
            message = (
                f"{verb.what()}: {len(through)} of {tries} from the {side} passed the "
                f"firewall of {site} ({what}); seed {evidence.seed}"
            )
            name = f"packets from the {side} that left the firewall of {site}"
            yield equal(name, len(through), 0, message=message, element=vnf)
    behind = [*_passed(far.guard.wan, *near.lan), *_passed(far.guard.lan, *near.lan)]
    yield equal(f"packets that came to the firewall of {far.guard.site}", len(behind), 0, element=near.guard.vnf)
    arrived = [*_passed(evidence.receiver, *near.lan), *_passed(evidence.receiver, *far.wan)]
    message = f"{verb.what()}: {count_text(len(arrived), 'packet')} arrived, none should; seed {evidence.seed}"
    name = "packets captured at the receiver"
    yield equal(name, len(arrived), 0, message=message, element=near.guard.vnf)


def _silence_checks(verb: FirewallVerb, evidence: BlocksEvidence) -> Iterator[Check]:
    """Yield the checks that a firewall neither answers nor refuses, and that no connection comes up."""
    own = _attempt_keys(evidence, verb.destination_port)
    for tried, more in ((evidence.near, own), (evidence.far, set())):
        for side, (packets, _), entrance in _entrances(tried):
            answers = marks.answers(entrance, marks.keys_of(packets) | (more if side == "LAN" else set()))
            site = tried.guard.site
            name = f"answers to packets from the {side} at {site}"
            message = f"{verb.what()}: the firewall of {site} answers what it is to drop in silence"
            yield equal(name, len(answers), 0, message=message, element=tried.guard.vnf)
    if evidence.attempt:
        vnf = evidence.near.guard.vnf
        ended = "established" if evidence.attempt.established else evidence.attempt.ended
        yield equal(f"connection from port {evidence.attempt.source_port}", ended, TIMED_OUT, element=vnf)
        (key,) = own
        left = len(marks.of_connection(evidence.near.guard.wan, key))
        yield equal("packets of the connection behind the near firewall", left, 0, element=vnf)
    elif verb.protocol == "tcp":
        yield equal("connection of two sockets", "not tried", TIMED_OUT)


def _counter_checks(
    verb: FirewallVerb, tried: Tried, judged: Sequence[Packet], evidence: BlocksEvidence | None
) -> Iterator[Check]:
    """Yield the checks of the counters; *judged* are the packets that the rule decides about."""
    guard, every = tried.guard, [*tried.from_lan, *tried.from_wan]
    own = _attempt_keys(evidence, verb.destination_port) if evidence else set()
    asked, answered = guard.asked or (math.inf, math.inf)
    opened = [frame.timestamp for key in own for frame in marks.of_connection(guard.lan, key)]
    opened_least, opened_most = (sum(one < end for one in opened) for end in (asked - COUNTED_WITHIN, answered))
    others = marks.stopped_others((guard.lan, guard.wan), every, answered) - opened_most
    least, most = len(every) + opened_least, len(frames_of(every)) + opened_most + max(0, others)
    if verb.rule != DEFAULT:
        name, opening = f"packets counted by rule {verb.rule!r}", sum(packet.opens for packet in judged)
        yield guard.counter_check(name, opening + opened_least, len(frames_of(judged)) + opened_most, verb.rule)
        yield guard.counter_check(
            f"packets counted by rule {verb.rule!r} and the default", least, most, verb.rule, DEFAULT
        )
    else:
        yield guard.counter_check(f"packets counted by rule {DEFAULT!r}", least, most, DEFAULT)


def _sides(tried: Tried) -> Iterator[tuple[str, Sent, wire.CaptureFile]]:
    """Yield, for each side of a firewall, what came there and the capture where it must not be seen."""
    yield "LAN", tried.lan, tried.guard.wan
    yield "WAN", tried.wan, tried.guard.lan


def _entrances(tried: Tried) -> Iterator[tuple[str, Sent, wire.CaptureFile]]:
    yield "LAN", tried.lan, tried.guard.lan
    yield "WAN", tried.wan, tried.guard.wan


def _passed(capture: wire.CaptureFile, packets: Sequence[Packet], forbidden: Sequence[Forbidden]) -> list[str]:
    """Return what those are of which anything is in *capture*."""
    seen = zip(packets, sightings(capture, packets), strict=True)
    also = zip(forbidden, _times(capture, forbidden), strict=True)
    return [*(packet.what for packet, parts in seen if any(parts)), *(item.what for item, times in also if times)]


def _times(capture: wire.CaptureFile, forbidden: Sequence[Forbidden]) -> list[int]:
    """Return how many frames in *capture* hold the content of each of the *forbidden* ones, which are short."""
    return count_each(capture.file, [item.token for item in forbidden])


def _entry_checks(*tried: Tried) -> Iterator[Check]:
    """Yield the checks that all came to the firewall that has to stop it."""
    for each in tried:
        for side, (packets, forbidden), entrance in _entrances(each):
            whole = [*map(all, sightings(entrance, packets)), *map(bool, _times(entrance, forbidden))]
            came, sent = sum(whole), len(whole)
            yield equal(f"packets from the {side} that came to the firewall of {each.guard.site}", came, sent)


def _attempt_keys(evidence: BlocksEvidence, port: int) -> set[marks.Key]:
    """Return the connection that was tried, as a set of one or none."""
    if not evidence.attempt:
        return set()
    ends = IPv4Address(evidence.source).packed, IPv4Address(evidence.target).packed
    return {(marks.TCP, *ends, evidence.attempt.source_port, port)}


def _control_check(evidence: BlocksEvidence) -> Check:
    """Return the check that what is allowed does arrive, so that what does not was stopped and not lost."""
    control = evidence.control
    (arrived,) = evidence.receiver.sightings(control.frames)
    least, _ = control.least_arrivals()
    return check(
        "control packets captured at the receiver",
        least <= arrived <= control.copies,
        expected=str(least) if least == control.copies else f"{least} to {control.copies}",
        measured=arrived,
        message="the control packet did not arrive either",
    )
