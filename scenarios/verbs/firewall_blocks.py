"""``firewall.blocks``: packets that a rule denies, or that none names, end in the firewall that they come to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from reports.text import count_text
from scenarios.network import losses, marks, wire
from scenarios.network.crafted import Maker, Way
from scenarios.network.drawn.forbidden import Forbidden, draw
from scenarios.network.drawn.mixture import new_seed
from scenarios.network.firewall import SPACING_SECONDS, FirewallVerb, Post, lan_way, posts, wan_way
from scenarios.network.firewalls import stopped
from scenarios.network.firewalls.stopped import WATCHED_SECONDS, Attempt, BlocksEvidence, Tried
from scenarios.network.flows import open_ports
from scenarios.network.marks import Packet, frames_of
from scenarios.steps.checks import Judgement
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Watching
from testbed.capture import captures, seen_so_far
from testbed.host.kernel import has_ipv6
from testbed.packets import Connection, connect, listening, send

CONTROLS = 20  # where the network is to lose packets: one of so many comes through


class FirewallBlocks(FirewallVerb, name="firewall.blocks"):
    """Prove that packets are stopped by the firewalls at both sites, each by itself, and by nothing else.

    Packets of every shape that a firewall may take for something else are sent to the firewall of the sender's site,
    and others to the WAN side of the firewall of the receiver's site, as its next VNF would send them: source ports
    of the whole range, 0 and those of services among them; with and without data, in fragments, with IP options, any
    TTL and DSCP; TCP packets with the flags SYN, ACK, FIN, RST, others or none. Both firewalls are also given what
    looks like answers of services, though nobody has asked: SYN/ACK, UDP, echo replies, ICMP errors (RFC 2979); and,
    from both sides, what no flow of the service allows: ports beside the open ones and anywhere else, SCTP, GRE, ESP,
    AH and other protocols, from and to other addresses; IPv6; frames behind VLAN tags and of other EtherTypes. At last
    a socket of the sender tries to connect.

    *Expected results*: each packet is captured entering its firewall; none is captured leaving it, nor at the
    receiver, until two seconds after the last one, while a control packet that was sent after them, and that is
    allowed, does arrive; nothing answers, and the connection times out; the rule counted what opens a connection,
    and the rule and the default together exactly the packets that came.

    *Fails when* the rule is missing at one site, lets some shape of packet pass, or late; when a firewall is open for
    something that no flow allows, keeps no state, answers or refuses; or when the packets take a way around the
    firewall, or are lost before they reach it.

    *Example*: ``{verb: firewall.blocks, with: {from: a1, to: b1, protocol: tcp, destination_port: 23, rule:
    telnet}}``"""

    beside: ClassVar[bool] = True
    control_protocol: Literal["tcp", "udp", "icmp"] = Field(default="icmp", description="of the control packet")
    control_port: int = Field(default=0, ge=0, le=65535, description="an allowed port for the control packet")

    @model_validator(mode="after")
    def _port_fits_control(self) -> Self:
        if self.control_protocol != "icmp" and self.control_port == 0:
            raise ValueError(f"a control packet of {self.control_protocol} needs a control_port")
        return self

    def observe(self, context: Context, recorder: Recorder) -> Watching[BlocksEvidence]:
        seed = new_seed(self.seed)
        near, far = posts(context, recorder, self.from_, self.to)
        maker, routers = Maker.of(context, seed, self.rule), context.scenario.service.chain.count(marks.ROUTED)
        there, back = lan_way(context, self.from_, self.to), lan_way(context, self.to, self.from_)
        there_behind = wan_way(context, self.from_, self.to, 2 * routers)
        back_behind = wan_way(context, self.to, self.from_, 2 * routers)
        sent = {
            near.site: (self._blocked(context, maker, there), maker.unasked(context.scenario, self.flow, back_behind)),
            far.site: (maker.unasked(context.scenario, self.flow, back), self._blocked(context, maker, there_behind)),
        }
        drawn = partial(draw, maker.rng, context.scenario, ipv6=has_ipv6())
        forbidden = {near.site: (drawn(there), drawn(back_behind)), far.site: (drawn(back), drawn(there_behind))}
        control, port = self._control(context), maker.port("tcp")
        receiver = wire.host_point(context, recorder, self.to)
        points = [near.lan, near.wan, far.lan, far.wan, receiver]
        target = context.host(self.to)
        ports = [(name, number) for name, number in self._ports() if name != "icmp"]
        with captures([point.capture for point in points]), ThreadPoolExecutor(max_workers=1) as pool:
            before = self.counted(context, (near, far))
            with listening(target.namespace, target.ip, ports):
                attempt = pool.submit(self._attempt, context, port)
                for host, post in ((self.from_, near), (self.to, far)):
                    sides = zip(sent[post.site], forbidden[post.site], strict=True)
                    self._send(context, host, post, *(_frames(*side) for side in sides))
                last = time.monotonic()
                self._send_control(context, recorder, control, receiver)
                least = {site: len(out) + len(back) for site, (out, back) in sent.items()}
                guards = self.guards(context, recorder, (near, far), before, least, last)
            # What comes late is captured; other steps may need the ports.
            enough = last + WATCHED_SECONDS
            yield enough
            recorder.until("time for what comes late", max(0.0, enough - time.monotonic()), lambda: None)
            tried = attempt.result()
            watched = time.monotonic() - last
        for point in points:
            recorder.file(point.capture.path, f"capture at {point.name}; probes of seed {seed}", wire.PCAP)
        near_tried, far_tried = (
            Tried(
                guard=guard,
                from_lan=sent[guard.site][0],
                from_wan=sent[guard.site][1],
                forbidden_lan=forbidden[guard.site][0],
                forbidden_wan=forbidden[guard.site][1],
            )
            for guard in guards
        )
        return BlocksEvidence(
            seed=seed,
            source=there.source,
            target=there.target,
            near=near_tried,
            far=far_tried,
            receiver=receiver.result,
            control=control,
            attempt=tried and Attempt(source_port=port, ended=tried.ended, established=tried.established),
            watched_seconds=round(watched, 3),
        )

    def _blocked(self, context: Context, maker: Maker, way: Way) -> tuple[Packet, ...]:
        return maker.blocked(self.flow, way, self.packets, open_ports(context.scenario, self.protocol))

    def _ports(self) -> set[tuple[str, int]]:
        return {(self.protocol, self.destination_port), (self.control_protocol, self.control_port)}

    def _send(
        self, context: Context, host: str, post: Post, from_lan: Sequence[bytes], from_wan: Sequence[bytes]
    ) -> None:
        end = context.host(host)
        send(end.namespace, end.interface, from_lan, SPACING_SECONDS)
        post.inject(context, from_wan)

    def _attempt(self, context: Context, port: int) -> Connection | None:
        if self.protocol != "tcp":
            return None
        source, target = context.host(self.from_), (context.host(self.to).ip, self.destination_port)
        return connect(source.namespace, (source.ip, port), target, b"", WATCHED_SECONDS)

    def _control(self, context: Context) -> wire.Probes:
        return wire.make(
            context,
            self.from_,
            self.to,
            protocol=self.control_protocol,
            destination_port=self.control_port,
            count=1,
            copies=CONTROLS if losses.declared_percent(context, self.from_, self.to) else 1,
        )

    def _send_control(self, context: Context, recorder: Recorder, control: wire.Probes, receiver: wire.Point) -> None:
        source, (probe,), path = context.host(self.from_), control.frames, receiver.capture.path
        send(source.namespace, source.interface, [probe.frame] * control.copies, wire.SPACING_SECONDS)
        arrived = lambda: path.exists() and seen_so_far(path, probe.token)  # noqa: E731  (said once, here)
        recorder.until("the control packet at the receiver", self.within_seconds, arrived)

    def judge(self, evidence: BlocksEvidence) -> Judgement:
        sent = count_text(len(evidence.near.from_lan) + len(evidence.far.from_wan), "packet")
        summary = (
            f"{self.what()}: none of {sent} passed a firewall, counted by rule {self.rule!r}; seed {evidence.seed}"
        )
        return Judgement([*stopped.checks(self, evidence)], summary)


def _frames(packets: Sequence[Packet], forbidden: Sequence[Forbidden]) -> list[bytes]:
    return [*frames_of(packets), *(item.frame for item in forbidden)]
