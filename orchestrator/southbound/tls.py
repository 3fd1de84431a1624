"""Endpoints of a uCPE and the mutual TLS sessions to them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Any

from orchestrator.inventory import Tls, Ucpe
from orchestrator.model import InventoryError, UcpeUnreachable

CONNECT_SECONDS = 5.0
"""A uCPE on a management network answers in milliseconds; past this it is down."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Open vSwitch listens, in its notation: `ssl:<host>:<port>`, `tcp:<host>:<port>` or `unix:<path>`.

    `protocol` is `docker`, `ovsdb` or `openflow`.
    """

    ucpe: str
    protocol: str
    address: str

    def unreachable(self, problem: str) -> UcpeUnreachable:
        """The error that names this endpoint and says what to do."""
        return UcpeUnreachable(self.ucpe, self.protocol, f"{self.address}: {problem}")

    async def open(self, context: ssl.SSLContext | None) -> Streams:
        """A session to it; UcpeUnreachable when there is none within CONNECT_SECONDS."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._open(context)
        except TimeoutError:
            raise self.unreachable(f"no connection within {CONNECT_SECONDS:g} s; is the uCPE up?") from None
        except OSError as error:
            raise self.unreachable(describe(error)) from error

    async def _open(self, context: ssl.SSLContext | None) -> Streams:
        scheme, _, place = self.address.partition(":")
        if scheme == "unix":
            return await asyncio.open_unix_connection(place)
        if scheme == "ssl" and context is None:
            raise InventoryError(f"{self.ucpe}: {self.protocol} is {self.address}, but the inventory has no tls")
        host, _, port = place.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context if scheme == "ssl" else None)


async def end_session(receiver: asyncio.Task[None] | None, writer: asyncio.StreamWriter) -> None:
    """Have nobody receive any more, and end the session."""
    if receiver:
        receiver.cancel()
        await asyncio.gather(receiver, return_exceptions=True)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def docker_endpoint(ucpe: Ucpe) -> Endpoint:
    """The uCPE's engine, whose address is not in Open vSwitch's notation in the inventory."""
    if ucpe.docker.startswith("unix://"):
        return Endpoint(ucpe.id, "docker", f"unix:{ucpe.docker.removeprefix('unix://')}")
    return Endpoint(ucpe.id, "docker", f"{'ssl' if ucpe.tls else 'tcp'}:{ucpe.docker.removeprefix('tcp://')}")


class TlsFilesWrong(InventoryError):
    """TLS files that are of no use; `reason` says why without naming them, for those who sent their texts."""

    def __init__(self, ucpe: str, files: str, reason: str) -> None:
        super().__init__(f"{ucpe}: {files}: {reason}")
        self.ucpe, self.files, self.reason = ucpe, files, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.ucpe, self.files, self.reason)


def client_context(ucpe: Ucpe) -> ssl.SSLContext | None:
    """Verifies the uCPE's chain and host name and offers our certificate; None when the inventory has no TLS files.

    Raises TlsFilesWrong when a file is missing or no PEM. Blocks for the time of reading the files.
    """
    return _context(ucpe.id, ucpe.tls) if ucpe.tls else None


def _context(ucpe: str, tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(tls.ca))
    except OSError as error:
        raise TlsFilesWrong(ucpe, f"{tls.ca}", _reason("ca", error, "is no PEM of CA certificates")) from error
    try:
        # A key with a passphrase would have the server ask on the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
    except OSError as error:
        unfit = "are no PEM of a pair, the key without a passphrase"
        reason = _reason("certificate and key", error, unfit)
        raise TlsFilesWrong(ucpe, f"{tls.certificate}, {tls.key}", reason) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _reason(what: str, error: OSError, unfit: str) -> str:
    return f"{what} {unfit}" if isinstance(error, ssl.SSLError) else f"{what} cannot be read: {error.strerror}"


def describe(error: BaseException) -> str:
    """A failed connection in one sentence, with what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message}); check the inventory's tls.ca"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or error}); check the inventory's certificates"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; nothing listens there"
    return f"{error.strerror or error}" if isinstance(error, OSError) else str(error)
