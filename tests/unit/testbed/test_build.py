from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from testbed import baseimage
from testbed.build import Recipe, recipes


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, content in {
        "testbed/images/ucpe/Dockerfile": "FROM lso/base",
        "testbed/images/ucpe/ucpe": "#!/bin/sh",
        "vnfs/contract/firewall.json": "{}",
        "vnfs/common/apply": "#!/bin/sh",
        "vnfs/alpha/Dockerfile": "FROM lso/base",
        "vnfs/alpha/engine": "a",
        "vnfs/alpha/descriptor.yaml": "x: 1",
        "vnfs/beta/Dockerfile": "FROM lso/base",
        "vnfs/beta/__pycache__/x.pyc": "z",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    return tmp_path


def digests(project: Path, base: str = "0") -> dict[str, str]:
    return {recipe.tag: recipe.digest(base) for recipe in recipes(project)}


def test_every_product_has_a_recipe_with_what_it_may_copy(project: Path) -> None:
    found = {recipe.tag: recipe for recipe in recipes(project)}
    assert list(found) == ["lso/ucpe", "lso/vnf-alpha", "lso/vnf-beta"]
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
        pytest.param(("testbed/images/ucpe/ucpe", "b"), {"lso/ucpe"}, id="ucpe"),
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


def test_the_context_is_the_same_for_the_same_content(project: Path) -> None:
    def context() -> Recipe:
        return recipes(project)[1]

    first = context().archive().read()
    os.utime(project / "vnfs/alpha/engine", (1, 1))
    assert context().archive().read() == first
    with tarfile.open(fileobj=context().archive()) as tar:
        assert "alpha/Dockerfile" in tar.getnames()
        assert all(member.uid == 0 and member.mtime == 0 for member in tar)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, (baseimage.MIRROR, baseimage.SECURITY)),
        (
            {"sources.list": "deb http://near.example/debian/ bookworm main\n"},
            ("http://near.example/debian", baseimage.SECURITY),
        ),
        (
            {
                "sources.list": "# deb http://old.example/debian bookworm main\n",
                "sources.list.d/debian.sources": "URIs: https://a.example/debian\nURIs: https://a.example/debian-security\n",
                "sources.list.d/other.list": "deb https://vendor.example/apt stable main\n",
            },
            ("https://a.example/debian", "https://a.example/debian-security"),
        ),
    ],
)
def test_the_machines_own_mirrors_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: tuple[str, str]
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian"})
    (tmp_path / "sources.list.d").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert baseimage.mirrors(tmp_path) == expected


def test_another_distribution_gets_debians_mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "ubuntu"})
    (tmp_path / "sources.list").write_text("deb http://near.example/debian bookworm main\n")
    assert baseimage.mirrors(tmp_path) == (baseimage.MIRROR, baseimage.SECURITY)


def test_the_base_is_bootstrapped_slim_and_to_a_pipe() -> None:
    command = baseimage.bootstrap_command("http://m/debian", "http://m/debian-security")
    assert command[0] == "mmdebstrap"
    assert "--variant=minbase" in command
    assert command[command.index("bookworm") + 1] == "-"
    assert "deb http://m/debian-security bookworm-security main" in command
