"""Make a bundle of a run's folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lso.bundles import attestation
from lso.bundles.archive import pack
from lso.bundles.derived import derived
from lso.bundles.errors import BundleError
from lso.bundles.facts import facts
from lso.bundles.keys import fingerprint, pem
from reports.model import RunResult
from reports.read import RESULT_NAME, ReportError, load_run
from reports.write import FOLDERS, INPUTS, TROUBLE_NAME
from scenarios.load import FILE_NAME as SCENARIO_NAME

PUBLIC_KEY_NAME = "public-key.pem"


@dataclass(frozen=True)
class Created:
    """A bundle that was made: its *file*, how many *files* are in it, and the *fingerprint* of the key."""

    file: Path
    files: int
    fingerprint: str


def create(run: Path, target: Path, key: Ed25519PrivateKey) -> Created:
    """Make the bundle *target* of the run's folder *run*, signed with *key*.

    Raises BundleError when the folder is not one that a run has written whole, or *target* cannot be written.
    """
    try:
        result = load_run(run)
    except ReportError as error:
        raise BundleError(str(error)) from error
    contents = dict(_files(run))
    if f"{INPUTS}/{SCENARIO_NAME}" not in contents:
        raise BundleError(f"{run} has no {INPUTS}/{SCENARIO_NAME}: an older version wrote it; run it again")
    with tempfile.TemporaryDirectory(prefix="lso-bundle-") as scratch:
        try:
            contents |= _added(Path(scratch), result, contents, key)
            pack(contents, target)
        except OSError as error:
            raise BundleError(f"{error.filename or target}: {error.strerror or error}") from error
    return Created(target, len(contents), fingerprint(key.public_key()))


def _files(run: Path) -> Iterator[tuple[str, Path]]:
    """Yield what a run wrote into its folder, by the names in the bundle."""
    found = [run / name for name in (RESULT_NAME, TROUBLE_NAME)]
    for folder in FOLDERS:
        found += (run / folder).rglob("*")
    for path in found:
        if path.is_symlink():
            raise BundleError(f"{path} is a link: a bundle has files only")
        if path.is_file():
            yield path.relative_to(run).as_posix(), path


def _added(folder: Path, result: RunResult, contents: Mapping[str, Path], key: Ed25519PrivateKey) -> dict[str, Path]:
    """Write what the bundle has beside the run's own files, the attestation of all last."""
    public = key.public_key()
    texts = {PUBLIC_KEY_NAME: pem(public), **derived(result, contents, fingerprint(public))}
    added = {name: _kept(folder / name, text) for name, text in texts.items()}
    digests = {name: sha256(path) for name, path in {**contents, **added}.items()}
    envelope = attestation.signed(digests, facts(result), key)
    return {**added, attestation.NAME: _kept(folder / attestation.NAME, envelope)}


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file *path* in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _kept(path: Path, text: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    return path
