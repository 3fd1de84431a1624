"""Ways to break a running service from outside the orchestrator, each undone at the end of its block.

With ``LSO_RECORD_EVIDENCE=DIR`` all that the verbs observe meanwhile is kept there, as cases for their unit tests.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reports.model import Check, StepResult, Verdict
from scenarios.file.format import Step
from scenarios.steps.context import Context
from scenarios.steps.step import run_step
from scenarios.verbs import REGISTRY
from testbed.polling import poll
from testbed.traffic import ping
from testbed.ucpe_view import ContainerAccess
from tests.recorded import record, told

POC = Path(__file__).parents[2] / "scenarios" / "poc-two-sites"
BRIDGE = "br-ucpe"
OFCTL = ("ovs-ofctl", "-O", "OpenFlow14")
INTENT = "/var/lib/vnf/intent.json"
FOREIGN = "0xdead00000001"
RECOVERY_SECONDS = 30.0


Judge = Callable[..., StepResult]


def judge_one(context: Context, folder: Path, verb: str, **parameters: Any) -> StepResult:
    """Return what *verb* finds in *context*, judged as a step of a run is; evidence goes to *folder*."""
    arguments = {key.rstrip("_"): value for key, value in parameters.items()}
    step = Step.model_validate({"id": "E2E", "verb": verb, "with": arguments})
    evidence = folder / "evidence"
    shutil.rmtree(evidence, ignore_errors=True)
    result = run_step(context, step, REGISTRY[verb].model_validate(arguments), evidence)
    if place := os.environ.get("LSO_RECORD_EVIDENCE"):
        case = os.environ["PYTEST_CURRENT_TEST"].split("::")[1].split(" ")[0].removeprefix("test_").replace("_", "-")
        name = f"{result.verdict}-{case}-{time.monotonic_ns()}"
        record(evidence, told(result.verdict, result.message, result.checks), Path(place, verb, name))
    return result


def assert_fails(result: StepResult, *names: str) -> list[Check]:
    """Assert that the verb found the network wrong (no trouble of the test-bed) and that the checks *names* say so."""
    failed = [check for check in result.checks if check.verdict is Verdict.FAILED]
    told = "\n".join(f"{check.verdict}: {check.name}: {check.message}" for check in result.checks)
    assert result.verdict is Verdict.FAILED, f"{result.verdict}: {result.message}\n{told}"
    for name in names:
        assert any(name in check.name for check in failed), f"no check with {name!r} failed:\n{told}"
    assert result.message == failed[0].message
    return failed


def assert_passes(result: StepResult) -> None:
    """Assert that every check of the verb held."""
    assert result.verdict is Verdict.PASSED, f"{result.message}\n{told(result.verdict, '', result.checks)}"


def access(context: Context, site: str, kind: str) -> ContainerAccess:
    """Return access to *site*'s VNF of *kind*."""
    vnf = context.view(site).vnf(context.service_id, kind)
    assert vnf, f"no {kind} VNF runs at {site}"
    return vnf.access


def port(context: Context, site: str, kind: str, role: str) -> str:
    """Return the name of the switch's port to *site*'s VNF of *kind*."""
    ports = context.view(site).ports(context.service_id)
    return next(port.name for port in ports if (port.kind, port.role) == (kind, role))


@contextmanager
def image_hidden(context: Context, site: str, image: str) -> Iterator[None]:
    """Take an image away for the length of the block: a VNF that has ended does not come back without it."""
    view = context.view(site)
    view.run(["docker", "tag", image, "hidden"])
    view.run(["docker", "rmi", image])
    try:
        yield
    finally:
        view.run(["docker", "tag", "hidden", image])
        view.run(["docker", "rmi", "hidden"])


@contextmanager
def rules(context: Context, site: str, *texts: str) -> Iterator[None]:
    """Add foreign OpenFlow rules for the length of the block."""
    view, purge = context.view(site), ["ovs-appctl", "revalidator/purge"]
    try:
        for text in texts:
            view.run([*OFCTL, "--names", "add-flow", BRIDGE, f"cookie={FOREIGN},{text}"])
        view.run(purge)  # else packets may go on for a moment where the rules before led them
        yield
    finally:
        view.run([*OFCTL, "del-flows", BRIDGE, f"cookie={FOREIGN}/-1"])
        view.run(purge)


@contextmanager
def intent(context: Context, site: str, kind: str, change: Any) -> Iterator[None]:
    """Apply a changed intent to a VNF for the length of the block; *change* edits it in place."""
    vnf = access(context, site, kind)
    before = vnf.run(["cat", INTENT])
    document = json.loads(before)
    change(document)
    try:
        vnf.run(["/vnf/apply"], input=json.dumps(document))
        yield
    finally:
        vnf.run(["/vnf/apply"], input=before)


@contextmanager
def nft(context: Context, site: str, kind: str, *commands: str) -> Iterator[None]:
    """Run nft *commands* in a VNF; its intent is applied anew at the end of the block."""
    vnf = access(context, site, kind)
    try:
        for command in commands:
            vnf.run(["nft", *command.split()])
        yield
    finally:
        vnf.run(["/vnf/apply"], input=vnf.run(["cat", INTENT]))


@contextmanager
def program(context: Context, site: str, kind: str, name: str, script: str) -> Iterator[None]:
    """Put *script* in the place of the program ``/vnf/<name>``; it finds the real one at ``/vnf/<name>.real``."""
    vnf, path = access(context, site, kind), f"/vnf/{name}"
    vnf.run(["cp", "-p", path, f"{path}.real"])
    try:
        vnf.run(["sh", "-c", f"cat >{path}.new && chmod 755 {path}.new && mv {path}.new {path}"], input=script)
        yield
    finally:
        vnf.run(["mv", f"{path}.real", path])


def swanctl(vnf: ContainerAccess, *arguments: str) -> str:
    """Run swanctl in a gateway as its adaptor does; what it cannot do (any longer) is no error."""
    script = 'STRONGSWAN_CONF=/dev/shm/vnf/strongswan.conf swanctl "$@" || :'
    return vnf.run(["sh", "-c", script, "swanctl", *arguments])


def forget_associations(context: Context) -> None:
    """Let all gateways begin a new history of their security associations, as those of a new lab do."""
    for site in context.service_sites():
        access(context, site, "ipsec").run(["sh", "-c", ": >/var/lib/vnf/history"])


def rule_handles(vnf: ContainerAccess, family: str, table: str, chain: str, part: str) -> list[int]:
    """Return the handles of the nft rules in *chain* whose text contains *part*."""
    listed = vnf.run(["nft", "-a", "list", "chain", family, table, chain])
    return [int(line.rsplit("# handle ", 1)[1]) for line in listed.splitlines() if part in line and "# handle" in line]


def await_path(context: Context, source: str = "a1", target: str = "b1") -> None:
    """Wait until *source* reaches *target* again, without a loss: a switch drops a few while it settles."""
    near, end = context.host(source).namespace, context.host(target).ip
    reached = poll(lambda: ping(near, end, count=5, interval=0.05, wait=0.5).received == 5, RECOVERY_SECONDS, 0.05)
    assert reached, f"{source} does not reach {target} again"


def vsctl(context: Context, site: str, arguments: Sequence[str]) -> str:
    """Run ``ovs-vsctl`` in the uCPE of *site*."""
    return context.view(site).run(["ovs-vsctl", "--timeout=10", *arguments])


def peers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the peers of a gateway's status."""
    found: list[Mapping[str, Any]] = status["peers"]
    return found
