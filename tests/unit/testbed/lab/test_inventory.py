"""The inventory file that a lab writes for the orchestrator."""

from __future__ import annotations

from pathlib import Path

from testbed.lab.inventory import inventory, uni_id
from testbed.spec.model import HostSpec, LabSpec, SiteSpec, UnderlaySpec, WanSpec


def test_the_inventory_says_how_to_reach_everything() -> None:
    site = SiteSpec("site-a", "10.1.0.0/24", "10.1.0.1", (HostSpec("h", "10.1.0.2/24"),),
                    (WanSpec("wan0", "internet", "198.51.100.1/24"),))  # fmt: skip
    spec = LabSpec("poc", (site,), (UnderlaySpec("internet", "198.51.100.0/24"),))
    found = inventory("poc-1", spec, {"site-a": "172.30.1.2"}, Path("/x"), {"esp": "libipsec", "datapath": "netdev"})
    assert found == {
        "ucpes": [
            {
                "id": "site-a",
                "docker": "tcp://172.30.1.2:2376",
                "ovsdb": "ssl:172.30.1.2:6640",
                "openflow": "ssl:172.30.1.2:6653",
                "bridge": "br-ucpe",
                "tls": {"ca": "/x/ca.pem", "certificate": "/x/client.pem", "key": "/x/client.key"},
                "wan": [{"port": "wan0", "underlay": "internet", "address": "198.51.100.1/24", "gateway": None}],
                "engines": {"esp": "libipsec", "datapath": "netdev"},
            }
        ],
        "unis": [
            {
                "id": uni_id("poc-1", "site-a"),
                "name": "site-a-lan0",
                "ucpe": "site-a",
                "port": "lan0",
                "prefix": "10.1.0.0/24",
                "provider_address": "10.1.0.1",
                "mtu": 1400,
            }
        ],
    }
    assert uni_id("poc-1", "site-a") != uni_id("poc-2", "site-a")
