from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from testbed.images import base_image
from testbed.images import recipes as recipes_module
from testbed.images.recipes import ON_DEMAND, UCPES, Recipe, products_on_demand, recipes, wanted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, content in {
        "testbed/images/ucpe/Dockerfile": "FROM $BASE",
        "testbed/images/ucpe/ucpe": "#!/bin/sh",
        "vnfs/contract/firewall.json": "{}",
        "vnfs/common/apply": "#!/bin/sh",
        "vnfs/alpha/Dockerfile": "FROM $BASE",
        "vnfs/alpha/engine": "a",
        "vnfs/alpha/descriptor.yaml": "x: 1",
        "vnfs/beta/Dockerfile": "FROM $BASE",
        "vnfs/beta/__pycache__/x.pyc": "z",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    return tmp_path


def digests(project: Path, base: str = "0") -> dict[str, str]:
    return {recipe.name: recipe.digest(base) for recipe in recipes(project)}


def test_every_product_has_a_recipe_with_what_it_may_copy(project: Path) -> None:
    found = {recipe.name: recipe for recipe in recipes(project)}
    assert list(found) == ["lso/ucpe", "lso/ucpe-debian-11", "lso/vnf-alpha", "lso/vnf-beta"]
    alpha = found["lso/vnf-alpha"]
    assert alpha.dockerfile == "alpha/Dockerfile"
    assert [str(path.relative_to(alpha.context)) for path in alpha.files] == [
        "common/apply",
        "contract/firewall.json",
        "alpha/Dockerfile",
        "alpha/engine",
    ]


@pytest.mark.parametrize(
    ("change", "rebuilt"),
    [
        pytest.param(("vnfs/alpha/engine", "b"), {"lso/vnf-alpha"}, id="own-file"),
        pytest.param(("vnfs/common/apply", "b"), {"lso/vnf-alpha", "lso/vnf-beta"}, id="shared-file"),
        pytest.param(("testbed/images/ucpe/ucpe", "b"), {"lso/ucpe", "lso/ucpe-debian-11"}, id="ucpe"),
        pytest.param(("vnfs/alpha/new", ""), {"lso/vnf-alpha"}, id="new-file"),
        pytest.param(("vnfs/alpha/descriptor.yaml", "x: 2"), set(), id="descriptor"),
    ],
)
def test_exactly_what_changed_is_built_again(project: Path, change: tuple[str, str], rebuilt: set[str]) -> None:
    before = digests(project)
    (project / change[0]).write_text(change[1])
    after = digests(project)
    assert {tag for tag in after if after[tag] != before[tag]} == rebuilt


def test_a_mode_and_the_base_count_too_but_time_does_not(project: Path) -> None:
    before = digests(project)
    engine = project / "vnfs/alpha/engine"
    os.utime(engine, (1, 1))
    assert digests(project) == before
    engine.chmod(0o755)
    assert digests(project)["lso/vnf-alpha"] != before["lso/vnf-alpha"]
    assert not set(digests(project, "1").values()) & set(before.values())


def test_makes_of_ucpe_are_the_same_files_on_other_releases(project: Path) -> None:
    first, second = recipes(project)[:2]
    assert first.files == second.files
    assert (first.base, second.base) == ("lso/base", "lso/base-debian-11")
    assert base_image.digest(first.base) != base_image.digest(second.base)
    assert {recipe.name for recipe in recipes(project)[:2]} == set(UCPES.values())
    assert set(ON_DEMAND) == {second.name, second.base}


def test_a_product_is_built_on_demand_if_it_says_so(project: Path) -> None:
    assert products_on_demand(project) == ()
    (project / "vnfs/beta/product.json").write_text('{"built": "on demand"}')
    assert products_on_demand(project) == ("beta",)


def test_what_is_on_demand_is_wanted_when_it_is_asked_for() -> None:
    asked, *others = products_on_demand()
    names = {f"lso/vnf-{product}" for product in (asked, *others)}
    assert recipes_module.digests().keys() - wanted() == {*ON_DEMAND, *names}
    assert wanted([asked]).keys() - wanted() == {f"lso/vnf-{asked}"}


def test_the_context_is_the_same_for_the_same_content(project: Path) -> None:
    def context() -> Recipe:
        return recipes(project)[2]

    first = context().archive().read()
    os.utime(project / "vnfs/alpha/engine", (1, 1))
    assert context().archive().read() == first
    with tarfile.open(fileobj=context().archive()) as tar:
        assert "alpha/Dockerfile" in tar.getnames()
        assert all(member.uid == 0 and member.mtime == 0 for member in tar)


def test_the_base_is_bootstrapped_slim_and_to_a_pipe() -> None:
    command = base_image.bootstrap_command("bookworm", ["deb http://m.example/debian bookworm main"])
    assert command[0] == "mmdebstrap"
    assert "--variant=minbase" in command
    assert command[command.index("bookworm") + 1] == "-"
    assert command[-1] == "deb http://m.example/debian bookworm main"
    assert "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg" in command, "Ubuntu's apt does not trust Debian"
    assert base_image.bootstrap_command("bookworm", [])[-2:] == ["bookworm", "-"], (
        "without any, mmdebstrap knows Debian's own"
    )
