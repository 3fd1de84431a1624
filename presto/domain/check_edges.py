"""Whether a uCPE can be enrolled: what collides with the inventory, and what its three endpoints say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from common.findings import Finding, Path, Tag
from orchestrator.inventory import Inventory, Ucpe, Uni
from orchestrator.ucpe.health import EndpointHealth, UcpeHealth


@dataclass(frozen=True)
class TlsTexts:
    """The client's side of mutual TLS as PEM texts. They have no representation: one is a private key."""

    ca: str = field(repr=False)
    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True)
class Enrolment:
    """A uCPE to enrol, with its UNIs; `ucpe.tls` is left empty, because only texts can be sent."""

    ucpe: Ucpe
    unis: tuple[Uni, ...]
    tls: TlsTexts | None = None


def check_enrolment(wanted: Enrolment, inventory: Inventory) -> Iterator[Finding]:
    """Names and addresses that are taken, and endpoints that only the server's own machine has."""
    ucpe = wanted.ucpe
    if ucpe.id in {other.id for other in inventory.ucpes}:
        yield Finding(Tag.DATA_EXISTS, ("id",), f"There is an edge {ucpe.id} already", "Choose another id.")
    for member in ("docker", "ovsdb", "openflow"):
        address = getattr(ucpe, member)
        if address.startswith("unix:"):
            hint = "Give an address of the uCPE on the management network."
            yield Finding(Tag.INVALID_VALUE, (member,), f"{address} is a socket of this server", hint)
        if users := [other.id for other in inventory.ucpes if getattr(other, member) == address]:
            yield Finding(Tag.DATA_EXISTS, (member,), f"{address} is that of edge {users[0]}", "Check the address.")
    if wanted.tls is None and (ucpe.ovsdb.startswith("ssl:") or ucpe.openflow.startswith("ssl:")):
        yield Finding(Tag.MISSING_ELEMENT, ("tls",), "An endpoint is reached by TLS", "Give ca, certificate and key.")
    yield from _check_wan(wanted, inventory)
    yield from _check_unis(wanted, inventory)


def check_health(wanted: Enrolment, health: UcpeHealth) -> Iterator[Finding]:
    """TLS texts and endpoints that are of no use, and ports that the bridge does not have."""
    if health.tls:
        hint = "Send the texts of the PEM files that the uCPE's authority made for this server."
        yield Finding(Tag.INVALID_VALUE, ("tls",), health.tls, hint)
        return
    for endpoint in health.endpoints:
        if endpoint.problem:
            hint = "Start the uCPE, or correct its address or its TLS files."
            yield Finding(Tag.INVALID_VALUE, (endpoint.protocol,), _sentence(endpoint), hint)
    if health.ovsdb.problem is None:
        ports: list[tuple[Path, str]] = [(("wan", n, "port"), wan.port) for n, wan in enumerate(wanted.ucpe.wan)]
        ports += [(("unis", n, "port"), uni.port) for n, uni in enumerate(wanted.unis)]
        for place, port in ports:
            if port not in health.ovsdb.ports:
                known = ", ".join(health.ovsdb.ports) or "none"
                message = f"Bridge {wanted.ucpe.bridge} has no port {port}"
                yield Finding(Tag.INVALID_VALUE, place, message, f"Ports: {known}.")


def _sentence(endpoint: EndpointHealth) -> str:
    return f"{endpoint.protocol} at {endpoint.address} is of no use: {endpoint.problem}"


def _check_wan(wanted: Enrolment, inventory: Inventory) -> Iterator[Finding]:
    taken = {(w.underlay, IPv4Interface(w.address).ip): u.id for u in inventory.ucpes for w in u.wan}
    seen: set[str] = set()
    for number, wan in enumerate(wanted.ucpe.wan):
        if wan.port in seen:
            yield Finding(Tag.INVALID_VALUE, ("wan", number, "port"), f"Port {wan.port} stands twice", "Keep one.")
        seen.add(wan.port)
        owner = taken.get((wan.underlay, IPv4Interface(wan.address).ip))
        if owner and owner != wanted.ucpe.id:
            message = f"{wan.address} on underlay {wan.underlay} is the address of edge {owner}"
            yield Finding(Tag.DATA_EXISTS, ("wan", number, "address"), message, "Give each edge its own address.")


def _check_unis(wanted: Enrolment, inventory: Inventory) -> Iterator[Finding]:
    ids, names = {uni.id for uni in inventory.unis}, {uni.name for uni in inventory.unis}
    wans = {wan.port for wan in wanted.ucpe.wan}
    for number, uni in enumerate(wanted.unis):
        for member, value, known in (("id", uni.id, ids), ("name", uni.name, names)):
            if value in known:
                message = f"There is a UNI {value} already"
                yield Finding(Tag.DATA_EXISTS, ("unis", number, member), message, f"Choose another {member}.")
            known.add(value)
        if uni.port in wans:
            message = f"Port {uni.port} leads to an underlay and to a customer"
            yield Finding(Tag.INVALID_VALUE, ("unis", number, "port"), message, "Use one port for each.")
