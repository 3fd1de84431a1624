"""The uCPEs that can be reached, and the customers' interfaces on them, from a JSON file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from common.findings import Fault, nearest
from common.json_text import whole_number
from orchestrator.model import InventoryError, UnknownUcpe

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
PortName = Annotated[str, StringConstraints(min_length=1, max_length=15, pattern=r"^[^\s/]+$")]


def _without_credentials(address: str) -> str:
    """Addresses are shown, and nothing behind them asks for a password."""
    if "@" in address and not address.startswith("unix:"):
        raise ValueError("An address has no user and no password: write host and port only")
    return address


_Bare = AfterValidator(_without_credentials)
DockerEndpoint = Annotated[str, StringConstraints(pattern=r"^(tcp://[^/]+:\d+|unix:///.+)$"), _Bare]
SwitchEndpoint = Annotated[str, StringConstraints(pattern=r"^((ssl|tcp):[^/]+:\d+|unix:/.+)$"), _Bare]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(_Model):
    """The client's side of mutual TLS: paths of PEM files."""

    ca: Path
    certificate: Path
    key: Path


class Underlay(_Model):
    """What is known of a network that WAN ports lead to; by default the worse: public, and no flat rate."""

    name: Name
    type: Literal["public", "private"] = "public"
    billing: Literal["flat-rate", "usage-based", "other"] = "other"


class WanPort(_Model):
    """A port of the bridge that leads to an underlay; `address` is the site's own address there.

    A `backup` is used only where no other underlay connects the sites.
    """

    port: PortName
    underlay: Name
    address: str
    gateway: str | None = None
    backup: bool = False

    @field_validator("address")
    @classmethod
    def _interface(cls, value: str) -> str:
        IPv4Interface(value)
        return value

    @field_validator("gateway")
    @classmethod
    def _gateway(cls, value: str | None) -> str | None:
        if value is not None:
            IPv4Address(value)
        return value


class Engines(_Model):
    """Which engines the uCPE has: for ESP and for the datapath of its bridge."""

    esp: Literal["kernel", "libipsec"] = "libipsec"
    datapath: Literal["system", "netdev"] = "netdev"


class Ucpe(_Model):
    """A customer's box, known only by its three endpoints and by what is plugged into its bridge.

    `docker` is an address of the Docker Engine API, `ovsdb` and `openflow` are addresses in Open vSwitch's notation
    (`ssl:<host>:<port>`), `bridge` is the name of the bridge that the chain is built on.
    """

    id: Name
    docker: DockerEndpoint
    ovsdb: SwitchEndpoint
    openflow: SwitchEndpoint
    bridge: PortName
    tls: Tls | None = None
    wan: tuple[WanPort, ...] = ()
    engines: Engines = Engines()


class Uni(_Model):
    """A user-to-network interface: the LAN side of a uCPE, its prefix and the provider's address in it."""

    id: Name
    name: str = Field(min_length=1)
    ucpe: Name
    port: PortName
    prefix: IPv4Network
    provider_address: IPv4Address
    mtu: int = Field(default=1400, ge=576, le=9216)

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.provider_address not in self.prefix:
            raise ValueError(f"provider_address {self.provider_address} is not in {self.prefix}")
        return self


class Inventory(_Model):
    """All uCPEs and UNIs; ids are unique and each UNI's uCPE exists. Underlays need no entry to be there."""

    ucpes: tuple[Ucpe, ...]
    unis: tuple[Uni, ...] = ()
    underlays: tuple[Underlay, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for what, names in (
            ("uCPE", [ucpe.id for ucpe in self.ucpes]),
            ("UNI", [uni.id for uni in self.unis]),
            ("underlay", [underlay.name for underlay in self.underlays]),
        ):
            twice = sorted(name for name, times in Counter(names).items() if times > 1)
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} is there more than once")
        known = {ucpe.id for ucpe in self.ucpes}
        for uni in self.unis:
            if uni.ucpe not in known:
                raise ValueError(f"UNI {uni.id} is on uCPE {uni.ucpe}, which is not there")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changes. What was looked up in this one is not carried along, as pydantic's own copy would."""
        copy = super().model_copy(update=update, deep=deep)
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]
        return copy

    def ucpe(self, ucpe_id: str) -> Ucpe:
        """The uCPE of that id; raises UnknownUcpe."""
        if found := self._ucpes_by_id.get(ucpe_id):
            return found
        hint = nearest(ucpe_id, (ucpe.id for ucpe in self.ucpes))
        raise UnknownUcpe(str(Fault((), f"uCPE {ucpe_id} is not in the inventory", hint)))

    def uni(self, id_or_name: str) -> Uni | None:
        """The UNI of that id, or else the first of that name."""
        return self._unis_by_id.get(id_or_name) or self._unis_by_name.get(id_or_name)

    def unis_on(self, ucpe_id: str) -> tuple[Uni, ...]:
        """The UNIs of a uCPE."""
        return self._unis_by_ucpe.get(ucpe_id, ())

    def underlay(self, name: str) -> Underlay:
        """What is known of the underlay of that name."""
        return next((underlay for underlay in self.underlays if underlay.name == name), Underlay(name=name))

    # An inventory never changes, and may have a hundred thousand entries: all are found by key.
    @cached_property
    def _ucpes_by_id(self) -> Mapping[str, Ucpe]:
        return {ucpe.id: ucpe for ucpe in self.ucpes}

    @cached_property
    def underlay_names(self) -> frozenset[str]:
        """The underlays that uCPEs are connected to."""
        return frozenset(wan.underlay for ucpe in self.ucpes for wan in ucpe.wan)

    @cached_property
    def _unis_by_id(self) -> Mapping[str, Uni]:
        return {uni.id: uni for uni in self.unis}

    @cached_property
    def _unis_by_name(self) -> Mapping[str, Uni]:
        return {uni.name: uni for uni in reversed(self.unis)}

    @cached_property
    def _unis_by_ucpe(self) -> Mapping[str, tuple[Uni, ...]]:
        found: dict[str, tuple[Uni, ...]] = {}
        for uni in self.unis:
            found[uni.ucpe] = (*found.get(uni.ucpe, ()), uni)
        return found


def load_inventory(path: Path) -> Inventory:
    """Read the inventory; raises InventoryError that names the file and everything that is wrong in it.

    Paths of TLS files that are not absolute count from the inventory's folder.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"), parse_int=whole_number)
        inventory = Inventory.model_validate(values)
    except OSError as error:
        raise InventoryError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise InventoryError("\n".join(f"{path}: {line}" for line in _lines(error))) from error
    except ValueError as error:
        raise InventoryError(f"{path}: {error}") from error
    return _absolute(inventory, path.parent)


def _lines(error: ValidationError) -> list[str]:
    return [f"{_place(detail['loc'])}: {detail['msg']}" for detail in error.errors()]


def _place(location: tuple[Any, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "inventory"


def _absolute(inventory: Inventory, folder: Path) -> Inventory:
    ucpes = tuple(
        ucpe.model_copy(update={"tls": ucpe.tls and _absolute_tls(ucpe.tls, folder)}) for ucpe in inventory.ucpes
    )
    return inventory.model_copy(update={"ucpes": ucpes})


def _absolute_tls(tls: Tls, folder: Path) -> Tls:
    return Tls(ca=folder / tls.ca, certificate=folder / tls.certificate, key=folder / tls.key)
