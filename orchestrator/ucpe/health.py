"""Whether a uCPE can be used: each of its three endpoints is asked, side by side and within a deadline."""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator.inventory import Ucpe
from orchestrator.model import InventoryError, UcpeError
from orchestrator.southbound.docker import DockerEngine, VnfImage
from orchestrator.southbound.openflow import OpenFlowSwitch
from orchestrator.southbound.ovsdb import OvsdbClient
from orchestrator.southbound.ports import bridge_ports
from orchestrator.southbound.tls import Endpoint, TlsFilesWrong, client_context, docker_endpoint

DEADLINE = 3.0
"""Seconds for all of it. A uCPE on a management network answers in milliseconds."""
SMALLEST_API = (1, 41)
"""Docker Engine API of the uCPE contract."""


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """One endpoint: `seconds` from the first packet to the answer, `version` in its own words, `ports` of the bridge
    where it can tell them, and when its certificate ends. `problem` says why it is of no use.
    """

    protocol: str
    address: str
    seconds: float = 0.0
    version: str | None = None
    certificate_ends: datetime | None = None
    ports: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class UcpeHealth:
    """The three endpoints of a uCPE as they answered, and the VNF images in its store.

    `tls` says why its TLS files are of no use; then none of the endpoints was asked.
    """

    ucpe: str
    docker: EndpointHealth
    ovsdb: EndpointHealth
    openflow: EndpointHealth
    images: tuple[VnfImage, ...] = ()
    tls: str | None = None

    @property
    def endpoints(self) -> tuple[EndpointHealth, EndpointHealth, EndpointHealth]:
        """The health of the Docker, OVSDB and OpenFlow endpoints."""
        return self.docker, self.ovsdb, self.openflow


async def ucpe_health(ucpe: Ucpe, deadline: float = DEADLINE) -> UcpeHealth:
    """Ask the three endpoints, for `deadline` seconds at most.

    Nothing is raised for a uCPE that does not answer, or whose TLS files are of no use: the health says so.
    """
    try:
        context = await asyncio.to_thread(client_context, ucpe)
    except TlsFilesWrong as wrong:
        problem = f"the TLS files are of no use: {wrong.reason}"
        docker, ovsdb, openflow = (EndpointHealth(name, getattr(ucpe, name), problem=problem) for name in _PROTOCOLS)
        return UcpeHealth(ucpe.id, docker, ovsdb, openflow, tls=wrong.reason)
    probe = _Probe(ucpe, context, deadline)
    docker, ovsdb, openflow = await asyncio.gather(
        probe.ask("docker", ucpe.docker, probe.docker),
        probe.ask("ovsdb", ucpe.ovsdb, probe.ovsdb),
        probe.ask("openflow", ucpe.openflow, probe.openflow),
    )
    return UcpeHealth(ucpe.id, docker, ovsdb, openflow, probe.images)


NONSENSE = (LookupError, TypeError, ValueError, AttributeError, struct.error)
"""What the clients stumble over when a stranger answers: they are made for endpoints that are known to be right."""

_PROTOCOLS = ("docker", "ovsdb", "openflow")
_Question = Callable[[Endpoint], Awaitable[EndpointHealth]]


class _Probe:
    def __init__(self, ucpe: Ucpe, context: ssl.SSLContext | None, deadline: float) -> None:
        self._ucpe, self._context, self._deadline = ucpe, context, deadline
        self.images: tuple[VnfImage, ...] = ()

    async def ask(self, protocol: str, address: str, question: _Question) -> EndpointHealth:
        """The endpoint's own answer, with the time that it took; the certificate is read in a session of its own."""
        docker = protocol == "docker"
        endpoint = docker_endpoint(self._ucpe) if docker else Endpoint(self._ucpe.id, protocol, address)
        start = time.monotonic()
        blank = EndpointHealth(protocol, address)
        try:
            async with asyncio.timeout(self._deadline):
                ends = await _certificate_ends(endpoint, self._context)
                start = time.monotonic()
                found = await question(endpoint)
        except TimeoutError:
            found = replace(blank, problem=f"no answer within {self._deadline:g} s")
        except UcpeError as error:
            found = replace(blank, problem=error.message)
        except InventoryError as error:
            found = replace(blank, problem=str(error))
        except NONSENSE:
            found = replace(blank, problem="something answers there, but not in this protocol")
        else:
            found = replace(found, certificate_ends=ends)
        return replace(found, address=address, seconds=round(time.monotonic() - start, 4))

    async def docker(self, _endpoint: Endpoint) -> EndpointHealth:
        engine = await DockerEngine.connect(self._ucpe)
        try:
            version, api = await engine.version()
            self.images = await engine.vnf_images()
        finally:
            await engine.close()
        old = tuple(map(int, api.split("."))) < SMALLEST_API
        problem = f"Engine API {api} is too old; {'.'.join(map(str, SMALLEST_API))} is needed" if old else None
        return EndpointHealth("docker", "", version=f"Docker {version}, API {api}", problem=problem)

    async def ovsdb(self, endpoint: Endpoint) -> EndpointHealth:
        client = await OvsdbClient.connect(endpoint, self._context)
        try:
            query = {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["ovs_version"]}
            ports, rows = await asyncio.gather(bridge_ports(client, self._ucpe.bridge), client.transact([query]))
        finally:
            await client.close()
        known = rows[0]["rows"][0]["ovs_version"] if rows[0]["rows"] else ""
        version = f"Open vSwitch {known}" if isinstance(known, str) and known else "Open vSwitch"
        return EndpointHealth("ovsdb", "", version=version, ports=tuple(sorted(port.name for port in ports)))

    async def openflow(self, endpoint: Endpoint) -> EndpointHealth:
        switch = await OpenFlowSwitch.connect(endpoint, self._context)
        try:
            await switch.dump()
        finally:
            await switch.close()
        return EndpointHealth("openflow", "", version="OpenFlow 1.4")


async def _certificate_ends(endpoint: Endpoint, context: ssl.SSLContext | None) -> datetime | None:
    """When the certificate that the endpoint shows ends; also finds out cheaply that nobody is there."""
    _, writer = await endpoint.open(context)
    try:
        session = writer.get_extra_info("ssl_object")
        certificate = session.getpeercert() if session else None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC) if certificate else None
    finally:
        writer.close()
