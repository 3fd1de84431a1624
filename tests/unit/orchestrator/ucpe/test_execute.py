"""From what a uCPE shows to a plan and back: surveys, differences, undoing; all without a uCPE."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.intent import PortIntent, SiteIntent, VnfIntent
from orchestrator.model import Action, Conflict, RequestError, UcpeRefused
from orchestrator.plan import SitePlan, diff, plan_site, port_keys
from orchestrator.service import _checked, _refuse_conflicts
from orchestrator.southbound.docker import ContainerEntry, NetworkEntry
from orchestrator.southbound.ports import BridgePort
from orchestrator.southbound.rules import InstalledRule, Rule
from orchestrator.store import StoredService
from orchestrator.ucpe.execute import Record
from orchestrator.ucpe.observe import differences
from orchestrator.ucpe.steps import UndoStack, all_of, complaint, intent_bytes
from orchestrator.ucpe.survey import Survey, present

SERVICE = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"


def intent(*names: str, rules: int = 1) -> SiteIntent:
    """Transparent VNFs of these names, LAN to WAN."""
    ports = (PortIntent("lan", 1400), PortIntent("wan", 1500))
    config = {"rules": rules}
    return SiteIntent(
        "t", tuple(VnfIntent(n, "firewall", "T", "lso/x", ("NET_ADMIN",), (), {}, ports, config, True) for n in names)
    )


def plan(*names: str, generation: int = 1, rules: int = 1, service: str = SERVICE) -> SitePlan:
    site = intent(*names, rules=rules)
    return plan_site(service, generation, site, "u1", {key: number for number, key in enumerate(port_keys(site))})


def everything(of: SitePlan) -> Survey:
    """What a uCPE shows that has exactly this plan; `lan0` and `wan0` are ports 1 and 2, the VNFs' follow."""
    ports = [
        BridgePort("id-lan", "lan0", "", 1, None, 1500, None, {}),
        BridgePort("id-wan", "wan0", "", 2, None, 1500, None, {}),
        *(
            BridgePort(f"id{number}", port.name, "internal", number, None, port.mtu, port.mtu, port.external_ids)
            for number, port in enumerate(of.ports, 3)
        ),
    ]
    numbers = {port.name: port.ofport or 0 for port in ports}
    rules = [
        Rule(flow.priority, (("in_port", numbers[flow.in_port]),), (numbers[flow.output],), cookie=flow.cookie)
        for flow in of.flows
    ]
    containers = [
        ContainerEntry(
            item.name,
            item.name,
            item.image,
            "running",
            item.labels,
            {attachment.network: attachment.address for attachment in item.attachments},
        )
        for item in of.containers
    ]
    networks = [
        NetworkEntry(item.name, item.name, item.parent, item.subnet, item.gateway, item.labels) for item in of.networks
    ]
    return Survey(
        SERVICE,
        tuple(ports),
        tuple(InstalledRule(rule, 10, 1000, 1.0) for rule in rules),
        tuple(networks),
        tuple(containers),
    )


def test_what_is_there_as_planned_needs_nothing() -> None:
    wanted = plan("fw", "st")
    now = present(everything(wanted), [wanted], settled=True)
    assert now.plan == wanted
    assert diff(now.plan, wanted).empty


def test_nothing_there_is_no_plan() -> None:
    found = everything(plan())
    assert replace(found, bridge_rules=()).empty
    assert present(replace(found, bridge_rules=()), [], settled=True).plan is None


def test_a_stopped_container_goes_first_and_is_made_anew() -> None:
    wanted = plan("fw", "st")
    found = everything(wanted)
    stopped = replace(found.containers[0], state="exited")
    now = present(replace(found, containers=(stopped, found.containers[1])), [wanted], settled=True)
    assert now.containers == (stopped.name,)
    assert [item.vnf for item in diff(now.plan, wanted).containers.create] == ["fw"]


def test_a_lost_port_takes_network_and_container_with_it() -> None:
    wanted = plan("fw", "st")
    found = everything(wanted)
    lost = wanted.ports[0].name
    ports = tuple(port for port in found.bridge_ports if port.name != lost)
    now = present(replace(found, bridge_ports=ports), [wanted], settled=True)
    changes = diff(now.plan, wanted)
    assert (now.networks, now.containers) == ((wanted.networks[0].name,), (wanted.containers[0].name,))
    assert [item.name for item in changes.ports.create] == [lost]
    assert [item.vnf for item in changes.containers.create] == ["fw"]


def test_a_port_that_the_switch_cannot_make_goes_first() -> None:
    wanted = plan("fw")
    found = everything(wanted)
    ports = tuple(
        replace(port, ofport=None) if port.name == wanted.ports[0].name else port for port in found.bridge_ports
    )
    now = present(replace(found, bridge_ports=ports), [wanted], settled=True)
    assert [port.name for port in now.ports] == [wanted.ports[0].name]


def test_after_an_interruption_every_intent_is_sent_again() -> None:
    before, attempt = plan("fw", "st"), plan("fw", "st", generation=2, rules=2)
    now = present(everything(before), [before, attempt], settled=False)
    changes = diff(now.plan, attempt)
    assert [new.vnf for _, new in changes.containers.reconfigure] == ["fw", "st"]
    assert not changes.containers.create


