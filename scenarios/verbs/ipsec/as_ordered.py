"""``ipsec.as_ordered``: no security association of the run was another than the ordered ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, ClassVar

from pydantic import Field

from reports.model import Check, tunnel_element
from reports.text import count_text
from scenarios.network.associations import History, algorithms, demands_encryption, encrypts, strange_groups
from scenarios.network.chain import GATEWAY
from scenarios.steps.checks import Judgement, check, equal, words
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence, File, read_json
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.errors import ProbeError

TOLD = "its security associations"
AUTHENTICATIONS = ({"certificate"}, {"psk"})
LONGEST_IKE_SECONDS, LONGEST_CHILD_SECONDS = 86400, 28800
"""After which there must be new keys where no lifetime is ordered (SRG-NET-000337-VPN-001300 and -001290 of DISA)."""
DEAD_PEER_SECONDS = 600
"""How long a silent peer may stay unasked (RFC 7296, section 2.4, leaves it open): ten times what is usual."""


class OrderedSite(Evidence):
    """A site of the service: the *lan* to protect, the *addresses* of its gateway, and that VNF's element.

    Its associations may have the same keys for so many seconds.
    """

    lan: str
    addresses: tuple[str, ...]
    vnf: str
    ike_lifetime_seconds: int = LONGEST_IKE_SECONDS
    child_lifetime_seconds: int = LONGEST_CHILD_SECONDS


class AsOrderedEvidence(Evidence):
    """The *sites* of the service by name, whether the order demands *encrypted* tunnels, and what stood in the run.

    *histories* are the security associations that the gateways had, as a document.
    """

    sites: dict[str, OrderedSite]
    encrypted: bool
    histories: File


class IpsecAsOrdered(Verb, name="ipsec.as_ordered"):
    """Prove that nothing but the ordered security associations ever stood, from the order to this moment.

    Each run ends with this step by itself, behind the removal of the service too; a scenario may have it earlier.

    *Expected results*: each IKE SA and CHILD SA that a gateway has ever had is with the gateway of another site of the
    service. Between two sites there were some of both; all have the same algorithms, those of ESP are *encryption*
    where that is given, and encrypt where the order demands it; each CHILD SA protects the whole LANs of its two sites,
    and nothing else. New keys and new associations of the same kind (RFC 7296, section 2.8) are as ordered, with a
    group of the ordered proposals.

    What a gateway would set up or take, whether it stands or not, has one CHILD SA for the whole LANs with each other
    site, and nothing else. It takes the identity that the other gateway has shown, and none but that. Both authenticate
    by certificates, or both by pre-shared keys; an IKE SA gets new keys within the ordered ``ike_lifetime_seconds`` of
    the site, else 24 hours, a CHILD SA within ``child_lifetime_seconds``, else 8 hours; a silent peer is asked within
    10 minutes whether it lives. Of a product that does not tell these, they are not judged.

    *Fails when* an association was set up anew with other algorithms, also if only for a while, a rekeying went without
    the ordered group, or a second one with NULL encryption, with other subnets or with another peer stood beside; when
    a gateway has a further connection, takes any identity or any proof, keeps its keys for ever or for longer than was
    ordered, or asks no silent peer.

    *Example*: ``{verb: ipsec.as_ordered, with: {encryption: AES_GCM_16-256}}``
    """

    asks: ClassVar[str] = GATEWAY
    encryption: str = Field(
        default="", description="required ESP algorithm, e.g. AES_GCM_16-256; default: any, but one"
    )

    def observe(self, context: Context, recorder: Recorder) -> AsOrderedEvidence:
        context.audit.remember(context)
        told, sites = context.audit.histories.told, context.scenario.topology.sites
        return AsOrderedEvidence(
            sites={
                name: OrderedSite(
                    lan=str(sites[name].lan),
                    addresses=tuple(str(wan.outside) for wan in sites[name].wan.values()),
                    vnf=context.vnf_element(name, GATEWAY),
                    **_lifetimes(context.scenario.inputs.get(name, {})),
                )
                for name in context.service_sites()
            },
            encrypted=demands_encryption(context.scenario),
            histories=recorder.json("histories.json", "the security associations that each gateway has had", told),
        )

    def judge(self, evidence: AsOrderedEvidence) -> Judgement:
        told: dict[str, History] = read_json(evidence.histories)
        checks = []
        for name, site in evidence.sites.items():
            history = told.get(name, {"silent": "nothing"})
            whole = {"complete", "ike", "children"} <= history.keys()
            text = TOLD if whole else str(history.get("silent", "less"))
            checks.append(
                check(f"{name}: what /vnf/history told", whole, expected=TOLD, measured=text, element=site.vnf)
            )
            checks.append(_peers(name, history, evidence.sites))
            if "connections" in history:
                names = [connection["name"] for connection in history["connections"]]
                beside = sorted(set(names) - (evidence.sites.keys() - {name}))
                checks.append(equal(f"{name}: connections that nobody ordered", beside, [], element=site.vnf))
                late = sorted(set(_late(history["connections"], site)))
                checks.append(equal(f"{name}: what its connections leave too long", late, [], element=site.vnf))
        for left, right in combinations(evidence.sites, 2):
            checks += self._tunnel(left, right, told, evidence)
        cut = [name for name, history in told.items() if not history.get("complete", True)]
        if cut and not any(one.verdict.is_bad for one in checks):
            told_less = f"the gateways of {', '.join(cut)} had more security associations than they could note"
            return Judgement(checks, error=ProbeError(told_less))
        stood = sum(len(history.get("children", ())) for history in told.values()) // 2
        return Judgement(checks, f"no association but the ordered ones has stood: {count_text(stood, 'CHILD SA')}")

    def _tunnel(
        self, left: str, right: str, told: Mapping[str, History], evidence: AsOrderedEvidence
    ) -> Iterator[Check]:
        """Yield the checks of all associations between two sites that ever stood."""
        element, name = tunnel_element(left, right), f"{left} – {right}"
        ike, children = (list(_between(left, right, told, kind)) for kind in ("ike", "children"))
        stood = [word for word, found in (("IKE SA", ike), ("CHILD SA", children)) if found]
        yield equal(f"{name}: associations that have stood", stood, ["IKE SA", "CHILD SA"], element=element)
        for kind, found in (("IKE", ike), ("ESP", children)):
            used = sorted(set(map(algorithms, found)))
            same = len(used) <= 1
            yield check(f"{name}: algorithms of {kind}", same, expected="one set", measured=used, element=element)
        wrong = sorted({str(child["encryption"]) for child in children if not self._allows(child, evidence)})
        yield equal(f"{name}: ESP with another algorithm than the ordered one", wrong, [], element=element)
        for site, other in ((left, right), (right, left)):
            wanted = f"{evidence.sites[site].lan} – {evidence.sites[other].lan}"
            own = [child for child in told.get(site, {}).get("children", ()) if child["peer"] == other]
            seen = {f"{words(child['local_subnets'])} – {words(child['remote_subnets'])}" for child in own}
            beside = sorted(seen - {wanted})
            yield equal(f"{name}: what {site} protected beside {wanted}", beside, [], element=element)
            if told.get(site, {}).get("proposals"):
                strange = sorted(set(strange_groups(told[site], other)))
                yield equal(f"{name}: groups of {site} beside the ordered ones", strange, [], element=element)
        yield from _configured(left, right, told, evidence)

    def _allows(self, child: Mapping[str, Any], evidence: AsOrderedEvidence) -> bool:
        """Tell whether a CHILD SA's cipher is the demanded one, or any where none is and the order demands one."""
        if self.encryption:
            return bool(child["encryption"] == self.encryption)
        return encrypts(child) or not evidence.encrypted


