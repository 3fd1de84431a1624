"""A lab: an emulated network that runs, owned by a lease, described in its folder, stopped without a trace."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from testbed import pki
from testbed.host import kernel, neighbours
from testbed.host.wiring import ip_batch
from testbed.images import store
from testbed.images.recipes import UCPES
from testbed.impairment import Impairer
from testbed.lab import management_network, nat
from testbed.lab.cpu_pinning import placements
from testbed.lab.inventory import inventory
from testbed.lab.readiness import Endpoint, NotReady, wait_until_ready
from testbed.lab.ucpe_settings import UcpeSettings
from testbed.nodes import description
from testbed.nodes.node import Node
from testbed.nodes.ucpe import DOCKER_PORT, LAN_PORT, OPENFLOW_PORT, OVSDB_PORT
from testbed.ownership import lease, reap
from testbed.ownership.lease import State
from testbed.ownership.owner import Owner
from testbed.pki import Authority
from testbed.progress import Clock, Listener, silent
from testbed.spec.check import check
from testbed.spec.model import Impairment, LabSpec

if TYPE_CHECKING:
    from testbed.lab.topology import Topology


class LabError(RuntimeError):
    """The lab cannot start, stop or be found; the test-bed is at fault, not the network under test."""


class Lab:
    """One emulated network. :meth:`create` it, :meth:`start` it, use its nodes, :meth:`stop` it.

    As a context manager it starts on entry and stops on exit, unless it is kept. ``ucpes`` and ``lans`` are by site,
    ``hosts`` and ``underlays`` by name, ``others`` the containers and switches of a Containernet script. ``phases``
    says how long each part of the start took, in seconds.
    """

    def __init__(self, folder: Path, owner: Owner | None, spec: LabSpec | None, clock: Clock) -> None:
        self.folder = folder
        self.ucpes: dict[str, Node] = {}
        self.hosts: dict[str, Node] = {}
        self.lans: dict[str, Node] = {}
        self.underlays: dict[str, Node] = {}
        self.others: dict[str, Node] = {}
        self.authority: Authority | None = None
        self.engines: dict[str, str] = {}
        self._owner = owner
        self._spec = spec
        self._clock = clock
        self._settings: dict[str, UcpeSettings] | None = None
        self._topology: Topology | None = None
        self._kept = False
        self._store: str | None = None

    @classmethod
    def create(
        cls, spec: LabSpec, *, progress: Listener = silent, engines: Mapping[str, str] | None = None,
        store: str | None = None,
    ) -> Lab:  # fmt: skip
        """Return a new lab of *spec*; only its folder is made. Raises ``SpecError`` for a lab that cannot exist.

        *engines* overrides what this machine would choose for ``esp`` and ``datapath``. *store* names the volume with
        the images that the uCPEs have from the start; by default the one of the present images
        (``testbed.images.store``).
        """
        check(spec)
        chosen = {**best_engines(), **(engines or {})}
        owner = Owner.create(spec.name, keep_unused=False)  # an interruption may come before the start
        lab = cls(owner.folder, owner, spec, Clock(progress))
        lab.engines, lab._store = chosen, store
        return lab

    @property
    def id(self) -> str:
        """The lab's id: its name and six digits."""
        return self.folder.name

    @property
    def nodes(self) -> dict[str, Node]:
        """All nodes by the one name that each has; the LAN of a site is ``lan.<site>``."""
        lans = {f"lan.{site}": node for site, node in self.lans.items()}
        return {**self.ucpes, **self.hosts, **self.underlays, **self.others, **lans}

    @property
    def phases(self) -> dict[str, float]:
        """How long each phase of the start took, in seconds."""
        return self._clock.phases

    @property
    def inventory(self) -> Path:
        """The inventory file, for an orchestrator."""
        return self.folder / "inventory.json"

    def prepare(self) -> None:
        """Write what clients of the uCPEs need, before these run: :attr:`inventory` and its certificates.

        Who calls it calls :meth:`stop`, too, once those clients have ended. Else :meth:`start` does both when it fails.
        """
        if self._settings is None:
            self._settings = self._prepare(self._owned(), self._given())

    def start(self) -> Lab:
        """Start everything and wait until all uCPEs are ready.

        What was made is removed again if that fails, unless it was begun by :meth:`prepare`.
        """
        prepared = self._settings is not None
        try:
            self._start()
        except BaseException:  # also Ctrl-C: half a lab is of no use to anyone
            if not prepared:
                self.stop()
            raise
        return self

    def keep(self) -> None:
        """Let the lab run on after this process has ended."""
        self._owned().keep()
        self._kept = True

    def stop(self) -> None:
        """Remove everything the lab made. Safe to repeat; a lab that another process runs cannot be stopped."""
        if self._owner is None and not self.folder.exists():
            return
        owner = self._owner = self._owner or Owner.adopt(self.folder)
        if self._topology:
            self._topology.net.stop()
            self._topology = None
        reap.remove(owner)
        self._owner = None

    def __enter__(self) -> Lab:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self.stop()

    @classmethod
    def attach(cls, lab: str) -> Lab:
        """Return the running lab with id *lab*, to use its nodes; raise :class:`LabError` when it does not run."""
        folder = lease.LABS / lab
        found = cls._described(folder)
        if not found:
            running = ", ".join(found.id for found in cls.list()) or "none"
            raise LabError(f"no lab {lab!r} runs; running labs: {running}")
        return found

    @classmethod
    def list(cls) -> tuple[Lab, ...]:
        """Return the labs that are up, kept ones too; see ``testbed.ownership.reap`` for the orphans."""
        found = (cls._described(folder) for folder in lease.folders())
        return tuple(lab for lab in found if lab)

    @classmethod
    def _described(cls, folder: Path) -> Lab | None:
        """Return the lab in *folder*; None while it is not up, when its owner is dead, and while it is removed."""
        try:
            written = description.read(folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if lease.state(folder) not in (State.HELD, State.KEPT):
            return None
        found = cls(folder, None, None, Clock())
        found.engines = dict(written.engines)
        found._settle(written.nodes)
        return found

    # --- the start, phase by phase ---

    def _start(self) -> None:
        from testbed.lab import topology  # noqa: PLC0415  (Mininet: a package of the distribution, for labs that run)

        owner, spec = self._owned(), self._given()
        try:
            changed = neighbours.make_room(neighbours_of(spec))
        except OSError as error:
            raise LabError(f"{error.filename} is too low for {len(spec.sites)} sites: {error.strerror}") from error
        if changed:
            self._clock.tell("management", changed)
        self.prepare()
        self._topology = topology.plan(spec, owner, self._settings or {})
        self._clock.tell("nodes", f"starting {len(spec.sites)} uCPEs")
        self._topology.net.start()
        if faults := self._topology.net.plan.faults:
            raise LabError("; ".join(faults))
        self._settle(self._topology.nodes())
        for site in spec.sites:
            for wan in site.wan:
                if wan.nat:
                    nat.insert(self.underlays[wan.underlay], site.name, wan, self.id)
        self._describe()
        self._clock.done("nodes", "uCPEs, hosts, LANs and underlays run")
        self._impair(spec)
        self._wait_ready(spec)
        self._clock.done("ready", "all uCPEs are ready")

    def _prepare(self, owner: Owner, spec: LabSpec) -> dict[str, UcpeSettings]:
        self.authority = Authority.create(f"lab {self.id}")
        volume = store.current() if self._store is None else self._store
        network, subnet = management_network.make(owner)
        addresses = {site.name: management_network.address(subnet, index) for index, site in enumerate(spec.sites)}
        folder = self.folder / "pki"
        folder.mkdir(mode=0o700)
        client = self.authority.issue("orchestrator")
        pki.write_private(folder / "ca.pem", self.authority.certificate)
        pki.write_private(folder / "client.pem", client.certificate)
        pki.write_private(folder / "client.key", client.key)
        document = inventory(self.id, spec, addresses, folder, self.engines)
        pki.write_private(self.inventory, json.dumps(document, indent=2).encode())
        self._clock.done("management", f"network {subnet}, certificates")
        return {
            site.name: UcpeSettings(
                network,
                addresses[site.name],
                self.authority.certificate,
                self.authority.issue(site.name, [addresses[site.name]]),
                (LAN_PORT, *(wan.port for wan in site.wan)),
                self.engines["datapath"],
                volume,
                cpus,
                UCPES[site.make],
            )
            for site, cpus in zip(spec.sites, placements(len(spec.sites), os.sched_getaffinity(0)), strict=True)
        }

    def _wait_ready(self, spec: LabSpec) -> None:
        def wait(site: str, ports: tuple[str, ...]) -> None:
            try:
                wait_until_ready(self.endpoint(site), ports, DOCKER_PORT, OVSDB_PORT, OPENFLOW_PORT)
            except NotReady as error:
                raise LabError(f"uCPE {site}: {error}\n{self._last_words(site)}") from error
            # Open vSwitch reads the flags of a port that it is given, and writes them back: an "up" in between is lost.
            ip_batch([f"link set dev {port} up" for port in ports], self.ucpes[site].namespace)
            self._clock.tell("ready", f"uCPE {site} is ready")

        with ThreadPoolExecutor(max_workers=len(spec.sites)) as pool:
            waits = [pool.submit(wait, site.name, (LAN_PORT, *(wan.port for wan in site.wan))) for site in spec.sites]
        for result in waits:
            result.result()

    def _impair(self, spec: LabSpec) -> None:
        impaired = [underlay for underlay in spec.underlays if underlay.impairment != Impairment()]
        for underlay in impaired:
            impairer = self.impairer(underlay.name)
            for port in self.underlays[underlay.name].ports.values():
                impairer.apply(port, underlay.impairment)
        if impaired:
            self._clock.done("impairment", f"{', '.join(underlay.name for underlay in impaired)} impaired")

    def impairer(self, underlay: str) -> Impairer:
        """Return the impairer that sets delay, jitter, loss and rate of the ports of *underlay*."""
        folder = self.folder / "wires" / underlay
        return Impairer(self.underlays[underlay].namespace, folder, lab=self.id, lifetime="lab")

    def endpoint(self, site: str) -> Endpoint:
        """Return the management address of the uCPE of *site*, with the TLS credentials of a client."""
        folder = self.folder / "pki"
        return Endpoint(self.ucpes[site].address, folder / "ca.pem", folder / "client.pem", folder / "client.key")

    def _last_words(self, site: str) -> str:
        logs = self.ucpes[site].exec(
            ["sh", "-c", "tail -n 8 /var/log/*.log /var/log/openvswitch/*.log"], check=False, timeout=5
        )
        return logs.stdout.strip()

    def _settle(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            own = {"ucpe": self.ucpes, "host": self.hosts, "lan": self.lans, "underlay": self.underlays}
            own.get(node.kind, self.others)[node.name] = node

    def _describe(self) -> None:
        description.write(self.folder, self.nodes.values(), self.engines, self.inventory)

    def _owned(self) -> Owner:
        if self._owner is None:
            raise LabError(f"lab {self.id} is not owned by this process")
        return self._owner

    def _given(self) -> LabSpec:
        if self._spec is None:
            raise LabError(f"lab {self.id} runs already")
        return self._spec


def neighbours_of(spec: LabSpec) -> int:
    """Return the most neighbours that a lab's nodes find: all WAN ports of an underlay, gateways, the management."""
    wans = Counter(wan.underlay for site in spec.sites for wan in site.wan)
    hosts = sum(len(site.hosts) for site in spec.sites)
    return sum(ports * (ports - 1) for ports in wans.values()) + 2 * hosts + 4 * len(spec.sites)


def best_engines() -> dict[str, str]:
    """Return what this machine's kernel allows: ``esp`` and ``datapath`` of the uCPEs."""
    return {
        "esp": "kernel" if kernel.has_esp() else "libipsec",
        "datapath": "system" if kernel.has_ovs_datapath() else "netdev",
    }
