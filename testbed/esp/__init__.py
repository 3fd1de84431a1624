"""Encrypted traffic as captured: which kinds of frames there are, and what the gateway's keys decrypt."""

from testbed.esp.census import SAMPLE_OF, WHOLE_ESP, EspCensus, EspCount, PortCensus, counting, sampled
from testbed.esp.fragments import reassemble
from testbed.esp.ike import IKE_AUTH, IKE_SA_INIT, INFORMATIONAL, IkeMessage, ike_in, ike_of
from testbed.esp.open import KeyRing, KeysError, Opened, WrongKey, open_capture, open_each
from testbed.esp.packet_counts import PacketCounts, count_capture
from testbed.esp.wire import EspPacket, Kind, classify, classify_ipv4, esp_of, ipv4_of, is_fragment, payload_of, spi_of

__all__ = [
    "IKE_AUTH",
    "IKE_SA_INIT",
    "INFORMATIONAL",
    "SAMPLE_OF",
    "WHOLE_ESP",
    "EspCensus",
    "EspCount",
    "EspPacket",
    "IkeMessage",
    "KeyRing",
    "KeysError",
    "Kind",
    "Opened",
    "PacketCounts",
    "PortCensus",
    "WrongKey",
    "classify",
    "classify_ipv4",
    "count_capture",
    "counting",
    "esp_of",
    "ike_in",
    "ike_of",
    "ipv4_of",
    "is_fragment",
    "open_capture",
    "open_each",
    "payload_of",
    "reassemble",
    "sampled",
    "spi_of",
]
