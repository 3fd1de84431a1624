"""Encrypted traffic seen from the wire: what kinds of frames are there, and what opens with the gateway's keys."""

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
