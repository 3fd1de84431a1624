"""Ed25519 keys that bundles are signed with, as PEM files; a user's own is made once."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from lso.bundles.errors import BundleError

NAME, PUBLIC_NAME = "bundle-key.pem", "bundle-key.pub.pem"
_MADE_BY = "openssl genpkey -algorithm ed25519 -out key.pem"


def own_key() -> Ed25519PrivateKey:
    """Return the user's key; it is made when there is none, readable for the user alone, its public part beside it.

    Raises BundleError.
    """
    folder = state_folder()
    path = folder / NAME
    try:
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
        key = signing_key(path)
        (folder / PUBLIC_NAME).write_bytes(pem(key.public_key()))
    except OSError as error:
        raise BundleError(f"{error.filename or path}: {error.strerror}; or give a key by --key") from error
    return key


def state_folder() -> Path:
    """Return the folder for what programs keep of their own (XDG Base Directory Specification)."""
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if given.startswith("/") else Path("~/.local/state").expanduser()) / "lso-testbed"


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in the PEM file *path*; raises BundleError."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    except TypeError as error:
        raise BundleError(f"{path}: the key is encrypted; give one without a passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BundleError(f"{path} holds no private key; make one with: {_MADE_BY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f"{path} is no Ed25519 key; make one with: {_MADE_BY}")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in the PEM file *path*; raises BundleError."""
    try:
        return public_key_of(path.read_bytes())
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BundleError(f"{path} holds no Ed25519 public key in PEM") from error


def public_key_of(text: bytes) -> Ed25519PublicKey:
    """Return the public key in *text*; raises ValueError when it is none."""
    try:
        key = load_pem_public_key(text)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("the key is no Ed25519 key")
    return key


def pem(key: Ed25519PublicKey) -> bytes:
    """Return *key* as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of *key*'s SubjectPublicKeyInfo (RFC 5280) in hexadecimal."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _make(path: Path) -> None:
    """Make a key at *path*; who comes at the same time uses the same one."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.touch(mode=0o600, exist_ok=False)
    part.write_bytes(text)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
