"""What goes into a catalogue and what does not; what others find there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from common.product_folder import products_in
from lso.vnf.new import create
from testbed.images.recipes import ImageArchive, Recipe, image_of


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A catalogue with one product that builds, as `lso vnf add` leaves it."""
    create("firewall", "acme", tmp_path / "catalogue")
    return tmp_path / "catalogue"


def test_products_of_a_catalogue_are_listed_with_ours(lso: Any, catalogue: Path) -> None:
    (catalogue / ".new-1" / "half").mkdir(parents=True)
    (catalogue / ".new-1" / "descriptor.yaml").touch()
    ran = lso("vnf", "list", "--json", LSO_CATALOGUE=str(catalogue))
    found = {row["name"]: row for row in json.loads(ran.out)}
    assert {"nftables", "acme"} <= found.keys()
    assert found["acme"] == {
        "name": "acme",
        "kind": "firewall",
        "vendor": "acme",
        "version": "0.1.0",
        "folder": str(catalogue / "acme"),
    }
    assert "acme" in lso("vnf", "list", LSO_CATALOGUE=str(catalogue)).out
    assert "acme" not in lso("vnf", "list").out


def test_a_scenario_may_name_a_product_of_the_catalogue(lso: Any, catalogue: Path, tmp_path: Path) -> None:
    text = Path("scenarios/poc-two-sites/scenario.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(f"products: {{site-a: {{firewall: acme}}}}\n{text}", encoding="utf-8")
    ran = lso("validate", str(tmp_path / "mine.yaml"), LSO_CATALOGUE=str(catalogue))
    assert (ran.code, ran.out) == (0, "no findings\n"), ran.err
    without = lso("validate", str(tmp_path / "mine.yaml"))
    assert without.code == 2
    assert "there is no product acme" in without.err


def test_an_image_comes_from_a_recipe_or_from_an_archive(catalogue: Path) -> None:
    (folder,) = products_in(catalogue)
    built = image_of(folder)
    assert isinstance(built, Recipe)
    (folder / "image-abc.tar").touch()
    loaded = image_of(folder)
    assert (loaded, loaded.name) == (ImageArchive("lso/vnf-acme", folder / "image-abc.tar"), built.name)
    (folder / "image-abc.tar").rename(folder / "image-def.tar")
    assert image_of(folder).digest("") != loaded.digest("")


def link(folder: Path) -> None:
    (folder / "shadow").symlink_to("/etc/shadow")


def large(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(257 << 20)


@pytest.mark.parametrize(
    ("change", "told"), [(link, "a catalogue takes no links"), (large, "more than 256 MiB in them")]
)
def test_a_folder_beyond_the_bounds(lso: Any, tmp_path: Path, catalogue: Path, change: Any, told: str) -> None:
    folder = create("firewall", "second", tmp_path)
    change(folder)
    ran = lso("vnf", "add", str(folder), "--catalogue", str(catalogue))
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert [path.name for path in catalogue.iterdir()] == ["acme"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none"], "none: there is no such folder or file"),
        (["."], "it has neither a Dockerfile nor one image archive"),
        (["file.tar", "--name", "Acme"], "'Acme' is no name for a product"),
        (["file.tar", "--name", "nftables"], "'nftables' is a product of this checkout"),
        (["file.tar", "--name", "acme"], "already: --replace takes its place, --name is another one"),
        (["file.tar"], "file.tar: it is no whole archive of docker save"),
    ],
)
def test_what_cannot_be_added(
    lso: Any, tmp_path: Path, catalogue: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    if arguments[0] != ".":
        Path("file.tar").write_bytes(b"no tar")
    ran = lso("vnf", "add", *arguments, "--catalogue", str(catalogue))
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert [path.name for path in catalogue.iterdir()] == ["acme"]
