"""What VNFs need of a container: all that the products of the catalogue ask for in their descriptors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class _Product(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def linux_capabilities(self) -> tuple[str, ...]: ...
    @property
    def devices(self) -> tuple[str, ...]: ...
    @property
    def sysctls(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Needs:
    """Capabilities without ``CAP_``, devices by path, sysctls with their values; *users* are the products by need."""

    capabilities: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def each(self) -> tuple[Needs, ...]:
        """Each need alone."""
        return (
            *(Needs(capabilities=(name,), users=self.users) for name in self.capabilities),
            *(Needs(devices=(name,), users=self.users) for name in self.devices),
            *(Needs(sysctls={name: value}, users=self.users) for name, value in self.sysctls.items()),
        )

    @property
    def kinds(self) -> tuple[Needs, Needs, Needs]:
        """Capabilities alone, devices alone, sysctls alone."""
        users = self.users
        return (
            Needs(capabilities=self.capabilities, users=users),
            Needs(devices=self.devices, users=users),
            Needs(sysctls=self.sysctls, users=users),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What is needed, by name."""
        return (*self.capabilities, *self.devices, *self.sysctls)

    def without(self, names: Iterable[str]) -> Needs:
        """Return these needs but for those of *names*."""
        left_out = set(names)
        return Needs(
            tuple(name for name in self.capabilities if name not in left_out),
            tuple(name for name in self.devices if name not in left_out),
            {name: value for name, value in self.sysctls.items() if name not in left_out},
            self.users,
        )


def needs_of(products: Iterable[_Product]) -> Needs:
    """Return all that these products need together. Of two values of a sysctl the last one stays."""
    users: dict[str, tuple[str, ...]] = {}
    sysctls: dict[str, str] = {}
    for product in products:
        sysctls |= product.sysctls
        for name in (*product.linux_capabilities, *product.devices, *product.sysctls):
            users[name] = (*users.get(name, ()), product.name)
    devices = sorted(name for name in users if name.startswith("/"))
    capabilities = sorted(name for name in users if name not in sysctls and name not in devices)
    return Needs(tuple(capabilities), tuple(devices), dict(sorted(sysctls.items())), users)
