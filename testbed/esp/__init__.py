"""Encrypted traffic as captured: which kinds of frames there are, and what the gateway's keys decrypt."""

from testbed.esp.open import KeyRing, KeysError, Opened, WrongKey, open_capture
from testbed.esp.packet_counts import PacketCounts, count_capture
from testbed.esp.wire import EspPacket, Kind, classify, esp_of

__all__ = [
    "EspPacket",
    "KeyRing",
    "KeysError",
    "Kind",
    "Opened",
    "PacketCounts",
    "WrongKey",
    "classify",
    "count_capture",
    "esp_of",
    "open_capture",
]
