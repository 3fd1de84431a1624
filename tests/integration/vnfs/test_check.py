"""`lso vnf check`: a product made by `lso vnf new` passes, and a fault in it is named; nothing of a check stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.host.engine import engine
from testbed.images.build import build_product
from testbed.images.recipes import PROJECT, image_of, recipe_of

Run = Callable[..., subprocess.CompletedProcess[str]]


def lso(*arguments: str, catalogue: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"LSO_CATALOGUE": str(catalogue)} if catalogue else {})}
    command = [sys.executable, "-m", "lso", "vnf", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A new firewall; its images are removed at the end."""
    parent = tmp_path_factory.mktemp("products")
    made = lso("new", "firewall", "acme-test", "--folder", str(parent))
    assert made.returncode == 0, made.stderr
    yield parent / "acme-test"
    for image in engine().images.list(recipe_of(parent / "acme-test").name):
        engine().images.remove(image.id, force=True)


def test_a_new_product_passes(folder: Path) -> None:
    page = folder.parent / "check.html"
    ran = lso("check", str(folder), "--only", "image,start,idempotence,change", "--html", str(page))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "passed: 4 checks, no findings" in ran.stdout
    assert "VNF contract report" in page.read_text()


def test_a_fault_is_named(folder: Path) -> None:
    """Each apply adds a rule to those that are there."""
    engine_sh = folder / "engine.sh"
    again = 'ip rule add preference "$((1000 + $(ip rule show | wc -l)))" from 192.0.2.1'
    engine_sh.write_text(engine_sh.read_text().replace('  set_port "$LAN"', f'  {again}\n  set_port "$LAN"', 1))
    told = folder.parent / "check.json"
    ran = lso("check", str(folder), "--only", "start,idempotence", "--json", str(told))
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "failed: 2 checks, 1 finding" in ran.stdout
    result = json.loads(told.read_text())
    (step,) = [step for step in result["steps"] if step["verdict"] == "failed"]
    (finding,) = [check for check in step["checks"] if check["verdict"] == "failed"]
    assert (step["id"], finding["name"]) == ("idempotence", "packet filters, links, addresses and routes")
    assert "from 192.0.2.1" in finding["measured"]
    assert "docs/vnf-contract.md" in step["hint"]


def test_what_no_counter_of_packets_shows_is_named_too(folder: Path) -> None:
    """Bytes that are not counted; large packets, which are lost."""
    whole = {name: (folder / name).read_text() for name in ("report.jq", "compile.jq")}
    for name, right, wrong in (
        ("report.jq", "{(.name): {packets, bytes}}", "{(.name): {packets, bytes: 0}}"),
        ("compile.jq", '    large("netdev ports"; $port; $mtu);', "    empty;"),
    ):
        assert whole[name].count(right) == 1
        (folder / name).write_text(whole[name].replace(right, wrong))
    told = folder.parent / "check.json"
    try:
        ran = lso("check", str(folder), "--only", "apply,ports,wire-table", "--json", str(told))
    finally:
        for name, text in whole.items():
            (folder / name).write_text(text)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    steps = {step["id"]: step for step in json.loads(told.read_text())["steps"]}
    found = {name: [one for one in step["checks"] if one["verdict"] == "failed"] for name, step in steps.items()}
    assert [one["name"] for one in found["ports"]] == [
        f"a packet of 1500 bytes from the {side}" for side in ("LAN", "WAN")
    ]
    assert {one["measured"] for one in found["ports"]} == {"nothing comes"}
    assert all("bytes' is at 0, not at" in one["measured"] for one in found["wire-table"])
    assert len(found["wire-table"]) > 50


def test_bad_input_is_told_before_anything_starts(folder: Path) -> None:
    for arguments, told in (
        (["check", "lso/there-is-none:1"], "lso/there-is-none:1: there is no such folder, and no such image"),
        (
            ["check", str(folder), "--only", "idempotenc"],
            """there is no check 'idempotenc'. Did you mean "idempotence"?""",
        ),
        (["check", "lso/base"], "it has no label lso.vnf.kind: say by --kind which it is to be"),
    ):
        ran = lso(*arguments)
        assert (ran.returncode, told in ran.stderr) == (2, True), ran.stderr


def test_an_image_archive_is_added_and_found(tmp_path: Path) -> None:
    """What it is called in the archive is not what it is called afterwards."""
    own = build_product(recipe_of(PROJECT / "vnfs" / "nftables"))
    before = engine().images.get(own).id
    with (tmp_path / "acme.tar").open("wb") as file:
        for chunk in engine().images.get(own).save(named=True):
            file.write(chunk)
    catalogue = tmp_path / "catalogue"
    added = lso("add", str(tmp_path / "acme.tar"), "--name", "acme-archive", "--catalogue", str(catalogue))
    assert added.returncode == 0, added.stderr
    assert "added acme-archive: firewall, nftables" in added.stdout
    image = image_of(catalogue / "acme-archive")
    try:
        ran = lso("check", "acme-archive", "--only", "image,start", catalogue=catalogue)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        (made,) = engine().images.list(image.name)
        assert made.tags == [f"{image.name}:{image.digest('')[:16]}"]
        assert engine().images.get(own).id == before
    finally:
        for left in engine().images.list(image.name):
            engine().images.remove(left.id, force=True)
