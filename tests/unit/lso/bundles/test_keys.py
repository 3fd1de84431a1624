from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lso.bundles.errors import BundleError
from lso.bundles.keys import fingerprint, own_key, pem, public_key, signing_key


def test_a_key_of_ones_own_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = own_key()
    folder = tmp_path / "state" / "lso-testbed"
    assert fingerprint(own_key().public_key()) == fingerprint(key.public_key())
    assert stat.S_IMODE((folder / "bundle-key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert fingerprint(public_key(folder / "bundle-key.pub.pem")) == fingerprint(key.public_key())
    assert {file.name for file in folder.iterdir()} == {"bundle-key.pem", "bundle-key.pub.pem"}


def test_without_xdg_it_is_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    own_key()
    assert (tmp_path / ".local" / "state" / "lso-testbed" / "bundle-key.pem").exists()


def test_the_fingerprint_is_that_of_openssl(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate().public_key()
    file = tmp_path / "key.pem"
    file.write_bytes(pem(key))
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", file, "-outform", "DER"], capture_output=True, check=True
    ).stdout
    digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True).stdout.decode().split()[0]
    assert fingerprint(key) == digest


def private(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


OTHER = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no private key; make one with: openssl genpkey"),
        (b"\xff" * 40, "holds no private key"),
        (pem(Ed25519PrivateKey.generate().public_key()), "holds no private key"),
        (private(OTHER), "is no Ed25519 key; make one with"),
        (private(Ed25519PrivateKey.generate(), b"word"), "the key is encrypted"),
        (None, "No such file"),
    ],
    ids=["empty", "binary", "public", "ecdsa", "encrypted", "missing"],
)
def test_keys_that_cannot_sign(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(BundleError, match=words):
        signing_key(tmp_path / "key.pem")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        private(Ed25519PrivateKey.generate()),
        OTHER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["empty", "private", "ecdsa"],
)
def test_keys_that_verify_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(BundleError, match="holds no Ed25519 public key in PEM"):
        public_key(tmp_path / "key.pem")
