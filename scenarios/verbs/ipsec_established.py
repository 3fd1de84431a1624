"""``ipsec.established``: both ends of each tunnel hold the same security associations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, ClassVar

from pydantic import Field

from reports.model import tunnel_element
from scenarios import chain, tunnels
from scenarios.context import Context
from scenarios.errors import nearest
from scenarios.format import Scenario
from scenarios.proof import Proof
from scenarios.tunnels import child_of, ike_of, peer_of
from scenarios.verb import Site, Verb


class IpsecEstablished(Verb, name="ipsec.established"):
    """Prove that an IKE SA and a CHILD SA stand between sites and that both ends agree on them.

    *Expected results*: at both ends the IKE SA is ``ESTABLISHED`` with equal SPIs and algorithms, the CHILD SA is
    ``INSTALLED`` with the SPIs crossed (what one sends with, the other receives with), equal algorithms and
    mirrored traffic selectors, which are the whole LANs of the sites.

    *Fails when* a key or an identity is wrong (no SA comes up), one end was reloaded (SPIs differ), or the ends
    protect different subnets or only a part of a LAN.

    *Example*: ``{verb: ipsec.established, with: {between: [site-a, site-b], encryption: AES_GCM_16-256}}``
    """

    asks: ClassVar[str] = chain.GATEWAY
    between: list[Site] = Field(default_factory=list, description="two or more sites; default: all of the service")
    encryption: str = Field(default="", description="required ESP algorithm, e.g. AES_GCM_16-256; default: any")
    within_seconds: float = Field(default=15, gt=0)

    def impossible(self, scenario: Scenario) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield sites that no tunnel of the service ends at, and what is no pair."""
        served = [point.site for point in scenario.service.endpoints]
        for index, site in enumerate(self.between):
            if site not in served:
                yield ("between", index), f"{site!r} is no end point of the service", nearest(site, served)
            if site in self.between[:index]:
                yield ("between", index), f"{site!r} stands twice", ""
        if len(self.between or served) < 2:
            yield ("between",), "a tunnel has two ends", "name two sites or more"

    def prove(self, context: Context, proof: Proof) -> str:
        sites = self.between or context.service_sites()
        status = proof.until("tunnels established", self.within_seconds, lambda: self._established(context, sites))
        if status:
            context.note_established()
        status = status or tunnels.ask(context, sites)
        proof.add_json("ipsec-status.json", "the security associations at each end", status)
        for site in sites:
            element = context.vnf_element(site, chain.GATEWAY)
            measured = "running" if status[site] else "not running"
            proof.equal(f"{site}: the {chain.GATEWAY} VNF", measured, "running", element=element)
        for left, right in combinations(sites, 2):
            self._compare(context, proof, left, right, status)
        context.note_engine("esp", {str(state.get("engine", {}).get("esp", "")) for state in status.values()})
        return f"{len(sites)} gateways agree on their security associations"

    def _established(self, context: Context, sites: list[str]) -> dict[str, Any] | None:
        """Return what each gateway says, once all say that their tunnels stand."""
        status = tunnels.ask(context, sites)
        return status if tunnels.all_up(status) else None

    def _compare(self, context: Context, proof: Proof, left: str, right: str, status: dict[str, Any]) -> None:
        """Check every fact that the ends of one tunnel must share."""
        element = tunnel_element(left, right)
        ends = [peer_of(status[left], right), peer_of(status[right], left)]
        context.note_tunnel(left, right, ends[0], chain.underlay(context, left))
        name = f"{left} – {right}"
        for site, end in zip((left, right), ends, strict=True):
            state = ike_of(end).get("state", "no IKE SA")
            proof.equal(f"{name}: IKE SA at {site}", state, "ESTABLISHED", element=element)
            proof.equal(
                f"{name}: CHILD SA at {site}", child_of(end).get("state", "no CHILD SA"), "INSTALLED", element=element
            )
        (ike_a, ike_b), (child_a, child_b) = [ike_of(end) for end in ends], [child_of(end) for end in ends]
        for fact in ("initiator_spi", "responder_spi", "encryption", "integrity", "prf", "dh"):
            proof.equal(f"{name}: IKE {fact}", ike_b.get(fact), ike_a.get(fact), element=element)
        mirrored = (
            ("spi_in", "spi_out"),
            ("spi_out", "spi_in"),
            ("local_subnets", "remote_subnets"),
            ("remote_subnets", "local_subnets"),
        )
        for mine, theirs in mirrored:
            proof.equal(
                f"{name}: {mine} is the other's {theirs}", child_b.get(theirs), child_a.get(mine), element=element
            )
        for site, end in ((left, child_a), (right, child_b)):
            lan = [str(context.scenario.topology.sites[site].lan)]
            proof.equal(f"{name}: what {site} protects", end.get("local_subnets"), lan, element=element)
        for fact in ("encryption", "integrity", "protocol", "mode"):
            proof.equal(f"{name}: ESP {fact}", child_b.get(fact), child_a.get(fact), element=element)
        if self.encryption:
            proof.equal(f"{name}: ESP algorithm", child_a.get("encryption"), self.encryption, element=element)

    def live_command(self, context: Context) -> str:
        site = context.service_sites()[0]
        return f"lso exec {context.lab.id} {context.vnf_node(site, chain.GATEWAY)} -- /vnf/status"
