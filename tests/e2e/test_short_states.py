"""The scenario with short time-outs of states, with another firewall at either site: all its steps pass."""

from __future__ import annotations

from pathlib import Path

from breaking import POC

from lso.api import api_server
from reports.model import Verdict
from scenarios.load import load
from scenarios.session import ordered
from scenarios.steps.step import run_step


def test_every_step_of_the_scenario(tmp_path: Path) -> None:
    loaded = load(POC.with_name("poc-short-states"))
    products = {"site-a": {"firewall": "iptables"}, "site-b": {"firewall": "nftables"}}
    scenario = loaded.scenario.model_copy(update={"products": products})
    with ordered(scenario, api_server) as context:
        steps = zip(scenario.steps, loaded.verbs, strict=True)
        results = [run_step(context, step, verb, tmp_path / step.id) for step, verb in steps]
    assert {result.id: result.message for result in results if result.verdict is not Verdict.PASSED} == {}
    (aged,) = (result for result in results if result.verb == "firewall.ages")
    assert {check.name.split(":")[0] for check in aged.checks} == {"tcp_opening", "udp", "udp_stream"}
