"""One iperf3 run: a server that is proven to listen, one client, both gone afterwards whatever happens."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.host.child_process import Child, own_sockets, start, stop
from testbed.host.namespace import Namespace
from testbed.polling import poll
from testbed.traffic.result import NoTraffic, Protocol, TrafficError, TrafficResult, fault, parse_iperf3, parse_json

# What it sends comes from a temporary file; with no room for that it complains of /dev/urandom. Labs need /run anyway.
IPERF3 = ("env", "TMPDIR=/run", "iperf3")
CONNECT_TIMEOUT = 3.0
GRACE = 10.0  # seconds that a run may last beyond its traffic: connection, last acknowledgements, JSON
SETUP_SECONDS = 4.0  # for the control connection, which may have to repeat a segment
SETUP_ATTEMPTS = 4
MAX_BUFFER_BYTES = 4 << 20  # three seconds of 10 Mbit/s
_LISTEN = "0A"


@dataclass(frozen=True)
class Load:
    """What one run sends; see :func:`iperf3`."""

    protocol: Protocol
    seconds: int
    bitrate: float | None
    parallel: int
    reverse: bool
    length: int | None
    omit: int
    interval: float

    def client_options(self) -> list[str]:
        """Return the options of iperf3's client that stand for this load."""
        options = ["-t", str(self.seconds), "-P", str(self.parallel), "-O", str(self.omit)]
        options += ["-u", "-w", str(_room())] if self.protocol == "udp" else []
        options += ["-b", str(int(self.bitrate))] if self.bitrate is not None else []
        options += ["-l", str(self.length)] if self.length is not None else []
        options += ["-R"] if self.reverse else []
        return options

    def first_datagrams_seconds(self) -> float:
        """Return how long the first few datagrams of each stream take at the load's rate."""
        return 5 * (self.length or 1500) * 8 / (self.bitrate or 1e6)


def iperf3(
    client: Namespace,
    server: Namespace,
    address: str,
    *,
    protocol: Protocol = "tcp",
    seconds: int = 3,
    bitrate: float | None = None,
    parallel: int = 1,
    reverse: bool = False,
    length: int | None = None,
    omit: int = 0,
    interval: float = 0.5,
    port: int | None = None,
    lab: str | None = None,
) -> TrafficResult:
    """Send *seconds* of traffic from *client* to *address* of *server* (from server to client when *reverse*).

    *bitrate* is payload bit/s per stream (None: as fast as TCP can; 1 Mbit/s for UDP), *length* the bytes of one
    write or datagram, *omit* seconds at the start that do not count, *interval* the step of the series in seconds,
    *port* the server's port (None: any that is free).
    Raises :class:`NoTraffic` when the network does not carry it, :class:`TrafficError` when the tool fails.
    """
    load = Load(protocol, seconds, bitrate, parallel, reverse, length, omit, interval)
    for _ in range(SETUP_ATTEMPTS):
        with _server(server, address, port, interval, lab) as (serving, listening):
            answer = _client(client, server if reverse else client, address, listening, load, lab)
            if answer is None:
                continue
            if "error" in answer:
                raise fault(str(answer["error"]))
            return parse_iperf3(answer, _output(serving, GRACE, "server"), protocol)
    raise NoTraffic(f"the path did not carry the test: no UDP stream came up in {SETUP_ATTEMPTS} attempts")


def _room() -> int:
    """Return the bytes of socket buffer to ask for, of which the kernel gives the double.

    A receiver that waits for the processor must lose nothing: what is lost is to be the network's doing. Versions 3.16
    and 3.17 of iperf3 (Ubuntu 24.04) wait for a datagram's time by spinning, which on one processor keeps it waiting.
    """
    # iperf3 ends with an error where the kernel gives less than it was asked for, and where it is asked for too much.
    return min(MAX_BUFFER_BYTES, *(int(Path(f"/proc/sys/net/core/{side}mem_max").read_text()) for side in "rw"))


