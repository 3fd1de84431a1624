"""``firewall.allows``: packets that a rule allows arrive, and that rule counts them."""

from __future__ import annotations

from reports.text import count_text
from scenarios.network import wire
from scenarios.network.firewall import FirewallEvidence, FirewallVerb, counted
from scenarios.steps.checks import Judgement, check
from scenarios.steps.context import Context
from scenarios.steps.recorder import Recorder


class FirewallAllows(FirewallVerb, name="firewall.allows"):
    """Prove that crafted packets pass the firewalls at both sites.

    *Expected results*: each packet, told apart by a one-time token, is captured exactly once at the receiver, but for
    the loss that the underlay declares; the rule's counter at the sender's site rose by exactly their number.

    *Fails when* the rule is missing, is shadowed by an earlier one, or does not count.

    *Example*: ``{verb: firewall.allows, with: {from: a1, to: b1, protocol: tcp, destination_port: 80, rule: web}}``
    """

    def observe(self, context: Context, recorder: Recorder) -> FirewallEvidence:
        probes = self.probes(context)
        before = counted(context, context.site_of(self.from_))
        far = wire.host_point(context, recorder, self.to)
        last = "the last packet at the receiver"
        wire.exchange(context, recorder, [probes], [far], far, last, self.within_seconds)
        counters = self.counters(context, recorder, before)
        return FirewallEvidence(probes=probes, far=far.result, counters=counters)

    def judge(self, evidence: FirewallEvidence) -> Judgement:
        probes = evidence.probes
        arrived = sum(count == 1 for count in evidence.far.sightings(probes.frames))
        least, expected = probes.least_arrivals()
        message = f"{self.what()}: {arrived} of {count_text(self.packets, 'packet')} arrived, all should"
        name = "packets captured at the receiver"
        arrivals = check(name, arrived >= least, expected=expected, measured=arrived, message=message)
        packets = count_text(arrived, "packet") if arrived < self.packets else f"all {count_text(arrived, 'packet')}"
        summary = f"{self.what()}: {packets} arrived, counted by rule {self.rule!r}"
        return Judgement([arrivals, self.counter_check(evidence.counters)], summary)
