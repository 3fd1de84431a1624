"""Large messages of IKE as they may cross a link: in fragments of IKE, in fragments of IP, or too small to be large."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from reports.model import Check, Verdict
from scenarios.network.wire import AuditedLink
from scenarios.verbs.ipsec.fragments import FragmentsEvidence, IpsecFragments
from testbed.capture import CaptureError

A, B = "198.51.100.1", "198.51.100.2"
ASKS, ANSWERS = (A, 0x08), (B, 0x20)
IKE_AUTH, INFORMATIONAL, SEALED, SEALED_FRAGMENT = 35, 37, 46, 53
LARGE = [600, 600, 600]


def message(sender: tuple[str, int], content: bytes, kind: int, exchange: int = IKE_AUTH, port: int = 4500) -> Packet:
    """A message of IKE whose one payload has *content*."""
    source, flags = sender
    body = bytes(2) + (4 + len(content)).to_bytes(2, "big") + content
    head = bytes(range(1, 17)) + bytes([kind, 0x20, exchange, flags]) + (1).to_bytes(4, "big")
    octets = head + (28 + len(body)).to_bytes(4, "big") + body
    marker = bytes(4) if port == 4500 else b""
    return IP(src=source, dst=B if source == A else A) / UDP(sport=port, dport=port) / Raw(marker + octets)


def parts(
    sender: tuple[str, int], sizes: Sequence[int], without: int = 0, exchange: int = IKE_AUTH, port: int = 4500
) -> list[Packet]:
    """The fragments of a message, *sizes* octets of content each, but for the one that is left out."""
    numbers = [(part, len(sizes)) for part in range(1, len(sizes) + 1) if part != without]
    return [
        message(
            sender,
            b"".join(n.to_bytes(2, "big") for n in number) + bytes(sizes[number[0] - 1]),
            SEALED_FRAGMENT,
            exchange,
            port,
        )
        for number in numbers
    ]


def whole(sender: tuple[str, int], octets: int, port: int = 4500) -> list[Packet]:
    return list(fragment(message(sender, bytes(octets), SEALED, port=port), fragsize=1480))


def judged(tmp_path: Path, packets: Sequence[Packet], *, complete: bool = True) -> dict[str, Check]:
    wrpcap(str(tmp_path / "link.pcap"), [Ether() / packet for packet in packets])
    link = AuditedLink(
        file=tmp_path / "link.pcap", name="internet a", underlay="internet", site="a", whole=complete, esp=(),
        uncounted=0,
    )  # fmt: skip
    judgement = IpsecFragments().judge(FragmentsEvidence(gateways={"a": (A,), "b": (B,)}, mtu=1500, links=(link,)))
    assert isinstance(judgement.error, CaptureError) == (not complete)
    return {check.name: check for check in judgement.checks}


IKE_A, IKE_B = (f"{site}: octets of its longest IKE_AUTH in fragments of IKE" for site in "ab")
IP_FRAGMENTS = "IKE in fragments of IP on internet a"
LATER = fragment(message(ASKS, bytes(1600), SEALED), fragsize=1480)[1:]
ESP = IP(src=A, dst=B) / UDP(sport=4500, dport=4500) / Raw(b"\1" * 1600)


@pytest.mark.parametrize(
    ("packets", "wrong"),
    [
        pytest.param(parts(ASKS, LARGE) + parts(ANSWERS, LARGE), set(), id="both"),
        pytest.param(parts(ASKS, LARGE, port=500) + parts(ANSWERS, LARGE, port=500), set(), id="port 500"),
        pytest.param([*parts(ASKS, LARGE)[::-1], *parts(ANSWERS, LARGE) * 2], set(), id="in any order, twice"),
        pytest.param(parts(ASKS, LARGE), {IKE_B}, id="one"),
        pytest.param(parts(ASKS, LARGE, without=2) + parts(ANSWERS, LARGE), {IKE_A}, id="one fragment is missing"),
        pytest.param(parts(ASKS, [600, 600]) + parts(ANSWERS, LARGE), {IKE_A}, id="shorter than the MTU"),
        pytest.param(
            parts(ASKS, [264] * 6) + parts(ANSWERS, LARGE), {IKE_A}, id="shorter than the MTU without what sealing adds"
        ),
        pytest.param(
            parts(ASKS, LARGE, exchange=INFORMATIONAL) + parts(ANSWERS, LARGE), {IKE_A}, id="of another exchange"
        ),
        pytest.param(whole(ASKS, 1200) + whole(ANSWERS, 1200), {IKE_A, IKE_B}, id="in one packet"),
        pytest.param(whole(ASKS, 1600) + parts(ANSWERS, LARGE), {IKE_A, IP_FRAGMENTS}, id="in fragments of IP"),
        pytest.param(
            parts(ASKS, LARGE) + parts(ANSWERS, LARGE) + whole(ASKS, 1600, port=500), {IP_FRAGMENTS}, id="both kinds"
        ),
        pytest.param(
            [part for one in parts(ASKS, [1600] * 2) for part in fragment(one, fragsize=1480)] + parts(ANSWERS, LARGE),
            {IKE_A, IP_FRAGMENTS},
            id="IKE's own fragments in fragments of IP",
        ),
        pytest.param(parts(ASKS, LARGE) + parts(ANSWERS, LARGE) + LATER, {IP_FRAGMENTS}, id="the rest of a packet"),
        pytest.param(parts(ASKS, LARGE) + parts(ANSWERS, LARGE) + fragment(ESP), set(), id="ESP in fragments of IP"),
        pytest.param([], {IKE_A, IKE_B}, id="nothing"),
    ],
)
def test_what_is_too_large_is_cut_by_ike_and_not_by_ip(tmp_path: Path, packets: list[Packet], wrong: set[str]) -> None:
    checks = judged(tmp_path, packets)
    assert set(checks) == {IKE_A, IKE_B, IP_FRAGMENTS}
    assert {name for name, check in checks.items() if check.verdict is not Verdict.PASSED} == wrong


def test_a_capture_that_was_full_proves_nothing(tmp_path: Path) -> None:
    judged(tmp_path, parts(ASKS, LARGE) + parts(ANSWERS, LARGE), complete=False)
