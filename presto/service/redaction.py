"""The management network is the operator's own: what is told of services names a uCPE and an endpoint, no address.

Whoever orders a service is told why it fails. Errors of connections hold the addresses that they were made to, and of
files the paths; the operator finds both in the inventory, and the whole text in the server's log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.inventory import Inventory, Ucpe
from orchestrator.model import (
    DeploymentObservation,
    DeploymentOutcome,
    EventListener,
    OrchestratorError,
    ServiceEvent,
    ServiceObservation,
    ServiceOutcome,
    ServiceRequest,
    SiteMeasurement,
    VnfObservation,
)
from orchestrator.store import StoredService
from orchestrator.tosca import Catalogue
from orchestrator.ucpe.health import UcpeHealth
from presto.service.pipeline import Network

log = logging.getLogger(__name__)

WITHHELD = "(management address)"
_WORD = re.compile(r"[^\s'\"(),;]+")
_ADDRESS = re.compile(r"(?:[a-z]+:(?://)?)?(?P<host>\[[^\]]*\]|/.+?|[^:/]+|[0-9A-Fa-f:]+?)(?::\d+(?:/\S*)?)?[:.]?")


class Redaction:
    """Takes the addresses of an inventory's uCPEs out of texts."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: frozenset[str] | None = None

    def text(self, text: str) -> str:
        """The text without them. What was taken out stands in the log."""
        told = _WORD.sub(self._word, text)
        if told != text:
            log.warning("%s", text)
        return told

    def _word(self, word: re.Match[str]) -> str:
        if self._known is None:  # most inventories never need it: there are no errors, or they name no address
            self._known = frozenset(place for ucpe in self._inventory.ucpes for place in _places(ucpe))
        found = _ADDRESS.fullmatch(word[0])
        if found is None or found["host"].strip("[]") not in self._known:
            return word[0]
        return WITHHELD + (":" if word[0].endswith(":") else "")


def _places(ucpe: Ucpe) -> Iterator[str]:
    """Hosts of the endpoints, and paths of sockets and of TLS files."""
    for address in (ucpe.docker, ucpe.ovsdb, ucpe.openflow):
        place = address.partition(":")[2].removeprefix("//")
        yield place if place.startswith("/") else place.rpartition(":")[0].strip("[]")
    if ucpe.tls:
        yield from map(str, (ucpe.tls.ca, ucpe.tls.certificate, ucpe.tls.key))


class RedactingNetwork:
    """A network whose texts about services name no address of the management network."""

    def __init__(self, network: Network, inventory: Inventory) -> None:
        self._network, self._redaction = network, Redaction(inventory)

    @property
    def catalogue(self) -> Catalogue:
        """As the network's."""
        return self._network.catalogue

    def use(self, inventory: Inventory) -> None:
        """As the network's."""
        self._redaction = Redaction(inventory)
        self._network.use(inventory)

    def carried(self, ucpe: str) -> tuple[str, ...]:
        """As the network's."""
        return self._network.carried(ucpe)

    def services(self) -> tuple[StoredService, ...]:
        """As the network's."""
        return self._network.services()

    async def health(self, ucpe: Ucpe) -> UcpeHealth:
        """As the network's: it is about addresses."""
        return await self._network.health(ucpe)

    def close(self) -> None:
        """As the network's."""
        self._network.close()

    async def deploy(self, request: ServiceRequest, on_event: EventListener | None = None) -> ServiceOutcome:
        """As the network's."""
        with self._redacting():
            return self._outcome(await self._network.deploy(request, self._listener(on_event)))

    async def remove(self, service_id: str, on_event: EventListener | None = None) -> ServiceOutcome:
        """As the network's."""
        with self._redacting():
            return self._outcome(await self._network.remove(service_id, self._listener(on_event)))

    async def heal(self, on_event: EventListener | None = None) -> None:
        """As the network's."""
        with self._redacting():
            await self._network.heal(self._listener(on_event))

    async def observe(self, service_id: str) -> ServiceObservation:
        """As the network's."""
        with self._redacting():
            found = await self._network.observe(service_id)
        return replace(found, deployments=tuple(map(self._seen, found.deployments)))

    async def gateway(self, service_id: str, ucpe: str) -> DeploymentObservation:
        """As the network's."""
        with self._redacting():
            return self._seen(await self._network.gateway(service_id, ucpe))

    async def measure(
        self, service_id: str, targets: Mapping[str, Mapping[str, str]], echoes: int
    ) -> tuple[SiteMeasurement, ...]:
        """As the network's."""
        with self._redacting():
            found = await self._network.measure(service_id, targets, echoes)
        return tuple(replace(site, problem=self._maybe(site.problem)) for site in found)

    def _maybe(self, text: str | None) -> str | None:
        return None if text is None else self._redaction.text(text)

    @contextmanager
    def _redacting(self) -> Iterator[None]:
        try:
            yield
        except OrchestratorError as error:
            error.args = (self._redaction.text(str(error)),)
            raise

    def _outcome(self, outcome: ServiceOutcome) -> ServiceOutcome:
        return replace(outcome, deployments=tuple(map(self._ended, outcome.deployments)))

    def _ended(self, end: DeploymentOutcome) -> DeploymentOutcome:
        differences = tuple(map(self._redaction.text, end.differences))
        return replace(end, error=self._maybe(end.error), differences=differences)

    def _seen(self, site: DeploymentObservation) -> DeploymentObservation:
        vnfs = tuple(map(self._vnf, site.vnfs))
        differences = tuple(map(self._redaction.text, site.differences))
        return replace(site, vnfs=vnfs, differences=differences, problem=self._maybe(site.problem))

    def _vnf(self, vnf: VnfObservation) -> VnfObservation:
        return replace(vnf, problem=self._maybe(vnf.problem))

    def _listener(self, on_event: EventListener | None) -> EventListener | None:
        def told(event: ServiceEvent) -> None:
            if on_event:
                on_event(replace(event, message=self._redaction.text(event.message)))

        return told if on_event else None
