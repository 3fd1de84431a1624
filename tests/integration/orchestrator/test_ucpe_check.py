"""`lso ucpe check` on real uCPEs: they pass, each planted fault is named, nothing of a check stays.

`bed` compares all that a uCPE has before and after each test.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lso.checking.console import CheckConsole
from lso.ucpe.box import LOCK, Box
from lso.ucpe.checks import CHECKS
from lso.ucpe.needs import Needs
from lso.ucpe.run import run_checks
from lso.ucpe.trial import CONTAINER
from orchestrator.inventory import Ucpe
from orchestrator.southbound.ovsdb import OvsdbClient
from orchestrator.southbound.tls import Endpoint, client_context, docker_endpoint
from reports.model import RunResult
from testbed.polling import poll

from .ucpe_faults import relay, second_engine

NEEDS = Needs(capabilities=("NET_ADMIN", "NET_RAW"))
"""Few, since each is tried alone when an engine refuses them together."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lso", "ucpe", "check", *arguments]


def lso(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


def changed(ucpe: Ucpe, **values: Any) -> Ucpe:
    return Ucpe.model_validate({**ucpe.model_dump(), **values})


def checked(bed: Any, ucpe: Ucpe, only: Sequence[str] = ()) -> RunResult:
    checks = [check for check in CHECKS if not only or check.id in only]
    box = Box(ucpe, bed.inventory.unis_on(ucpe.id), NEEDS)
    with CheckConsole(io.StringIO()) as console:
        return run_checks(box, checks, console, "lso ucpe check")


def findings(result: RunResult) -> dict[str, str]:
    """By step and name, what was measured and why it matters."""
    return {
        f"{step.id}: {check.name}": f"{check.measured} {check.message}"
        for step in result.steps
        for check in step.checks
        if check.verdict.is_bad
    }


@pytest.mark.parametrize("site", ["site-a", "site-b"])
def test_a_ucpe_passes_while_its_service_goes_on(bed: Any, tmp_path: Path, site: str) -> None:
    assert asyncio.run(bed.orchestrator.deploy(bed.request(site))).succeeded
    view = bed.views[site]
    before = view.state(), view.started()
    page, told = tmp_path / "check.html", tmp_path / "check.json"
    ran = lso(bed.lab.id, site, "--html", str(page), "--json", str(told))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"passed: {len(CHECKS)} checks, no findings" in ran.stdout
    assert "uCPE contract report" in page.read_text()
    result = json.loads(told.read_text())
    assert {step["verdict"] for step in result["steps"]} == {"passed"}
    assert (view.state(), view.started()) == before
    asyncio.run(bed.orchestrator.remove(bed.service_id))


@contextlib.contextmanager
def misled(bed: Any, *settings: tuple[list[str], list[str]]) -> Iterator[None]:
    """Each command is run in the uCPE, and then the one that takes it back."""
    view = bed.views["site-a"]
    with contextlib.ExitStack() as stack:
        for do, undo in settings:
            stack.callback(view.run, *undo)
            view.run(*do)
        yield


def test_faults_of_engine_database_and_switch_are_each_named(bed: Any) -> None:
    """An engine that is open to strangers and without NET_RAW; OVSDB without TLS; no listener for OpenFlow."""
    ucpe, view = bed.inventory.ucpe("site-a"), bed.views["site-a"]
    own_id = view.run("ovs-vsctl", "get", "Bridge", "br-ucpe", "other_config:datapath-id").strip()
    remote = ["ovs-appctl", "-t", "ovsdb-server"]
    plain = ([*remote, "ovsdb-server/add-remote", "ptcp:6632"], [*remote, "ovsdb-server/remove-remote", "ptcp:6632"])
    controller = ["--", "set", "Controller", "br-ucpe", "connection_mode=out-of-band"]
    silent = (
        ["ovs-vsctl", "del-controller", "br-ucpe"],
        ["ovs-vsctl", "set-controller", "br-ucpe", "pssl:6653", *controller],
    )
    bridge = ["ovs-vsctl", "set", "Bridge", "br-ucpe"]
    learning = ([*bridge, "fail_mode=standalone"], [*bridge, "fail_mode=secure"])
    floating = (
        ["ovs-vsctl", "remove", "Bridge", "br-ucpe", "other_config", "datapath-id"],
        [*bridge, f"other_config:datapath-id={own_id}"],
    )
    wan = [{"port": "wan7", "underlay": "internet", "address": "198.51.100.1/24"}]
    with second_engine(bed.lab, "site-a") as docker, misled(bed, plain, silent, learning, floating):
        result = checked(bed, changed(ucpe, docker=docker, wan=wan))
    found = findings(result)
    host = bed.lab.ucpes["site-a"].address
    expected = {
        "endpoints: openflow": "connection refused",
        "endpoints: wan.0.port": "Bridge br-ucpe has no port wan7",
        "strangers: docker: a client without a certificate": "RFC 8446",
        "strangers: docker: a client with another's": "RFC 5280",
        f"plain-text: ovsdb on {host} port 6632": "RFC 7047, 7",
        "database: fail mode": "standalone",
        "database: datapath id": "not set",
        "database: port wan7": "not on the bridge",
        "switch: openflow does what it is asked": "OpenFlow 1.4.0, 6.3.1",
        "container: capability NET_RAW": "CapAdd",
    }
    assert {name: text in found.get(name, "") for name, text in expected.items()} == dict.fromkeys(expected, True), (
        found
    )
    certificates = {"certificates: openflow: certificate"}
    assert set(found) <= {*expected, *certificates}, found


def test_faults_on_the_way_are_each_named(bed: Any, tmp_path: Path) -> None:
    """An older API and a wrong clock; a certificate for another address; a bridge that speaks OpenFlow 1.3 alone."""
    ucpe = bed.inventory.ucpe("site-a")

    def aged(answer: bytes) -> bytes:
        older = answer.replace(b"Api-Version: 1.41", b"Api-Version: 1.24").replace(
            b'Version":"1.41"', b'Version":"1.24"'
        )
        return older.replace(b'"SystemTime":"20', b'"SystemTime":"19')

    async def work() -> RunResult:
        ovsdb = Endpoint(ucpe.id, "ovsdb", ucpe.ovsdb)
        folders = tmp_path / "docker", tmp_path / "ovsdb"
        for folder in folders:
            folder.mkdir()
        async with (
            relay(ucpe, docker_endpoint(ucpe), folders[0], bed.lab.authority, aged) as docker,
            relay(ucpe, ovsdb, folders[1], bed.lab.authority, bytes, "192.0.2.9") as database,
        ):
            box = changed(ucpe, docker=f"tcp://127.0.0.1:{docker}", ovsdb=f"ssl:127.0.0.1:{database}")
            return await asyncio.to_thread(
                checked, bed, box, ("endpoints", "certificates", "strangers", "engine", "database", "switch")
            )

    bridge = ["ovs-vsctl", "set", "Bridge", "br-ucpe"]
    older = ([*bridge, "protocols=OpenFlow13"], [*bridge, 'protocols=["OpenFlow13","OpenFlow14","OpenFlow15"]'])
    with misled(bed, older):
        found = findings(asyncio.run(work()))
    expected = {
        "endpoints: docker": "Engine API 1.24 is too old; 1.41 is needed",
        "engine: API": "1.24",
        "engine: clock": "RFC 5280, 4.1.2.5",
        "certificates: ovsdb: certificate": "IP address mismatch",
        "switch: openflow does what it is asked": "does not offer OpenFlow 1.4",
    }
    assert {name: text in found.get(name, "") for name, text in expected.items()} == dict.fromkeys(expected, True), (
        found
    )
    assert not [name for name in found if name.startswith("strangers")]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_nothing_stays_of_a_check_that_was_interrupted_or_killed(bed: Any, number: int, code: int) -> None:
    view = bed.views["site-a"]
    with subprocess.Popen(
        command(bed.lab.id, "site-a", "--only", "container,chain"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert poll(lambda: CONTAINER in view.started(), 30)
        running.send_signal(number)
        running.communicate(timeout=60)
    assert running.returncode == code
    if number == signal.SIGKILL:
        assert CONTAINER in view.started()
        assert lso(bed.lab.id, "site-a", "--only", "endpoints").returncode == 0
    assert CONTAINER not in view.started()


def test_one_check_at_a_time(bed: Any) -> None:
    ucpe = bed.inventory.ucpe("site-a")

    async def held() -> subprocess.CompletedProcess[str]:
        client = await OvsdbClient.connect(Endpoint(ucpe.id, "ovsdb", ucpe.ovsdb), client_context(ucpe))
        try:
            assert (await client.call("lock", [LOCK]))["locked"]
            return await asyncio.to_thread(lso, bed.lab.id, "site-a", "--only", "endpoints")
        finally:
            await client.close()

    ran = asyncio.run(held())
    assert (ran.returncode, "another check of site-a is under way" in ran.stderr) == (2, True), ran.stderr


def test_bad_input_is_told_before_anything_starts(bed: Any) -> None:
    for arguments, told in (
        ([bed.lab.id, "site-c"], "uCPE site-c is not in the inventory"),
        (
            [bed.lab.id, "site-a", "--only", "certificate"],
            """there is no check 'certificate'. Did you mean "certificates"?""",
        ),
        ([bed.lab.id, "site-a", "--html", "/nowhere/check.html"], "/nowhere/check.html: there is no folder /nowhere"),
    ):
        ran = lso(*arguments)
        assert (ran.returncode, told in ran.stderr) == (2, True), ran.stderr
