"""Which box is meant, and what is said when that cannot be known."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from lso.commands.ucpe import check
from lso.exits import UsageError
from lso.ucpe.target import target
from orchestrator.inventory import Ucpe

PLAIN = ["--docker", "tcp://h:2375", "--ovsdb", "tcp:h:6640", "--openflow", "tcp:h:6653", "--bridge", "br0"]
SECURE = ["--docker", "tcp://h:2376", "--ovsdb", "ssl:h:6640", "--openflow", "ssl:h:6653", "--bridge", "br0"]
FILES = ["--ca", "ca.pem", "--certificate", "c.pem", "--key", "c.key"]


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    check.configure(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    box = {"docker": "tcp://h:1", "ovsdb": "tcp:h:2", "openflow": "tcp:h:3", "bridge": "br0"}
    uni = {"id": "u", "name": "u", "ucpe": "a", "port": "lan0", "prefix": "10.0.0.0/24", "provider_address": "10.0.0.1"}
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps({"ucpes": [{"id": "a", **box}, {"id": "branch-7", **box}], "unis": [uni]}))
    return str(path)


def test_a_ucpe_of_an_inventory(inventory: str) -> None:
    ucpe, unis, ports = target(parsed("--inventory", inventory, "a"))
    assert (ucpe.id, [uni.port for uni in unis], ports) == ("a", ["lan0"], ())


@pytest.mark.parametrize(("arguments", "tls"), [(PLAIN, False), (PLAIN + FILES, True), (SECURE + FILES, True)])
def test_a_box_by_its_addresses(arguments: list[str], tls: bool) -> None:
    ucpe, unis, ports = target(parsed(*arguments, "--port", "lan0", "--port", "wan0"))
    assert isinstance(ucpe, Ucpe)
    assert (ucpe.bridge, ucpe.tls is not None, unis, ports) == ("br0", tls, (), ("lan0", "wan0"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say which box: LAB UCPE, or --inventory FILE UCPE, or its addresses"),
        (["lab"], "say which box"),
        (["lab", "site-a", "more"], "say which box"),
        (["lab-that-is-not", "site-a"], "no lab 'lab-that-is-not' runs"),
        (["--inventory", "{inventory}"], "say which uCPE. Known: a, branch-7."),
        (["--inventory", "{inventory}", "branch7"], 'uCPE branch7 is not in the inventory (Did you mean "branch-7"?)'),
        (["--inventory", "/nowhere.json", "a"], "/nowhere.json: cannot be read: No such file or directory"),
        (SECURE, "needs --ca, --certificate, --key too"),
        (["--ovsdb", "tcp:h:1", "--key", "c.key"], "needs --docker, --openflow, --bridge, --ca, --certificate too"),
        ([*PLAIN, "site-a"], "--docker is for a box by its addresses"),
        ([*PLAIN[2:], "--docker", "h:2375"], "--docker: String should match pattern"),
    ],
)
def test_what_cannot_be_known(inventory: str, arguments: list[str], told: str) -> None:
    with pytest.raises(UsageError) as error:
        target(parsed(*(argument.format(inventory=inventory) for argument in arguments)))
    assert told in str(error.value)
