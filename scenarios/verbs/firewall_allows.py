"""``firewall.allows``: packets that a rule allows arrive as they were sent, and that rule counts them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import ClassVar

from pydantic import Field

from reports.text import count_text
from scenarios.network import losses, marks, wire
from scenarios.network.crafted import Maker, Way
from scenarios.network.drawn.mixture import new_seed
from scenarios.network.firewall import SPACING_SECONDS, FirewallVerb, StateTimeouts, lan_way, posts, wan_way
from scenarios.network.firewalls import passed
from scenarios.network.firewalls.passed import AllowsEvidence, Conversation
from scenarios.network.marks import Packet, frames_of
from scenarios.steps.checks import Judgement
from scenarios.steps.context import Context
from scenarios.steps.recorder import LOOK_SECONDS, Recorder
from testbed.capture import captures, seen_so_far
from testbed.packets import answering, connect, send

CONNECTION_OCTETS = (100_000, 150_000)
FEW_OCTETS = (200, 1200)  # where the network is to slow TCP down
CONNECTION_SECONDS = 10.0
"""How long the octets may take there and back."""
ERRORS = 20  # where the network is to lose packets: one of so many comes through
RETRANSMISSIONS = 10
"""How many times as long a connection may take where the network is to lose packets."""


class FirewallAllows(FirewallVerb, name="firewall.allows"):
    """Prove that packets pass the firewalls at both sites as they were sent, and that their answers come back.

    The packets have source ports from the whole range, random sizes up to the service's MTU, DSCP, TTL and data; SYNs
    of TCP are sent without and with data, one UDP datagram in fragments. A TCP connection of two sockets carries 100 kB
    and more both ways, less where the underlay is declared to be bad. At last the receiver sends an ICMP error about
    one of the connections.

    *Expected results*: each packet is captured exactly once at both ports of both firewalls and at the receiver, in
    time, and is what was sent, octet by octet, but for TTL, header checksum and MAC addresses behind the gateways;
    its answer and the ICMP error come to the sender; the connection ends as it should; the rule's counter rose by
    exactly the packets at both sites. Of all this, as many may be missing as the underlay declares to lose. The
    time-outs that the firewalls say to be in force, of half-open, established and other states, are the declared ones.

    *Fails when* the rule is missing, is shadowed by an earlier one, does not hold for some source ports or data, does
    not count, or delays, changes or multiplies packets; when it stops a connection at some size or rate; when
    related ICMP errors are dropped; or when a firewall forgets connections earlier or later than it should.

    *Example*: ``{verb: firewall.allows, with: {from: a1, to: b1, protocol: tcp, destination_port: 80, rule: web}}``
    """

    beside: ClassVar[bool] = True
    delay_seconds_at_most: float = Field(
        default=1,
        gt=0,
        description="how long a packet may take from the near firewall to the receiver, beyond the underlay",
    )
    timeouts: StateTimeouts = Field(
        default=StateTimeouts(), description="seconds without a packet after which states of each kind must end"
    )

    def observe(self, context: Context, recorder: Recorder) -> AllowsEvidence:
        seed = new_seed(self.seed)
        near, far = posts(context, recorder, self.from_, self.to)
        maker = Maker.of(context, seed, self.rule)
        there, back = lan_way(context, self.from_, self.to), lan_way(context, self.to, self.from_)
        behind = wan_way(context, self.from_, self.to, 0)
        packets = maker.allowed(self.flow, there, self.packets)
        octets = FEW_OCTETS if losses.slows_tcp(context, self.from_, self.to) else CONNECTION_OCTETS
        port, data = maker.port("tcp"), maker.data(maker.rng.randint(*octets))
        error = self._error(maker, back, packets, port)
        losing = losses.declared_percent(context, self.from_, self.to) > 0
        errors = list(error.frames) * (ERRORS if losing else 1)
        receiver = wire.host_point(context, recorder, self.to)
        sender = wire.host_point(context, recorder, self.from_)
        points = [near.lan, near.wan, far.lan, far.wan, receiver, sender]
        source, target = context.host(self.from_), context.host(self.to)

        def send_error() -> None:
            send(target.namespace, target.interface, errors, SPACING_SECONDS)

        conversation = None
        with captures([point.capture for point in points]), ExitStack() as stack:
            before = self.counted(context, (near, far))
            if self.protocol != "icmp":
                service = [(str(self.protocol), self.destination_port)]
                stack.enter_context(answering(target.namespace, target.ip, service))
            send(source.namespace, source.interface, frames_of(packets), SPACING_SECONDS)
            last = time.monotonic()
            if self.protocol == "tcp":
                ends = (source.ip, port), (target.ip, self.destination_port)
                timeout = self.within_seconds * (RETRANSMISSIONS if losing else 1)
                done = connect(source.namespace, *ends, data, timeout, send_error, max(CONNECTION_SECONDS, timeout))
                conversation = Conversation.of(port, data, done)
            recorder.until("the last packet at the receiver", self.left(last), _arrived(receiver, packets[-1]))
            if self.protocol != "tcp":
                send_error()  # not before both firewalls know the packet that it is about
            recorder.until("the ICMP error at the sender", self.left(last), _arrived(sender, error), pause=LOOK_SECONDS)
            least = dict.fromkeys((near.site, far.site), len(packets) + (conversation is not None))
            near_guard, far_guard = self.guards(context, recorder, (near, far), before, least, last)
        for point in points:
            recorder.file(point.capture.path, f"capture at {point.name}; probes of seed {seed}", wire.PCAP)
        chain = context.scenario.service.chain
        between = chain[chain.index("firewall") + 1 :]
        frames = len(frames_of(packets))
        return AllowsEvidence(
            seed=seed,
            packets=packets,
            near=near_guard,
            far=far_guard,
            receiver=receiver.result,
            sender=sender.result,
            lan_addresses=bytes.fromhex((behind.target_mac + behind.source_mac).replace(":", "")),
            between=(*between, *reversed(between)),
            error=error,
            error_copies=len(errors),
            conversation=conversation,
            source=there.source,
            target=there.target,
            delay_seconds=losses.declared_delay(context, self.from_, self.to),
            allowed_losses=losses.allowed(context, self.from_, self.to, frames),
            allowed_lost_answers=losses.allowed(context, self.to, self.from_, frames),
        )

    def _error(self, maker: Maker, back: Way, packets: Sequence[Packet], port: int) -> Packet:
        """Return the ICMP error about the real connection, or about the first packet where there is none."""
        if self.protocol == "tcp":
            return maker.error_about(back, "tcp", port, self.destination_port)
        key = marks.key_of(packets[0].frames[0][14:])
        return maker.error_about(back, self.protocol, key[3] if key else 0, self.destination_port)

    def judge(self, evidence: AllowsEvidence) -> Judgement:
        sent = count_text(len(evidence.packets), "packet")
        loss = ", but for declared loss" if evidence.allowed_losses else ""
        summary = f"{self.what()}: all {sent} passed unchanged{loss}, counted by rule {self.rule!r}"
        checks = [*passed.checks(self, evidence, self.delay_seconds_at_most)]
        checks += [guard.timeout_check(self.timeouts) for guard in (evidence.near, evidence.far)]
        return Judgement(checks, f"{summary}; seed {evidence.seed}")


def _arrived(point: wire.Point, packet: Packet) -> Callable[[], bool]:
    """Return a condition on the live capture at *point*: what follows the IP header of *packet* is in it."""
    path, octets = point.capture.path, packet.frames[-1][34:]
    return lambda: path.exists() and seen_so_far(path, octets)