def _peers(name: str, history: History, sites: Mapping[str, OrderedSite]) -> Check:
    """Return the check that all associations of the site *name* were with another site of the service."""
    strange = sorted(
        {
            f"{entry['peer']} at {entry['remote_address']}"
            for kind in ("ike", "children")
            for entry in history.get(kind, ())
            if entry["peer"] == name
            or entry["peer"] not in sites
            or entry["remote_address"] not in sites[entry["peer"]].addresses
        }
    )
    return equal(f"{name}: associations with others than the service's sites", strange, [], element=sites[name].vnf)


def _between(left: str, right: str, told: Mapping[str, History], kind: str) -> Iterator[Mapping[str, Any]]:
    for site, other in ((left, right), (right, left)):
        yield from (entry for entry in told.get(site, {}).get(kind, ()) if entry["peer"] == other)


def _configured(left: str, right: str, told: Mapping[str, History], evidence: AsOrderedEvidence) -> Iterator[Check]:
    """Yield the checks of the connections that the gateways of two sites have for each other."""
    element, name = tunnel_element(left, right), f"{left} – {right}"
    proofs: set[str] = set()
    for site, other in ((left, right), (right, left)):
        mine = [one for one in told.get(site, {}).get("connections", ()) if one["name"] == other]
        if not mine:  # not told, or the gateway is only just being set up
            continue
        proofs |= {end["authentication"] for one in mine for side in ("local", "remote") for end in one[side]}
        wanted = f"{evidence.sites[site].lan} – {evidence.sites[other].lan}"
        children = [child for one in mine for child in one["children"]]
        loaded = [f"{words(child['local_subnets'])} – {words(child['remote_subnets'])}" for child in children]
        yield equal(f"{name}: what {site} is to protect", loaded, [wanted], element=element)
        shown = sorted({ike["local_id"] for ike in told.get(other, {}).get("ike", ()) if ike["peer"] == site})
        taken = sorted({end["identity"] or "any" for one in mine for end in one["remote"]})
        if shown:
            yield equal(f"{name}: identities that {site} takes", taken, shown, element=element)
    if proofs:
        yield check(
            f"{name}: authentication",
            proofs in AUTHENTICATIONS,
            expected="certificates, or pre-shared keys",
            measured=sorted(proofs),
            element=element,
        )


def _lifetimes(inputs: Mapping[str, Any]) -> dict[str, int]:
    """Return the lifetimes that a site's *inputs* order, if they do; what is no number no gateway takes."""
    names = ("ike_lifetime_seconds", "child_lifetime_seconds")
    return {name: value for name in names if isinstance(value := inputs.get(name), int)}


def _late(connections: list[dict[str, Any]], site: OrderedSite) -> Iterator[str]:
    """Yield what of *connections* comes later than it must, or never."""
    for one in connections:
        asked = ("question whether it lives", one["dead_peer_seconds"], DEAD_PEER_SECONDS)
        keys = [("new keys of the IKE SA", one["rekey_seconds"], site.ike_lifetime_seconds)]
        keys += [
            ("new keys of a CHILD SA", child["rekey_seconds"], site.child_lifetime_seconds) for child in one["children"]
        ]
        for what, seconds, longest in (asked, *keys):
            if not 0 < seconds <= longest:
                after = f"after {seconds} s, not {longest}" if seconds else "never"
                yield f"{one['name']}: {what} {after}"
