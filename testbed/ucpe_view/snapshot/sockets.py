"""The sockets that wait for something in a uCPE's network, from ``/proc/<pid>/net`` (proc(5))."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from testbed.host.namespace import Namespace
from testbed.host.process import Process
from testbed.ucpe_view.snapshot.model import Part, part
from testbed.ucpe_view.snapshot.processes import Running

FILES = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "packet", "unix")
ACCEPTS = 0x10000  # flag of a unix socket that waits for connections
UNNAMED = re.compile("@[0-9a-f]{5}")  # what the kernel names by itself (unix(7), autobind)
LISTENS, UNCONNECTED = "0A", "07"  # states of a TCP socket, of a UDP socket


def read(process: Process, found: Iterable[Running]) -> Part:
    """Return the sockets of the network of the uCPE with the init process *process*; *found* are its processes."""
    with process.opened() as folder:
        texts = {name: process.read(f"net/{name}") for name in FILES if _exists(folder, f"net/{name}")}
    with Namespace.of(process).entered():
        interfaces = dict(socket.if_nameindex())
    holders = {inode: one.program for one in found for inode in one.sockets}
    return as_part(texts, interfaces, holders)


def as_part(texts: Mapping[str, str], interfaces: Mapping[int, str], holders: Mapping[str, str]) -> Part:
    """Return the sockets in *texts*, by the names of their files.

    *interfaces* are names by number, *holders* the program that has a socket open by its inode. Raw and packet sockets
    of programs outside of the uCPE are left out: whoever captures there has some.
    """
    names = [
        name
        for file, text in texts.items()
        for fields in map(str.split, text.splitlines()[1:])
        for name in _named(file, fields, interfaces, holders)
    ]
    return part((name, {"number": number} if number > 1 else {}) for name, number in Counter(names).items())


def _named(file: str, fields: list[str], interfaces: Mapping[int, str], holders: Mapping[str, str]) -> Iterator[str]:
    if file == "packet":
        _, _, _, protocol, number, _, _, _, inode = fields
        if inode in holders and int(protocol, 16):  # without a protocol it sends only: the switch keeps one
            where = interfaces.get(int(number), number) if int(number) else "all interfaces"
            yield f"packet socket of {holders[inode]} on {where}, protocol 0x{protocol}"
    elif file == "unix":
        flags, kind, path = int(fields[3], 16), int(fields[4], 16), " ".join(fields[7:])
        if path and not UNNAMED.fullmatch(path) and (flags & ACCEPTS or kind == socket.SOCK_DGRAM):
            yield f"unix socket {path}"
    else:
        address, port = _address(fields[1])
        if file.startswith("raw"):
            if fields[9] in holders:
                yield f"raw socket of {holders[fields[9]]} on {address}, protocol {port}"
        elif fields[3] == (LISTENS if file.startswith("tcp") else UNCONNECTED):
            yield f"{file.removesuffix('6').upper()} socket on {address} port {port}"


def _address(text: str) -> tuple[str, int]:
    """Return address and port: four octets at a time are written as numbers of this machine."""
    address, _, port = text.partition(":")
    octets = b"".join(struct.pack("=I", int(address[at : at + 8], 16)) for at in range(0, len(address), 8))
    return str(IPv4Address(octets) if len(octets) == 4 else IPv6Address(octets)), int(port, 16)


def _exists(folder: int, path: str) -> bool:
    """Tell whether there is such a file; a kernel without IPv6, for instance, has none of its."""
    try:
        os.stat(path, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True
