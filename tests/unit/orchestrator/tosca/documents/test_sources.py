"""Imports stay inside the folders that may be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.tosca import Catalogue, validate
from orchestrator.tosca.documents.report import Report
from orchestrator.tosca.documents.sources import MAX_FILES, Root, read_sources

HEAD = "tosca_definitions_version: tosca_simple_yaml_1_3\n"


def read(folder: Path, name: str = "main.yaml") -> tuple[list[str], list[str]]:
    report = Report()
    sources = read_sources(folder / name, (Root.of("here", folder),), report)
    return [document.name for document in sources.documents], [finding.message for finding in report.findings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    return inside


def importing(*names: str) -> str:
    return HEAD + "imports:\n" + "".join(f"  - {name}\n" for name in names)


def test_circles_and_repetitions_are_read_once(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "main.yaml").write_text(importing("sub/a.yaml", "b.yaml"))
    (folder / "sub/a.yaml").write_text(importing("../b.yaml", "a.yaml"))
    (folder / "b.yaml").write_text(importing("main.yaml", "./sub/../sub/a.yaml"))
    names, messages = read(folder)
    assert names == ["here/main.yaml", "here/sub/a.yaml", "here/b.yaml"]
    assert messages == []


@pytest.mark.parametrize(
    "name", ["../secret.yaml", "link.yaml", "folder/secret.yaml", "../inside/../secret.yaml", "loop.yaml", "x" * 300]
)
def test_nothing_outside_is_read(folder: Path, name: str) -> None:
    (folder / "link.yaml").symlink_to(folder.parent / "secret.yaml")
    (folder / "folder").symlink_to(folder.parent)
    (folder / "loop.yaml").symlink_to(folder / "loop.yaml")
    (folder / "main.yaml").write_text(importing(name))
    names, messages = read(folder)
    assert names == ["here/main.yaml"]
    assert messages == [f"{name} is not a file in a folder that may be read"]


def test_what_exists_outside_and_what_does_not_read_the_same(folder: Path) -> None:
    (folder / "main.yaml").write_text(importing("../secret.yaml", "../absent.yaml"))
    _names, messages = read(folder)
    assert messages[0].replace("secret", "absent") == messages[1]


def test_a_template_that_is_a_link_to_the_outside_is_refused(folder: Path) -> None:
    (folder / "main.yaml").symlink_to(folder.parent / "secret.yaml")
    assert read(folder) == ([], ["the file is outside the folders that may be read"])


def test_pipes_are_not_opened(folder: Path) -> None:
    import os

    os.mkfifo(folder / "pipe.yaml")
    (folder / "main.yaml").write_text(importing("pipe.yaml"))
    assert read(folder)[1] == ["pipe.yaml is not a file in a folder that may be read"]


def test_number_of_files_is_limited(folder: Path) -> None:
    for number in range(MAX_FILES + 5):
        (folder / f"{number}.yaml").write_text(HEAD)
    (folder / "main.yaml").write_text(importing(*(f"{number}.yaml" for number in range(MAX_FILES + 5))))
    names, messages = read(folder)
    assert len(names) == MAX_FILES
    assert set(messages) == {f"more than {MAX_FILES} files are imported"}


def test_a_type_found_in_two_files_is_reported(folder: Path) -> None:
    types = "node_types:\n  test.A: { derived_from: tosca.nodes.Root }\n"
    (folder / "a.yaml").write_text(HEAD + types)
    (folder / "b.yaml").write_text(HEAD + types)
    (folder / "main.yaml").write_text(importing("a.yaml", "b.yaml") + "topology_template: {}\n")
    assert "test.A is defined a second time" in {finding.message for finding in validate(folder / "main.yaml")}


def test_folders_come_before_the_packages_own(folder: Path) -> None:
    (folder / "poc-site.yaml").write_text("a: 1\n")
    catalogue = Catalogue([folder])
    assert catalogue.template("poc-site").findings
    assert not Catalogue().template("poc-site").findings
    assert catalogue.names() == Catalogue().names()


def test_further_folders_of_vnfs_can_be_imported_from(folder: Path) -> None:
    vnfs = folder.parent / "ours"
    vnfs.mkdir()
    (vnfs / "descriptor.yaml").write_text(
        importing("lso_types.yaml")
        + """
node_types:
  ours.Firewall:
    derived_from: lso.nodes.vnf.Firewall
    artifacts: { image: { type: lso.artifacts.ContainerImage, file: "ours/firewall:2.1" } }
"""
    )
    (folder / "site.yaml").write_text(
        importing("descriptor.yaml")
        + """
topology_template:
  node_templates:
    lan: { type: lso.nodes.LanPort, requirements: [next: firewall] }
    firewall: { type: ours.Firewall, requirements: [next: wan] }
    wan: { type: lso.nodes.WanPort }
"""
    )
    site = Catalogue([folder], [vnfs]).compile("site", {})
    assert [(vnf.node_type, vnf.image) for vnf in site.vnfs] == [("ours.Firewall", "ours/firewall:2.1")]


def test_a_file_that_is_not_there_is_a_finding(folder: Path) -> None:
    assert [str(finding) for finding in validate(folder / "poc-site.yaml")] == [
        f"{folder}/poc-site.yaml:1:1: cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize("given", ["main.yaml", "./main.yaml", "../inside/main.yaml", "sub/../main.yaml", "link.yaml"])
def test_findings_have_the_path_that_was_given(folder: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sub").mkdir()
    (folder / "main.yaml").write_text(importing("absent.yaml", "sub/part.yaml") + "topology_template: 1\n")
    (folder / "sub/part.yaml").write_text(HEAD + "topology: 1\n")
    (folder / "link.yaml").symlink_to("main.yaml")
    monkeypatch.chdir(folder)
    findings = validate(Path(given))
    files = {finding.file for finding in findings}
    assert files == {str(Path(given)), str(Path(given).parent / "sub/part.yaml")}
    hints = [finding.hint for finding in findings if finding.hint and finding.hint.startswith("folders: ")]
    assert hints == [f"folders: {Path(given).parent}, templates, types, vnfs, catalogue"]


def test_a_descriptor_of_a_vnf_is_told_by_its_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "vnfs/acmefw").mkdir(parents=True)
    (folder / "vnfs/acmefw/descriptor.yaml").write_text(HEAD)
    monkeypatch.chdir(folder)
    assert {finding.file for finding in validate(Path("vnfs/acmefw/descriptor.yaml"))} == {
        "vnfs/acmefw/descriptor.yaml"
    }
