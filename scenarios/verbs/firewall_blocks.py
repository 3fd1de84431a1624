"""``firewall.blocks``: packets that a rule denies, or that none names, enter the chain and never arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

from pydantic import Field, model_validator

from reports.text import count_text
from scenarios import losses, wire
from scenarios.context import Context
from scenarios.firewalling import FirewallVerb
from scenarios.proof import Proof
from testbed.nodes.ucpe import LAN_PORT

CONTROLS = 20  # where the network is to lose packets: one of so many comes through


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

    def prove(self, context: Context, proof: Proof) -> str:
        site = context.site_of(self.from_)
        probes = self.probes(context)
        control = wire.make(
            context, self.from_, self.to, protocol=self.control_protocol, destination_port=self.control_port, count=1
        )
        if losses.declared_percent(context, self.from_, self.to):
            control = replace(control, frames=control.frames * CONTROLS)
        before = self.counted(context, site)
        entry = wire.port_point(context, proof, site, LAN_PORT, f"{site} {LAN_PORT}")
        far = wire.host_point(context, proof, self.to)
        with wire.watched(proof, [entry, far]), probes.target_open(), control.target_open():
            probes.send()
            control.send()
            proof.until("the control packet at the receiver", self.within_seconds, wire.arrived(control, far))
        entered = sum(map(bool, entry.sightings(probes.frames)))
        proof.equal(f"packets that entered the uCPE of {site}", entered, self.packets)
        sent = len(control.frames)
        controls = sum(far.sightings(control.frames[:1]))
        least = sent - control.allowed_losses()
        proof.check(
            "control packets captured at the receiver",
            least <= controls <= sent,
            expected=str(sent) if least == sent else f"{least} to {sent}",
            measured=controls,
            message="the control packet did not arrive either",
        )
        arrived = sum(map(bool, far.sightings(probes.frames)))
        message = f"{self.what()}: {arrived} of {count_text(self.packets, 'packet')} arrived, none should"
        proof.equal(
            "packets captured at the receiver",
            arrived,
            0,
            message=message,
            element=context.vnf_element(site, "firewall"),
        )
        self.check_counter(context, proof, site, before)
        return f"{self.what()}: none of {count_text(self.packets, 'packet')} arrived, counted by rule {self.rule!r}"
