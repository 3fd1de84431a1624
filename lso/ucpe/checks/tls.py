"""TLS of the three endpoints: who they are, which versions they speak, and whom they answer."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from lso.ucpe import probe
from lso.ucpe.box import Box, Unjudged
from lso.ucpe.contract import clause
from orchestrator.model import UcpeError
from orchestrator.southbound.tls import Endpoint, client_context
from reports.model import Check

PLAIN_PORTS = {"docker": (2375,), "ovsdb": (6640, 6632), "openflow": (6653, 6633)}
"""Ports that IANA has, or had, for these protocols, and where engines and switches listen without TLS by habit."""


async def certificates(box: Box) -> list[Check]:
    """Judge the certificates that the endpoints show to the right client."""
    found = [check for endpoint in box.endpoints async for check in _certificate(box, endpoint)]
    if not found:
        raise Unjudged("no endpoint answers")
    return found


async def _certificate(box: Box, endpoint: Endpoint) -> AsyncIterator[Check]:
    if not endpoint.address.startswith("ssl:"):
        yield clause("T5").judged(f"{endpoint.protocol}: TLS", False, "an address by TLS", endpoint.address)
        return
    expected = f"{endpoint.address} proves who it is"
    try:
        version, ends = await _session(endpoint, box.context)
    except UcpeError as error:
        if isinstance(error.__cause__, ssl.SSLError):  # that nobody listens is said by others
            yield clause("T1").judged(f"{endpoint.protocol}: certificate", False, expected, error.message)
        return
    yield clause("T1").judged(
        f"{endpoint.protocol}: certificate", True, expected, f"in force until {ends:%Y-%m-%d %H:%M} UTC"
    )
    yield await _profile(box, endpoint)
    yield await _versions(box, endpoint, version)


async def _profile(box: Box, endpoint: Endpoint) -> Check:
    context = client_context(box.ucpe)
    assert context  # noqa: S101  (there has just been a session by TLS)
    probe.strict(context)
    try:
        await _session(endpoint, context)
        problem = ""
    except UcpeError as error:
        problem = error.message
    name = f"{endpoint.protocol}: certificate by RFC 5280's profile"
    return clause("T1").judged(name, not problem, "as strict clients ask", problem or "it is")


async def _versions(box: Box, endpoint: Endpoint, version: str) -> Check:
    assert box.ucpe.tls  # noqa: S101  (as above)
    old = await probe.answer(endpoint.protocol, *place(endpoint), probe.outdated(box.ucpe.tls))
    measured = f"{version}; TLS 1.1 or 1.0 is {'answered' if old else 'refused'}"
    return clause("T2").judged(f"{endpoint.protocol}: version", not old, "TLS 1.2 or 1.3 alone", measured)


async def _session(endpoint: Endpoint, context: ssl.SSLContext | None) -> tuple[str, datetime]:
    """Return the version of TLS, and when the certificate ends. Raises UcpeUnreachable."""
    _, writer = await endpoint.open(context)
    try:
        session: ssl.SSLObject = writer.get_extra_info("ssl_object")
        shown = session.getpeercert() or {}
        ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
        return session.version() or "", datetime.fromtimestamp(ends, UTC)
    finally:
        writer.close()


async def strangers(box: Box) -> list[Check]:
    """Judge whom the endpoints answer: not who has no certificate, or another authority's."""
    found = []
    clients = {"T3": ("without a certificate", probe.anonymous()), "T4": ("with another's", probe.stranger())}
    for endpoint in _by_tls(box):
        for name, (who, context) in clients.items():
            told = await probe.answer(endpoint.protocol, *place(endpoint), context)
            measured = f"answered {told[:16]!r}" if told else "refused"
            found.append(clause(name).judged(f"{endpoint.protocol}: a client {who}", not told, "refused", measured))
    if not found:
        raise Unjudged("no endpoint takes TLS connections")
    return found


async def plain(box: Box) -> list[Check]:
    """Judge what answers without TLS, on the endpoints' own ports and on those where it often does."""
    found = []
    for protocol, host, port in _plain_places(box):
        told = await probe.answer(protocol, host, port, None)
        measured = f"answered {told[:16]!r}" if told else "no answer"
        found.append(
            clause("T5").judged(f"{protocol} on {host} port {port}", not told, "no answer without TLS", measured)
        )
    if not found:
        raise Unjudged("all endpoints are sockets of this machine")
    return found


def _plain_places(box: Box) -> Iterator[tuple[str, str, int]]:
    seen = set()
    for endpoint in box.endpoints:
        if endpoint.address.startswith("unix:"):
            continue
        host, own = place(endpoint)
        for port in (own, *PLAIN_PORTS[endpoint.protocol]):
            if (endpoint.protocol, host, port) not in seen:
                seen.add((endpoint.protocol, host, port))
                yield endpoint.protocol, host, port


def _by_tls(box: Box) -> Iterator[Endpoint]:
    return (endpoint for endpoint in box.endpoints if endpoint.address.startswith("ssl:"))


def place(endpoint: Endpoint) -> tuple[str, int]:
    """Return host and port of an endpoint that is reached over a network."""
    host, _, port = endpoint.address.partition(":")[2].rpartition(":")
    return host.strip("[]"), int(port)
