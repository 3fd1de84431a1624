"""``ipsec.established``: both ends of each tunnel hold the same security associations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import ClassVar

from pydantic import Field

from common.findings import Fault, nearest
from reports.model import Check, tunnel_element
from scenarios.file.format import Scenario
from scenarios.network import chain, tunnels
from scenarios.network.associations import demands_encryption, encrypts
from scenarios.network.tunnels import Status, child_of, ike_of, installed, peer_of
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Site, Verb

IKE_FACTS = ("initiator_spi", "responder_spi", "encryption", "integrity", "prf", "dh")
ESP_FACTS = ("encryption", "integrity", "protocol", "mode")
MIRRORED = (
    ("spi_in", "spi_out"),
    ("spi_out", "spi_in"),
    ("local_subnets", "remote_subnets"),
    ("remote_subnets", "local_subnets"),
)


class SecurityAssociations(Evidence):
    """What each site's gateway says of its security associations: the status of its contract by site, as a document.

    *lans* are what they have to protect, *vnfs* the gateways' elements of the picture, by site. *encrypted* tells
    whether the order demands encryption.
    """

    lans: dict[str, str]
    vnfs: dict[str, str]
    encrypted: bool
    status: File


class IpsecEstablished(Verb, name="ipsec.established"):
    """Prove that an IKE SA and a CHILD SA stand between sites and that both ends agree on them.

    *Expected results*: at both ends the IKE SA is ``ESTABLISHED`` with equal SPIs and algorithms, the CHILD SA is
    ``INSTALLED`` with the SPIs crossed (what one sends with, the other receives with), equal algorithms and
    mirrored traffic selectors, which are the whole LANs of the sites. It is the only one between the two that is
    ``INSTALLED``, it encrypts where the order demands that, and no gateway has a connection that nobody ordered.

    *Fails when* a key or an identity is wrong (no SA comes up), one end was reloaded (SPIs differ), the ends
    protect different subnets or only a part of a LAN, or a second CHILD SA or connection stands beside. What stood
    before or comes later is judged by ``ipsec.as_ordered``.

    *Example*: ``{verb: ipsec.established, with: {between: [site-a, site-b], encryption: AES_GCM_16-256}}``
    """

    asks: ClassVar[str] = chain.GATEWAY
    between: list[Site] = Field(default_factory=list, description="two or more sites; default: all of the service")
    encryption: str = Field(default="", description="required ESP algorithm, e.g. AES_GCM_16-256; default: any")
    within_seconds: float = Field(default=15, gt=0, description="how long the tunnels may take to come up")

    def impossible(self, scenario: Scenario) -> Iterator[Fault]:
        """Yield sites that no tunnel of the service ends at, and what is no pair."""
        served = [point.site for point in scenario.service.endpoints]
        for index, site in enumerate(self.between):
            if site not in served:
                yield Fault(("between", index), f"{site!r} is no end point of the service", nearest(site, served))
            if site in self.between[:index]:
                yield Fault(("between", index), f"{site!r} stands twice")
        if len(self.between or served) < 2:
            yield Fault(("between",), "a tunnel has two ends", "name two sites or more")

    def observe(self, context: Context, recorder: Recorder) -> SecurityAssociations:
        sites = self.between or context.service_sites()
        status = recorder.until("tunnels established", self.within_seconds, lambda: _established(context, sites))
        if status:
            context.note_established()
        status = status or tunnels.ask(context, sites)
        file = recorder.json("ipsec-status.json", "the security associations at each end", status)
        with recorder.until_fault():
            _note(context, status)
        return SecurityAssociations(
            lans={site: str(context.scenario.topology.sites[site].lan) for site in sites},
            vnfs={site: context.vnf_element(site, chain.GATEWAY) for site in sites},
            encrypted=demands_encryption(context.scenario),
            status=file,
        )

    def judge(self, evidence: SecurityAssociations) -> Judgement:
        status: dict[str, Status] = read_json(evidence.status)
        checks = []
        for site, vnf in evidence.vnfs.items():
            measured = "running" if status[site] else "not running"
            checks.append(equal(f"{site}: the {chain.GATEWAY} VNF", measured, "running", element=vnf))
            foreign = [connection["name"] for connection in status[site].get("foreign", [])]
            checks.append(equal(f"{site}: connections that nobody ordered", foreign, [], element=vnf))
        for left, right in combinations(evidence.lans.items(), 2):
            checks += self._agree(left, right, status, evidence.encrypted)
        return Judgement(checks, f"{len(evidence.lans)} gateways agree on their security associations")

    def _agree(
        self, left: tuple[str, str], right: tuple[str, str], status: Mapping[str, Status], encrypted: bool
    ) -> Iterator[Check]:
        """Yield a check of every fact that the ends of one tunnel must share; an end is a site and its LAN."""
        (site_a, _), (site_b, _) = left, right
        element, name = tunnel_element(site_a, site_b), f"{site_a} – {site_b}"
        peers = peer_of(status[site_a], site_b), peer_of(status[site_b], site_a)
        (ike_a, ike_b), (child_a, child_b) = map(ike_of, peers), map(child_of, peers)
        for site, ike, child in ((site_a, ike_a, child_a), (site_b, ike_b, child_b)):
            ike_state, child_state = ike.get("state", "no IKE SA"), child.get("state", "no CHILD SA")
            yield equal(f"{name}: IKE SA at {site}", ike_state, "ESTABLISHED", element=element)
            yield equal(f"{name}: CHILD SA at {site}", child_state, "INSTALLED", element=element)
        for fact in IKE_FACTS:
            yield equal(f"{name}: IKE {fact}", ike_b.get(fact), ike_a.get(fact), element=element)
        for mine, theirs in MIRRORED:
            told = f"{name}: {mine} is the other's {theirs}"
            yield equal(told, child_b.get(theirs), child_a.get(mine), element=element)
        for (site, lan), child in ((left, child_a), (right, child_b)):
            yield equal(f"{name}: what {site} protects", child.get("local_subnets"), [lan], element=element)
        for fact in ESP_FACTS:
            yield equal(f"{name}: ESP {fact}", child_b.get(fact), child_a.get(fact), element=element)
        for site, peer in zip((site_a, site_b), peers, strict=True):
            yield equal(f"{name}: CHILD SAs at {site}", len(installed(peer)), 1, element=element)
        if self.encryption:
            yield equal(f"{name}: ESP algorithm", child_a.get("encryption"), self.encryption, element=element)
        elif encrypted and child_a:
            cipher = child_a.get("encryption")
            yield check(
                f"{name}: ESP encrypts", encrypts(child_a), expected="a cipher", measured=cipher, element=element
            )

    def live_command(self, context: Context) -> str:
        site = context.service_sites()[0]
        return f"lso exec {context.lab.id} {context.vnf_node(site, chain.GATEWAY)} -- /vnf/status"


def _established(context: Context, sites: list[str]) -> dict[str, Status] | None:
    """Return what each gateway says, once all say that their tunnels stand, and nothing beside them."""
    status = tunnels.ask(context, sites)
    return status if tunnels.all_up(status) and all(map(tunnels.alone, status.values())) else None


def _note(context: Context, status: dict[str, Status]) -> None:
    """Remember the tunnels for the picture, and which engine does the work."""
    for left, right in combinations(status, 2):
        context.note_tunnel(left, right, peer_of(status[left], right), chain.underlay(context, left))
    context.note_engine("esp", {str(state.get("engine", {}).get("esp", "")) for state in status.values()})
