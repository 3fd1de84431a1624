"""Bundles that were packed anew, as whole as before, but with other files than those that were signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.bundles import attestation
from lso.bundles.archive import pack, unpack
from lso.bundles.errors import BundleError
from lso.bundles.keys import pem
from lso.bundles.verify import Verification, verify

Change = Callable[[Path], object]


def repacked(bundle: Path, tmp_path: Path, key: Ed25519PrivateKey, change: Change) -> Verification:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    unpack(bundle, folder)
    change(folder)
    contents = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    pack(contents, tmp_path / "again.zip")
    return verify(tmp_path / "again.zip", key.public_key())


CHANGES: dict[str, tuple[Change, str]] = {
    "another file": (
        lambda folder: (folder / "evidence" / "S-2" / "ping.txt").write_text("0 received"),
        "evidence/S-2/ping.txt was changed after it was signed",
    ),
    "a file less": (lambda folder: (folder / "junit.xml").unlink(), "junit.xml is missing"),
    "a file more": (lambda folder: (folder / "more.txt").write_text("x"), "more.txt was not signed"),
    "another key": (
        lambda folder: (folder / "public-key.pem").write_bytes(pem(Ed25519PrivateKey.generate().public_key())),
        "public-key.pem was changed after it was signed",
    ),
    "no key": (lambda folder: (folder / "public-key.pem").write_text("key"), "public-key.pem is no Ed25519 public key"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_files_than_those_that_were_signed(
    bundle: Path, tmp_path: Path, key: Ed25519PrivateKey, name: str
) -> None:
    change, words = CHANGES[name]
    found = repacked(bundle, tmp_path, key, change)
    assert (found.findings, found.steps, found.holds) == ((words,), (), False)


def test_as_it_was(bundle: Path, tmp_path: Path, key: Ed25519PrivateKey) -> None:
    assert repacked(bundle, tmp_path, key, lambda _folder: None).holds
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("name", ["attestation.dsse.json", "public-key.pem"])
def test_without_what_makes_it_a_bundle(bundle: Path, tmp_path: Path, key: Ed25519PrivateKey, name: str) -> None:
    with pytest.raises(BundleError, match=f"is no bundle: it has no {name}"):
        repacked(bundle, tmp_path, key, lambda folder: (folder / name).unlink())


def test_a_statement_about_another_run(bundle: Path, tmp_path: Path, key: Ed25519PrivateKey) -> None:
    def sign_again(folder: Path) -> None:
        file = folder / attestation.NAME
        statement = attestation.opened(file.read_bytes(), key.public_key())
        facts = {**statement.predicate, "verdict": "failed"}
        file.write_bytes(attestation.signed(statement.digests, facts, key))

    found = repacked(bundle, tmp_path, key, sign_again)
    assert found.findings == ("result.json is of another run than the signed statement",)
