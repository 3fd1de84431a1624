"""What a verb may use: the scenario, the lab, the API's client, and what earlier steps saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from typing import Any, Protocol

from reports.model import TunnelPicture, VnfPicture, tunnel_element
from scenarios.file.format import Scenario
from scenarios.ordering.face import Face
from scenarios.steps.clock import Clock
from scenarios.steps.evidence import Evidence
from scenarios.steps.recorder import NetworkFault, Recorder
from testbed.errors import Ended
from testbed.host.namespace import Namespace
from testbed.lab import Lab
from testbed.threads import in_parallel
from testbed.ucpe_view import Container, Snapshot, UcpeView, ViewError

HOST_INTERFACE = "eth0"
PROBE_PORTS = range(40_000, 60_000)
"""Source ports of packets whose port tells nothing."""


@dataclass(frozen=True)
class HostEnd:
    """A LAN host as the end of a path: its namespace, the interface on the LAN and its address there."""

    namespace: Namespace
    interface: str
    ip: str


class Histories(Protocol):
    """What the gateways told (``scenarios.network.associations``)."""

    @property
    def told(self) -> dict[str, dict[str, Any]]:
        """Return it by site."""


class Keys(Protocol):
    """What gateways told of the keys of their security associations."""

    @property
    def told(self) -> Mapping[str, Any]:
        """Return it as a document of ``/vnf/keys``."""


class Audit(Protocol):
    """What watches the underlays since the order (``scenarios.network.underlay_audit``)."""

    @property
    def gateways(self) -> tuple[str, ...]:
        """Return the WAN addresses of the service's sites, and those that a NAT gives them."""

    @property
    def nats(self) -> Mapping[str, tuple[str, str]]:
        """Return the addresses, its own and that on the underlay, of each site behind a NAT."""

    @property
    def histories(self) -> Histories:
        """Return what the gateways told of their security associations."""

    @property
    def keys(self) -> Keys:
        """Return what they told of the keys of these."""

    @property
    def sent(self) -> tuple[Any, ...]:
        """Return what they said, when they were last asked, that these have sent."""

    def remember(self, context: Context) -> None:
        """Ask the gateways for their security associations while they are there."""

    def so_far(self, recorder: Recorder) -> Iterator[Evidence]:
        """Yield what was seen on each link until now."""

    def sample(self, recorder: Recorder) -> Iterator[Any]:
        """Yield the ESP that was kept of each link until now, as evidence."""


class Management(Protocol):
    """What watches the management network since the order (``scenarios.network.management_audit``)."""

    def so_far(self, recorder: Recorder) -> Iterator[Any]:
        """Yield what was captured at each uCPE's port until now, as evidence."""


class Digests(Protocol):
    """What digests the packets at the ports of a uCPE (``testbed.digests``)."""

    def read(self) -> str:
        """Return what was digested until now, a line for each flow."""


