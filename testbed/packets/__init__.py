"""Crafted packets: built octet by octet, sent and received inside namespaces without any helper process."""

from testbed.packets.connection import Connection, connect
from testbed.packets.counts import Count, FlowCounters, FlowKey, StreamResult
from testbed.packets.flows import HEADERS, WINDOW, Dialogue, End, Flow
from testbed.packets.probe import Kind, Reply, canary, checksum, ethernet, fragments, probe, tcp_reply
from testbed.packets.services import answer, answering, listening, silent
from testbed.packets.stream import CountedStream
from testbed.packets.wire import PacketError, Receiver, interface_mac, receive, resolve, send

__all__ = [
    "HEADERS",
    "WINDOW",
    "Connection",
    "Count",
    "CountedStream",
    "Dialogue",
    "End",
    "Flow",
    "FlowCounters",
    "FlowKey",
    "Kind",
    "PacketError",
    "Receiver",
    "Reply",
    "StreamResult",
    "answer",
    "answering",
    "canary",
    "checksum",
    "connect",
    "ethernet",
    "fragments",
    "interface_mac",
    "listening",
    "probe",
    "receive",
    "resolve",
    "send",
    "silent",
    "tcp_reply",
]
