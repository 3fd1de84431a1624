"""A router with NAT between a site's WAN port and its underlay, in the namespace of the underlay.

The link from the site leaves the bridge and becomes the router's inside; its outside is a new port of the bridge. The
site keeps an address of the underlay's prefix: the router answers ARP for all others there (proxy ARP, RFC 1027). What
leaves gets the router's address and a port of :data:`PORTS`, never its own, so that no peer finds it by a well-known
one; what nobody inside has asked for does not come in. Of whom it does not find on the underlay it tells nobody, so
that a peer which is about to come up is only silent. What it forwards has no mark, for it is another packet from there
on (``testbed.esp.census``).
"""

from __future__ import annotations

import json
from ipaddress import IPv4Interface

from testbed.host.wiring import ip_batch, mac_address
from testbed.nodes.node import Node
from testbed.spec.model import WanSpec

PORTS = range(20_000, 30_000)
"""What ports of UDP and TCP become."""

_RULES = """
table ip {table} {{
  chain leaves {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{outside}" meta l4proto {{ tcp, udp }} snat to {nat}:{first}-{last}
    oifname "{outside}" snat to {nat}
  }}
  chain passes {{
    type filter hook forward priority filter; policy accept;
    oifname "{inside}" ct state new drop
    meta mark set 0
  }}
  chain says {{
    type filter hook output priority filter; policy accept;
    icmp type destination-unreachable icmp code host-unreachable drop
  }}
}}
"""
_FORWARDS = (
    "cd /proc/sys/net/ipv4; echo 1 >ip_forward; echo 1 >conf/all/arp_ignore; "
    'echo 1 >"conf/$1/proxy_arp"; echo 0 >"neigh/$1/proxy_delay"'
)


def insert(underlay: Node, site: str, wan: WanSpec, lab: str) -> None:
    """Put the router between *site* and *underlay*; it ends with the underlay's namespace."""
    inside, address = underlay.ports[site], IPv4Interface(wan.address)
    outside, plugged = f"nat-{inside}", f"nat-{inside}-in"
    shown = underlay.namespace.run(["ip", "-json", "link", "show", "dev", inside]).stdout
    bridge = json.loads(shown)[0]["master"]
    ip_batch(
        [
            f"link add name {outside} address {mac_address(lab, underlay.name, outside)} type veth"
            f" peer name {plugged} address {mac_address(lab, underlay.name, plugged)}",
            f"link set dev {plugged} master {bridge} up",
            f"link set dev {inside} nomaster",
            f"link set dev {inside} up",
            f"address add {wan.nat}/{address.network.prefixlen} dev {outside}",
            f"link set dev {outside} up",
            f"route add {address.ip}/32 dev {inside} src {wan.nat}",
            f"ntable change name arp_cache dev {outside} retrans 100",  # ms; a peer may be about to come up
        ],
        underlay.namespace,
    )
    underlay.namespace.run(["sh", "-c", _FORWARDS, "sh", inside])
    rules = _RULES.format(
        table=f"nat-{inside}", inside=inside, outside=outside, nat=wan.nat, first=PORTS[0], last=PORTS[-1]
    )
    underlay.namespace.run(["nft", "-f", "-"], input=rules)
