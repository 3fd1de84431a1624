"""The scenario file: topology, service order, steps. Typed here, published as ``scenarios/scenario.schema.json``."""

from __future__ import annotations

import re
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationInfo,
    field_validator,
)

from testbed.spec.model import HostSpec, Impairment, LabSpec, SiteSpec, UnderlaySpec, WanSpec

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="lower case, digits and hyphens")]
StepId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="stable id, kept over years")]
LAB_NAME_LENGTH = 24  # the path of a control socket in the lab's folder ends at 107 octets (unix(7))
ANY_LENGTH = 32
Products = dict[Name, dict[Name, Annotated[str, Field(min_length=1, max_length=63)]]]
TemplateInputs = dict[Name, dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Any]]
Word = Annotated[str, Field(min_length=1, max_length=53)]  # MEF identifiers: 1 to 53 characters
BLOCK = (
    "block",
    "BLOCK",
)  # the reserved policy, as MEF 70 and the later schemas write it: what is mapped to it is dropped


def _written_address(value: object) -> object:
    """Refuse numbers: ``gateway: 10`` would be taken for 0.0.0.10."""
    if isinstance(value, int | float):
        raise ValueError("an address is text, such as 10.1.0.1")
    return value


def _written_network(value: object) -> object:
    """Refuse numbers and networks without a length, which would be single addresses."""
    if isinstance(value, int | float) or (isinstance(value, str) and "/" not in value):
        raise ValueError("a network is text with a length, such as 10.1.0.0/24")
    return value


Address = Annotated[IPv4Address, BeforeValidator(_written_address)]
Network = Annotated[IPv4Network, BeforeValidator(_written_network)]


def _written_criterion(value: object) -> object:
    """Refuse all else in one sentence: pydantic has one for each kind of value that would do."""
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool) or not isinstance(item, int | str) for item in items):
        raise ValueError("a criterion has a whole number, a text or a list of these; quotes make a text")
    return value


Criterion = Annotated[list[StrictStr | StrictInt] | StrictStr | StrictInt, BeforeValidator(_written_criterion)]


class Strict(BaseModel):
    """Base of all parts of the file: frozen, and no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_lookalike(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what would be taken for a number though it is none in the file: ``true`` and the text ``1_000``."""
        accepted = _types(cls.model_fields[str(info.field_name)].annotation)
        if isinstance(value, bool) and bool not in accepted:
            raise ValueError("true and false are no values of this key")
        if isinstance(value, str) and accepted & {int, float} and str not in accepted:
            raise ValueError("this is text, a number is wanted: digits, no quotes, no underscores")
        return value


def _types(annotation: object) -> set[object]:
    return {annotation, *(kind for argument in get_args(annotation) for kind in _types(argument))}


class UnderlayEntry(Strict):
    """One transport network between the sites, with what it does to packets in each direction."""

    prefix: Network
    delay_ms: float = Field(default=0, ge=0, le=10_000)
    jitter_ms: float = Field(default=0, ge=0, le=10_000)
    loss_percent: float = Field(default=0, ge=0, le=100)
    rate_mbit: float | None = Field(default=None, ge=0.001, le=100_000)


class WanEntry(Strict):
    """One WAN port of a uCPE: the underlay that it is plugged into and its address there."""

    underlay: Name
    address: Address
    nat: Address | None = Field(
        default=None,
        description="a router between port and underlay gives this address to all that leaves, and ports of its own",
    )

    @property
    def outside(self) -> IPv4Address:
        """The address that others on the underlay know."""
        return self.nat or self.address


class SiteEntry(Strict):
    """One customer site: its LAN, the address of its gateway there, LAN hosts, WAN ports and make of uCPE."""

    lan: Network
    gateway: Address
    hosts: dict[Name, Address] = Field(min_length=1)
    wan: dict[Name, WanEntry] = Field(min_length=1)
    ucpe: Literal["debian-12", "debian-11"] = Field(
        default="debian-12", description="make of the uCPE: the releases of its Docker Engine and Open vSwitch differ"
    )


class Topology(Strict):
    """Sites and the underlays between them."""

    underlays: dict[Name, UnderlayEntry] = Field(min_length=1)
    sites: dict[Name, SiteEntry] = Field(min_length=1)

    @cached_property
    def site_of(self) -> dict[str, str]:
        """The site of each LAN host."""
        return {host: name for name, site in self.sites.items() for host in site.hosts}


class Application(Strict):
    """An application flow: its criteria are ANDed (MEF 70 R43), the list of flows is searched in order (R44)."""

    id: Word
    criteria: dict[Word, Criterion] = Field(min_length=1)


