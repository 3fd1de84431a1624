"""Verify a bundle: its signature and every octet of it, then every verdict from the evidence, offline."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lso.bundles import attestation
from lso.bundles.archive import unpack
from lso.bundles.create import PUBLIC_KEY_NAME, sha256
from lso.bundles.derived import derived
from lso.bundles.errors import Altered, BundleError
from lso.bundles.facts import facts
from lso.bundles.keys import fingerprint, public_key_of
from lso.bundles.ordered import other_order
from lso.bundles.rejudge import Rejudged, rejudge
from lso.bundles.scenario import Expected, expected_steps, mismatches, not_run, scenario_of
from lso.bundles.times import impossible_times
from reports.model import RunResult
from reports.read import RESULT_NAME, ReportError, load_run

PRODUCT = "lso-testbed"


@dataclass(frozen=True)
class Verification:
    """What was found: the *findings* are about the bundle as a whole, those of its *steps* are with them.

    *signed_by* is the fingerprint of the key in the bundle, *known* whether that is the key that was asked for. Steps
    are judged only in a bundle that is as it was signed.
    """

    signed_by: str
    known: bool
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    run: RunResult | None = None
    steps: tuple[Rejudged, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.findings and not any(step.differences for step in self.steps)


def verify(file: Path, key: Ed25519PublicKey | None) -> Verification:
    """Return what is wrong with the bundle *file*, which *key* has to have signed; any key may have when that is None.

    Raises BundleError when the file is no bundle. Its octets are unpacked into a temporary folder and nowhere else.
    """
    with tempfile.TemporaryDirectory(prefix="lso-bundle-") as scratch:
        folder = Path(scratch) / "bundle"
        folder.mkdir()
        seen = Verification(signed_by="", known=False)
        try:
            names = dict.fromkeys(unpack(file, folder))  # in order, and quick to look up
            own = _own_key(folder, names, file)
            seen = replace(seen, signed_by=fingerprint(own), known=key is not None)
            result = _intact(folder, names, key or own)
        except Altered as altered:
            return replace(seen, known=False, findings=altered.findings)
        return _judged(replace(seen, run=result), folder, names, result)


def _own_key(folder: Path, names: Collection[str], file: Path) -> Ed25519PublicKey:
    for name in (attestation.NAME, PUBLIC_KEY_NAME):
        if name not in names:
            raise BundleError(f"{file} is no bundle: it has no {name}")
    try:
        return public_key_of((folder / PUBLIC_KEY_NAME).read_bytes())
    except ValueError as error:
        raise Altered(f"{PUBLIC_KEY_NAME} is no Ed25519 public key") from error


def _intact(folder: Path, names: Collection[str], key: Ed25519PublicKey) -> RunResult:
    """Return the result in the bundle; raises Altered unless every file is the one that *key* signed."""
    statement = attestation.opened((folder / attestation.NAME).read_bytes(), key)
    if findings := list(_other_files(folder, set(names) - {attestation.NAME}, statement.digests)):
        raise Altered(*findings)
    try:
        result = load_run(folder / RESULT_NAME)
    except ReportError as error:
        raise Altered(str(error).replace(f"{folder}/", "")) from error
    if facts(result) != statement.predicate:
        raise Altered(f"{RESULT_NAME} is of another run than the signed statement")
    return result


def _other_files(folder: Path, names: Collection[str], digests: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in sorted(digests.keys() - names))
    yield from (f"{name} was not signed" for name in sorted(names - digests.keys()))
    for name in sorted(digests.keys() & names):
        if sha256(folder / name) != digests[name]:
            yield f"{name} was changed after it was signed"


def _judged(seen: Verification, folder: Path, names: Collection[str], result: RunResult) -> Verification:
    findings: list[str] = []
    notes: list[str] = []
    expected: dict[str, Expected] = {}
    if (made := result.versions.get(PRODUCT)) == (own := version(PRODUCT)):
        findings += _not_derived(folder, names, result, seen.signed_by)
    else:
        notes.append(f"the run is of version {made}, this is {own}: differences may come from that")
    try:
        loaded = scenario_of(folder)
    except Altered as altered:
        findings += altered.findings
    else:
        findings += mismatches(loaded, folder, result)
        findings += other_order(loaded, folder, result)
        findings += impossible_times(loaded, result)
        expected = expected_steps(loaded)
        if left := not_run(loaded, result):
            notes.append(f"the run has no result of the scenario's last steps: {', '.join(left)}")
    steps = tuple(rejudge(folder, names, result, expected))
    return replace(seen, findings=tuple(findings), notes=tuple(notes), steps=steps)


def _not_derived(folder: Path, names: Collection[str], result: RunResult, key: str) -> Iterator[str]:
    """Yield the files for readers that tell something else than the result and the evidence do."""
    for name, text in derived(result, {name: folder / name for name in names}, key).items():
        if name not in names or (folder / name).read_bytes() != text:
            yield f"{name} is not what follows from {RESULT_NAME} and the evidence"
