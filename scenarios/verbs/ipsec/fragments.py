"""``ipsec.fragments``: large messages of the key exchange crossed in fragments of IKE, and in none of IP."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import ClassVar

from reports.model import Check
from reports.text import count_text
from scenarios.network.chain import GATEWAY
from scenarios.network.links import ipv4_text
from scenarios.network.underlay_audit import LIMIT
from scenarios.network.wire import AuditedLink
from scenarios.steps.checks import Judgement, check, equal
from scenarios.steps.context import Context
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import Recorder
from scenarios.steps.verb import Verb
from testbed import esp
from testbed.capture import CaptureError, read_frames

_HEADERS = 20 + 8 + 28 + 4
"""Octets of IP, UDP and IKE, and of the encrypted payload's own header, of a message that is not fragmented."""
_UDP = 17


class FragmentsEvidence(Evidence):
    """All but the bulk of ESP that crossed every link since before the order.

    *gateways* are the addresses on the underlays by site, *mtu* is the smallest one of the links.
    """

    gateways: dict[str, tuple[str, ...]]
    mtu: int
    links: tuple[AuditedLink, ...]


class IpsecFragments(Verb, name="ipsec.fragments"):
    """Prove that IKE itself cuts what is too large for the underlay (RFC 7383), by its packets since the order.

    For services whose gateways have large certificates: messages of IKE_AUTH are then longer than the MTU.

    *Expected results*: each gateway has sent a message of IKE_AUTH that crossed as encrypted fragments (payload type
    53), all of them, each in an IP packet of its own; together they are longer than the smallest MTU of the underlay
    links even when all is taken off that encryption can have added. No message of IKE crossed any link in fragments of
    IP.

    *Fails when* a gateway leaves it to IP to cut its messages, which many routers and NATs do not let pass, or the
    messages have never been too large.

    *Example*: ``{verb: ipsec.fragments}``
    """

    looks_back = True
    asks: ClassVar[str] = GATEWAY

    def observe(self, context: Context, recorder: Recorder) -> FragmentsEvidence:
        sites = context.scenario.topology.sites
        return FragmentsEvidence(
            gateways={site: tuple(str(wan.outside) for wan in sites[site].wan.values())
                      for site in context.service_sites()},
            mtu=_smallest_mtu(context),
            links=tuple(context.audit.so_far(recorder)),
        )  # fmt: skip

    def judge(self, evidence: FragmentsEvidence) -> Judgement:
        checks, longest = list[Check](), dict[str, int]()
        for link in evidence.links:
            packets = list(filter(None, (esp.ipv4_of(frame.data) for frame in read_frames(link.file))))
            for source, octets in _whole_messages(packets):
                longest[source] = max(octets, longest.get(source, 0))
            checks.append(_no_ip_fragments(link, packets))
        for site, addresses in evidence.gateways.items():
            octets = max((longest.get(address, 0) for address in addresses), default=0)
            name, expected = f"{site}: octets of its longest IKE_AUTH in fragments of IKE", f"> {evidence.mtu}"
            checks.append(check(name, octets > evidence.mtu, expected=expected, measured=octets))
        full = [link.name for link in evidence.links if not link.whole]
        if full and not any(check.verdict.is_bad for check in checks):
            reason = f"more came than the {LIMIT} frames that are kept of {', '.join(full)}: the rest is not known"
            return Judgement(checks, error=CaptureError(reason))
        senders = count_text(len(evidence.gateways), "gateway")
        return Judgement(checks, f"{senders} cut IKE_AUTH, longer than the MTU of {evidence.mtu}, and left none to IP")


def _smallest_mtu(context: Context) -> int:
    """Return the smallest MTU of the links of all underlays, as the kernel has it."""
    ports = [(node.namespace, port) for node in context.lab.underlays.values() for port in node.ports.values()]
    shown = (namespace.run(["ip", "-json", "link", "show", "dev", port]).stdout for namespace, port in ports)
    return min(int(json.loads(text)[0]["mtu"]) for text in shown)


def _whole_messages(packets: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """Yield of each message of IKE_AUTH of which all fragments came, each in one IP packet, its sender and length.

    The length is that of the IP packet which it would have been, at the least.
    """
    seen = defaultdict[tuple[bytes, str, str, int, int, int], dict[int, int]](dict)
    for packet in packets:
        if esp.is_fragment(packet) or esp.classify_ipv4(packet) is not esp.Kind.IKE:
            continue
        message = esp.ike_in(packet)
        if message is None or message.exchange != esp.IKE_AUTH or not message.fragments:
            continue
        flags, number, fragment = message.number
        spis = message.initiator_spi, message.responder_spi
        seen[packet[12:20], *spis, flags, number, message.fragments][fragment] = message.sealed
    for (ends, *_, fragments), parts in seen.items():
        if len(parts) == fragments:
            yield str(IPv4Address(ends[:4])), _HEADERS + sum(parts.values())


def _no_ip_fragments(link: AuditedLink, packets: Sequence[bytes]) -> Check:
    """Return the check that no message of IKE crossed *link* in fragments of IP; what is not whole may be one."""
    cut = [
        packet
        for packet in esp.reassemble(filter(esp.is_fragment, packets))
        if packet[9] == _UDP and (esp.classify_ipv4(packet) is esp.Kind.IKE or esp.is_fragment(packet))
    ]
    message = f"{link.name} carried {count_text(len(cut), 'message')} of IKE in fragments of IP"
    message += f", first {ipv4_text(cut[0])}" if cut else ""
    name, element = f"IKE in fragments of IP on {link.name}", f"underlay:{link.underlay}"
    return equal(name, len(cut), 0, message=message, element=element)
