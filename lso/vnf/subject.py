"""The product that is checked: its image, and what its descriptor asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.errors import DockerException, ImageNotFound

from common.product_folder import product_folder
from lso.catalogue import catalogue
from lso.exits import UsageError, reason
from orchestrator.model import TemplateError
from orchestrator.tosca.products import VnfProduct
from testbed.host.engine import engine
from testbed.images import recipes
from testbed.images.build import BuildError, build_product
from testbed.progress import Listener

DESCRIPTOR, DOCKERFILE = "descriptor.yaml", "Dockerfile"
NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
"""Also a part of an image's name (Docker's reference grammar), so no capitals."""


@dataclass(frozen=True)
class Subject:
    """A product: *image* is a reference for the Docker Engine, *labels* are those of the image.

    Without a descriptor, *product* is None, the container gets NET_ADMIN alone. *size* is in bytes.
    """

    name: str
    image: str
    id: str
    labels: Mapping[str, str]
    size: int
    capabilities: tuple[str, ...] = ("NET_ADMIN",)
    devices: tuple[str, ...] = ()
    sysctls: Mapping[str, str] | None = None
    product: VnfProduct | None = None


def subject(given: str, descriptor: Path | None, progress: Listener) -> Subject:
    """Return what *given* names: a product's folder, which is built, a product of this checkout, or an image.

    Raises UsageError.
    """
    folder = Path(given)
    if folder.is_dir():
        return _of_folder(folder, descriptor, progress)
    for parent in (recipes.PROJECT / "vnfs", product_folder()):
        own = parent / given.removeprefix(recipes.VNF)
        if (own / DESCRIPTOR).is_file():
            return _of_folder(own, descriptor, progress)
    if "/" in given and not given.startswith("lso/") and folder.parent.is_dir() and not _is_image(given):
        raise UsageError(f"{given}: there is no such folder, and no image of that name")
    return _of_image(given, described(descriptor) if descriptor else None, given)


def described(path: Path) -> VnfProduct:
    """Return what the descriptor *path* says; raises UsageError with all that is wrong with it."""
    try:
        return catalogue().describe(path)
    except TemplateError as error:
        raise UsageError(str(error)) from error


def named(folder: Path) -> str:
    """Return the product's name, that of its folder; raises UsageError when no image can be called so."""
    name, vnfs = folder.resolve().name, recipes.PROJECT / "vnfs"
    if not NAME.fullmatch(name):
        raise UsageError(f"{folder}: a product's folder has a name of small letters, digits, '.', '_' and '-'")
    if (vnfs / name).exists() and not (vnfs / name / DOCKERFILE).exists():
        raise UsageError(f"{folder}: {name!r} is what products share: take another name")
    return name


def _of_folder(folder: Path, descriptor: Path | None, progress: Listener) -> Subject:
    name, path = named(folder), descriptor or folder / DESCRIPTOR
    made_of = [] if list(folder.glob(recipes.ARCHIVE)) else [folder / DOCKERFILE]
    missing = [file for file in (*made_of, path) if not file.is_file()]
    if missing:
        raise UsageError("\n".join(f"{file}: there is no such file; lso vnf new shows one" for file in missing))
    product = described(path)
    try:
        image = build_product(recipes.image_of(folder.resolve()), progress)
    except BuildError as error:
        raise UsageError(str(error)) from error
    return _of_image(image, product, name)


def _of_image(reference: str, product: VnfProduct | None, name: str) -> Subject:
    try:
        found = engine().images.get(reference)
    except (ImageNotFound, DockerException) as error:
        if isinstance(error, ImageNotFound) or "invalid reference" in str(error):
            raise UsageError(f"{reference}: there is no such folder, and no such image (docker images)") from error
        raise
    about = str(found.id), dict(found.labels or {}), int(found.attrs["Size"])
    if product is None:
        return Subject(name, reference, *about)
    return Subject(name, reference, *about, product.linux_capabilities, product.devices, product.sysctls, product)


def _is_image(reference: str) -> bool:
    try:
        engine().images.get(reference)
    except DockerException:
        return False
    return True


def read_json(path: Path) -> Mapping[str, object]:
    """Return the object in *path*; raises UsageError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {reason(error)}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: it holds no JSON object")
    return found
