"""What ``lso run --prove`` refuses before anything starts."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import pytest

from lso.prove import sabotages
from scenarios.prove.catalogue import CATALOGUE

POC = str(Path(__file__).parents[3] / "scenarios" / "poc-two-sites")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "x"], "lso: --only, --sabotages and --no-catalogue are for --prove"),
        (["--sabotages", "x"], "lso: --only, --sabotages and --no-catalogue are for --prove"),
        (["--no-catalogue"], "lso: --only, --sabotages and --no-catalogue are for --prove"),
        (["--prove", "--no-catalogue"], "lso: --no-catalogue is for --sabotages DIR"),
        (["--prove", "--only", "x-*"], "lso: --only x-*: no such sabotage. Known: "),
        (["--prove", "--keep"], "lso: --keep, --until, --pause-on-failure and --bundle do not go with --prove"),
        (["--prove", "--only", "x"], "lso: --only x: no such sabotage. Known: "),
        (
            ["--prove", "--only", "left-mte", "--only", "left-*", "--only", "vnf-pause"],
            'lso: --only left-mte: no such sabotage. Did you mean "left-meter"?\n--only vnf-pause: no such',
        ),
        (["--prove", "--sabotages", "nowhere"], "nowhere:1:1: sabotage: is no folder"),
    ],
)
def test_arguments_that_do_not_go_together(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso("run", POC, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)


def test_a_folder_of_sabotages_is_validated(lso: Any, tmp_path: Path) -> None:
    shutil.copy(CATALOGUE / "vnf-paused.yaml", tmp_path)
    (tmp_path / "nameless.yaml").write_text("title: it has no id\n", encoding="utf-8")
    ran = lso("validate", str(tmp_path))
    assert ran.code == 2
    assert f"{tmp_path / 'nameless.yaml'}:1:1: sabotage: is missing" in ran.err
    assert f"{tmp_path / 'vnf-paused.yaml'}:1:1: sabotage: 'vnf-paused' is the id of {CATALOGUE}" in ran.err
    assert ran.out == "5 findings\n"
    assert lso("validate", str(CATALOGUE)).out == "no findings\n"


WRONG_VALUES = """\
sabotage: mine
title: mine
broken: all of it
must_notice:
  - {verb: firewall.allows, with: {protocol: [tcp, tpc], destination_port: "80", packets: 0, rule: web}}
requires: {vendors: {firewall: nftable, ipsec: strongswan}}
actions: [{where: near, do: "true", undo: "true"}]
"""


def test_values_that_no_step_and_no_product_has(lso: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(WRONG_VALUES, encoding="utf-8")
    file = tmp_path / "mine.yaml"
    wrong = [
        f"{file}:5:52: must_notice[0].with.protocol[1]: input should be 'tcp', 'udp' or 'icmp' (the file has 'tpc')",
        f"{file}:5:58: must_notice[0].with.destination_port: input should be a valid integer (the file has '80')",
        f"{file}:5:82: must_notice[0].with.packets: input should be greater than or equal to 1 (the file has 0)",
        f"{file}:6:22: requires.vendors.firewall: no firewall VNF of 'nftable' (Did you mean \"nftables\"?)",
    ]
    for ran in (
        lso("run", POC, "--prove", "--sabotages", str(tmp_path)),
        lso("validate", str(tmp_path)),
        lso("validate", str(file)),
    ):
        assert (ran.code, ran.err.splitlines()[: len(wrong)]) == (2, wrong)


def test_a_folder_whose_sabotages_are_no_yaml_is_validated(lso: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "first.yaml").write_text('sabotage: first\ntitle: "it has no end\n', encoding="utf-8")
    (tmp_path / "mine" / "second.yaml").write_bytes(b"sabotage: second\ntitle: \xff\n")
    for given in (tmp_path / "mine", tmp_path):
        ran = lso("validate", str(given))
        assert (ran.code, ran.out) == (2, "2 findings\n")
        assert f"{tmp_path / 'mine' / 'first.yaml'}:3:1: sabotage: this is not YAML" in ran.err
        assert f"{tmp_path / 'mine' / 'second.yaml'}:2:1: sabotage: this is not UTF-8 text" in ran.err


def test_sabotages_of_ones_own_alone_and_by_pattern(tmp_path: Path) -> None:
    for name in ("mine-a", "mine-b"):
        content = (CATALOGUE / "vnf-paused.yaml").read_text(encoding="utf-8").replace("vnf-paused", name)
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    given = {"only": [], "sabotages": [tmp_path], "no_catalogue": True}
    assert [one.id for one in sabotages(argparse.Namespace(**given))] == ["mine-a", "mine-b"]
    chosen = sabotages(argparse.Namespace(**given | {"only": ["*-b", "left-m*"], "no_catalogue": False}))
    assert [one.id for one in chosen] == ["left-meter", "left-mirror", "left-mount", "left-mtu", "mine-b"]


def test_a_sabotage_with_mistakes(lso: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("sabotage: mine\ntitle: mine\n", encoding="utf-8")
    for ran in (lso("run", POC, "--prove", "--sabotages", str(tmp_path)), lso("validate", str(tmp_path / "mine.yaml"))):
        assert ran.code == 2
        assert f"{tmp_path / 'mine.yaml'}:1:1: actions: is missing" in ran.err
    assert ran.out == "3 findings\n"
