"""``firewall.blocks``: packets that a rule denies, or that none names, enter the chain and never arrive."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from reports.model import Check
from reports.text import count_text
from scenarios.network import losses, wire
from scenarios.network.firewall import FirewallEvidence, FirewallVerb, counted
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder
from testbed.nodes.ucpe import LAN_PORT

CONTROLS = 20  # where the network is to lose packets: one of so many comes through


class BlocksEvidence(FirewallEvidence):
    """Also what entered the near uCPE, and the allowed packet that was sent behind the others."""

    entry: wire.CaptureFile
    control: wire.Probes


class FirewallBlocks(FirewallVerb, name="firewall.blocks"):
    """Prove that crafted packets are stopped by the firewall, and by nothing else.

    *Expected results*: each packet is captured entering the sender's uCPE; none is captured at the receiver, while
    a control packet that was sent after them, and that is allowed, is; the rule's counter rose by exactly their
    number.

    *Fails when* the rule is missing, the packets take a way around the firewall, or they are lost before they reach
    it.

    *Example*: ``{verb: firewall.blocks, with: {from: a1, to: b1, protocol: tcp, destination_port: 23, rule:
    telnet}}``"""

    control_protocol: Literal["tcp", "udp", "icmp"] = "icmp"
    control_port: int = Field(default=0, ge=0, le=65535, description="an allowed port for the control packet")

    @model_validator(mode="after")
    def _port_fits_control(self) -> Self:
        if self.control_protocol != "icmp" and self.control_port == 0:
            raise ValueError(f"a control packet of {self.control_protocol} needs a control_port")
        return self

    def observe(self, context: Context, recorder: Recorder) -> BlocksEvidence:
        site = context.site_of(self.from_)
        probes, control = self.probes(context), self._control(context)
        before = counted(context, site)
        entry = wire.port_point(context, recorder, site, LAN_PORT, f"{site} {LAN_PORT}")
        far = wire.host_point(context, recorder, self.to)
        last = "the control packet at the receiver"
        wire.exchange(context, recorder, [probes, control], [entry, far], far, last, self.within_seconds)
        counters = self.counters(context, recorder, before)
        return BlocksEvidence(probes=probes, far=far.result, counters=counters, entry=entry.result, control=control)

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

    def judge(self, evidence: BlocksEvidence) -> Judgement:
        frames, site = evidence.probes.frames, evidence.counters.site
        entered = sum(map(bool, evidence.entry.sightings(frames)))
        arrived = sum(map(bool, evidence.far.sightings(frames)))
        message = f"{self.what()}: {arrived} of {count_text(self.packets, 'packet')} arrived, none should"
        name = "packets captured at the receiver"
        checks = [
            equal(f"packets that entered the uCPE of {site}", entered, self.packets),
            _control_check(evidence),
            equal(name, arrived, 0, message=message, element=evidence.counters.vnf),
            self.counter_check(evidence.counters),
        ]
        none = f"none of {count_text(self.packets, 'packet')} arrived"
        return Judgement(checks, f"{self.what()}: {none}, counted by rule {self.rule!r}")


def _control_check(evidence: BlocksEvidence) -> Check:
    """Return the check that what is allowed does arrive, so that what does not was stopped and not lost."""
    control = evidence.control
    (arrived,) = evidence.far.sightings(control.frames)
    least, _ = control.least_arrivals()
    return check(
        "control packets captured at the receiver",
        least <= arrived <= control.copies,
        expected=str(least) if least == control.copies else f"{least} to {control.copies}",
        measured=arrived,
        message="the control packet did not arrive either",
    )
