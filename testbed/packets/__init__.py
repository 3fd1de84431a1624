"""Crafted packets: built with scapy, sent and received inside namespaces without any helper process."""

from testbed.packets.connection import Connection, connect
from testbed.packets.probe import Kind, Reply, canary, fragments, probe, tcp_reply, warm_up
from testbed.packets.services import answer, answering, listening
from testbed.packets.stream import Count, CountedStream, End, Flow, FlowCounters, FlowKey, StreamResult
from testbed.packets.wire import PacketError, Receiver, interface_mac, receive, resolve, send

__all__ = [
    "Connection",
    "Count",
    "CountedStream",
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
    "connect",
    "fragments",
    "interface_mac",
    "listening",
    "probe",
    "receive",
    "resolve",
    "send",
    "tcp_reply",
    "warm_up",
]
