"""Crafted packets: built with scapy, sent and received inside namespaces without any helper process."""

from testbed.packets.probe import Kind, Reply, canary, probe, tcp_reply, warm_up
from testbed.packets.services import listening
from testbed.packets.stream import Count, CountedStream, End, Flow, FlowKey, StreamResult, Truth
from testbed.packets.wire import PacketError, Receiver, interface_mac, receive, resolve, send

__all__ = [
    "Count",
    "CountedStream",
    "End",
    "Flow",
    "FlowKey",
    "Kind",
    "PacketError",
    "Receiver",
    "Reply",
    "StreamResult",
    "Truth",
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
