"""What the firewall verbs share: their parameters, the counters of one rule, and a firewall's two ports."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from common.findings import Fault, nearest
from reports.model import Check
from scenarios.file.format import Scenario, Strict
from scenarios.network import chain, wire
from scenarios.network.crafted import Flow, Way
from scenarios.steps.checks import check, equal, words
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import PathVerb
from testbed.host.namespace import Namespace
from testbed.packets import interface_mac, send

DEFAULT = "default"
KIND = "firewall"
SPACING_SECONDS = 0.0005
LOOK_SECONDS = 0.5
COUNTED_WITHIN = 0.1
"""Seconds after which a rule has counted a packet that was captured at the firewall's port."""


class StateTimeouts(Strict):
    """Seconds without a packet after which a firewall forgets a connection; those of the VNF contract."""

    tcp_opening: int = Field(default=240, ge=1)
    tcp_established: int = Field(default=7440, ge=1)
    tcp_closing: int = Field(default=240, ge=1)
    udp: int = Field(default=120, ge=1)
    udp_stream: int = Field(default=300, ge=1)
    icmp: int = Field(default=30, ge=1)


class Ports(Evidence):
    """What was captured at the two ports of the firewall of *site* (*vnf* in the picture)."""

    site: str
    vnf: str
    lan: wire.CaptureFile
    wan: wire.CaptureFile


class Guard(Ports):
    """What was captured at the two ports of a firewall, and what its rules counted.

    *before* and *after* have the packets by the rule's id. *after* was asked for and told at the *asked* moments, in
    seconds since the epoch; None where that was when all had been captured. *timeouts* are those in force, as it says.
    """

    before: dict[str, int]
    after: dict[str, int]
    asked: tuple[float, float] | None = None
    timeouts: dict[str, Any] = Field(default={})

    def rose(self, *rules: str) -> int:
        """Return how many packets more *rules* have counted, each taken once."""
        return sum(packets_of(self.after, rule) - packets_of(self.before, rule) for rule in set(rules))

    def counter_check(self, name: str, least: int, most: int, *rules: str) -> Check:
        """Return the check that *rules* together counted from *least* to *most* packets."""
        rose = self.rose(*rules)
        expected = str(least) if least == most else f"{least} to {most}"
        return check(
            f"{name} at {self.site}", least <= rose <= most, expected=expected, measured=rose, element=self.vnf
        )

    def timeout_check(self, declared: StateTimeouts) -> Check:
        """Return the check that states of connections end when it is *declared*, and no state at another time."""
        wrong = [
            f"{name} {words(self.timeouts.get(name))}, not {seconds}"
            for name, seconds in declared.model_dump().items()
            if self.timeouts.get(name) != [seconds]
        ]
        name = f"time-outs of the firewall of {self.site}, in seconds, beside the declared ones"
        return equal(name, wrong, [], element=self.vnf)


@dataclass(frozen=True)
class Post:
    """A firewall of a running network: capture points at its two ports, and the port of the next hop behind it."""

    site: str
    lan: wire.Point
    wan: wire.Point
    namespace: Namespace
    next_port: str

    def inject(self, context: Context, frames: Sequence[bytes]) -> None:
        """Send *frames* to the firewall's WAN side as the next VNF of the chain would do."""
        context.note_injected(self.site, self.next_port, len(frames))
        send(self.namespace, self.next_port, frames, SPACING_SECONDS)


