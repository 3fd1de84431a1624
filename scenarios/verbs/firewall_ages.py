"""``firewall.ages``: states of connections end when it was declared, on the wire and not by a firewall's word."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import product
from random import Random
from threading import Event
from typing import ClassVar

from pydantic import Field

from common.findings import Fault
from scenarios.file.format import Scenario
from scenarios.network import losses, marks, wire
from scenarios.network.drawn.mixture import new_seed
from scenarios.network.firewall import KIND, SPACING_SECONDS, Ports, Post, StateTimeouts, lan_way, posts, wan_way
from scenarios.network.firewalls import aged
from scenarios.network.firewalls.aged import CONNECTIONS, MARGIN_SECONDS, OPENINGS, AgesEvidence, Idle, idle
from scenarios.network.flows import one_way_ports
from scenarios.network.marks import frames_of
from scenarios.steps.checks import Judgement
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import PathVerb, Watching
from testbed.capture import captures
from testbed.errors import ProbeError
from testbed.packets import Kind, send, silent

SECONDS = range(2, 11)
"""Time-outs that a step can wait for."""

PORTS_PER_PROTOCOL = CONNECTIONS * 2 * 2 * 2
"""Connections of one protocol, each from another port: of two kinds, for two firewalls, before the end and after it."""

COPIES = 20  # where the network is to lose packets: one of so many comes through
STEP_SECONDS = 0.3  # between the packets that open a connection, beside the delay that is declared
AFTER_SECONDS = 0.5
"""How long something late is looked for."""

Sender = Callable[[Sequence[bytes]], None]
Schedule = Mapping[tuple[float, str], Sequence[bytes]]
"""Frames by the moment when they are to go, in seconds from the start, and by their sender."""


class FirewallAges(PathVerb, name="firewall.ages"):
    """Prove that both firewalls keep the state of an idle connection until its time-out, and no longer.

    Connections of each kind are opened from one host to the other, from random ports: half-open ones of TCP, which
    nobody answers; established ones; UDP that got no answer; UDP that went both ways for more than two seconds. Then
    nothing passes until a packet comes back: on some of them a second before the time-out, on others a second after
    it. The receiver sends it to the firewall of its site; to that of the sender's site it comes as from the next VNF.
    It goes to a port that no flow lets pass, so the state alone lets it pass.

    Kinds whose time-out is 2 to 10 seconds are waited for, the others are left out, and the result says which. A
    scenario orders such short ones by the input ``firewall_timeouts`` of its sites. Where other steps follow that may
    run beside it, these run meanwhile.

    *Expected results*: all packets before the time-out pass the firewall, none of those after it does, though each
    is captured entering it.

    *Fails when* a firewall forgets connections more than a second sooner than declared, or keeps them more than a
    second longer, whatever its status tells.

    *Example*: ``{verb: firewall.ages, with: {from: a1, to: b1, tcp_port: 5201, udp_port: 9001, timeouts: {tcp_opening:
    3, udp: 3, udp_stream: 4}}}``"""

    asks: ClassVar[str] = KIND
    beside: ClassVar[bool] = True
    tcp_port: int = Field(ge=1, le=65535, description="a TCP port that the service's flows allow")
    udp_port: int = Field(ge=1, le=65535, description="a UDP port that the service's flows allow")
    timeouts: StateTimeouts = Field(
        description="seconds without a packet after which states of each kind must end; of others the defaults"
    )
    seed: int | None = Field(
        default=None, ge=0, le=0xFFFFFFFF, description="makes the packets of an earlier run again; else they are random"
    )

    @property
    def waited_for(self) -> dict[str, int]:
        """Return the time-outs that are short enough, by the kind of state. A stream of UDP begins as other UDP."""
        declared = self.timeouts.model_dump()
        found = {kind: declared[kind] for kind in OPENINGS if declared[kind] in SECONDS}
        return {kind: seconds for kind, seconds in found.items() if kind != "udp_stream" or self.timeouts.udp > 1}

    def impossible(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield also time-outs of which none can be waited for, and ports for which states decide nothing."""
        yield from super().impossible(scenario)
        if not self.waited_for:
            message = (
                f"none of {', '.join(OPENINGS)} is {SECONDS[0]} to {SECONDS[-1]} seconds, so none can be waited for"
            )
            yield Fault(("timeouts",), message, "order short ones by the input firewall_timeouts of the sites")
        for kind in sorted(self._protocols()):
            if len(one_way_ports(scenario, kind, self._port(kind))) < PORTS_PER_PROTOCOL:
                message = (
                    f"no flow lets {kind.upper()} to port {self._port(kind)} pass, or flows let what comes back pass"
                )
                yield Fault((f"{kind}_port",), message)

    def _protocols(self) -> set[Kind]:
        return {OPENINGS[kind].protocol for kind in self.waited_for}

    def _port(self, protocol: Kind) -> int:
        return self.tcp_port if protocol == "tcp" else self.udp_port

    def observe(self, context: Context, recorder: Recorder) -> Watching[AgesEvidence]:
        seed = new_seed(self.seed)
        near, far = posts(context, recorder, self.from_, self.to)
        connections = self._connections(context, Random(seed), near, far)  # noqa: S311  (made again from the seed)
        source, target = context.host(self.from_), context.host(self.to)
        senders: dict[str, Sender] = {
            "there": lambda frames: send(source.namespace, source.interface, frames, SPACING_SECONDS),
            "back": lambda frames: send(target.namespace, target.interface, frames, SPACING_SECONDS),
            "next": lambda frames: send(near.namespace, near.next_port, frames, SPACING_SECONDS),
        }
        schedule = self._schedule(context, connections, near.site)
        context.note_injected(near.site, near.next_port, sum(one.site == near.site for one in connections))
        points = [near.lan, near.wan, far.lan, far.wan]
        ended = Event()
        with ExitStack() as stack:
            stack.enter_context(captures([point.capture for point in points]))
            services = [(str(kind), self._port(kind)) for kind in self._protocols()]
            stack.enter_context(silent(target.namespace, target.ip, services))
            stack.enter_context(silent(source.namespace, source.ip, _open_ports(connections)))
            pool = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            stack.callback(ended.set)
            start = time.monotonic()
            enough = start + max(moment for moment, _ in schedule) + AFTER_SECONDS
            sending = pool.submit(_send, schedule, senders, start, ended)
            yield enough
            sending.result()
            recorder.until("time for what comes late", max(0.0, enough - time.monotonic()), lambda: None)
        for point in points:
            recorder.file(point.capture.path, f"capture at {point.name}; probes of seed {seed}", wire.PCAP)
        of_near, of_far = (
            Ports(site=one.site, vnf=context.vnf_element(one.site, KIND), lan=one.lan.result, wan=one.wan.result)
            for one in (near, far)
        )
        return AgesEvidence(seed=seed, near=of_near, far=of_far, connections=connections)

    def _connections(self, context: Context, rng: Random, near: Post, far: Post) -> tuple[Idle, ...]:
        """Return the connections of each kind, for each firewall, before and after the end, each from another port."""
        there, back = lan_way(context, self.from_, self.to), lan_way(context, self.to, self.from_)
        behind = wan_way(context, self.to, self.from_, 2 * context.scenario.service.chain.count(marks.ROUTED))
        ports = {kind: self._own_ports(context, rng, kind) for kind in sorted(self._protocols())}
        made = []
        for kind, (post, way), late, _ in product(
            self.waited_for, ((near, behind), (far, back)), (False, True), range(CONNECTIONS)
        ):
            protocol = OPENINGS[kind].protocol
            ends = next(ports[protocol]), self._port(protocol)
            made.append(idle(rng, kind, post.site, late, (there, back, way), ends))
        return tuple(made)

    def _own_ports(self, context: Context, rng: Random, protocol: Kind) -> Iterator[int]:
        """Yield source ports that no packet of this run has, and take them."""
        free = one_way_ports(context.scenario, protocol, self._port(protocol))
        chosen = rng.sample([port for port in free if (protocol, port) not in context.source_ports], PORTS_PER_PROTOCOL)
        context.source_ports.update((protocol, port) for port in chosen)
        yield from chosen

    def _schedule(self, context: Context, connections: Sequence[Idle], near: str) -> Schedule:
        delay = losses.declared_delay(context, self.from_, self.to)
        lossy = losses.declared_percent(context, self.from_, self.to) > 0
        found: dict[tuple[float, str], list[bytes]] = defaultdict(list)
        for one in connections:
            steps, moment = OPENINGS[one.kind].packets, 0.0
            for (step, there, _), packet in zip(steps, one.opened, strict=True):
                moment = step * (STEP_SECONDS + delay)
                found[moment, "there" if there else "back"] += frames_of([packet]) * (COPIES if lossy else 1)
            moment += self.waited_for[one.kind] + (MARGIN_SECONDS + delay if one.late else -MARGIN_SECONDS)
            found[moment, "next" if one.site == near else "back"] += frames_of([one.back])
        return found

    def judge(self, evidence: AgesEvidence) -> Judgement:
        declared = self.waited_for
        checks, unsure = aged.checks(evidence, declared)
        ends = ", ".join(f"{kind} after {seconds} s" for kind, seconds in declared.items())
        left = [f"{kind} ({getattr(self.timeouts, kind)} s)" for kind in OPENINGS if kind not in declared]
        others = f"; not waited for: {', '.join(left)}" if left else ""
        summary = f"{self.from_} to {self.to}: states end at both firewalls, {ends}{others}; seed {evidence.seed}"
        late = f"{unsure} packets came back too near to the time-out to tell anything"
        return Judgement(checks, summary, ProbeError(late) if unsure else None)

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), KIND)} -- /vnf/status"


def _open_ports(connections: Sequence[Idle]) -> Iterator[tuple[str, int]]:
    """Yield the ports that packets come back to: open ones, so that the host's kernel does not refuse them."""
    for one in connections:
        key = marks.key_of(one.opened[0].frames[0][14:])
        if key:
            yield OPENINGS[one.kind].protocol, key[3]


def _send(schedule: Schedule, senders: Mapping[str, Sender], start: float, ended: Event) -> None:
    """Send what is to go at each moment after *start*, until all has gone or *ended*."""
    for (moment, sender), frames in sorted(schedule.items(), key=lambda item: item[0]):
        if ended.wait(max(0.0, start + moment - time.monotonic())):
            return
        senders[sender](frames)
