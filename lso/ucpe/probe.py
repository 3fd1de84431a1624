"""Who an endpoint answers: one short conversation in its own protocol, with or without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from orchestrator.inventory import Tls
from orchestrator.southbound.openflow import hello
from testbed.pki import Authority, write_private

ANSWER_SECONDS = 5.0
REQUESTS = {
    "docker": b"GET /_ping HTTP/1.0\r\n\r\n",
    "ovsdb": b'{"method":"list_dbs","params":[],"id":0}',
    "openflow": hello(1, 4, 5, 6),
}
_ANSWERS = {
    "docker": (b"HTTP/1.0 200", b"HTTP/1.1 200"),
    "ovsdb": (b"{",),
    "openflow": (b"\x01\0", b"\x04\0", b"\x05\0", b"\x06\0"),
}
"""How an answer begins. An engine that wants TLS answers plain text too, with HTTP status 400."""


async def answer(protocol: str, host: str, port: int, context: ssl.SSLContext | None) -> bytes:
    """Return how the answer to a request of *protocol* begins; nothing where there is none, or none of that protocol.

    Waits for it for ANSWER_SECONDS; *context* is None for a request without TLS. Raises nothing of the network.

    A server that wants another certificate says so after the handshake of TLS 1.3, so the request is always sent.
    """
    writer = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            writer.write(REQUESTS[protocol])
            got = b""
            while len(got) < 12 and not got.startswith(_ANSWERS[protocol]) and (more := await reader.read(64)):
                got += more
    except (OSError, TimeoutError):
        return b""
    finally:
        if writer:
            await _end(writer)
    return got if got.startswith(_ANSWERS[protocol]) else b""


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            await writer.wait_closed()


def anonymous() -> ssl.SSLContext:
    """Return a client that takes any server and shows no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def stranger() -> ssl.SSLContext:
    """Return a client that takes any server and shows the certificate of an authority that nobody knows."""
    context = anonymous()
    with _written(Authority.create("a stranger's authority")) as files:
        context.load_cert_chain(*files)
    return context


def outdated(tls: Tls) -> ssl.SSLContext:
    """Return a client with the right certificate that speaks TLS 1.0 and 1.1 alone."""
    context = anonymous()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of these versions: it is they that are tried
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(tls.certificate, tls.key)
    return context


def strict(context: ssl.SSLContext) -> None:
    """Have the certificates of servers keep to the profile of RFC 5280, as clients of Python 3.13 ask."""
    context.verify_flags |= ssl.VERIFY_X509_STRICT


@contextlib.contextmanager
def _written(authority: Authority) -> Iterator[tuple[Path, Path]]:
    """Write certificate and key for as long as they are read; the library takes them from files alone."""
    with tempfile.TemporaryDirectory(prefix="lso-ucpe-check-") as folder:
        pair = authority.issue("a stranger")
        files = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        for path, text in zip(files, (pair.certificate, pair.key), strict=True):
            write_private(path, text)
        yield files
