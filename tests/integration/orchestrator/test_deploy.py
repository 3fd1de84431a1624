"""Services on real uCPEs: deployed, modified by difference, observed and removed without a trace."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model import Action, Result, ServiceEvent, Subject, UnknownService
from orchestrator.plan import service_prefix
from orchestrator.southbound.uplink import connected
from testbed.polling import poll


def await_ping(bed: Any, seconds: float = 15.0) -> None:
    """Until the tunnel is there; then once more, which must not be lost."""
    ping = ["ping", "-c", "1", "-W", "1", "10.2.0.10"]
    host = bed.lab.hosts["host-1"]
    assert poll(lambda: host.exec(ping, check=False).returncode == 0, seconds), "no ping from site to site"
    host.exec(ping)


def touched(outcome: Any) -> set[tuple[Action, Subject, str]]:
    return {(line.action, line.subject, line.name) for line in outcome.changes if line.action is not Action.KEEP}


def test_two_sites_from_nothing_to_traffic_and_back(bed: Any) -> None:
    before = bed.states()
    events: list[ServiceEvent] = []
    outcome = asyncio.run(bed.orchestrator.deploy(bed.request(), events.append))
    print(json.dumps({site.ucpe: site.seconds for site in outcome.deployments}), outcome.seconds)
    assert [(site.result, site.error) for site in outcome.deployments] == [(Result.APPLIED, None)] * 2
    assert (outcome.result, outcome.generation) == (Result.APPLIED, 1)
    assert {event.stage for event in events} >= {"plan", "ports", "containers", "flows", "done"}
    assert [event.elapsed for event in events] == sorted(event.elapsed for event in events)

    prefix = service_prefix(bed.service_id)
    hops = ["lan0", *(f"{prefix}-{number:05x}{'lw'[number % 2]}" for number in range(6)), "wan0"]
    links = [*zip(hops[::2], hops[1::2], strict=True), *zip(hops[1::2], hops[::2], strict=True)]
    cookie = f"cookie=0x{prefix.lstrip('0')}00000001"
    planned = [f"{cookie}, priority=100,in_port={near} actions=output:{far}" for near, far in links]
    assert bed.views["site-a"].flows() == sorted(planned)

    await_ping(bed)
    observation = asyncio.run(bed.orchestrator.observe(bed.service_id))
    for site in observation.deployments:
        assert (site.problem, site.differences) == (None, ())
        assert [(vnf.kind, vnf.problem, vnf.status and vnf.status["ready"]) for vnf in site.vnfs] == [
            ("firewall", None, True),
            ("statistics", None, True),
            ("ipsec", None, True),
        ]
        assert all(flow.packets > 0 for flow in site.flows)
        assert [port.mtu for port in site.ports] == [1400, 1400, 1400, 1400, 1400, 1500]

    removed = asyncio.run(bed.orchestrator.remove(bed.service_id))
    print([site.seconds for site in removed.deployments], removed.seconds)
    assert removed.result is Result.REMOVED
    assert bed.states() == before
    with pytest.raises(UnknownService):
        asyncio.run(bed.orchestrator.remove(bed.service_id))


def test_commands_in_vnfs_leave_no_connection_behind(bed: Any) -> None:
    asyncio.run(bed.orchestrator.deploy(bed.request("site-a")))
    (container,) = [name for name in bed.views["site-a"].started() if name.endswith("-firewall")]

    def sockets() -> int:
        return sum(path.is_socket() for path in Path("/proc/self/fd").iterdir())

    async def count() -> tuple[int, int]:
        async with connected(bed.inventory.ucpe("site-a")) as uplink:
            await uplink.docker.run(container, ["/vnf/status"])
            before = sockets()
            for command in (["/vnf/status"], ["cat"], ["sleep", "0.01"], ["no-such-program"]) * 3:
                await uplink.docker.run(container, command, b"to cat" if command == ["cat"] else None)
            return before, sockets()

    gc.disable()  # nothing else may be what ends them
    try:
        before, after = asyncio.run(count())
    finally:
        gc.enable()
    asyncio.run(bed.orchestrator.remove(bed.service_id))
    assert after <= before


def test_vnfs_get_their_rights_and_no_more(bed: Any) -> None:
    asyncio.run(bed.orchestrator.deploy(bed.request("site-a")))
    view = bed.views["site-a"]
    names = sorted(view.started())
    shown = {item["Name"].split("-", 1)[1]: item for item in json.loads(view.run("docker", "inspect", *names))}
    for item in shown.values():
        host = item["HostConfig"]
        assert (host["CapDrop"], host["Privileged"]) == (["ALL"], False)
        assert "no-new-privileges" in host["SecurityOpt"]
        assert set(host["CapAdd"]) <= {"NET_ADMIN", "NET_RAW", "CAP_NET_ADMIN", "CAP_NET_RAW", "NET_BIND_SERVICE"}
        assert "a key for this test alone" not in json.dumps(item)
    gateway = shown["ipsec"]["Id"]
    assert view.run("docker", "exec", gateway, "stat", "-c", "%a %u", "/var/lib/vnf/intent.json").split() == [
        "600",
        "0",
    ]
    assert "default" not in view.run("nsenter", "-n", "-t", str(shown["ipsec"]["State"]["Pid"]), "ip", "route")
    asyncio.run(bed.orchestrator.remove(bed.service_id))


def test_no_nat_is_left_in_a_vnf(bed: Any) -> None:
    """Docker's rules for its name server would have the kernel track every connection; they come at each start."""
    asyncio.run(bed.orchestrator.deploy(bed.request("site-a")))
    view, prefix = bed.views["site-a"], service_prefix(bed.service_id)

    def tables(vnf: str) -> str:
        return str(view.run("docker", "exec", f"{prefix}-{vnf}", "nft", "list", "tables"))

    for vnf in ("firewall", "statistics", "ipsec"):
        assert "nat" not in tables(vnf)
    view.run("docker", "restart", "-t", "0", f"{prefix}-firewall")
    assert poll(lambda: "inet firewall" in tables("firewall"), 10)
    assert "nat" not in tables("firewall")
    asyncio.run(bed.orchestrator.remove(bed.service_id))


