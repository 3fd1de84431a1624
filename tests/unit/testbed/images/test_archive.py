"""Image archives of others: the one image in it, by a name of ours, and nothing that leads elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.images import archive
from testbed.images.archive import ArchiveError, opened, rewrite

CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "config": {"Labels": {"lso.vnf.kind": "firewall", "lso.vnf.vendor": "acme"}},
}
FILES: dict[str, bytes] = {
    "abc/layer.tar": b"layer one",
    "def/layer.tar": b"layer two",
    "config.json": json.dumps(CONFIG).encode(),
    "manifest.json": json.dumps(
        [{"Config": "config.json", "RepoTags": ["lso/ucpe:latest"], "Layers": ["abc/layer.tar", "def/layer.tar"]}]
    ).encode(),
    "repositories": b'{"lso/ucpe": {"latest": "abc"}}',
}
Change = Callable[[tarfile.TarFile], None]


def made(path: Path, files: dict[str, bytes], change: Change | None = None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if change:
            change(tar)
    return path


def written(path: Path) -> dict[str, bytes]:
    target = io.BytesIO()
    digest = rewrite(path, target, "lso/vnf-acme:archive")
    assert digest == hashlib.sha256(target.getvalue()).hexdigest()
    target.seek(0)
    with tarfile.open(fileobj=target) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_what_the_engine_gets_has_our_name_alone(tmp_path: Path) -> None:
    found = written(made(tmp_path / "a.tar", FILES))
    config = f"{hashlib.sha256(FILES['config.json']).hexdigest()}.json"
    assert found.keys() == {"manifest.json", config, "000/layer.tar", "001/layer.tar"}
    (entry,) = json.loads(found["manifest.json"])
    assert entry == {
        "Config": config,
        "RepoTags": ["lso/vnf-acme:archive"],
        "Layers": ["000/layer.tar", "001/layer.tar"],
    }
    assert (found["000/layer.tar"], found["001/layer.tar"]) == (b"layer one", b"layer two")
    assert found[config] == FILES["config.json"]


def test_a_compressed_one_says_the_same(tmp_path: Path) -> None:
    plain = made(tmp_path / "a.tar", FILES)
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with opened(packed) as (_, image):
        assert (image.labels, image.system) == (CONFIG["config"]["Labels"], "linux/amd64")  # type: ignore[index]
    assert written(packed) == written(plain)


def test_a_layer_may_be_a_link_to_another_one(tmp_path: Path) -> None:
    def link(tar: tarfile.TarFile) -> None:
        member = tarfile.TarInfo("def/layer.tar")
        member.type, member.linkname = tarfile.SYMTYPE, "../abc/layer.tar"
        tar.addfile(member)

    files = {name: content for name, content in FILES.items() if name != "def/layer.tar"}
    found = written(made(tmp_path / "a.tar", files, link))
    assert found["001/layer.tar"] == b"layer one"


def member(name: str, **fields: Any) -> Change:
    def add(tar: tarfile.TarFile) -> None:
        made = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(made, field, value)
        tar.fileobj.write(made.tobuf())  # a header may claim what does not follow

    return add


def manifest(*entries: Any) -> dict[str, bytes]:
    return {**FILES, "manifest.json": json.dumps(entries).encode()}


ENTRY = json.loads(FILES["manifest.json"])[0]
LINK = {"type": tarfile.SYMTYPE}


@pytest.mark.parametrize(
    ("files", "change", "told"),
    [
        ({}, None, "it lacks manifest.json"),
        (FILES, member("../../etc/cron.d/x"), "'../../etc/cron.d/x' leads out of the archive"),
        (FILES, member("/etc/passwd"), "'/etc/passwd' leads out of the archive"),
        (FILES, member("config.json"), "'config.json' is in it twice"),
        (FILES, member("x", type=tarfile.BLKTYPE), "'x' is neither a file nor a folder"),
        (FILES, member("x", size=archive.LARGEST + 1), "it is larger than 4 GiB unpacked"),
        (manifest(ENTRY, ENTRY), None, "it holds 2 images, not one: docker save them one by one"),
        (manifest(), None, "it holds 0 images, not one"),
        (manifest(7), None, "manifest.json is no list of images"),
        (manifest({**ENTRY, "Layers": []}), None, "it has 0 layers, not 1 to 127"),
        (manifest({**ENTRY, "Layers": ["abc/layer.tar"] * 128}), None, "it has 128 layers"),
        (manifest({**ENTRY, "Layers": [7]}), None, "does not say where configuration and layers are"),
        (manifest({**ENTRY, "Layers": ["../../etc/shadow"]}), None, "it lacks ../../etc/shadow"),
        (manifest({**ENTRY, "Config": "x"}), member("x", **LINK, linkname="/etc/shadow"), "it lacks /etc/shadow"),
        (manifest({**ENTRY, "Config": "x"}), member("x", **LINK, linkname="x"), "is a link that leads nowhere"),
        ({**FILES, "config.json": b"{}"}, None, "config.json is no configuration of an image"),
        ({**FILES, "config.json": b'{"config": {"Labels": {"a": 1}}}'}, None, "is no configuration of an image"),
        ({**FILES, "config.json": b"{"}, None, "config.json is no JSON"),
        ({**FILES, "config.json": b"[" * 100_000}, None, "config.json is no JSON"),
        ({**FILES, "config.json": b" " * (archive.DOCUMENT + 1)}, None, "is no file of at most 4 MiB"),
        ({**{f"f{n}": b"" for n in range(archive.MEMBERS)}, **FILES}, None, "it has more than 2000 files"),
    ],
)
def test_what_is_no_archive_of_one_image(
    tmp_path: Path, files: dict[str, bytes], change: Change | None, told: str
) -> None:
    path = made(tmp_path / "a.tar", files, change)
    with pytest.raises(ArchiveError) as refused, opened(path):
        pass
    assert told in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b\x08\x00broken", b"\0" * 10240])
def test_what_is_no_tar_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(ArchiveError), opened(tmp_path / "a.tar"):
        pass


def test_one_that_was_cut_off(tmp_path: Path) -> None:
    whole = made(tmp_path / "a.tar", {"abc/layer.tar": bytes(5000), **FILES}).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:3000])
    with pytest.raises(ArchiveError):
        written(tmp_path / "a.tar")