class FirewallVerb(PathVerb):
    """Parameters of those verbs that try one rule, and how a firewall is watched."""

    asks: ClassVar[str] = KIND

    protocol: Literal["tcp", "udp", "icmp"] = Field(description="of the packets that are sent")
    destination_port: int = Field(default=0, ge=0, le=65535, description="of TCP and UDP, which need one")
    icmp_type: int = Field(default=8, ge=0, le=255, description="of ICMP; 8 is an echo request")
    packets: int = Field(
        default=48, ge=1, le=1000, description="crafted packets; of few of them not all have a shape of their own"
    )
    within_seconds: float = Field(
        default=3, gt=0, description="how long the last packet may take to arrive and be counted"
    )
    rule: str = Field(description="id of the rule that must count the packets, or 'default'")
    seed: int | None = Field(
        default=None, ge=0, le=0xFFFFFFFF, description="makes the packets of an earlier run again; else they are random"
    )

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
            yield Fault(("rule",), f"no application {self.rule!r} in the service", nearest(self.rule, rules))

    @property
    def flow(self) -> Flow:
        """Return what the packets are."""
        return Flow(self.protocol, self.destination_port, self.icmp_type, self.rule)

    def what(self) -> str:
        """Return the packets' description for people."""
        port = "" if self.protocol == "icmp" else f" port {self.destination_port}"
        return f"{self.protocol.upper()}{port} from {self.from_} to {self.to}"

    def counted(self, context: Context, posts: Iterable[Post]) -> dict[str, dict[str, int]]:
        """Return what the rules of the firewalls at *posts* have counted until now, by site.

        Where captures run already, what others send is either captured or not counted.
        """
        sites = [post.site for post in posts]
        with ThreadPoolExecutor(max_workers=2) as pool:
            return dict(zip(sites, pool.map(lambda site: by_rule(context.vnf_status(site, KIND)), sites), strict=True))

    def left(self, since: float) -> float:
        """Return how many of the *within_seconds* after the moment *since* are left, one look's time at least."""
        return max(LOOK_SECONDS, since + self.within_seconds - time.monotonic())

    def guards(
        self,
        context: Context,
        recorder: Recorder,
        posts: Iterable[Post],
        before: Mapping[str, dict[str, int]],
        least: Mapping[str, int],
        since: float,
    ) -> tuple[Guard, ...]:
        """Return what the firewalls at *posts* saw, once they counted *least* more than *before*.

        Both are by site. Ends in time after *since*, too.
        """

        def one(post: Post) -> Guard:
            told: list[tuple[float, dict[str, Any]]] = []

            def counted_all() -> bool:
                told.append((time.time(), context.vnf_status(post.site, KIND)))
                now, earlier = by_rule(told[-1][1]), before[post.site]
                rose = sum(packets_of(now, rule) - packets_of(earlier, rule) for rule in {self.rule, DEFAULT})
                # What else was sent is counted there too, so that these may be all while some are still to come.
                return rose >= least[post.site] and len(told) > 1 and by_rule(told[-2][1]) == now

            recorder.until(f"counted at {post.site}", self.left(since), counted_all)
            (asked, status), answered = told[-1], time.time()
            recorder.json(f"firewall-{post.site}.json", f"the firewall of {post.site} with its counters", status)
            return Guard(
                site=post.site,
                vnf=context.vnf_element(post.site, KIND),
                lan=post.lan.result,
                wan=post.wan.result,
                before=before[post.site],
                after=by_rule(status),
                asked=(asked, answered),
                timeouts=status.get("timeouts", {}),
            )

        with ThreadPoolExecutor(max_workers=2) as pool:
            return tuple(pool.map(one, posts))

    def live_command(self, context: Context) -> str:
        return f"lso exec {context.lab.id} {context.vnf_node(context.site_of(self.from_), KIND)} -- /vnf/status"


def posts(context: Context, recorder: Recorder, source: str, target: str) -> tuple[Post, Post]:
    """Return the near and the far firewall on the way between two hosts, looked up at the same time."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        near, far = pool.map(lambda site: _post(context, recorder, site), map(context.site_of, (source, target)))
    return near, far


def _post(context: Context, recorder: Recorder, site: str) -> Post:
    ways = chain.complete(context, site)
    place = 1 + 2 * context.scenario.service.chain.index(KIND)
    lan, wan, behind = ways[place : place + 3]
    return Post(
        site=site,
        lan=wire.port_point(context, recorder, site, lan.port, f"{site} {lan.label}"),
        wan=wire.port_point(context, recorder, site, wan.port, f"{site} {wan.label}"),
        namespace=context.lab.ucpes[site].namespace,
        next_port=behind.port,
    )


def lan_way(context: Context, source: str, target: str) -> Way:
    """Return the way from host *source* to host *target*, into its own LAN."""
    sender = context.host(source)
    mac = interface_mac(sender.namespace, sender.interface)
    return Way(sender.ip, context.host(target).ip, mac, wire.gateway_mac(context, source))


def wan_way(context: Context, source: str, target: str, routers: int) -> Way:
    """Return the way from host *source* to host *target* where it leaves the target's gateway."""
    receiver = context.host(target)
    mac = interface_mac(receiver.namespace, receiver.interface)
    return Way(context.host(source).ip, receiver.ip, wire.gateway_mac(context, target), mac, routers)


def by_rule(status: Mapping[str, Any]) -> dict[str, int]:
    """Return the packets that each rule of a firewall's *status* has counted, by its id, and the default's."""
    rules = {str(entry["id"]): int(entry["packets"]) for entry in status.get("rules", [])}
    return rules | {DEFAULT: int(status.get("default", {}).get("packets", 0))}


def packets_of(counters: Mapping[str, int], rule: str) -> int:
    """Return the packets counted by *rule*: all rules that the flow of that name became, or the default.

    Where end points have policies of their own, a flow's rule also names the one that packets come from.
    """
    if rule == DEFAULT:
        return counters.get(DEFAULT, 0)
    name = re.compile(rf"{re.escape(rule)}(-from-.+?)?(-\d+)?")
    return sum(packets for entry, packets in counters.items() if name.fullmatch(entry))