def test_a_new_intent_restarts_nothing_and_keeps_counters(bed: Any) -> None:
    asyncio.run(bed.orchestrator.deploy(bed.request()))
    await_ping(bed)
    view = bed.views["site-a"]
    # The switch counts what its datapath has forwarded some time after it was there.
    assert poll(lambda: min(view.packets().values()) > 0, 10)
    started, flows, packets = view.started(), view.flows(), view.packets()

    again = asyncio.run(bed.orchestrator.deploy(bed.request()))
    assert (again.result, again.generation) == (Result.UNCHANGED, 2)

    ping_only = [{"id": "ping", "action": "allow", "direction": "both", "protocol": "icmp"}]
    changed = asyncio.run(bed.orchestrator.deploy(bed.request(rules=ping_only)))
    assert [site.result for site in changed.deployments] == [Result.APPLIED, Result.UNCHANGED]
    prefix = service_prefix(bed.service_id)
    assert touched(changed.deployments[0]) == {(Action.RECONFIGURE, Subject.CONTAINER, f"{prefix}-firewall")}
    assert (view.started(), view.flows()) == (started, flows)
    assert all(count >= packets[port] for port, count in view.packets().items())
    status = json.loads(view.run("docker", "exec", f"{prefix}-firewall", "/vnf/status"))
    assert [rule["id"] for rule in status["rules"]] == ["ping"]
    await_ping(bed)
    asyncio.run(bed.orchestrator.remove(bed.service_id))


def test_a_shorter_chain_keeps_the_gateway_running(bed: Any) -> None:
    asyncio.run(bed.orchestrator.deploy(bed.request()))
    await_ping(bed)
    view = bed.views["site-a"]
    gateway = f"{service_prefix(bed.service_id)}-ipsec"
    started, packets = view.started()[gateway], view.packets()
    shorter = asyncio.run(bed.orchestrator.deploy(bed.request(template="gateway-site")))
    assert [(site.result, site.error) for site in shorter.deployments] == [(Result.APPLIED, None)] * 2
    assert view.started() == {gateway: started}
    assert len(view.flows()) == 4
    assert all(count >= packets[port] for port, count in view.packets().items())  # lan0's rule was modified in place
    await_ping(bed)
    back = asyncio.run(bed.orchestrator.deploy(bed.request()))
    assert back.result is Result.APPLIED
    assert view.started()[gateway] == started
    await_ping(bed)
    asyncio.run(bed.orchestrator.remove(bed.service_id))


def test_a_site_that_is_not_requested_any_more_is_freed(bed: Any) -> None:
    before = bed.views["site-b"].state()
    asyncio.run(bed.orchestrator.deploy(bed.request()))
    outcome = asyncio.run(bed.orchestrator.deploy(bed.request("site-a")))
    assert {site.ucpe: site.result for site in outcome.deployments} == {
        "site-a": Result.UNCHANGED,
        "site-b": Result.REMOVED,
    }
    assert bed.views["site-b"].state() == before
    asyncio.run(bed.orchestrator.remove(bed.service_id))


def test_a_dead_vnf_is_seen_and_healed_alone(bed: Any) -> None:
    asyncio.run(bed.orchestrator.deploy(bed.request("site-a")))
    view, prefix = bed.views["site-a"], service_prefix(bed.service_id)
    started = view.started()
    view.run("docker", "stop", "-t", "0", f"{prefix}-statistics")
    view.run("ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br-ucpe", "priority=900,in_port=lan0,actions=output:wan0")
    [site] = asyncio.run(bed.orchestrator.observe(bed.service_id)).deployments
    assert {vnf.name: vnf.problem for vnf in site.vnfs} == {
        "firewall": None,
        "statistics": "its container is exited",
        "ipsec": None,
    }
    assert f"container {prefix}-statistics does not run as it should" in site.differences
    assert "foreign rule on the chain's ports: lan0 -> wan0 (cookie 0x0000000000000000)" in site.differences
    healed = asyncio.run(bed.orchestrator.deploy(bed.request("site-a")))
    assert healed.result is Result.APPLIED
    now = view.started()
    assert {name for name in now if now[name] != started[name]} == {f"{prefix}-statistics"}
    assert any("priority=900" in flow for flow in view.flows()), "a rule of somebody else must stay"
    asyncio.run(bed.orchestrator.remove(bed.service_id))
    view.run("ovs-ofctl", "-O", "OpenFlow14", "--strict", "del-flows", "br-ucpe", "priority=900,in_port=lan0")
