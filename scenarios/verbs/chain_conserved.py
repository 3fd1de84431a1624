"""``chain.conserved``: all that came into the switches since the order went through every VNF, once and unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network

from pydantic import Field

from reports.model import Check
from reports.text import count_text
from scenarios.network import chain, hops, meters
from scenarios.network.conservation import SETTLING_LOOKS, SiteBooks, VnfCount, of_vnf, site_books, site_checks
from scenarios.network.meters import Flow
from scenarios.steps.checks import Judgement, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.errors import ProbeError
from testbed.packets import Count

CONCURRENT_READS = 4
"""Sites whose counters are read at the same time."""

_SHOWN = 5


class NeverQuiet(ProbeError):
    """Packets went on through the chains, so that their counters agree at no moment."""


class NotDigested(ProbeError):
    """Frames passed the ports of a chain that are in no digest."""


class ConservedEvidence(Evidence):
    """The counters of every site of the service, from before the order on."""

    service_id: str
    sites: tuple[SiteBooks, ...]


class ChainConserved(Verb, name="chain.conserved"):
    """Prove that no packet of all since the order was lost, doubled, changed or led astray between LAN and WAN port.

    The counters of switches, kernel and VNFs are read before the order and now, once the chains are quiet, and so are
    digests of all packets of each flow at every port where they are in the clear. Each run has this step by itself
    before the service is removed; a scenario may have it earlier, too.

    *Expected results*, at every site: what came into the switch took the service's own rules, each from one port of the
    chain to the next and nowhere else; what those sent is what left the switch by each port. What firewall and
    statistics VNFs were given came out again, but for what their own counters say that they dropped, and fragments
    that they put together. No other rule has come up or took a packet, and there is no group, meter, mirror or sampler.
    Statistics VNFs have counted what they were given: packet by packet, but for segments of TCP that came to the switch
    in one piece; of these, octets tell how many there can be. No flow left a tunnel with more packets than entered it.

    Of each flow the very packets that the switch, a firewall or a statistics VNF was given came out of it, but for
    flows of which some were dropped: of these no more came out. Behind a tunnel they are those that another gateway was
    given, but for what routers change and flows of which some were lost. Digests are sums of hashes by a key that is
    drawn for each run: of all octets of a packet, but of TCP's data only of one in sixteen windows of 64 KiB. A
    checksum counts as right or wrong: that of an IPv4 header, and that of TCP or UDP, but for segments with data.
    Packets between two addresses of an underlay are in no digest, so no VNF may make others into such.

    Packets that come just before the rules do are counted for these, though they go nowhere: no more are allowed for
    than had come when ``service.active`` first looked. What found no room in a queue of the kernel is counted by it,
    and allowed here. A gateway makes other packets of those that it is given, so only its rules are judged, and the
    flows in front of and behind two of them; ``underlay.explained`` and ``wire.decrypts`` look at the packets between.

    *Fails when* a rule leads packets past a VNF, copies them, or takes them through one twice, for any packet and any
    time; when a VNF drops, doubles or changes some without a word, also so that another one drops them, by a wrong
    checksum or an underlay's addresses; when a gateway changes some, or loses one and doubles another; when totals or
    flows are not what passed, at any rate, from the start; when a VNF was started again.

    *Example*: ``{verb: chain.conserved}``
    """

    looks_back = True
    within_seconds: float = Field(default=3, gt=0, description="how long the counters may take to agree")

    def observe(self, context: Context, recorder: Recorder) -> ConservedEvidence:
        sites, books = context.service_sites(), dict[str, SiteBooks]()
        with ThreadPoolExecutor(CONCURRENT_READS) as pool:
            ways = dict(zip(sites, pool.map(lambda site: chain.complete(context, site), sites), strict=True))

        def read(site: str) -> SiteBooks:
            return site_books(context, site, ways[site])

        def agree() -> bool:
            open_ = [site for site in ways if site not in books or not _agrees(books[site], context.service_id)]
            open_ = open_ or list(ways)  # each agrees by itself: they differ from one another
            with ThreadPoolExecutor(CONCURRENT_READS) as pool:
                books.update(zip(open_, pool.map(read, open_), strict=True))
            agree_by_themselves = all(_agrees(site, context.service_id) for site in books.values())
            return agree_by_themselves and not any(item.verdict.is_bad for item in _between(list(books.values())))

        recorder.until("the counters of all sites agree", self.within_seconds, agree, looks=SETTLING_LOOKS)
        return ConservedEvidence(service_id=context.service_id, sites=tuple(books.values()))

    def judge(self, evidence: ConservedEvidence) -> Judgement:
        checks = [item for site in evidence.sites for item in _checks(site, evidence.service_id)]
        checks += _between(evidence.sites)
        restless = [site.name for site in evidence.sites if not site.now.switch.settled]
        if restless:
            told = f"packets went on through the switches of {', '.join(restless)}: their counters agreed at no moment"
            return Judgement(checks, error=NeverQuiet(told))
        if unseen := [told for site in evidence.sites for told in hops.unseen(site)]:
            return Judgement(checks, error=NotDigested(f"not all was digested: {', '.join(unseen[:_SHOWN])}"))
        packets = sum(site.entered() for site in evidence.sites)
        if not packets:
            return Judgement(checks, "no packet came to the service since the order, so none was lost or doubled")
        crossed, sites = count_text(packets, "packet"), count_text(len(evidence.sites), "site")
        return Judgement(checks, f"{crossed} since the order went through each VNF at {sites}, once")


def _agrees(site: SiteBooks, service_id: str) -> bool:
    """Tell whether all that *site* has counted agrees."""
    checks = _checks(site, service_id)
    told = site.now.switch.settled and not any(hops.unseen(site))
    return told and not any(item.verdict.is_bad for item in checks)


def _checks(site: SiteBooks, service_id: str) -> Iterator[Check]:
    """Yield the checks of a site by itself."""
    yield from site_checks(site, service_id)
    yield from hops.site_checks(site)


def _between(sites: Sequence[SiteBooks]) -> Iterator[Check]:
    """Yield the checks of what went from one site to another."""
    yield from _flow_checks(sites)
    yield from hops.tunnel_checks(sites)


def _flow_checks(sites: Sequence[SiteBooks]) -> Iterator[Check]:
    """Yield the check of each site that no flow came out of the tunnels with more packets than others sent into them.

    The statistics VNFs next to the gateways tell. One that has forgotten flows says nothing of what its site sent.
    """
    sent: dict[Flow, Count] = {}
    known = []
    for books in sites:
        now = _next_to_gateway(books.now.vnfs)
        if now and books.lan and not meters.forgot(now.status):
            known.append(books)
            sent |= _risen_flows(books, meters.LAN_TO_WAN)
    for books in sites:
        hosts = [(IPv4Network(other.lan), IPv4Address(other.gateway)) for other in known if other is not books]
        if not hosts or not _next_to_gateway(books.now.vnfs):
            continue
        found = _risen_flows(books, meters.WAN_TO_LAN)
        came = {flow: count for flow, count in found.items() if hops.is_of(flow[1], hosts)}
        name = f"{books.name}: flows that left tunnels with more than went into them"
        yield equal(name, meters.multiplied(sent, came)[:_SHOWN], [], element=f"site:{books.name}")


def _next_to_gateway(vnfs: Sequence[VnfCount]) -> VnfCount | None:
    return next((vnf for vnf in reversed(vnfs) if vnf.status), None)


def _risen_flows(books: SiteBooks, way: str) -> dict[Flow, Count]:
    """Return what the flows of a direction rose by at the VNF next to the gateway, those that did."""
    now = _next_to_gateway(books.now.vnfs)
    if not now:
        return {}
    earlier = of_vnf(books.before.vnfs, now.name)
    start = meters.flows(earlier.status, way) if earlier else {}
    rose = {flow: count - start.get(flow, Count()) for flow, count in meters.flows(now.status, way).items()}
    return {flow: count for flow, count in rose.items() if count.packets > 0}
