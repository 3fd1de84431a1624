"""``service.active`` sees a VNF that stopped, a rule that is gone and a uCPE that is another one."""

from __future__ import annotations

from pathlib import Path

import pytest
from breaking import (
    BRIDGE,
    FOREIGN,
    OFCTL,
    POC,
    Judge,
    assert_fails,
    assert_passes,
    await_path,
    image_hidden,
    judge_one,
    port,
)

from lso.api import api_server
from reports.model import StepResult
from scenarios.load import load
from scenarios.session import ordered
from scenarios.steps.context import Context
from testbed.host.engine import engine
from testbed.labels import LABEL, NODE_LABEL


@pytest.mark.parametrize("kind", ["firewall", "ipsec"])
def test_a_vnf_stopped(context: Context, judged: Judge, kind: str) -> None:
    vnf = context.view("site-a").vnf(context.service_id, kind)
    assert vnf
    with image_hidden(context, "site-a", vnf.container.image):
        context.view("site-a").run(["docker", "stop", "--time", "1", vnf.container.name])
        failed = assert_fails(judged("service.active", within_seconds=3), "site-a: VNFs that run", f"site-a: {kind}")
        assert kind not in failed[0].measured
        assert f"vnf:site-a/{kind}" in {check.element for check in failed}
        failed = assert_fails(judged("ping", from_="a1", to="b1"), "a1 to b1: lost", f"site-a: {kind}")
        assert failed[-1].element == f"vnf:site-a/{kind}"
    await_path(context)  # it comes back by itself
    assert_passes(judged("service.active"))


def test_a_tunnel_that_stands_and_carries_nothing(context: Context, judged: Judge) -> None:
    """Either gateway holds its security associations for a while: only packets show that they lead nowhere."""
    underlay = context.lab.underlays["internet"]
    underlay.exec(["ip", "link", "set", underlay.ports["site-b"], "down"])
    try:
        failed = assert_fails(judged("service.active", within_seconds=3), "site-a: echoes through it to site-b")
        assert {check.element for check in failed} == {"tunnel:site-a--site-b"}
    finally:
        underlay.exec(["ip", "link", "set", underlay.ports["site-b"], "up"])
    await_path(context)
    assert_passes(judged("service.active"))


@pytest.mark.parametrize("site", ["site-a", "site-b"])
def test_a_rule_of_the_chain_is_missing(context: Context, judged: Judge, site: str) -> None:
    view, name = context.view(site), port(context, site, "statistics", "wan")
    (rule,) = [flow for flow in view.flows() if flow.in_port == name]
    view.run([*OFCTL, "--names", "--strict", "del-flows", BRIDGE, f'priority={rule.priority},in_port="{name}"'])
    try:
        failed = assert_fails(judged("service.active"), f"{site}: rule from statistics wan to ipsec lan")
        assert len(failed) == 1
    finally:
        text = f'cookie={rule.cookie:#x},priority={rule.priority},in_port="{name}",actions={rule.actions}'
        view.run([*OFCTL, "--names", "add-flow", BRIDGE, text])
    assert_passes(judged("service.active"))


def test_a_foreign_rule_in_the_place_of_the_own_one(context: Context, judged: Judge) -> None:
    view, name = context.view("site-a"), port(context, "site-a", "firewall", "wan")
    (rule,) = [flow for flow in view.flows() if flow.in_port == name]
    text = f'priority={rule.priority},in_port="{name}",actions={rule.actions}'
    view.run([*OFCTL, "--names", "add-flow", BRIDGE, f"cookie={FOREIGN},{text}"])
    try:
        assert_fails(judged("service.active"), "site-a: rule from firewall wan to statistics lan")
    finally:
        view.run([*OFCTL, "--names", "add-flow", BRIDGE, f"cookie={rule.cookie:#x},{text}"])
    assert_passes(judged("service.active"))


def test_a_ucpe_that_is_not_the_one_of_the_lab_any_more(tmp_path: Path) -> None:
    with ordered(load(POC).scenario, api_server) as own:
        api = engine().api
        labels = [f"{LABEL}={own.lab.id}", f"{NODE_LABEL}=site-a"]
        ucpe = api.containers(filters={"label": labels})[0]["Id"]

        def judged(name: str, within_seconds: int = 1) -> StepResult:
            return judge_one(own, tmp_path / name, "service.active", within_seconds=within_seconds)

        assert_passes(judged("before", 60))
        api.pause(ucpe)
        failed = assert_fails(judged("paused"), "site-a: the uCPE")
        assert failed[-1].measured.startswith("uCPE site-a is paused")
        api.unpause(ucpe)
        assert_passes(judged("unpaused", 60))
        api.restart(ucpe, timeout=0)
        failed = assert_fails(judged("restarted"), "site-a: the uCPE")
        assert failed[-1].measured == "uCPE site-a was restarted, which ends its ports and its services"
        api.kill(ucpe)
        failed = assert_fails(judged("killed"), "site-a: the uCPE")
        assert failed[-1].measured == "uCPE site-a has ended"
