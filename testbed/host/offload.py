"""Checksum offload of interfaces, by ioctl: no ``ethtool`` process per interface.

A userspace datapath that reads frames from a veth end gets them with the checksum still missing and drops TCP, unless
the sender computes it; ping stays fine, which makes the fault hard to see.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

from testbed.host.namespace import Namespace

SIOCETHTOOL = 0x8946
ETHTOOL_GTXCSUM = 0x16
ETHTOOL_STXCSUM = 0x17


def set_tx_checksum(interface: str, *, on: bool, namespace: Namespace | None = None) -> None:
    """Turn the offload of transmit checksums of *interface* on or off; off also ends TSO there."""
    with _socket(namespace) as control:
        _ethtool(control, interface, ETHTOOL_STXCSUM, int(on))


def tx_checksum(interface: str, namespace: Namespace | None = None) -> bool:
    """Tell whether *interface* leaves transmit checksums to the device."""
    with _socket(namespace) as control:
        return bool(_ethtool(control, interface, ETHTOOL_GTXCSUM, 0))


def _socket(namespace: Namespace | None) -> socket.socket:
    if namespace:
        return namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _ethtool(control: socket.socket, interface: str, command: int, value: int) -> int:
    request = array.array("B", struct.pack("II", command, value))
    address, _ = request.buffer_info()
    fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP", interface.encode(), address))
    return int(struct.unpack("II", request.tobytes())[1])
