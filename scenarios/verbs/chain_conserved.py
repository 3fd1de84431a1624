"""``chain.conserved``: all that came into the switches since the order went through every VNF, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pydantic import Field

from reports.text import count_text
from scenarios.network import chain
from scenarios.network.conservation import SiteBooks, site_books, site_checks
from scenarios.steps.checks import Judgement
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.errors import ProbeError

CONCURRENT_READS = 4
"""Sites whose counters are read at the same time."""


class NeverQuiet(ProbeError):
    """Packets went on through the chains, so that their counters agree at no moment."""


class ConservedEvidence(Evidence):
    """The counters of every site of the service, from before the order on."""

    service_id: str
    sites: tuple[SiteBooks, ...]


class ChainConserved(Verb, name="chain.conserved"):
    """Prove that no packet of all since the order was lost, doubled or led astray between LAN and WAN port.

    The counters of switches, kernel and VNFs are read before the order and now, once the chains are quiet. Each run has
    this step by itself before the service is removed; a scenario may have it earlier, too.

    *Expected results*, at every site: what came into the switch took the service's own rules, each from one port of the
    chain to the next and nowhere else; what those sent is what left the switch by each port. What firewall and
    statistics VNFs were given came out again, but for what their own counters say that they dropped, and fragments
    that they put together. No other rule has come up or took a packet, and there is no group, meter, mirror or sampler.

    Packets that come just before the rules do are counted for these, though they go nowhere: no more are allowed for
    than had come when ``service.active`` first looked. What found no room in a queue of the kernel is counted by it,
    and allowed here. A gateway makes other packets of those that it is given, so only its rules are judged;
    ``underlay.explained`` and ``wire.decrypts`` look at them.

    *Fails when* a rule leads packets past a VNF, copies them, or takes them through one twice, for any packet and any
    time; when a VNF drops or doubles some without a word; when a VNF was started again.

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
            with ThreadPoolExecutor(CONCURRENT_READS) as pool:
                books.update(zip(open_, pool.map(read, open_), strict=True))
            return all(_agrees(site, context.service_id) for site in books.values())

        recorder.until("the counters of all sites agree", self.within_seconds, agree)
        return ConservedEvidence(service_id=context.service_id, sites=tuple(books.values()))

    def judge(self, evidence: ConservedEvidence) -> Judgement:
        checks = [item for site in evidence.sites for item in site_checks(site, evidence.service_id)]
        restless = [site.name for site in evidence.sites if not site.now.switch.settled]
        if restless:
            told = f"packets went on through the switches of {', '.join(restless)}: their counters agreed at no moment"
            return Judgement(checks, error=NeverQuiet(told))
        packets = sum(site.entered() for site in evidence.sites)
        crossed, sites = count_text(packets, "packet"), count_text(len(evidence.sites), "site")
        return Judgement(checks, f"{crossed} since the order went through each VNF at {sites}, once")


def _agrees(site: SiteBooks, service_id: str) -> bool:
    """Tell whether all that *site* has counted agrees."""
    checks = site_checks(site, service_id)
    return site.now.switch.settled and not any(item.verdict.is_bad for item in checks)
