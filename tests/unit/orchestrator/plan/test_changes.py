"""From what is there to what shall be there, with as little done as possible, and every step with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.intent import PortIntent, SiteIntent, VnfIntent
from orchestrator.model import Action
from orchestrator.plan import Changes, SitePlan, diff, plan_site, port_keys, trace

SERVICE = "3f2b8c1e-1111-4222-8333-944455556666"
ORDER = ("firewall", "statistics", "ipsec", "second")
ADDRESSES = {(name, role): 2 * n + side for n, name in enumerate(ORDER) for side, role in enumerate(("lan", "wan"))}


def vnf(name: str, **config: Any) -> VnfIntent:
    ports = (PortIntent("lan", 1400), PortIntent("wan", 1400))
    return VnfIntent(name, name, f"t.{name}", f"t/{name}", ("NET_ADMIN",), (), {}, ports, config, transparent=True)


def plan(*vnfs: VnfIntent, generation: int = 1) -> SitePlan:
    site = SiteIntent("test-site", vnfs)
    addresses = {key: ADDRESSES[key] for key in port_keys(site)}
    return plan_site(SERVICE, generation, site, "site-a", addresses)


FIREWALL = vnf("firewall", default="deny", rules=[{"id": "a"}])
STATISTICS = vnf("statistics")
GATEWAY = vnf("ipsec", peers=[{"name": "b", "psk": "swordfish"}])
NOW = plan(FIREWALL, STATISTICS, GATEWAY)


def summary(changes: Changes) -> Mapping[str, tuple[int, ...]]:
    """Created, reconfigured, kept and removed objects by class."""
    classes = {name: getattr(changes, name) for name in ("ports", "networks", "containers", "flows")}
    return {name: (len(d.create), len(d.reconfigure), len(d.keep), len(d.remove)) for name, d in classes.items()}


def said(changes: Changes) -> list[str]:
    return [f"{line.action} {line.subject} {line.name}: {line.reason}" for line in changes.lines]


CASES: dict[str, tuple[SitePlan | None, SitePlan | None, dict[str, tuple[int, ...]]]] = {
    "nothing at all": (None, None, dict.fromkeys(("ports", "networks", "containers", "flows"), (0, 0, 0, 0))),
    "new service": (
        None,
        NOW,
        {"ports": (6, 0, 0, 0), "networks": (6, 0, 0, 0), "containers": (3, 0, 0, 0), "flows": (8, 0, 0, 0)},
    ),
    "the same again": (
        NOW,
        plan(FIREWALL, STATISTICS, GATEWAY, generation=2),
        {"ports": (0, 0, 6, 0), "networks": (0, 0, 6, 0), "containers": (0, 0, 3, 0), "flows": (0, 0, 8, 0)},
    ),
    "service removed": (
        NOW,
        None,
        {"ports": (0, 0, 0, 6), "networks": (0, 0, 0, 6), "containers": (0, 0, 0, 3), "flows": (0, 0, 0, 8)},
    ),
    "another rule": (
        NOW,
        plan(vnf("firewall", default="deny", rules=[]), STATISTICS, GATEWAY, generation=2),
        {"ports": (0, 0, 6, 0), "networks": (0, 0, 6, 0), "containers": (0, 1, 2, 0), "flows": (0, 0, 8, 0)},
    ),
    "a VNF leaves the middle": (
        NOW,
        plan(FIREWALL, GATEWAY, generation=2),
        {"ports": (0, 2, 2, 2), "networks": (0, 0, 4, 2), "containers": (0, 0, 2, 1), "flows": (0, 2, 4, 2)},
    ),
    "a VNF joins the middle": (
        plan(FIREWALL, GATEWAY),
        plan(FIREWALL, STATISTICS, GATEWAY, generation=2),
        {"ports": (2, 2, 2, 0), "networks": (2, 0, 4, 0), "containers": (1, 0, 2, 0), "flows": (2, 2, 4, 0)},
    ),
    "two change places": (
        NOW,
        plan(STATISTICS, FIREWALL, GATEWAY, generation=2),
        {"ports": (0, 4, 2, 0), "networks": (0, 0, 6, 0), "containers": (0, 0, 3, 0), "flows": (0, 6, 2, 0)},
    ),
    "another vendor": (
        NOW,
        plan(replace(FIREWALL, image="other/firewall"), STATISTICS, GATEWAY, generation=2),
        {"ports": (0, 0, 6, 0), "networks": (0, 0, 6, 0), "containers": (1, 0, 2, 1), "flows": (0, 0, 8, 0)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_done(case: str) -> None:
    current, desired, expected = CASES[case]
    changes = diff(current, desired)
    assert summary(changes) == expected
    assert changes.empty == all(counts[0] == counts[1] == counts[3] == 0 for counts in expected.values())


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_is_what_is_done(case: str) -> None:
    current, desired, expected = CASES[case]
    lines = diff(current, desired).lines
    for position, action in enumerate((Action.CREATE, Action.RECONFIGURE, Action.KEEP, Action.REMOVE)):
        assert sum(line.action is action for line in lines) == sum(counts[position] for counts in expected.values())
    assert all(line.reason for line in lines)


@pytest.mark.parametrize("case", CASES)
def test_carried_out_the_changes_give_what_was_desired(case: str) -> None:
    current, desired, _expected = CASES[case]
    changes = diff(current, desired)
    if desired is None:
        assert changes.after is None
        return
    rules = {(flow.priority, flow.in_port): flow for flow in (current.flows if current else ())}
    for gone in changes.flows.remove:
        del rules[gone.priority, gone.in_port]
    for flow in (*changes.flows.create, *(new for _old, new in changes.flows.reconfigure)):
        rules[flow.priority, flow.in_port] = flow
    assert changes.after is not None
    assert set(rules.values()) == set(changes.after.flows)
    assert trace(desired, "lan0", rules.values()) == trace(desired, "lan0")
    assert trace(desired, "wan0", rules.values()) == trace(desired, "wan0")


def test_rules_that_stay_keep_their_cookie_and_with_it_their_counters() -> None:
    changes = diff(NOW, plan(FIREWALL, GATEWAY, generation=2))
    assert changes.after is not None
    generations = sorted(flow.cookie & 0xFFFFFFFF for flow in changes.after.flows)
    assert generations == [1, 1, 1, 1, 2, 2]
    assert diff(changes.after, plan(FIREWALL, GATEWAY, generation=3)).empty


def test_reasons() -> None:
    assert said(diff(None, plan(GATEWAY)))[-2:] == [
        "create flow 3f2b8c1e-00005w -> wan0: new service",
        "create flow wan0 -> 3f2b8c1e-00005w: new service",
    ]
    changes = diff(NOW, plan(vnf("firewall", default="allow", rules=[]), GATEWAY, generation=2))
    assert [line for line in said(changes) if not line.startswith("keep")] == [
        "remove port 3f2b8c1e-00002l: no longer in the chain",
        "remove port 3f2b8c1e-00003w: no longer in the chain",
        "reconfigure port 3f2b8c1e-00004l: lso:position 2 -> 1",
        "reconfigure port 3f2b8c1e-00005w: lso:position 2 -> 1",
        "remove network 3f2b8c1e-statistics-lan: no longer in the chain",
        "remove network 3f2b8c1e-statistics-wan: no longer in the chain",
        "reconfigure container 3f2b8c1e-firewall: intent differs at firewall.default, firewall.rules",
        "remove container 3f2b8c1e-statistics: no longer in the chain",
        "reconfigure flow 3f2b8c1e-00001w -> 3f2b8c1e-00004l: 3f2b8c1e-00001w led to 3f2b8c1e-00002l",
        "remove flow 3f2b8c1e-00002l -> 3f2b8c1e-00001w: no longer in the chain",
        "remove flow 3f2b8c1e-00003w -> 3f2b8c1e-00004l: no longer in the chain",
        "reconfigure flow 3f2b8c1e-00004l -> 3f2b8c1e-00001w: 3f2b8c1e-00004l led to 3f2b8c1e-00003w",
    ]


def test_no_secret_in_reasons() -> None:
    changes = diff(NOW, plan(FIREWALL, STATISTICS, vnf("ipsec", peers=[{"name": "b", "psk": "another"}])))
    assert "reconfigure container 3f2b8c1e-ipsec: intent differs at ipsec.peers" in said(changes)
    assert "swordfish" not in repr(changes)
    assert "another" not in repr(changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": "t/other"}, "image t/firewall -> t/other"),
        ({"linux_capabilities": ("NET_RAW",)}, "capabilities differ"),
        ({"devices": ("/dev/net/tun",)}, "devices differ"),
        ({"sysctls": {"net.ipv4.ip_forward": "1"}}, "sysctls differ"),
        ({"kind": "filter"}, "label lso.kind firewall -> filter"),
    ],
)
def test_what_needs_a_new_container(change: dict[str, Any], reason: str) -> None:
    changes = diff(plan(FIREWALL), plan(replace(FIREWALL, **change), generation=2))
    assert [old.vnf for old in changes.containers.remove] == ["firewall"]
    assert [new.vnf for new in changes.containers.create] == ["firewall"]
    actions = [line.action for line in changes.lines if line.name == "3f2b8c1e-firewall"]
    assert actions == [Action.REMOVE, Action.CREATE]
    assert any(line.reason.startswith(reason) for line in changes.lines if line.name == "3f2b8c1e-firewall")


def test_a_new_network_needs_a_new_container() -> None:
    changes = diff(plan(FIREWALL), plan(replace(FIREWALL, kind="filter"), generation=2))
    assert len(changes.networks.create) == len(changes.networks.remove) == 2
    reason = next(line.reason for line in changes.lines if line.name == "3f2b8c1e-firewall")
    assert "network 3f2b8c1e-firewall-lan is new" in reason


def test_an_mtu_is_changed_in_place() -> None:
    lower = replace(FIREWALL, ports=(PortIntent("lan", 1380), PortIntent("wan", 1400)))
    changes = diff(plan(FIREWALL), plan(lower, generation=2))
    assert [(old.mtu, new.mtu) for old, new in changes.ports.reconfigure] == [(1400, 1380)]
    assert len(changes.containers.reconfigure) == 1
    assert "reconfigure port 3f2b8c1e-00000l: MTU 1400 -> 1380" in said(changes)
