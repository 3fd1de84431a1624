"""Encrypted traffic as captured: which kinds of frames there are, and what the gateway's keys decrypt."""

from testbed.esp.census import Census, census
from testbed.esp.open import KeyRing, KeysError, Opened, WrongKey, open_capture
from testbed.esp.wire import EspPacket, Kind, classify, esp_of

__all__ = [
    "Census",
    "EspPacket",
    "KeyRing",
    "KeysError",
    "Kind",
    "Opened",
    "WrongKey",
    "census",
    "classify",
    "esp_of",
    "open_capture",
]
