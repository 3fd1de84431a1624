"""Packet captures that are confirmed live before traffic and complete when they end; and reading them."""

from testbed.capture.pcap import Frame, TruncatedCapture, count_frames, frames_so_far, read_frames
from testbed.capture.search import count_each, find_bytes, find_each, seen_so_far
from testbed.capture.tcpdump import WHOLE, Capture, CaptureError, CaptureResult, Direction, captures, live

__all__ = [
    "WHOLE",
    "Capture",
    "CaptureError",
    "CaptureResult",
    "Direction",
    "Frame",
    "TruncatedCapture",
    "captures",
    "count_each",
    "count_frames",
    "find_bytes",
    "find_each",
    "frames_so_far",
    "live",
    "read_frames",
    "seen_so_far",
]