@dataclass
class Context:
    """One run's world. The uCPEs are looked at from outside the orchestrator (``view``), the service through HTTP."""

    scenario: Scenario
    lab: Lab
    face: Face
    clock: Clock
    audit: Audit
    management: Management
    service_id: str = ""
    ordered_at: float = 0.0
    established_at: float | None = None
    baselines: dict[str, Snapshot] = field(default_factory=dict)
    counted: dict[str, Any] = field(default_factory=dict)
    """What each site had counted before the order (``scenarios.network.conservation``)."""
    early: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many packets had come to each site's ports when its service was active."""
    injected: dict[str, dict[str, int]] = field(default_factory=dict)
    """How many packets verbs have put on a VNF's port, by site and port, as if the VNF had sent them."""
    digests: Mapping[str, Digests] = field(default_factory=dict)
    """What digests the packets at the ports of each site of the service, since before the order."""
    engines: dict[str, str] = field(default_factory=dict)
    chains: dict[str, tuple[VnfPicture, ...]] = field(default_factory=dict)
    tunnels: dict[str, TunnelPicture] = field(default_factory=dict)
    source_ports: set[tuple[str, int]] = field(default_factory=set)
    """Protocol and source port of the packets of this run, so that none is taken for an answer to another."""
    _ports_taken: int = 0

    def service_sites(self) -> list[str]:
        """Return the sites of the service's end points, in the scenario's order."""
        return [point.site for point in self.scenario.service.endpoints]

    def host(self, name: str) -> HostEnd:
        """Return the LAN host *name*."""
        node = self.lab.hosts[name]
        return HostEnd(node.namespace, HOST_INTERFACE, str(IPv4Interface(node.address).ip))

    def site_of(self, host: str) -> str:
        """Return the site whose LAN *host* is on."""
        return next(name for name, site in self.scenario.topology.sites.items() if host in site.hosts)

    def view(self, site: str) -> UcpeView:
        """Return the view into the uCPE of *site* that owes nothing to the orchestrator.

        Raises ``NetworkFault`` when the uCPE has ended, is paused or was restarted: no service of it can work.
        """
        try:
            return UcpeView(self.lab.ucpes[site].container())
        except Ended as gone:
            raise NetworkFault(f"{site}: the uCPE", "the one that the lab started, running", str(gone)) from gone

    def snapshots(self, sites: Sequence[str]) -> dict[str, Snapshot]:
        """Return what each of the uCPEs of *sites* has now, in their order. Raises as :meth:`view`."""
        found: dict[str, Snapshot] = {}

        def take(site: str) -> None:
            found[site] = self.view(site).snapshot()

        in_parallel(take, sites)
        return {site: found[site] for site in sites}

    def vnf_status(self, site: str, kind: str) -> dict[str, Any]:
        """Return the status of *site*'s VNF of *kind* as its contract says, empty when there is none yet."""
        return self.vnf_json(site, kind, "/vnf/status")

    def vnf_json(self, site: str, kind: str, program: str) -> dict[str, Any]:
        """Return what *program* of the VNF contract prints in *site*'s VNF of *kind*, empty when there is none yet.

        Raises ``NetworkFault`` when a VNF that runs does not keep the contract.
        """
        try:
            return self.view(site).vnf_json(self.service_id, kind, program)
        except ViewError as error:
            raise NetworkFault(
                f"{site}: {program} of the {kind} VNF", "JSON as the VNF contract says", str(error)
            ) from error

    def vnf_statuses(self, site: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return the status of each of *site*'s VNFs of *kind* by the VNF's name. Raises as :meth:`vnf_json`."""
        try:
            return self.view(site).vnf_jsons(self.service_id, kind, "/vnf/status")
        except ViewError as error:
            raise NetworkFault(
                f"{site}: /vnf/status of the {kind} VNFs", "JSON as the VNF contract says", str(error)
            ) from error

    def vnf_texts(self, site: str, kind: str, program: str) -> dict[str, str]:
        """Return the text that *program* prints in each of *site*'s VNFs of *kind* by the VNF's name.

        Raises ``NetworkFault`` when one does not keep the contract, or has ended.
        """
        try:
            return {vnf.name: vnf.access.run([program]) for vnf in self.view(site).vnfs(self.service_id, kind)}
        except (ViewError, Ended) as error:
            raise NetworkFault(f"{site}: {program} of the {kind} VNFs", "text", str(error)) from error

    def settled(self) -> dict[str, Any] | None:
        """Return the service's details once its order has reached an end, whichever."""
        details = self.face.service(self.service_id)
        return details if details and self.face.ended(details) else None

    def take_port(self, protocol: str) -> int:
        """Return the next source port that no packet of *protocol* of this run has, if there is one, and take it."""
        for _ in PROBE_PORTS:
            port = PROBE_PORTS[self._ports_taken % len(PROBE_PORTS)]
            self._ports_taken += 1
            if (protocol, port) not in self.source_ports:
                break
        self.source_ports.add((protocol, port))
        return port

    def note_chain(self, site: str, containers: Sequence[Container]) -> None:
        """Remember the VNFs of *site*, from LAN to WAN, for the picture."""
        self.chains[site] = tuple(
            VnfPicture(
                name=container.labels.get("lso.vnf", ""),
                kind=container.labels.get("lso.kind", ""),
                vendor=container.labels.get("lso.vnf.vendor", ""),
                version=container.labels.get("lso.vnf.version", ""),
                image=container.image,
            )
            for container in containers
        )

    def note_injected(self, site: str, port: str, packets: int) -> None:
        """Remember that a verb puts *packets* on a VNF's *port*, as if the VNF had sent them."""
        ports = self.injected.setdefault(site, {})
        ports[port] = ports.get(port, 0) + packets

    def vnf_element(self, site: str, kind: str) -> str:
        """Return the element id of *site*'s first VNF of *kind*."""
        return f"vnf:{self.vnf_node(site, kind)}"

    def vnf_node(self, site: str, kind: str) -> str:
        """Return what ``lso exec`` calls *site*'s first VNF of *kind*: the site and the VNF's name in its template."""
        name = next((vnf.name for vnf in self.chains.get(site, ()) if vnf.kind == kind), kind)
        return f"{site}/{name}"

    def note_established(self) -> None:
        """Remember when the tunnels were first seen up."""
        if self.established_at is None:
            self.established_at = self.clock.now()

    def note_engine(self, capability: str, seen: set[str]) -> None:
        """Remember which engine really did the work."""
        self.engines[capability] = " and ".join(sorted(seen))

    def note_tunnel(self, left: str, right: str, peer: dict[str, Any], underlay: str) -> None:
        """Remember a tunnel over *underlay* for the picture, as one end reported it."""
        children = peer.get("children") or [{}]
        self.tunnels[tunnel_element(left, right)] = TunnelPicture(
            site_a=left,
            site_b=right,
            underlay=underlay,
            state=str((peer.get("ike") or {}).get("state", "")),
            algorithm=str(children[0].get("encryption", "")),
            spis=tuple(str(children[0][key]) for key in ("spi_in", "spi_out") if children[0].get(key)),
        )
