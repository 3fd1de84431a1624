"""Crafted packets: built with scapy, sent and received inside namespaces without any helper process."""

from testbed.packets.probe import Kind, Reply, canary, probe, tcp_reply, warm_up
from testbed.packets.services import listening
from testbed.packets.stream import Count, CountedStream, End, Flow, FlowCounters, FlowKey, StreamResult
from testbed.packets.wire import PacketError, Receiver, interface_mac, receive, resolve, send

__all__ = [
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
    "canary",
    "interface_mac",
    "listening",
    "probe",
    "receive",
    "resolve",
    "send",
    "tcp_reply",
    "warm_up",
]
