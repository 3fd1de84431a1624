"""Archives that are not in the form of a bundle: nothing of them is written outside of the folder, all are refused."""

from __future__ import annotations

import resource
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lso.bundles import archive
from lso.bundles.archive import pack, unpack
from lso.bundles.errors import Altered, BundleError


def packed(tmp_path: Path, texts: dict[str, str]) -> Path:
    contents = {}
    for number, (name, text) in enumerate(texts.items()):
        contents[name] = tmp_path / f"source-{number}"
        contents[name].write_text(text)
    pack(contents, tmp_path / "packed.zip")
    return tmp_path / "packed.zip"


def unpacked(file: Path, tmp_path: Path) -> list[str]:
    folder = tmp_path / "inside" / "bundle"
    folder.mkdir(parents=True)
    return unpack(file, folder)


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    texts = {"b/c.txt": "two", "a.txt": "", "b/ä ö.txt": "three" * 1000}
    assert unpacked(packed(tmp_path, texts), tmp_path) == sorted(texts)
    for name, text in texts.items():
        assert (tmp_path / "inside" / "bundle" / name).read_text() == text


def test_it_is_the_same_file_whenever_it_is_packed(tmp_path: Path) -> None:
    first = packed(tmp_path, {"b": "1", "a": "2"}).read_bytes()
    assert packed(tmp_path, {"a": "2", "b": "1"}).read_bytes() == first
    assert (tmp_path / "packed.zip").stat().st_mode & 0o777 == 0o644


def test_a_place_without_room_is_no_fault_of_the_archive(tmp_path: Path) -> None:
    file = packed(tmp_path, {"a": "text" * 1000})
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, former[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            unpacked(file, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_other_programs_read_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(packed(tmp_path, {"a/b": "text"})) as found:
        assert found.testzip() is None
        assert found.read("a/b") == b"text"


def member(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system, info.external_attr = 3, mode << 16
    return info


Fill = Callable[[zipfile.ZipFile], None]


def naming(*names: str) -> Fill:
    def fill(target: zipfile.ZipFile) -> None:
        for name in names:
            target.writestr(member(name), "x")

    return fill


def a_link(target: zipfile.ZipFile) -> None:
    target.writestr(member("link", stat.S_IFLNK | 0o777), "/etc/passwd")


def a_bomb(target: zipfile.ZipFile) -> None:
    target.writestr(member("zeros"), bytes(10 << 20), zipfile.ZIP_DEFLATED)


def a_comment(target: zipfile.ZipFile) -> None:
    target.writestr(member("a"), "x")
    target.comment = b"signed by nobody"


def another_date(target: zipfile.ZipFile) -> None:
    target.writestr("a", "x")


WRONG: dict[str, tuple[Fill, str]] = {
    "up": (naming("../outside.txt"), "no path inside a bundle"),
    "deep-up": (naming("a/../../outside.txt"), "no path inside a bundle"),
    "absolute": (naming("/tmp/outside.txt"), "no path inside a bundle"),  # noqa: S108
    "here": (naming("./a"), "no path inside a bundle"),
    "folder": (naming("a/"), "no path inside a bundle"),
    "double-slash": (naming("a//b"), "no path inside a bundle"),
    "backslash": (naming("..\\outside.txt"), "no name for a file"),
    "line": (naming("a\nb"), "no name for a file"),
    "long": (naming("a" * 401), "no name for a file"),
    "nothing": (naming(""), "no path inside a bundle"),
    "file-and-folder": (naming("a", "a/b"), "'a' is a file and a folder"),
    "link": (a_link, "'link' is no plain file"),
    "bomb": (a_bomb, "'zeros' is compressed"),
    "comment": (a_comment, "changed outside of the files"),
    "date": (another_date, "changed outside of the files"),
    "order": (naming("b", "a"), "changed outside of the files"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_form_of_a_bundle(tmp_path: Path, name: str) -> None:
    fill, words = WRONG[name]
    file = tmp_path / "wrong.zip"
    with zipfile.ZipFile(file, "w") as target:
        fill(target)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(Altered, match=words):
        unpacked(file, tmp_path)
    outside = {path for path in tmp_path.rglob("*") if path.is_file() and "bundle" not in path.parts}
    assert outside - before <= {tmp_path / "inside" / "bundle.zip"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name(tmp_path: Path) -> None:
    file = tmp_path / "twice.zip"
    with zipfile.ZipFile(file, "w") as target:
        naming("a", "a")(target)
    with pytest.raises(Altered, match="'a' is there twice"):
        unpacked(file, tmp_path)


@pytest.mark.parametrize("where", ["before", "between", "behind"])
def test_octets_that_belong_to_no_file(tmp_path: Path, where: str) -> None:
    file = packed(tmp_path, {"a": "text", "b": "text"})
    content = file.read_bytes()
    place = {"before": 0, "between": content.rindex(b"PK\x03\x04"), "behind": len(content)}[where]
    file.write_bytes(content[:place] + b"more" + content[place:])
    with pytest.raises((Altered, BundleError)):
        unpacked(file, tmp_path)


def test_sizes_that_are_said_to_be_larger_than_the_file(tmp_path: Path) -> None:
    file = packed(tmp_path, {"a": "text"})
    content = bytearray(file.read_bytes())
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<II", content, entry + 20, 1 << 30, 1 << 30)
    file.write_bytes(content)
    with pytest.raises(Altered, match="larger than the archive"):
        unpacked(file, tmp_path)


def test_more_than_a_bundle_may_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = packed(tmp_path, {"a": "text", "b": "text"})
    monkeypatch.setattr(archive, "MAX_BYTES", 7)
    monkeypatch.setattr(archive, "MAX_FILES", 1)
    with pytest.raises(Altered, match=r"2 files are more .*; 8 octets are more"):
        unpacked(file, tmp_path)
    with pytest.raises(BundleError, match="8 octets are more"):
        pack({"a": tmp_path / "source-0", "b": tmp_path / "source-1"}, tmp_path / "again.zip")


@pytest.mark.parametrize("content", [b"", b"text", bytes(100), b"PK\x05\x06" + b"\xff" * 18], ids=range(4))
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "none.zip").write_bytes(content)
    with pytest.raises(BundleError, match="cannot be read as a ZIP archive"):
        unpacked(tmp_path / "none.zip", tmp_path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.zip cannot be read as a ZIP archive: No such file"):
        unpacked(tmp_path / "none.zip", tmp_path)