def test_a_container_without_record_is_made_anew() -> None:
    wanted = plan("fw")
    changes = diff(present(everything(wanted), [], settled=True).plan, wanted)
    assert [item.vnf for item in changes.containers.create] == ["fw"]
    assert changes.ports.empty
    assert changes.networks.empty


def test_differences_name_what_is_missing_changed_and_foreign() -> None:
    wanted = plan("fw")
    found = everything(wanted)
    assert differences(found, Record(wanted)) == ()
    bypass = InstalledRule(Rule(200, (("in_port", 1),), (2,), cookie=0xBAD), 0, 0, 0.0)
    redirected = replace(found.bridge_rules[0], rule=replace(found.bridge_rules[0].rule, outputs=(2,)))
    rules = (redirected, *found.bridge_rules[2:], bypass)
    first = wanted.ports[0].name
    assert differences(replace(found, bridge_rules=rules), Record(wanted)) == (
        f"other than recorded: flow lan0 -> {first}",
        f"missing: flow {first} -> lan0",
        "foreign rule on the chain's ports: lan0 -> wan0 (cookie 0x0000000000000bad)",
    )


def test_rules_for_other_ports_are_nobodys_business() -> None:
    wanted = plan("fw")
    found = everything(wanted)
    elsewhere = InstalledRule(Rule(200, (("in_port", 77),), (78,), cookie=0xBAD), 0, 0, 0.0)
    assert differences(replace(found, bridge_rules=(*found.bridge_rules, elsewhere)), Record(wanted)) == ()


def test_leftovers_are_named() -> None:
    wanted = plan("fw")
    port, network = wanted.ports[0].name, wanted.networks[0].name
    left = everything(wanted).leftovers()
    assert {f"port {port}", f"network {network}", "container 11111111-fw", f"rule lan0 -> {port}"} <= set(left)


def test_undoing_runs_backwards_and_tells_what_stays() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        done.append(name)
        if name == "b":
            raise UcpeRefused("u1", "docker", "busy")

    async def main() -> tuple[str, ...]:
        stack = UndoStack()
        for name in "abc":
            stack.push(name, lambda name=name: work(name))  # type: ignore[misc]
        return await stack.unwind()

    assert asyncio.run(main()) == ("b could not be undone: busy",)
    assert done == ["c", "b", "a"]


def test_a_failure_waits_for_the_others() -> None:
    done: list[int] = []

    async def work(number: int) -> int:
        for _ in range(10 * number):  # rounds of the loop: the failure is long known when these end
            await asyncio.sleep(0)
        if number == 0:
            raise UcpeRefused("u1", "docker", "no")
        done.append(number)
        return number

    with pytest.raises(UcpeRefused):
        asyncio.run(all_of(work(number) for number in range(3)))
    assert done == [1, 2]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (b'{"error": "no such zone", "path": "firewall.rules[0]"}\n', ("no such zone", "firewall.rules[0]")),
        (b'warning\n{"error": "x"}', ("x", None)),
        (b"segfault\n", ("segfault", None)),
        (b"[1]", ("[1]", None)),
        (b"", ("no message", None)),
    ],
)
def test_a_vnfs_complaint(output: bytes, said: tuple[str, str | None]) -> None:
    assert complaint(output) == said


def test_the_same_intent_is_the_same_bytes() -> None:
    assert intent_bytes({"b": 1, "a": "é"}) == intent_bytes({"a": "é", "b": 1}) == '{"a":"é","b":1}'.encode()


def stored(service: str, *names: str) -> StoredService:
    return StoredService(service, "other", 1, {"u1": Record(plan(*names, service=service))}, {"u1": "applied"})


def test_one_service_for_each_outer_port() -> None:
    with pytest.raises(Conflict, match="u1: port lan0 and wan0 is in use by service 99999999"):
        _refuse_conflicts(SERVICE, {"u1": intent("fw")}, [stored(OTHER, "fw")])
    _refuse_conflicts(SERVICE, {"u2": intent("fw")}, [stored(OTHER, "fw")])
    _refuse_conflicts(OTHER, {"u1": intent("fw")}, [stored(OTHER, "fw")])


def test_marks_that_two_services_would_share_are_refused() -> None:
    twin = SERVICE[:8] + OTHER[8:-1] + "0"
    with pytest.raises(Conflict, match="same first eight digits"):
        _refuse_conflicts(SERVICE, {"u9": intent("fw")}, [stored(twin, "fw")])


@pytest.mark.parametrize(
    ("service", "ucpes", "text"),
    [("x", ["u1"], "is no UUID"), (SERVICE, [], "at least one"), (SERVICE, ["u1", "u1"], "more than one .* u1")],
)
def test_requests_that_make_no_sense(service: str, ucpes: list[str], text: str) -> None:
    from orchestrator.model import DeploymentRequest, ServiceRequest

    deployments: Any = tuple(DeploymentRequest(ucpe, "t", {}) for ucpe in ucpes)
    with pytest.raises(RequestError, match=text):
        _checked(ServiceRequest(service, "x", deployments))


def test_lines_say_why() -> None:
    before, wanted = plan("fw"), plan("fw", rules=2)
    lines = diff(present(everything(before), [before], settled=True).plan, wanted).lines
    assert [(line.action, line.name) for line in lines if line.action is not Action.KEEP] == [
        (Action.RECONFIGURE, "11111111-fw")
    ]
