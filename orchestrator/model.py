"""What goes into and comes out of the orchestrator: requests, outcomes, observations, events and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from common.findings import Fault, FileFinding

# --- requests --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeploymentRequest:
    """One end point of a service: a template of the catalogue, by name, filled with inputs, on one uCPE.

    `products` maps a kind of VNF to the name of the product that serves it there, in place of the template's.
    The inputs may hold private keys, so they never appear in the representation.
    """

    ucpe: str
    template: str
    inputs: Mapping[str, Any] = field(repr=False)
    products: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A service (one SWVC): a UUID, a name for people and one deployment per end point."""

    id: str
    name: str
    deployments: tuple[DeploymentRequest, ...]


# --- outcomes --------------------------------------------------------------------------------------------------------


class Action(StrEnum):
    """What a change does to one object of a uCPE."""

    CREATE = "create"
    RECONFIGURE = "reconfigure"
    KEEP = "keep"
    REMOVE = "remove"


class Subject(StrEnum):
    """The classes of objects that the orchestrator makes on a uCPE."""

    PORT = "port"
    NETWORK = "network"
    CONTAINER = "container"
    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan: what is done to which object, and why."""

    action: Action
    subject: Subject
    name: str
    reason: str


class Result(StrEnum):
    """How work on a service, or on one of its end points, ended."""

    APPLIED = "applied"
    """The uCPE was changed and is as asked."""
    UNCHANGED = "unchanged"
    """Nothing had to be done."""
    REMOVED = "removed"
    """Nothing of the service is left."""
    ROLLED_BACK = "rolled-back"
    """Something failed and the state before the request was restored."""
    INCONSISTENT = "inconsistent"
    """Something failed and could not be undone: `differences` says what is not as it should be."""


@dataclass(frozen=True, slots=True)
class DeploymentOutcome:
    """How the work on one uCPE ended; `seconds` maps each stage to the time it took."""

    ucpe: str
    result: Result
    changes: tuple[Change, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceOutcome:
    """How a request ended, over all its uCPEs; `seconds` is the whole wall-clock time."""

    service_id: str
    generation: int
    result: Result
    deployments: tuple[DeploymentOutcome, ...]
    seconds: float

    @property
    def succeeded(self) -> bool:
        """True when every uCPE is as the request asked."""
        return self.result in {Result.APPLIED, Result.UNCHANGED, Result.REMOVED}


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One step of progress: `stage` names it, `elapsed` is in seconds since the request was taken up.

    `ucpe` and `vnf` are None when the event concerns the service as a whole.
    """

    service_id: str
    stage: str
    message: str
    elapsed: float
    ucpe: str | None = None
    vnf: str | None = None


EventListener = Callable[[ServiceEvent], None]
"""Called in the event loop with each event, in order; must return at once."""


# --- observations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContainerObservation:
    """A VNF's container as the uCPE's Docker Engine shows it; `state` is Docker's word (`running`, `exited` …)."""

    id: str
    name: str
    image: str
    state: str
    restarts: int
    started_at: str | None


@dataclass(frozen=True, slots=True)
class VnfObservation:
    """One VNF: its container, if there is one, and what its `/vnf/status` printed.

    `problem` says why there is no status.
    """

    name: str
    kind: str
    position: int
    container: ContainerObservation | None
    status: Mapping[str, Any] | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class PortObservation:
    """An Open vSwitch port of the service; `ofport` is its OpenFlow number, None while the switch has none for it."""

    name: str
    vnf: str
    role: str
    position: int
    ofport: int | None
    mac: str | None
    mtu: int | None


@dataclass(frozen=True, slots=True)
class FlowObservation:
    """An OpenFlow rule with its counters, ports by name (their number as text where the switch knows no name).

    `text` is the whole rule with ports by number.
    """

    cookie: int
    priority: int
    in_port: str
    output: str
    packets: int
    bytes: int
    seconds: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentObservation:
    """What one uCPE really has of a service.

    `vnfs` is ordered from LAN to WAN. `foreign` are the bridge's rules that are not the service's.
    `differences` lists in words what is missing, foreign or other than recorded;
    `problem` says why the uCPE could not be read (then the rest is empty).
    """

    ucpe: str
    template: str
    vnfs: tuple[VnfObservation, ...] = ()
    ports: tuple[PortObservation, ...] = ()
    flows: tuple[FlowObservation, ...] = ()
    foreign: tuple[FlowObservation, ...] = ()
    differences: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceObservation:
    """What the uCPEs really have of a service."""

    service_id: str
    name: str
    generation: int
    deployments: tuple[DeploymentObservation, ...]


@dataclass(frozen=True, slots=True)
class SiteMeasurement:
    """What the IPsec gateway on one uCPE measured: peer → milliseconds of each round trip, None when it was lost.

    `problem` says why nothing was measured (then the rest is empty).
    """

    ucpe: str
    round_trips: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    problem: str | None = None


# --- errors ----------------------------------------------------------------------------------------------------------


class OrchestratorError(Exception):
    """Root of everything that the orchestrator raises on purpose."""


class RequestError(OrchestratorError):
    """The request cannot be served as it stands; nothing was created."""


class TemplateError(RequestError):
    """A template or its inputs are wrong; `findings` holds everything that was found, in order of place."""

    def __init__(self, findings: tuple[FileFinding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.findings,)


class UnknownTemplate(RequestError):
    """The catalogue has no template of this name."""


class UnknownProduct(RequestError):
    """The catalogue has no product of this name and kind; `hint` says which there are."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return str(Fault((), self.message, self.hint))


class UnknownUcpe(RequestError):
    """The inventory has no uCPE of this id."""


class UnknownService(RequestError):
    """There is no service of this id."""


class Conflict(RequestError):
    """The request collides with another service or with work in progress (a port in use, a second change at once)."""


class InventoryError(OrchestratorError):
    """The inventory file is missing, unreadable or wrong."""


class StoreError(OrchestratorError):
    """The state database cannot be used."""


class StoreUnavailable(StoreError):
    """The state database does not answer; what was asked may be asked again when it does."""


class UcpeError(OrchestratorError):
    """A uCPE did not do what it was asked; `endpoint` is `docker`, `ovsdb` or `openflow`."""

    def __init__(self, ucpe: str, endpoint: str, message: str) -> None:
        super().__init__(f"{ucpe}: {endpoint}: {message}")
        self.ucpe = ucpe
        self.endpoint = endpoint
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.ucpe, self.endpoint, self.message)


class UcpeUnreachable(UcpeError):
    """No connection, no TLS session or no answer in time."""


class UcpeRefused(UcpeError):
    """The uCPE answered with an error."""


def apply_refused(code: int) -> str:
    """How an error begins that tells of a VNF which ended `/vnf/apply` with this exit code; 2: it refuses the intent.

    The API passes on the words alone, so whoever has to know that a product cannot looks for these.
    """
    return f"/vnf/apply refused (exit {code})"


class VnfError(UcpeError):
    """A VNF's own executable failed; `path` is the place in the intent that it complained about, if it named one."""

    def __init__(self, ucpe: str, vnf: str, message: str, path: str | None = None) -> None:
        super().__init__(ucpe, "docker", f"VNF {vnf}: {message}" + (f" (at {path})" if path else ""))
        self.vnf = vnf
        self.path = path
        self._words = (ucpe, vnf, message, path)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._words


class VnfStateUnknown(VnfError):
    """A VNF neither took an intent nor refused it: its command came to no end, or its container does not run."""
