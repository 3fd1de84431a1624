"""Any changed octet of a bundle is found: in its files, in the attestation, in what the archive has around them."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.bundles.attestation import NAME
from lso.bundles.errors import BundleError
from lso.bundles.verify import verify

SEED, CHANGES = 20_260_101, 200


def found(file: Path, content: bytes, key: Ed25519PrivateKey) -> bool:
    file.write_bytes(content)
    try:
        return not verify(file, key.public_key()).holds
    except BundleError:
        return True


def changed(content: bytes, place: int, source: random.Random) -> bytes:
    return content[:place] + bytes([content[place] ^ source.randrange(1, 256)]) + content[place + 1 :]


def around_files(content: bytes, bundle: Path) -> list[int]:
    """The places of the archive's own octets."""
    with zipfile.ZipFile(bundle) as archive:
        inside = {
            place
            for member in archive.infolist()
            for start in [member.header_offset + 30 + len(member.filename.encode())]
            for place in range(start, start + member.file_size)
        }
    return [place for place in range(len(content)) if place not in inside]


def of_file(bundle: Path, name: str) -> list[int]:
    with zipfile.ZipFile(bundle) as archive:
        member = archive.getinfo(name)
    start = member.header_offset + 30 + len(name.encode())
    return list(range(start, start + member.file_size))


def test_it_holds_as_it_is(bundle: Path, key: Ed25519PrivateKey) -> None:
    assert verify(bundle, key.public_key()).holds


@pytest.mark.parametrize("where", ["anywhere", "around the files", "in the attestation"])
def test_every_changed_octet_is_found(bundle: Path, key: Ed25519PrivateKey, tmp_path: Path, where: str) -> None:
    content, source = bundle.read_bytes(), random.Random(f"{SEED} {where}")  # noqa: S311  (the same ones each time)
    places = {
        "anywhere": lambda: list(range(len(content))),
        "around the files": lambda: around_files(content, bundle),
        "in the attestation": lambda: of_file(bundle, NAME),
    }[where]()
    missed = [
        place
        for place in source.sample(places, CHANGES)
        if not found(tmp_path / "changed.zip", changed(content, place, source), key)
    ]
    assert missed == []


def test_every_shortened_bundle_is_found(bundle: Path, key: Ed25519PrivateKey, tmp_path: Path) -> None:
    content, source = bundle.read_bytes(), random.Random(SEED)  # noqa: S311  (as above)
    for length in [0, 1, len(content) - 1, *source.sample(range(len(content)), 20)]:
        assert found(tmp_path / "short.zip", content[:length], key), length
