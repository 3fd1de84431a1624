"""Crafted packets against a firewall rule, shared by the two firewall verbs: captures decide, counters must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from scenarios import wire
from scenarios.context import Context
from scenarios.errors import nearest
from scenarios.format import Scenario
from scenarios.proof import Proof
from scenarios.verb import Host, Verb


class FirewallVerb(Verb):
    """Parameters of both verbs, and the counting of one rule."""

    asks: ClassVar[str] = "firewall"

    from_: Host = Field(alias="from")
    to: Host
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

    def impossible(self, scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield also a rule that no application of the service becomes."""
        yield from super().impossible(scenario)
        rules = ["default", *(application.id for application in scenario.service.applications)]
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

    def counted(self, context: Context, site: str) -> int:
        """Return how many packets the rule has counted at *site*."""
        return rule_packets(context.vnf_status(site, "firewall"), self.rule)

    def what(self) -> str:
        """Return the packets' description for people."""
        port = "" if self.protocol == "icmp" else f" port {self.destination_port}"
        return f"{self.protocol.upper()}{port} from {self.from_} to {self.to}"

    def check_counter(self, context: Context, proof: Proof, site: str, before: int) -> None:
        """Check that the rule counted exactly the packets that were sent."""
        expected = before + self.packets
        proof.until(f"rule {self.rule!r} counted", self.within_seconds, lambda: self.counted(context, site) >= expected)
        status = context.vnf_status(site, "firewall")
        proof.add_json(f"firewall-{site}.json", f"the firewall of {site} with its counters", status)
        counted = rule_packets(status, self.rule) - before
        proof.equal(
            f"packets counted by rule {self.rule!r} at {site}",
            counted,
            self.packets,
            element=context.vnf_element(site, "firewall"),
        )

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), 'firewall')} -- /vnf/status"


def rule_packets(status: dict[str, Any], rule: str) -> int:
    """Return the packets counted by *rule*: all rules that the flow of that name became, or the default."""
    if rule == "default":
        return int(status.get("default", {}).get("packets", 0))
    name = re.compile(rf"{re.escape(rule)}(-\d+)?")
    return sum(int(entry["packets"]) for entry in status.get("rules", []) if name.fullmatch(entry["id"]))
