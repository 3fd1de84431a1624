"""A whole run, made into a bundle: it holds, it has all that the run was given, and no secret of a gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from breaking import POC

from lso.__main__ import main
from lso.bundles.verify import verify
from reports.model import Verdict
from scenarios.file.source import read
from scenarios.load import load
from scenarios.own_steps import at_the_end, before_removal

STEPS = ("POC-01", "POC-02", "POC-08", "POC-05", "POC-06", "POC-14")
SITES = ("site-a", "site-b")
HOSTS = ("10.1.0.10", "10.2.0.10")
UCPE = ("containers.json", "flows.txt", "networks.json", "ovsdb.json")
VNFS = {"firewall": (), "statistics": (), "ipsec": ("keys.json",)}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a run of some steps of the PoC."""
    folder = tmp_path_factory.mktemp("bundle")
    scenario = read(POC / "scenario.yaml").data
    scenario["steps"] = [step for step in scenario["steps"] if step["id"] in STEPS]
    (folder / "some.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    file = folder / "bundle.zip"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(folder))
        main(["run", str(folder / "some.yaml"), "--report", str(folder / "run"), "--bundle", str(file)])
    return file


@pytest.fixture
def archive(bundle: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(bundle) as opened:
        yield opened


def document(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


def test_every_verdict_follows_from_the_bundle(bundle: Path) -> None:
    found = verify(bundle, None)
    assert found.findings == ()
    scenario = load(POC).scenario
    before, after = ([step.id for step, _ in steps(scenario)] for steps in (before_removal, at_the_end))
    names = [*STEPS[:-1], *before, STEPS[-1], *after]
    assert [(step.id, step.judged, step.differences) for step in found.steps] == [
        (name, Verdict.PASSED, ()) for name in names
    ]


def test_what_the_run_was_given(archive: zipfile.ZipFile) -> None:
    resolved = document(archive, "inputs/scenario.resolved.json")
    assert [step["id"] for step in resolved["steps"]] == list(STEPS)
    assert resolved["steps"][3]["with"]["packets"]
    paths = [request["path"].split("/")[-2] for request in document(archive, "inputs/order.json")]
    assert paths == ["get-service-interface-point-list", "create-connectivity-service"]
    names = set(archive.namelist())
    assert {"inputs/scenario.yaml", "inputs/templates/poc-site.yaml", "inputs/types/lso_types.yaml"} <= names
    assert "inputs/vnfs/strongswan/descriptor.yaml" in names


def test_the_state_before_the_removal_and_at_the_end(archive: zipfile.ZipFile) -> None:
    found = {name for name in archive.namelist() if name.startswith("state/")}
    vnfs = [
        f"{vnf}.{file}"
        for vnf, more in VNFS.items()
        for file in ("status.json", "nft.txt", "xfrm.txt", "log.txt", *more)
    ]
    before = {f"state/before-removal/{site}/{name}" for site in SITES for name in (*UCPE, *vnfs)}
    after = {f"state/end/{site}/{name}" for site in SITES for name in UCPE}
    assert found == before | after | {"state/before-removal/plans.json", "state/end/plans.json"}
    plans = document(archive, "state/before-removal/plans.json")
    assert [container["vnf"] for container in plans["site-a"]["containers"]] == list(VNFS)
    assert plans["site-a"]["containers"][2]["intent"]["ipsec"]["peers"]
    assert document(archive, "state/end/plans.json") == {}
    assert b"table inet" in archive.read("state/before-removal/site-a/firewall.nft.txt")
    assert document(archive, "state/before-removal/site-a/ipsec.status.json")["peers"]
    assert len(archive.read("state/before-removal/site-a/flows.txt").splitlines()) > len(
        archive.read("state/end/site-a/flows.txt").splitlines()
    )


def test_no_secret_but_the_keys_of_esp(archive: zipfile.ZipFile) -> None:
    assert [name for name in archive.namelist() if b"PRIVATE KEY" in archive.read(name)] == []
    assert b'"psk"' not in archive.read("state/before-removal/plans.json")


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_shows_what_is_inside_the_tunnels(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "no-keys").mkdir()
    for capture in (tmp_path / "evidence" / "POC-06").glob("internet-*.pcap"):
        opened, closed = (sources_of_esp(capture, tmp_path / profile) for profile in ("wireshark", "no-keys"))
        assert len(opened) == len(closed) > 0
        assert all(inner and inner in HOSTS for _, _, inner in opened), opened
        assert not any(inner for _, _, inner in closed), closed


def sources_of_esp(capture: Path, profile: Path) -> list[tuple[str, str, str]]:
    """Return of each ESP packet the outer source, the comma before the inner one, and the inner source."""
    shown = subprocess.run(
        ["tshark", "-r", capture, "-Y", "esp", "-T", "fields", "-e", "ip.src"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(profile.parent), "WIRESHARK_CONFIG_DIR": str(profile)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line.partition(",") for line in shown.splitlines()]
