"""The inventory file: what is read, and what is said about a wrong one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.inventory import load_inventory
from orchestrator.model import InventoryError, UnknownUcpe


def values() -> dict[str, Any]:
    return {
        "ucpes": [
            {
                "id": "site-a",
                "docker": "tcp://172.30.1.2:2376",
                "ovsdb": "ssl:172.30.1.2:6640",
                "openflow": "ssl:172.30.1.2:6653",
                "bridge": "br-ucpe",
                "tls": {"ca": "pki/ca.pem", "certificate": "/pki/cert.pem", "key": "/pki/key.pem"},
                "wan": [{"port": "wan0", "underlay": "internet", "address": "198.51.100.1/24", "gateway": None}],
                "engines": {"esp": "libipsec", "datapath": "netdev"},
            }
        ],
        "unis": [
            {
                "id": "7c6f3f5e-0000-4000-8000-000000000001",
                "name": "site-a-lan0",
                "ucpe": "site-a",
                "port": "lan0",
                "prefix": "10.1.0.0/24",
                "provider_address": "10.1.0.1",
                "mtu": 1400,
            }
        ],
    }


def write(folder: Path, content: Any) -> Path:
    path = folder / "inventory.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_right_one(tmp_path: Path) -> None:
    inventory = load_inventory(write(tmp_path, values()))
    ucpe = inventory.ucpe("site-a")
    assert ucpe.docker == "tcp://172.30.1.2:2376"
    assert ucpe.wan[0].address == "198.51.100.1/24"
    assert (ucpe.engines.esp, ucpe.engines.datapath) == ("libipsec", "netdev")
    assert ucpe.tls is not None
    assert (ucpe.tls.ca, ucpe.tls.key) == (tmp_path / "pki/ca.pem", Path("/pki/key.pem"))
    assert str(inventory.unis[0].prefix) == "10.1.0.0/24"


def test_unknown_ucpe(tmp_path: Path) -> None:
    with pytest.raises(UnknownUcpe, match=r"uCPE site-z is not in the inventory \(Did you mean \"site-a\"\?\)"):
        load_inventory(write(tmp_path, values())).ucpe("site-z")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = values()
    change(content)
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "inventory: "),
        ("[" + "9" * 5000 + "]", "a number of 5000 characters is too long"),
        (changed(lambda v: v["ucpes"][0].update(docker="http://x")), "ucpes[0].docker: "),
        (changed(lambda v: v["ucpes"][0].update(ovsdb="172.30.1.2:6640")), "ucpes[0].ovsdb: "),
        (changed(lambda v: v["ucpes"][0].pop("bridge")), "ucpes[0].bridge: Field required"),
        (changed(lambda v: v["ucpes"][0].update(colour="red")), "ucpes[0].colour: Extra inputs"),
        (changed(lambda v: v["ucpes"][0]["wan"][0].update(address="198.51.100.300/24")), "ucpes[0].wan[0].address: "),
        (changed(lambda v: v["ucpes"][0]["wan"][0].update(gateway="x")), "ucpes[0].wan[0].gateway: "),
        (changed(lambda v: v["ucpes"].append(v["ucpes"][0])), "uCPE site-a is there more than once"),
        (changed(lambda v: v["unis"].append(v["unis"][0])), "is there more than once"),
        (changed(lambda v: v["unis"][0].update(ucpe="site-b")), "is on uCPE site-b, which is not there"),
        (changed(lambda v: v["unis"][0].update(prefix="10.1.0.1/24")), "unis[0].prefix: "),
        (changed(lambda v: v["unis"][0].update(provider_address="10.2.0.1")), "10.2.0.1 is not in 10.1.0.0/24"),
        (changed(lambda v: v["unis"][0].update(mtu=100)), "unis[0].mtu: "),
    ],
)
def test_wrong_ones(content: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InventoryError) as caught:
        load_inventory(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    content = changed(lambda v: v["ucpes"][0].update(docker=5, bridge=""))
    with pytest.raises(InventoryError) as caught:
        load_inventory(write(tmp_path, content))
    assert len(str(caught.value).splitlines()) == 2


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="No such file"):
        load_inventory(tmp_path / "inventory.json")


def test_a_copy_is_looked_up_anew(tmp_path: Path) -> None:
    inventory = load_inventory(write(tmp_path, changed(lambda _: None)))
    before = inventory.ucpe("site-a")
    other = before.model_copy(update={"bridge": "br-other"})
    copy = inventory.model_copy(update={"ucpes": (other,)})
    assert (copy.ucpe("site-a").bridge, inventory.ucpe("site-a")) == ("br-other", before)
