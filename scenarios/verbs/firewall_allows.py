"""``firewall.allows``: packets that a rule allows arrive, and that rule counts them."""

from __future__ import annotations

from reports.text import count_text
from scenarios import wire
from scenarios.context import Context
from scenarios.firewalling import FirewallVerb
from scenarios.proof import Proof


class FirewallAllows(FirewallVerb, name="firewall.allows"):
    """Prove that crafted packets pass the firewalls at both sites.

    *Expected results*: each packet, told apart by a one-time token, is captured exactly once at the receiver, but for
    the loss that the underlay declares; the rule's counter at the sender's site rose by exactly their number.

    *Fails when* the rule is missing, is shadowed by an earlier one, or does not count.

    *Example*: ``{verb: firewall.allows, with: {from: a1, to: b1, protocol: tcp, destination_port: 80, rule: web}}``
    """

    def prove(self, context: Context, proof: Proof) -> str:
        site = context.site_of(self.from_)
        probes = self.probes(context)
        before = self.counted(context, site)
        far = wire.host_point(context, proof, self.to)
        with wire.watched(proof, [far]), probes.target_open():
            probes.send()
            proof.until("the last packet at the receiver", self.within_seconds, wire.arrived(probes, far))
        arrived = sum(count == 1 for count in far.sightings(probes.frames))
        message = f"{self.what()}: {arrived} of {count_text(self.packets, 'packet')} arrived, all should"
        least, expected = probes.least_arrivals()
        proof.check(
            "packets captured at the receiver", arrived >= least, expected=expected, measured=arrived, message=message
        )
        self.check_counter(context, proof, site, before)
        came = count_text(arrived, "packet") if arrived < self.packets else f"all {count_text(arrived, 'packet')}"
        return f"{self.what()}: {came} arrived, counted by rule {self.rule!r}"
