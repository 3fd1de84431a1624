"""Which ESP packets are kept as a sample, as libpcap compiles the filter that says so."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from testbed.capture import read_frames
from testbed.esp import SAMPLE_OF, WHOLE_ESP, esp_of, ipv4_of, sampled

RESIDUE = 100
NUMBERS = (1, 64, 65, RESIDUE, RESIDUE + 1, SAMPLE_OF, SAMPLE_OF + RESIDUE, 3 * SAMPLE_OF + RESIDUE, 2**32 - 1)
KEPT = [1, 64, RESIDUE, SAMPLE_OF + RESIDUE, 3 * SAMPLE_OF + RESIDUE]

pytestmark = pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")


@pytest.mark.parametrize("in_udp", [False, True], ids=["native", "in UDP"])
def test_the_first_of_an_association_and_one_of_many(in_udp: bool, tmp_path: Path) -> None:
    head = Ether() / IP(src="198.51.100.1", dst="198.51.100.2")
    head = head / UDP(sport=4500, dport=4500, chksum=0) if in_udp else head
    wrpcap(str(tmp_path / "all.pcap"), [head / ESP(spi=0x1000, seq=number) / Raw(bytes(60)) for number in NUMBERS])
    files = ["-r", str(tmp_path / "all.pcap"), "-w", str(tmp_path / "some.pcap")]
    subprocess.run(
        ["tcpdump", "-Z", "root", *files, f"{sampled(RESIDUE)} and {WHOLE_ESP}"], check=True, capture_output=True
    )
    packets = [packet for frame in read_frames(tmp_path / "some.pcap") if (packet := ipv4_of(frame.data))]
    payloads = [packet[28:] if in_udp else packet[20:] for packet in packets]
    assert [int.from_bytes(payload[4:8], "big") for payload in payloads] == KEPT
    assert all(map(esp_of, packets))
