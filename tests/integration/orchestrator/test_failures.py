"""What goes wrong leaves nothing on the uCPE where it went wrong, and does not stop the others."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model import Result
from orchestrator.plan import service_prefix
from orchestrator.service import Orchestrator
from testbed import pki
from testbed.pki import Authority


@contextmanager
def missing_image(bed: Any, faulty: Any) -> Iterator[Orchestrator]:
    yield bed.orchestrator_with(faulty("site-b", "statistics", image="lso/no-such-image"))


@contextmanager
def refused_intent(bed: Any, faulty: Any) -> Iterator[Orchestrator]:
    yield bed.orchestrator_with(faulty("site-b", "firewall", config={"default": "maybe", "rules": []}))


@contextmanager
def port_name_taken(bed: Any, _: Any) -> Iterator[Orchestrator]:
    view, name = bed.views["site-b"], f"{service_prefix(bed.service_id)}-00005w"
    view.run("ovs-vsctl", "add-port", "br-ucpe", name, "--", "set", "Interface", name, "type=internal")
    try:
        yield bed.orchestrator
    finally:
        view.run("ovs-vsctl", "del-port", name)


@contextmanager
def container_name_taken(bed: Any, _: Any) -> Iterator[Orchestrator]:
    view, name = bed.views["site-b"], f"{service_prefix(bed.service_id)}-ipsec"
    view.run("docker", "create", "--name", name, "--network", "none", "lso/vnf-nftables")
    try:
        yield bed.orchestrator
    finally:
        view.run("docker", "rm", name)


@contextmanager
def rule_in_the_way(bed: Any, _: Any) -> Iterator[Orchestrator]:
    view = bed.views["site-b"]
    view.run(
        "ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br-ucpe", "cookie=0x77,priority=100,in_port=wan0,actions=drop"
    )
    try:
        yield bed.orchestrator
    finally:
        view.run("ovs-ofctl", "-O", "OpenFlow14", "del-flows", "br-ucpe", "cookie=0x77/-1")


@contextmanager
def engine_down(bed: Any, _: Any) -> Iterator[Orchestrator]:
    yield bed.orchestrator_with(docker=bed.inventory.ucpe("site-b").docker.replace(":2376", ":2399"))


@contextmanager
def wrong_authority(bed: Any, _: Any) -> Iterator[Orchestrator]:
    tls = bed.inventory.ucpe("site-b").tls
    path = Path(bed.state.removeprefix("sqlite:///")).with_name("other-ca.pem")
    path.write_bytes(Authority.create("somebody else").certificate)
    yield bed.orchestrator_with(tls={**tls.model_dump(), "ca": path})


@contextmanager
def wrong_client(bed: Any, _: Any) -> Iterator[Orchestrator]:
    tls = bed.inventory.ucpe("site-b").tls
    folder = Path(bed.state.removeprefix("sqlite:///")).parent
    identity = Authority.create("somebody else").issue("intruder")
    pki.write_private(folder / "client.pem", identity.certificate)
    pki.write_private(folder / "client.key", identity.key)
    yield bed.orchestrator_with(
        tls={**tls.model_dump(), "certificate": folder / "client.pem", "key": folder / "client.key"}
    )


Fault = Callable[[Any, Any], Any]


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (missing_image, "No such image: lso/no-such-image:latest; put the image into the uCPE's store"),
        (refused_intent, "docker: VNF firewall: /vnf/apply refused (exit 2): "),
        (port_name_taken, "-00005w' is taken by another interface of this uCPE"),
        (container_name_taken, "docker: Conflict. The container name"),
        (rule_in_the_way, "openflow: rule wan0 -> "),
        (engine_down, "docker: the engine does not answer: Connection refused"),
        (wrong_authority, "certificate"),
        (wrong_client, "site-b: "),
    ],
)
def test_a_failure_leaves_nothing(bed: Any, faulty: Any, fault: Fault, text: str) -> None:
    with fault(bed, faulty) as orchestrator:
        before = bed.views["site-b"].state()
        outcome = asyncio.run(orchestrator.deploy(bed.request("site-b")))
        [site] = outcome.deployments
        assert (outcome.result, site.result, site.differences) == (Result.ROLLED_BACK, Result.ROLLED_BACK, ())
        assert site.error is not None
        assert text in site.error
        assert bed.views["site-b"].state() == before


def test_one_site_fails_the_other_goes_on(bed: Any, faulty: Any) -> None:
    with refused_intent(bed, faulty) as orchestrator:
        outcome = asyncio.run(orchestrator.deploy(bed.request()))
    assert outcome.result is Result.ROLLED_BACK
    results = {site.ucpe: site.result for site in outcome.deployments}
    assert results == {"site-a": Result.APPLIED, "site-b": Result.ROLLED_BACK}
    assert len(bed.views["site-a"].started()) == 3
    again = asyncio.run(bed.orchestrator.deploy(bed.request()))
    assert {site.ucpe: site.result for site in again.deployments} == {
        "site-a": Result.UNCHANGED,
        "site-b": Result.APPLIED,
    }
    assert asyncio.run(bed.orchestrator.remove(bed.service_id)).result is Result.REMOVED


def test_a_failed_modification_restores_the_running_service(bed: Any, faulty: Any) -> None:
    asyncio.run(bed.orchestrator.deploy(bed.request("site-b")))
    view = bed.views["site-b"]
    started, flows = view.started(), view.flows()
    broken = bed.orchestrator_with(faulty("site-b", "statistics", image="lso/no-such-image"))
    outcome = asyncio.run(broken.deploy(bed.request("site-b")))
    assert outcome.result is Result.ROLLED_BACK
    assert (view.started(), view.flows()) == (started, flows)
    refused = bed.orchestrator_with(faulty("site-b", "firewall", config={"default": "maybe", "rules": []}))
    outcome = asyncio.run(refused.deploy(bed.request("site-b")))
    assert outcome.result is Result.ROLLED_BACK
    assert outcome.deployments[0].error is not None
    assert "VNF firewall: /vnf/apply refused (exit 2)" in outcome.deployments[0].error
    [site] = asyncio.run(bed.orchestrator.observe(bed.service_id)).deployments
    assert site.differences == ()
    assert asyncio.run(bed.orchestrator.deploy(bed.request("site-b"))).result is Result.UNCHANGED
    asyncio.run(bed.orchestrator.remove(bed.service_id))


CHILD = """
import asyncio, json, sys
from orchestrator.inventory import load_inventory
from orchestrator.model import DeploymentRequest, ServiceRequest
from orchestrator.service import Orchestrator
from pathlib import Path
inventory, state, order = sys.argv[1:]
order = json.loads(order)
request = ServiceRequest(order["id"], "test", tuple(DeploymentRequest(*item) for item in order["deployments"]))
tell = lambda event: print(event.stage, flush=True)
asyncio.run(Orchestrator(load_inventory(Path(inventory)), state).deploy(request, tell))
"""


def killed_at(bed: Any, stage: str) -> None:
    """A process that deploys to both sites, killed when it first tells of that stage."""
    request = bed.request()
    order = {"id": request.id, "deployments": [[d.ucpe, d.template, dict(d.inputs)] for d in request.deployments]}
    argv = [sys.executable, "-c", CHILD, str(bed.lab.inventory), bed.state, json.dumps(order)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == stage:
                child.kill()
                break


@pytest.mark.parametrize("stage", ["ports", "containers", "flows"])
def test_removal_after_kill(bed: Any, stage: str) -> None:
    before = bed.states()
    killed_at(bed, stage)
    assert bed.states() != before, "it was killed before it did anything"
    assert asyncio.run(bed.orchestrator.remove(bed.service_id)).result is Result.REMOVED
    assert bed.states() == before


def test_deployment_after_kill(bed: Any) -> None:
    killed_at(bed, "containers")
    outcome = asyncio.run(bed.orchestrator.deploy(bed.request()))
    assert [(site.result, site.error) for site in outcome.deployments] == [(Result.APPLIED, None)] * 2
    observation = asyncio.run(bed.orchestrator.observe(bed.service_id))
    assert [site.differences for site in observation.deployments] == [(), ()]
    asyncio.run(bed.orchestrator.remove(bed.service_id))
