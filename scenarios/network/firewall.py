"""Crafted packets against a firewall rule, shared by the two firewall verbs: captures decide, counters must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from reports.model import Check
from scenarios.file.errors import nearest
from scenarios.file.findings import Fault
from scenarios.file.format import Scenario
from scenarios.network import wire
from scenarios.steps.checks import equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import PathVerb

DEFAULT = "default"


class RuleCounters(Evidence):
    """The packets that each rule of *site*'s firewall *vnf* (an element of the picture) counted, by the rule's id."""

    site: str
    vnf: str
    before: dict[str, int]
    after: dict[str, int]


class FirewallEvidence(Evidence):
    """What was sent, what arrived at the far host, and what the near firewall counted."""

    probes: wire.Probes
    far: wire.CaptureFile
    counters: RuleCounters


class FirewallVerb(PathVerb):
    """Parameters of both verbs, and the counting of one rule."""

    asks: ClassVar[str] = "firewall"

    protocol: Literal["tcp", "udp", "icmp"]
    destination_port: int = Field(default=0, ge=0, le=65535)
    icmp_type: int = Field(default=8, ge=0, le=255)
    packets: int = Field(default=10, ge=1, le=1000)
    within_seconds: float = Field(
        default=3, gt=0, description="how long the last packet may take to arrive and be counted"
    )
    rule: str = Field(description="id of the rule that must count the packets, or 'default'")

    @model_validator(mode="after")
    def _port_fits_protocol(self) -> Self:
        if self.protocol != "icmp" and self.destination_port == 0:
            raise ValueError(f"{self.protocol} needs a destination_port")
        return self

    def impossible(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield also a rule that no application of the service becomes."""
        yield from super().impossible(scenario)
        rules = [DEFAULT, *(application.id for application in scenario.service.applications)]
        if self.rule not in rules:
            yield ("rule",), f"no application {self.rule!r} in the service", nearest(self.rule, rules)

    def probes(self, context: Context) -> wire.Probes:
        """Return the packets, each a new connection: an established one is not judged by the rules again."""
        return wire.make(
            context,
            self.from_,
            self.to,
            protocol=self.protocol,
            destination_port=self.destination_port,
            count=self.packets,
            icmp_type=self.icmp_type,
        )

    def what(self) -> str:
        """Return the packets' description for people."""
        port = "" if self.protocol == "icmp" else f" port {self.destination_port}"
        return f"{self.protocol.upper()}{port} from {self.from_} to {self.to}"

    def counters(self, context: Context, recorder: Recorder, before: dict[str, int]) -> RuleCounters:
        """Return the near firewall's counters once the rule has counted what was sent, or the deadline is over."""
        site = context.site_of(self.from_)
        expected = packets_of(before, self.rule) + self.packets
        recorder.until(
            f"rule {self.rule!r} counted",
            self.within_seconds,
            lambda: packets_of(counted(context, site), self.rule) >= expected,
        )
        status = context.vnf_status(site, "firewall")
        recorder.json(f"firewall-{site}.json", f"the firewall of {site} with its counters", status)
        vnf = context.vnf_element(site, "firewall")
        return RuleCounters(site=site, vnf=vnf, before=before, after=by_rule(status))

    def counter_check(self, counters: RuleCounters) -> Check:
        """Return the check that the rule counted exactly the packets that were sent."""
        rose = packets_of(counters.after, self.rule) - packets_of(counters.before, self.rule)
        name = f"packets counted by rule {self.rule!r} at {counters.site}"
        return equal(name, rose, self.packets, element=counters.vnf)

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), 'firewall')} -- /vnf/status"


def counted(context: Context, site: str) -> dict[str, int]:
    """Return what each rule of *site*'s firewall has counted."""
    return by_rule(context.vnf_status(site, "firewall"))


def by_rule(status: Mapping[str, Any]) -> dict[str, int]:
    """Return the packets that each rule of a firewall's *status* has counted, by its id, and the default's."""
    rules = {str(entry["id"]): int(entry["packets"]) for entry in status.get("rules", [])}
    return rules | {DEFAULT: int(status.get("default", {}).get("packets", 0))}


def packets_of(counters: Mapping[str, int], rule: str) -> int:
    """Return the packets counted by *rule*: all rules that the flow of that name became, or the default."""
    if rule == DEFAULT:
        return counters.get(DEFAULT, 0)
    name = re.compile(rf"{re.escape(rule)}(-\d+)?")
    return sum(packets for entry, packets in counters.items() if name.fullmatch(entry))
