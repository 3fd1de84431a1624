"""A new product's folder: complete, of its own name, and refused with all reasons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lso.vnf.references import REFERENCES
from lso.vnf.subject import described
from testbed.images.recipes import recipe_of


@pytest.mark.parametrize("kind", REFERENCES)
def test_its_parts_agree_and_name_nothing_of_the_reference(lso: Any, tmp_path: Path, kind: str) -> None:
    ran = lso("vnf", "new", kind, "acme-one", "--folder", str(tmp_path / "products"))
    assert (ran.code, ran.err) == (0, "")
    folder = tmp_path / "products" / "acme-one"
    product = described(folder / "descriptor.yaml")
    assert (product.kind, product.node_type, product.image) == (kind, "lso.vnf.AcmeOne", "lso/vnf-acme-one")
    assert json.loads((folder / "product.json").read_text()) == {"kind": kind, "vendor": "acme-one", "version": "0.1.0"}
    dockerfile = (folder / "Dockerfile").read_text()
    assert f'lso.vnf.kind="{kind}" lso.vnf.vendor="acme-one" lso.vnf.version="0.1.0"' in dockerfile
    assert f"{REFERENCES[kind]}/" not in dockerfile
    for line in dockerfile.splitlines():
        for word in line.split() if line.startswith("COPY acme-one/") else ():
            assert not word.startswith("acme-one/") or (folder / word.partition("/")[2]).is_file()


def test_what_can_be_executed_stays_so_and_its_image_sees_what_products_share(lso: Any, tmp_path: Path) -> None:
    lso("vnf", "new", "ipsec", "acme", "--folder", str(tmp_path))
    assert (tmp_path / "acme" / "history").stat().st_mode & 0o100
    import tarfile

    with tarfile.open(fileobj=recipe_of(tmp_path / "acme").archive()) as tar:
        names = tar.getnames()
    assert {"common/apply", "contract/common.schema.json", "acme/Dockerfile", "acme/history"} <= set(names)
    assert not [name for name in names if name.startswith(("strongswan", "nftables"))]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Acme", "is no name for a product"),
        ("../acme", "is no name for a product"),
        ("a", "is no name for a product"),
        ("a" * 41, "is no name for a product"),
        ("nftables", "is a product of this checkout"),
        ("common", "or what products share"),
    ],
)
def test_names_that_cannot_be(lso: Any, tmp_path: Path, name: str, told: str) -> None:
    ran = lso("vnf", "new", "firewall", name, "--folder", str(tmp_path / "new"))
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_there_is_left_alone(lso: Any, tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    ran = lso("vnf", "new", "firewall", "acme", "--folder", str(tmp_path))
    assert (ran.code, ran.err) == (2, f"lso: {tmp_path / 'acme'} is there already: remove it or take another name\n")
    assert list((tmp_path / "acme").iterdir()) == []


def test_a_kind_that_is_none(lso: Any) -> None:
    ran = lso("vnf", "new", "router", "acme")
    assert ran.code == 2
    assert ran.err == "lso: there is no kind 'router'. Known: firewall, statistics, ipsec.\n"
