"""``management.explained``: nothing but the management of the uCPEs has crossed the management network."""

from __future__ import annotations

from reports.model import Check
from reports.text import count_text
from scenarios.network.management_audit import LIMIT, ManagementLink, PortTraffic, port_traffic
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed.capture import CaptureError, read_frames


class ManagementEvidence(Evidence):
    """The management ports of all uCPEs, from before the order on."""

    links: tuple[ManagementLink, ...]


class ManagementExplained(Verb, name="management.explained"):
    """Prove that the management network carried management alone: nothing of the sites went that way.

    The captures begin before the order. Each run ends with this step by itself; a scenario may have it earlier, too.

    *Expected results*: on the management port of no uCPE is a frame but TCP from the test-bed's own address to the
    ports of the Docker Engine API, OVSDB and OpenFlow and back, ARP, and IPv6 neighbour discovery (RFC 4861). What is
    said first in each connection and direction is TLS (RFC 8446, section 5.1); what each later segment carries comes
    next in its connection, or was there before and is the same; nothing begins, ends or refuses a connection that was
    not open. At least one connection of each uCPE was seen to begin, so the captures were live.

    *Fails when* a uCPE sends anything to another one, or anything else than TLS to the test-bed, by this network: UDP,
    ICMP, IPv6, TCP to other ports, segments that the test-bed's own kernel refuses because they belong to nothing or
    have borrowed the ports of a connection, or management in the clear. What is in the TLS connections is not looked
    at.

    *Example*: ``{verb: management.explained}``
    """

    always = True
    looks_back = True

    def observe(self, context: Context, recorder: Recorder) -> ManagementEvidence:
        return ManagementEvidence(links=tuple(context.management.so_far(recorder)))

    def judge(self, evidence: ManagementEvidence) -> Judgement:
        seen = [(link, port_traffic(read_frames(link.file), link)) for link in evidence.links]
        checks = [check for link, found in seen for check in _checks(link, found)]
        full = [link.name for link in evidence.links if not link.whole]
        if full and not any(check.verdict.is_bad for check in checks):
            told = f"more came than the {LIMIT} frames that are kept of {', '.join(full)}: the rest is not known"
            return Judgement(checks, error=CaptureError(told))
        connections = count_text(sum(found.connections for _, found in seen), "TLS connection")
        ports = count_text(len(evidence.links), "management port")
        return Judgement(checks, f"nothing but {connections} of the test-bed and ARP crossed {ports} since the order")


def _checks(link: ManagementLink, found: PortTraffic) -> list[Check]:
    element, begun = f"site:{link.site}", found.connections
    message = f"{link.name} carried {count_text(found.wrong, 'frame')} of no TLS connection, first {found.first}"
    return [
        equal(f"foreign frames on {link.name}", found.wrong, 0, message=message, element=element),
        check(f"TLS connections on {link.name}", begun > 0, expected="≥ 1", measured=begun, element=element),
    ]