@contextmanager
def _server(
    namespace: Namespace, address: str, port: int | None, interval: float, lab: str | None
) -> Iterator[tuple[Child, int]]:
    port = _free_port(namespace, address) if port is None else port
    argv = [*IPERF3, "-s", "-1", "-J", "-i", str(interval), "-B", address, "-p", str(port)]
    child = start(argv, namespace=namespace, lab=lab)
    try:
        ready = poll(lambda: listens(child.pid, port) or child.poll() is not None, GRACE)
        if not ready or child.poll() is not None:
            stop_message = child.communicate(timeout=1)[0] if ready else "no answer"
            raise TrafficError(f"iperf3 does not listen on {address}:{port}: {stop_message.strip()}")
        yield child, port
    finally:
        stop(child)


def _client(
    namespace: Namespace, sender: Namespace, address: str, port: int, load: Load, lab: str | None
) -> Mapping[str, Any] | None:
    """Run the client and return its JSON, None when the UDP streams of *sender* did not come up.

    iperf3 opens each UDP stream with one datagram either way that it never repeats, so a path with a little loss
    would fail a test that it could well carry.
    """
    argv = [*IPERF3, "-c", address, "-p", str(port), "-J", "-i", str(load.interval)]
    argv += ["--connect-timeout", str(int(CONNECT_TIMEOUT * 1000)), *load.client_options()]
    before = udp_sent(sender)
    child = start(argv, namespace=namespace, lab=lab)
    try:
        if load.protocol == "udp" and not streams(child, sender, before, load):
            return None
        return _output(child, load.seconds + load.omit + CONNECT_TIMEOUT + GRACE, "client")
    finally:
        stop(child)


def streams(client: Child, sender: Namespace, before: int, load: Load) -> bool:
    """Tell, within the time that it may take, that *sender* sends more than the datagrams that open the streams."""
    deadline = SETUP_SECONDS + load.first_datagrams_seconds()
    enough = before + 2 * load.parallel + 3
    return bool(poll(lambda: client.poll() is not None or udp_sent(sender) >= enough, deadline))


def udp_sent(namespace: Namespace) -> int:
    """Return how many UDP datagrams have been sent in *namespace*.

    Asked of the namespace and not of a process in it: one that has just been started is still outside.
    """
    with namespace.entered():
        rows = [line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()]
    names, values = (row for row in rows if row[0] == "Udp:")
    return int(values[names.index("OutDatagrams")])


def received_bytes(namespace: Namespace, interface: str) -> int:
    """Return the bytes that *interface* in *namespace* has received, link headers included."""
    with namespace.entered():
        rows = [line.split(":") for line in Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]]
    return next(int(counters.split()[0]) for name, counters in rows if name.strip() == interface)


def _output(child: Child, deadline: float, side: str) -> Mapping[str, Any]:
    try:
        printed, complaint = child.communicate(timeout=deadline)
    except subprocess.TimeoutExpired as late:
        raise NoTraffic(f"the path did not carry the test: iperf3's {side} was not done after {deadline} s") from late
    try:
        answer = parse_json(printed)
    except json.JSONDecodeError as error:
        raise TrafficError(f"iperf3's {side} printed no JSON: {(complaint or printed).strip()[:300]}") from error
    if not isinstance(answer, dict):
        raise TrafficError(f"iperf3's {side} printed {type(answer).__name__} in place of an object")
    return answer


def _free_port(namespace: Namespace, address: str) -> int:
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        try:
            holder.bind((address, 0))
        except OSError as error:
            raise TrafficError(f"the server's host has no address {address}: {error.strerror}") from error
        port: int = holder.getsockname()[1]
        return port


def listens(pid: int, port: int) -> bool:
    """Tell whether process *pid* itself holds a TCP socket that listens on *port*."""
    try:
        rows = [line.split() for name in ("tcp", "tcp6") for line in _table(pid, name)]
    except OSError:
        return False
    own = own_sockets(pid)
    return any(row[3] == _LISTEN and int(row[1].rsplit(":", 1)[1], 16) == port and row[9] in own for row in rows)


def _table(pid: int, name: str) -> list[str]:
    path = Path(f"/proc/{pid}/net/{name}")
    return path.read_text().splitlines()[1:] if path.exists() else []
