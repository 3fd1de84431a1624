"""A service, turned into what the orchestrator is asked to deploy: pure, one deployment for each end point."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface
from typing import Any

from common.findings import Finding, Rejected, Tag
from orchestrator.inventory import Inventory, Uni, WanPort
from orchestrator.model import DeploymentRequest, ServiceRequest
from presto.domain.credentials import Credentials
from presto.domain.model import Service, Swvc
from presto.domain.policies import encryption
from presto.domain.rules import all_firewall_rules
from presto.domain.settings import Settings
from presto.domain.tunnels import peers
from presto.domain.underlays import carrier
from presto.domain.wan_ports import wan_port


def site_unis(swvc: Swvc, inventory: Inventory) -> tuple[Uni, ...]:
    """The UNI of each end point. Raises Rejected when the inventory no longer has one."""
    unis = [inventory.uni(end_point.uni) for end_point in swvc.end_points]
    missing = [
        Finding(
            Tag.INVALID_VALUE,
            ("end_points", index, "uni"),
            f"UNI {swvc.end_points[index].uni} is no longer in the inventory",
            "Put it back, or delete the service.",
        )
        for index, uni in enumerate(unis)
        if uni is None
    ]
    if missing:
        raise Rejected(missing)
    return tuple(uni for uni in unis if uni)


def compile_request(
    service: Service, inventory: Inventory, credentials: Credentials, settings: Settings
) -> ServiceRequest:
    """The orchestrator's request for a checked service. The identity of a site in IKE is the id of its uCPE."""
    unis = site_unis(service.swvc, inventory)
    underlay = _carrier(service.swvc, inventory, unis)
    ports = tuple(wan_port(service.swvc, inventory, uni.ucpe, underlay) for uni in unis)
    remote = tuple(_remote(uni, port) for uni, port in zip(unis, ports, strict=True))
    reached = peers(service.swvc.end_points)
    private = inventory.underlay(underlay).type == "private"
    firewalls = all_firewall_rules(service.swvc, tuple(uni.prefix for uni in unis))
    deployments = tuple(
        DeploymentRequest(
            ucpe=uni.ucpe,
            template=settings.template,
            inputs=changed(
                {
                    **_site(service.swvc, uni, ports[index]),
                    "firewall_rules": firewalls[index],
                    "encryption": encryption(service.swvc.policies, private=private),
                    **_keys(uni.ucpe, credentials, settings),
                    "peers": _peers(service.swvc, index, reached[index], remote, credentials),
                },
                settings.inputs.get(uni.ucpe, {}),
            ),
            products=settings.products.get(uni.ucpe, {}),
        )
        for index, uni in enumerate(unis)
    )
    return ServiceRequest(service.id, service.swvc.identifier, deployments)


def changed(value: Any, changes: Any) -> Any:
    """The value with these changes: a mapping changes the members that it names, of a list those of each item."""
    if not isinstance(changes, Mapping):
        return changes
    if isinstance(value, list):
        return [changed(item, changes) for item in value]
    members = value if isinstance(value, Mapping) else {}
    return {**members, **{name: changed(members.get(name), change) for name, change in changes.items()}}


def _carrier(swvc: Swvc, inventory: Inventory, unis: tuple[Uni, ...]) -> str:
    name = carrier(swvc, inventory, [uni.ucpe for uni in unis])
    if name is None:
        message, hint = "No underlay can carry the service any more", "Connect the sites, or change the service."
        raise Rejected([Finding(Tag.INVALID_VALUE, ("underlays",), message, hint)])
    return name


def _site(swvc: Swvc, uni: Uni, port: WanPort) -> dict[str, Any]:
    gateway = {"wan_gateway": port.gateway} if port.gateway else {}
    named = {"lan_port": (uni.port, "lan0"), "wan_port": (port.port, "wan0")}
    return {
        "site_name": uni.ucpe,
        "lan_address": f"{uni.provider_address}/{uni.prefix.prefixlen}",
        "lan_subnets": [str(uni.prefix)],
        "lan_mtu": swvc.mtu,
        "wan_address": port.address,
        **gateway,
        # A template whose sites have one port on each side needs no such input.
        **{name: own for name, (own, usual) in named.items() if own != usual},
        "identity": uni.ucpe,
    }


def _keys(identity: str, credentials: Credentials, settings: Settings) -> dict[str, Any]:
    common = {"authentication": settings.authentication, "export_keys": settings.export_keys}
    if settings.authentication == "psk" or credentials.authority is None:
        return common
    own = credentials.sites[identity]
    return {
        **common,
        "certificate": own.certificate,
        "private_key": own.private_key,
        "ca_certificate": credentials.authority.certificate,
    }


def _remote(uni: Uni, port: WanPort) -> dict[str, Any]:
    """A site as each of its peers is told of it."""
    address = str(IPv4Interface(port.address).ip)
    return {"name": uni.ucpe, "address": address, "identity": uni.ucpe, "subnets": [str(uni.prefix)]}


def _peers(
    swvc: Swvc, index: int, places: list[int], remote: tuple[dict[str, Any], ...], credentials: Credentials
) -> list[dict[str, Any]]:
    own, name = swvc.end_points[index].identifier, remote[index]["name"]
    return [
        {
            **remote[peer],
            "psk": credentials.secret(name, remote[peer]["name"]),
            # Sites are mostly named, and so deployed, in this order: whom the later one asks is there to answer.
            "initiate": own > swvc.end_points[peer].identifier,
        }
        for peer in places
    ]
