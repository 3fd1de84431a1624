"""The tunnels that a service is made of, and whether what was seen at their two ends says that they carry traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from orchestrator.inventory import Inventory, Uni
from orchestrator.model import DeploymentObservation, VnfObservation
from presto.domain.model import EndPoint, Service, Swvc
from presto.domain.underlays import carrier


@dataclass(frozen=True)
class Seen:
    """What was seen of a service: uCPE → what it has. `problem` says why nothing is known; then the rest is empty."""

    moment: datetime | None = None
    sites: Mapping[str, DeploymentObservation] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True)
class Site:
    """An end point of a service, on its UNI."""

    end_point: EndPoint
    uni: Uni

    @property
    def ucpe(self) -> str:
        """The uCPE that it is on."""
        return self.uni.ucpe


@dataclass(frozen=True)
class Tunnel:
    """The pair of ESP security associations between two sites, over an underlay."""

    near: Site
    far: Site
    underlay: str

    @property
    def name(self) -> str:
        """The identifiers of both end points."""
        return f"{self.near.end_point.identifier}--{self.far.end_point.identifier}"

    @property
    def directions(self) -> tuple[tuple[Site, Site], tuple[Site, Site]]:
        """From each site to the other."""
        return (self.near, self.far), (self.far, self.near)

    def peer(self, site: Site) -> Site:
        """The other site."""
        return self.far if site == self.near else self.near


@dataclass(frozen=True)
class Verdict:
    """`works` is None when it is not known; `reason` says why not, or why it does not work.

    `moment` is when it was observed.
    """

    works: bool | None
    reason: str | None = None
    moment: datetime | None = None


WORKS = Verdict(works=True)


def talks(one: EndPoint, other: EndPoint) -> bool:
    """Leaves reach roots only; in a service without roots and leaves everybody reaches everybody."""
    return not one.role == other.role == "leaf"


def peers(end_points: Sequence[EndPoint]) -> list[list[int]]:
    """For each end point the places of those that it talks to, in time that grows with their number alone."""
    roots = [place for place, end_point in enumerate(end_points) if end_point.role != "leaf"]
    reached = (roots if end_point.role == "leaf" else range(len(end_points)) for end_point in end_points)
    return [[peer for peer in places if peer != place] for place, places in enumerate(reached)]


def sites(swvc: Swvc, inventory: Inventory) -> tuple[Site, ...]:
    """The end points whose UNIs the inventory has."""
    found = ((end_point, inventory.uni(end_point.uni)) for end_point in swvc.end_points)
    return tuple(Site(end_point, uni) for end_point, uni in found if uni)


def tunnels(swvc: Swvc, inventory: Inventory) -> tuple[Tunnel, ...]:
    """One tunnel for each two sites that talk to each other, over the underlay that carries the service."""
    there = sites(swvc, inventory)
    underlay = carrier(swvc, inventory, [site.ucpe for site in there])
    if underlay is None:
        return ()
    reached = enumerate(peers([site.end_point for site in there]))
    return tuple(Tunnel(there[near], there[far], underlay) for near, fars in reached for far in fars if near < far)


def site_verdict(ucpe: str, seen: Seen) -> Verdict:
    """Whether the chain on a uCPE is there as it was recorded, and all its VNFs are ready."""
    return replace(_chain(ucpe, seen), moment=seen.moment)


def tunnel_verdict(tunnel: Tunnel, seen: Seen) -> Verdict:
    """Whether both ends have an IKE SA and ESP SAs with each other (RFC 7296); one end that has none is enough."""
    ends = [end_verdicts(own, [other], seen)[0] for own, other in tunnel.directions]
    for works in (False, None):
        reasons = [end.reason for end in ends if end.works is works]
        if reasons:
            return Verdict(works, "; ".join(dict.fromkeys(filter(None, reasons))), seen.moment)
    return Verdict(works=True, moment=seen.moment)


def end_verdicts(own: Site, others: Sequence[Site], seen: Seen) -> list[Verdict]:
    """For each of the others, whether the gateway of a site has an IKE SA and ESP SAs with it."""
    here = _here(own.ucpe, seen)
    if isinstance(here, Verdict):
        return [here] * len(others)
    gateway = next((vnf for vnf in here.vnfs if vnf.kind == "ipsec"), None)
    if gateway is None:
        return [Verdict(works=False, reason=f"{own.ucpe}: there is no IPsec gateway")] * len(others)
    if gateway.status is None:
        return [_without_status(own.ucpe, gateway)] * len(others)
    known = {peer.get("name"): peer for peer in gateway.status.get("peers", ())}
    return [_end(own, other, known.get(other.ucpe, {})) for other in others]


def _end(own: Site, other: Site, peer: Mapping[str, Any]) -> Verdict:
    if (peer.get("ike") or {}).get("state") != "ESTABLISHED":
        return Verdict(works=False, reason=f"{own.ucpe}: no IKE SA with {other.ucpe}")
    if not any(child.get("state") == "INSTALLED" for child in peer.get("children", ())):
        return Verdict(works=False, reason=f"{own.ucpe}: no ESP SA with {other.ucpe}")
    return WORKS


def ucpe_verdict(ucpe: str, seen: Iterable[Seen], problem: str) -> Verdict:
    """Whether a uCPE answers; only those that something is deployed on are observed. `problem`: why one is not."""
    for look in seen:
        here = look.sites.get(ucpe)
        if here and not here.problem:
            return Verdict(works=True, moment=look.moment)
        problem = (here and here.problem) or look.problem or problem
    return Verdict(None, problem)


def carries(verdicts: Iterable[Verdict]) -> Verdict:
    """Whether what lies under tunnels works: one that is up proves it, one that is down has other reasons too."""
    return next(
        (verdict for verdict in verdicts if verdict.works), Verdict(None, "no tunnel over it is known to be up")
    )


def _chain(ucpe: str, seen: Seen) -> Verdict:
    here = _here(ucpe, seen)
    if isinstance(here, Verdict):
        return here
    for vnf in here.vnfs:
        if vnf.status is None:
            return _without_status(ucpe, vnf)
        if vnf.status.get("ready") is not True:
            return Verdict(works=False, reason=f"{ucpe}: {vnf.name} is not ready")
    if here.differences:
        return Verdict(works=False, reason=f"{ucpe}: {'; '.join(here.differences)}")
    return WORKS if here.vnfs else Verdict(works=False, reason=f"{ucpe}: there is no VNF")


def _here(ucpe: str, seen: Seen) -> DeploymentObservation | Verdict:
    if seen.problem:
        return Verdict(None, seen.problem)
    here = seen.sites.get(ucpe)
    if here is None:
        return Verdict(works=False, reason=f"{ucpe}: nothing is deployed")
    return Verdict(None, here.problem) if here.problem else here


def _without_status(ucpe: str, vnf: VnfObservation) -> Verdict:
    """A VNF that runs and does not answer may work all the same; one that does not run does not."""
    runs = vnf.container is not None and vnf.container.state == "running"
    return Verdict(None if runs else False, f"{ucpe}: {vnf.name}: {vnf.problem or 'it has no status'}")


def installed(service: Service, tunnel: Tunnel) -> bool:
    """True when the last work on the service ended well at both ends of the tunnel."""
    ends = (tunnel.near.end_point.identifier, tunnel.far.end_point.identifier)
    return service.installed and all(
        (state := service.end_points.get(name)) is not None and state.working for name in ends
    )
