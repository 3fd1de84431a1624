"""Commands in a container: the Docker SDK cannot end a command's input over TLS, so the stream is handled here."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from docker.errors import DockerException

EXEC_SECONDS = 30.0
"""From the start of a command to its end; a VNF applies its intent in a fraction of a second."""
LARGEST_OUTPUT = 16 << 20
_STDOUT = 1


class ExecFailed(DockerException):
    """A command that was started did not come to an end that can be used."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """Exit code and output of a command."""

    code: int
    stdout: bytes
    stderr: bytes


def run_exec(client: Any, container: str, command: Sequence[str], stdin: bytes | None) -> ExecResult:
    """Three requests (create, start, inspect) of the engine's exec API; raises what the SDK raises."""
    created = client.exec_create(container, list(command), stdin=stdin is not None)
    stream = client.exec_start(created["Id"], socket=True)
    try:
        stdout, stderr = _converse(getattr(stream, "_sock", stream), stdin)
    except TimeoutError as error:
        raise ExecFailed(f"{command[0]} did not end within {EXEC_SECONDS:g} s") from error
    finally:
        # The response and its socket hold each other: the connection would stay until the garbage collector comes by.
        stream._response.close()
    code = client.exec_inspect(created["Id"])["ExitCode"]
    return ExecResult(code, stdout, stderr)


def _converse(stream: socket.socket, stdin: bytes | None) -> tuple[bytes, bytes]:
    deadline = time.monotonic() + EXEC_SECONDS
    stream.settimeout(EXEC_SECONDS)
    if stdin is not None:
        stream.sendall(stdin)
        _end_of_input(stream)
    return split_streams(_read(stream, deadline))


def _read(stream: socket.socket, deadline: float) -> bytes:
    """Everything up to the end; a command that says a word now and then has no more time than a silent one."""
    printed = bytearray()
    while piece := _receive(stream, deadline):
        printed += piece
        if len(printed) > LARGEST_OUTPUT:
            raise ExecFailed(f"the command printed more than {LARGEST_OUTPUT >> 20} MiB")
    return bytes(printed)


def _end_of_input(stream: socket.socket) -> None:
    """Half-close, and go on reading. TLS has its own way for that, close_notify (RFC 8446, 6.1)."""
    if not isinstance(stream, ssl.SSLSocket):
        stream.shutdown(socket.SHUT_WR)
        return
    stream.setblocking(False)  # unwrap() sends close_notify, then would wait for the peer's
    while True:
        try:
            stream.unwrap()
        except ssl.SSLWantWriteError:
            select.select([], [stream], [], EXEC_SECONDS)
            continue
        except ssl.SSLWantReadError:
            break
        break
    stream.settimeout(EXEC_SECONDS)


def _receive(stream: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    stream.settimeout(left)
    try:
        return stream.recv(65536)
    except ssl.SSLZeroReturnError:  # both sides have sent close_notify: the end, which is no error here
        return b""


def split_streams(data: bytes) -> tuple[bytes, bytes]:
    """Standard output and error of Docker's multiplexed stream: 1 byte kind, 3 zero, 4 length, payload."""
    stdout, stderr = bytearray(), bytearray()
    position = 0
    while position + 8 <= len(data):
        kind, length = struct.unpack_from(">BxxxL", data, position)
        (stdout if kind == _STDOUT else stderr).extend(data[position + 8 : position + 8 + length])
        position += 8 + length
    return bytes(stdout), bytes(stderr)