class Policy(Strict):
    """A policy: each criterion at most once (MEF 70 R18), the same criteria in all policies of a service (R21)."""

    id: Word
    criteria: dict[Word, Criterion] = Field(min_length=1)


class EndPoint(Strict):
    """An SWVC end point at a site's UNI; ``overrides`` map an application to another policy there."""

    site: Name
    overrides: dict[Word, Word] = Field(default_factory=dict)


class Service(Strict):
    """The SD-WAN service (SWVC) that the scenario orders by the Presto API."""

    name: Word
    face: Literal["presto-rpc", "mef-ordering"] = Field(
        default="presto-rpc", description="the API that it is ordered through: the PoC's RPCs, or MEF 99.1 ordering"
    )
    mtu: int = Field(default=1400, ge=576, le=1400)
    endpoints: list[EndPoint] = Field(min_length=1)
    applications: list[Application] = Field(min_length=1)
    policies: list[Policy] = Field(min_length=1)
    mappings: dict[Word, Word] = Field(description="application id to policy id, or to the reserved policy 'block'")
    chain: list[Name] = Field(
        default_factory=lambda: ["firewall", "statistics", "ipsec"],
        description="kinds of the VNFs from LAN to WAN that the template promises; chain.traverses proves it",
    )


class Step(Strict):
    """One verb with its parameters. Ids are stable: reports and CI histories hang on them."""

    id: StepId
    verb: str
    title: str = ""
    reference: str = Field(default="", description="the requirement this step shows: MEF, RFC or TOSCA clause")
    require: dict[Literal["esp", "datapath", "impairment", "cgroup"], str] = Field(
        default_factory=dict, description="engines without which the step is skipped with the reason"
    )
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")


class Goals(Strict):
    """How fast the scenario is meant to be; the report marks what took longer, no verdict follows from it."""

    established_seconds: float | None = Field(default=None, gt=0, description="from the order to the tunnels")
    run_seconds: float | None = Field(default=None, gt=0, description="the whole run")


class Scenario(Strict):
    """A whole scenario file."""

    scenario: StepId
    title: str
    description: str = ""
    topology: Topology
    service: Service
    products: Products = Field(
        default_factory=dict,
        description="site to kind of VNF to the product that serves it there, in place of the template's",
    )
    authentication: Literal["certificate", "psk"] = Field(
        default="certificate", description="how gateways prove who they are: X.509 or pre-shared keys"
    )
    inputs: TemplateInputs = Field(
        default_factory=dict,
        description="site to input of its template to a value in place of the order's: a mapping changes the members"
        " that it names, of a list those of each item",
    )
    goals: Goals = Field(default_factory=Goals)
    steps: list[Step] = Field(min_length=1)

    def lab_spec(self) -> LabSpec:
        """Return the lab that this scenario runs in."""
        return LabSpec(
            name=lab_name(self.scenario),
            sites=tuple(_site(name, entry, self.topology.underlays) for name, entry in self.topology.sites.items()),
            underlays=tuple(_underlay(name, entry) for name, entry in self.topology.underlays.items()),
        )


def lab_name(scenario: str) -> str:
    """Return what the lab of the scenario with that id is called: names of labs are narrower than ids."""
    name = re.sub(r"[^a-z0-9]+", "-", scenario.lower()).strip("-")
    return (name if name[:1].isalpha() else f"lab-{name}")[:LAB_NAME_LENGTH].rstrip("-")


def _underlay(name: str, entry: UnderlayEntry) -> UnderlaySpec:
    impairment = Impairment(entry.delay_ms, entry.jitter_ms, entry.loss_percent, entry.rate_mbit)
    return UnderlaySpec(name, str(entry.prefix), impairment)


def _site(name: str, entry: SiteEntry, underlays: dict[str, UnderlayEntry]) -> SiteSpec:
    return SiteSpec(
        name=name,
        lan_prefix=str(entry.lan),
        lan_gateway=str(entry.gateway),
        hosts=tuple(HostSpec(host, f"{address}/{_prefixlen(entry.lan)}") for host, address in entry.hosts.items()),
        wan=tuple(
            WanSpec(
                port,
                wan.underlay,
                f"{wan.address}/{_length(underlays, wan.underlay)}",
                str(wan.nat) if wan.nat else "",
            )
            for port, wan in entry.wan.items()
        ),
        make=entry.ucpe,
    )


def _length(underlays: dict[str, UnderlayEntry], name: str) -> int:
    """Return the prefix length of an underlay; one that is not there is a finding, for which any length does."""
    return _prefixlen(underlays[name].prefix) if name in underlays else ANY_LENGTH


def _prefixlen(network: IPv4Network | str) -> int:
    """Return the length of a prefix; one that could not be read is a finding as well."""
    return network.prefixlen if isinstance(network, IPv4Network) else ANY_LENGTH
