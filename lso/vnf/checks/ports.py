"""Whether the ports are as the intent says, whatever they were before, and in whatever order they are named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

from lso.checking.judged import judged
from lso.vnf.firewall.cases import ADDRESSES, IP4, OTHER
from lso.vnf.firewall.wire import Wire
from lso.vnf.rig import MTU as WIRE_MTU
from lso.vnf.rig import SIDES, Rig
from lso.vnf.session import Session
from lso.vnf.traffic import traffic
from reports.model import Check

MTU = 1400
FOREIGN = "192.0.2.7/24"
OWN = 4711
"""The identifier of the echo requests."""


def run(session: Session) -> Iterator[Check]:
    """Give the ports an address and a default route, as Docker does, then apply an intent with the WAN first."""
    rig = session.fresh(as_ucpe=True)
    for link in _links(rig).values():
        rig.vnf.namespace.run(["ip", "link", "set", link["ifname"], "up"])
    lan = _links(rig)["lan"]["ifname"]
    rig.vnf.namespace.run(["ip", "address", "add", FOREIGN, "dev", lan])
    rig.vnf.namespace.run(["ip", "route", "add", "default", "via", "192.0.2.1", "dev", lan])
    intent = rig.intent(mtu=MTU)
    intent["ports"].reverse()
    rig.applied(intent)
    for side, link in _links(rig).items():
        wanted = sorted(session.kind.addresses[side])
        found = sorted(
            f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if one["scope"] != "link"
        )  # fmt: skip
        yield judged(f"{side}: addresses", found == wanted, " ".join(wanted) or "none", " ".join(found) or "none")
        yield judged(f"{side}: MTU", link["mtu"] == MTU, str(MTU), str(link["mtu"]))
        yield judged(f"{side}: up", "UP" in link["flags"], "UP", " ".join(link["flags"]))
    routes = rig.vnf.namespace.run(["ip", "-4", "route", "show", "default"]).stdout.strip()
    yield judged("the default route that was there", "192.0.2.1" not in routes, "none", routes)
    yield from traffic(rig, "traffic passes with the ports named in another order")
    if session.kind.gateway is None:
        yield from _large(rig)
    session.drop()


def _large(rig: Rig) -> Iterator[Check]:
    """Send what is larger than the ports' MTU, which a transparent product passes on as it is."""
    with Wire.between(rig.hosts, rig.applied, rig.status) as wire:
        for side in SIDES:
            header = IP(src=ADDRESSES[side][0], dst=ADDRESSES[OTHER[side]][0], flags="DF") / ICMP(id=OWN)
            frame = wire.between_hosts(side) + IP4 + bytes(header / Raw(bytes(WIRE_MTU - len(header))))
            came = wire.pass_through(side, [frame], 1)
            whole = came == [frame]
            told = "it does" if whole else f"{len(came)} packets, which it is not" if came else "nothing comes"
            yield judged(f"a packet of {WIRE_MTU} bytes from the {side.upper()}", whole, "passes as it is", told)


def _links(rig: Rig) -> dict[str, dict[str, Any]]:
    """The ports in the container by side, as ``ip address`` shows them."""
    listed = json.loads(rig.vnf.namespace.run(["ip", "-json", "address", "show"]).stdout)
    by_mac = {link.get("address"): link for link in listed}
    return {side: by_mac[port.mac] for side, port in rig.ports.items()}
