"""Put a product into a catalogue: a folder that builds, or an image archive that somebody else has built."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lso.exits import UsageError, reason
from lso.vnf.new import renamed
from lso.vnf.references import REFERENCES
from lso.vnf.subject import DESCRIPTOR, DOCKERFILE, NAME, described, subject
from orchestrator.tosca.products import VnfProduct
from orchestrator.vnf_contract import label_findings
from testbed.host.engine import engine
from testbed.images.archive import ArchiveError, opened, rewrite
from testbed.images.recipes import HIDDEN, PROJECT, VNF
from testbed.progress import Listener

FILES, OCTETS = 1000, 256 << 20
"""Of a folder that builds: what it downloads does not count."""


@dataclass(frozen=True)
class Added:
    """A product that is in the catalogue; *assumed* when its descriptor is that of our own product of its kind."""

    product: VnfProduct
    folder: Path
    assumed: bool = False


def add(
    given: Path, catalogue: Path, progress: Listener, *, name: str | None, descriptor: Path | None, replace: bool
) -> Added:
    """Put the product in the folder or archive *given* into *catalogue*.

    Raises UsageError, and then nothing changed.
    """
    if given.is_dir() and (given / DOCKERFILE).is_file():
        return _add_folder(given, catalogue, progress, name, descriptor, replace)
    if given.is_dir():
        archives = sorted(path for path in given.iterdir() if path.name.endswith((".tar", ".tar.gz", ".tgz")))
        if len(archives) != 1:
            raise UsageError(f"{given}: it has neither a {DOCKERFILE} nor one image archive (docker save, .tar)")
        beside = given / DESCRIPTOR
        descriptor = descriptor or (beside if beside.is_file() else None)
        return _add_archive(archives[0], catalogue, name or given.resolve().name, descriptor, replace)
    if not given.is_file():
        raise UsageError(f"{given}: there is no such folder or file")
    return _add_archive(given, catalogue, name or given.name.split(".tar")[0].removesuffix(".tgz"), descriptor, replace)


def _add_folder(
    given: Path, catalogue: Path, progress: Listener, name: str | None, descriptor: Path | None, replace: bool
) -> Added:
    own = given.resolve().name
    name = name or own
    _refuse(name, catalogue, replace)
    files = _files(given)
    with _staged(catalogue, name) as staged:
        for file in files:
            target = staged / file.relative_to(given)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        if name != own:
            dockerfile = staged / DOCKERFILE
            text = dockerfile.read_text(encoding="utf-8")
            dockerfile.write_text(text.replace(f" {own}/", f" {name}/"), encoding="utf-8")
        if descriptor:
            shutil.copy(descriptor, staged / DESCRIPTOR)
        found = subject(str(staged), None, progress)
        if found.product is None:
            raise UsageError(f"{given}: it has no {DESCRIPTOR}")
        _judge(given, found.product, name, found.labels)
    return Added(described(catalogue / name / DESCRIPTOR), catalogue / name)


def _add_archive(given: Path, catalogue: Path, name: str, descriptor: Path | None, replace: bool) -> Added:
    _refuse(name, catalogue, replace)
    try:
        with opened(given) as (_, image):
            labels, system = image.labels, image.system
        kind = labels.get("lso.vnf.kind", "")
        faults = list(label_findings(labels, kind if kind in REFERENCES else "one of " + ", ".join(REFERENCES)))
        version = engine().version()
        if system != (here := f"{version['Os']}/{version['Arch']}"):
            faults.append(f"it is for {system}, this machine is {here}")
        if faults:
            raise UsageError("\n".join(f"{given}: {fault}" for fault in faults))
        with _staged(catalogue, name) as staged:
            with (staged / "image.tar").open("wb") as file:
                digest = rewrite(given, file, f"{VNF}{name}:archive")
            (staged / "image.tar").rename(staged / f"image-{digest}.tar")
            about = {part: labels[f"lso.vnf.{part}"] for part in ("kind", "vendor", "version")}
            (staged / "product.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
            _describe(staged / DESCRIPTOR, descriptor, kind, name)
            _judge(descriptor or given, described(staged / DESCRIPTOR), name, labels)
    except ArchiveError as error:
        raise UsageError(f"{given}: {error}") from error
    except OSError as error:
        raise UsageError(f"{error.filename or given}: {reason(error)}") from error
    return Added(described(catalogue / name / DESCRIPTOR), catalogue / name, assumed=descriptor is None)


def _describe(target: Path, given: Path | None, kind: str, name: str) -> None:
    if given:
        shutil.copy(given, target)
        return
    reference = REFERENCES[kind]
    text = (PROJECT / "vnfs" / reference / DESCRIPTOR).read_text(encoding="utf-8")
    target.write_text(renamed(DESCRIPTOR, text, reference, name), encoding="utf-8")


def _judge(given: Path, product: VnfProduct, name: str, labels: dict[str, str] | object) -> None:
    """Raise UsageError unless descriptor, labels and name say the same."""
    faults = []
    if product.image != f"{VNF}{name}":
        faults.append(f"the descriptor's image is {product.image!r}, not {VNF + name!r}")
    if isinstance(labels, dict):
        faults += label_findings(labels, product.kind)
    if faults:
        raise UsageError("\n".join(f"{given}: {fault}" for fault in faults))


def _refuse(name: str, catalogue: Path, replace: bool) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(f"{name[:60]!r} is no name for a product: small letters, digits, '.', '_' and '-'; see --name")
    if (PROJECT / "vnfs" / name).exists():
        raise UsageError(f"{name!r} is a product of this checkout, or what products share: see --name")
    if (catalogue / name).exists() and not replace:
        raise UsageError(f"{name!r} is in {catalogue} already: --replace takes its place, --name is another one")


def _files(folder: Path) -> list[Path]:
    """The files of a product's folder; raises UsageError beyond the bounds, and for links, which may lead anywhere."""
    found: list[Path] = []
    octets = 0
    for path in sorted(folder.rglob("*")):
        if any(part in HIDDEN for part in path.parts):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UsageError(f"{path}: it is neither a file nor a folder; a catalogue takes no links")
        if path.is_file():
            found.append(path)
            octets += path.stat().st_size
        if len(found) > FILES or octets > OCTETS:
            raise UsageError(f"{folder}: it has more than {FILES} files, or more than {OCTETS >> 20} MiB in them")
    return found


@contextmanager
def _staged(catalogue: Path, name: str) -> Iterator[Path]:
    """Yield a folder of that name that takes its place in the catalogue, whole, when all has gone well."""
    aside = catalogue / f".new-{secrets.token_hex(4)}"
    try:
        (aside / name).mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"{catalogue}: {reason(error)}") from error
    try:
        yield aside / name
        old = aside / ".old"
        if (catalogue / name).exists():
            (catalogue / name).rename(old)
        (aside / name).rename(catalogue / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
