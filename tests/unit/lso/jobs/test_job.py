"""A worker's bundle becomes a folder with the bundle beside it, or nothing is left of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lso.bundles.archive import pack
from lso.bundles.errors import Altered, BundleError
from lso.jobs.job import JobResult, unpacked


def test_a_bundle_is_unpacked_and_kept_beside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one", encoding="utf-8")
    pack({"a.txt": tmp_path / "text"}, tmp_path / "sent.zip")
    sent = (tmp_path / "sent.zip").read_bytes()
    bundle = unpacked(JobResult(sent, "", "m", 1.0), tmp_path / "run")
    assert bundle == tmp_path / "run.bundle"
    assert bundle.read_bytes() == sent
    assert (tmp_path / "run" / "a.txt").read_text(encoding="utf-8") == "one"


@pytest.mark.parametrize("sent", [b"", b"this is no archive"])
def test_nothing_is_left_of_what_is_no_bundle(sent: bytes, tmp_path: Path) -> None:
    with pytest.raises((Altered, BundleError)):
        unpacked(JobResult(sent, "", "m", 1.0), tmp_path / "run")
    assert not list(tmp_path.iterdir())
