"""The management network of a lab: one Docker network that leads nowhere but to its uCPEs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_network

from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool
from pyroute2 import IPRoute

from testbed.host.engine import EngineError, engine
from testbed.ownership.owner import Owner
from testbed.threads import in_own_thread

POOL = ip_network("172.30.0.0/15")
LENGTH = 24
FIRST_HOST = 2  # .1 is the machine itself
OVERLAPS = "overlaps with other one"


def make(owner: Owner) -> tuple[str, IPv4Network]:
    """Make the network on a free subnet and return its name and the subnet; two labs may do so at once.

    Raises ``EngineError``.
    """
    name = f"lso-{owner.lab}"
    for subnet in candidates(owner.lab, used_prefixes()):
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))])
        try:
            engine().networks.create(name, driver="bridge", internal=True, ipam=ipam, labels=owner.labels())
        except APIError as error:
            if OVERLAPS not in str(error.explanation):
                raise EngineError(f"the management network cannot be made: {error.explanation}") from error
            continue  # another lab took it between our look and our call
        return name, subnet
    raise EngineError(f"no /{LENGTH} of {POOL} is free for a management network")


def address(subnet: IPv4Network, index: int) -> str:
    """Return the address of the uCPE number *index*, from 0."""
    found: IPv4Address = subnet[FIRST_HOST + index]
    return str(found)


def own_address(ucpe: str) -> str:
    """Return the machine's own address on the network in which a uCPE has the address *ucpe*."""
    return str(IPv4Interface(f"{ucpe}/{LENGTH}").network[1])


def candidates(lab: str, used: frozenset[IPv4Network]) -> Iterator[IPv4Network]:
    """Yield the subnets of the pool that overlap none of *used*, beginning at one that depends on *lab*."""
    subnets = [subnet for subnet in POOL.subnets(new_prefix=LENGTH) if isinstance(subnet, IPv4Network)]
    start = int.from_bytes(hashlib.sha256(lab.encode()).digest()[:4], "big") % len(subnets)
    for subnet in subnets[start:] + subnets[:start]:
        if not any(subnet.overlaps(other) for other in used):
            yield subnet


def used_prefixes() -> frozenset[IPv4Network]:
    """Return the prefixes that this machine has routes to, the default route left out."""
    return in_own_thread(_used_prefixes)


def _used_prefixes() -> frozenset[IPv4Network]:
    found = set()
    with IPRoute() as netlink:
        for route in netlink.get_routes(family=2):
            destination = route.get_attr("RTA_DST")
            if destination and route["dst_len"]:
                found.add(IPv4Network((destination, route["dst_len"]), strict=False))
    return frozenset(found)
