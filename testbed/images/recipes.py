"""What each container image is made of, and the name that says so.

The tag of an image is the digest of everything that decides its content: ``lso/vnf-nftables:1f0c…``. Two checkouts
with different sources therefore never take an image from each other, and an image that exists is the right one.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.product_folder import product_folder, products_in
from testbed.images import base_image

PROJECT = Path(__file__).resolve().parents[2]
UCPE = "lso/ucpe"
UCPES = {"debian-12": UCPE, "debian-11": f"{UCPE}-debian-11"}
"""Each make of uCPE → its image. They differ in the releases of the Docker Engine, Open vSwitch and all else."""
ON_DEMAND = (f"{base_image.NAME}-debian-11", UCPES["debian-11"])
"""Images that are built when a scenario asks for them, because they would double the time of a set-up.

So are some products' (:func:`products_on_demand`).
"""
VNF = "lso/vnf-"
HIDDEN = (".git", "__pycache__")
LEFT_OUT = (*HIDDEN, "descriptor.yaml", "README.md", "firewall-cases.yaml", "references.yaml")
"""Of no use inside an image."""
ARCHIVE = "image-*.tar"
"""In a product's folder, with the SHA-256 digest in its name."""
TAG_DIGITS = 16


@dataclass(frozen=True)
class Recipe:
    """How one image is built on the image *base*.

    *context* is the folder that ``COPY`` sees, *files* are what it may copy from there.

    *beside* is a folder whose files ``COPY`` sees as if it lay in *context*: that of a product from elsewhere.
    """

    name: str
    context: Path
    dockerfile: str
    files: tuple[Path, ...]
    beside: Path | None = None
    base: str = base_image.NAME

    def digest(self, base: str) -> str:
        """Return the digest of content, names and executable bits, on top of the image with digest *base*."""
        total = hashlib.sha256(f"{base}\0{self.name}\0{self.dockerfile}\0".encode())
        for path in self.files:
            content = path.read_bytes()
            runs = bool(path.stat().st_mode & 0o100)
            total.update(f"{self._place(path)}\0{runs}\0{len(content)}\0".encode())
            total.update(content)
        return total.hexdigest()

    def archive(self) -> io.BytesIO:
        """Return the build context as a tar file, the same bytes for the same content."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in self.files:
                member = tar.gettarinfo(str(path), str(self._place(path)))
                member.mode = 0o755 if member.mode & 0o100 else 0o644
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                member.mtime = 0
                with path.open("rb") as file:
                    tar.addfile(member, file)
        buffer.seek(0)
        return buffer

    def _place(self, path: Path) -> Path:
        inside = self.beside and path.is_relative_to(self.beside)
        return path.relative_to(self.beside.parent if self.beside and inside else self.context)


@dataclass(frozen=True)
class ImageArchive:
    """An image that is there already, in a file that ``docker load`` takes; *path* is named by its content."""

    name: str
    path: Path
    base: str = base_image.NAME

    def digest(self, base: str) -> str:
        """Return the digest of the content; *base* does not matter."""
        return hashlib.sha256(f"{self.name}\0{self.path.name}".encode()).hexdigest()


def recipes(project: Path = PROJECT) -> tuple[Recipe, ...]:
    """Return the recipes of the uCPEs and of all VNF products found in *project*, the uCPEs first."""
    ucpe = project / "testbed" / "images" / "ucpe"
    products = sorted(path.parent for path in (project / "vnfs").glob("*/Dockerfile"))
    return (
        *(
            Recipe(name, ucpe, "Dockerfile", tuple(_files(ucpe)), base=name.replace(UCPE, base_image.NAME))
            for name in UCPES.values()
        ),
        *(recipe_of(product, project) for product in products),
    )


def recipe_of(product: Path, project: Path = PROJECT) -> Recipe:
    """Return the recipe of the product in that folder, which sees what the products of *project* share."""
    product, vnfs = product.resolve(), (project / "vnfs").resolve()
    products = {path.parent for path in vnfs.glob("*/Dockerfile")}
    shared = [path for path in _files(vnfs) if vnfs / path.relative_to(vnfs).parts[0] not in products]
    files, dockerfile = (*shared, *_files(product)), f"{product.name}/Dockerfile"
    return Recipe(f"{VNF}{product.name}", vnfs, dockerfile, files, None if product.parent == vnfs else product)


def image_of(product: Path) -> Recipe | ImageArchive:
    """Return how the image of the product in that folder comes to be: from an archive in it, or by a build."""
    archives = sorted(product.glob(ARCHIVE))
    return ImageArchive(f"{VNF}{product.name}", archives[0]) if archives else recipe_of(product)


def everything() -> tuple[Recipe | ImageArchive, ...]:
    """Return what the images of this checkout and of the catalogue's products are made of, the uCPE first."""
    own = recipes()
    names = {recipe.name for recipe in own}
    added = (image_of(folder) for folder in products_in(product_folder()))
    return (*own, *(image for image in added if image.name not in names))


def tagged(name: str, digest: str) -> str:
    """Return the reference of the image *name* whose content has *digest*."""
    return f"{name}:{digest[:TAG_DIGITS]}"


@functools.cache
def digests() -> dict[str, str]:
    """Return image name → digest of its content for bases, uCPEs and all products, those of the catalogue too.

    Read once in a process: a run uses the images that it began with, whatever is edited meanwhile.
    """
    bases = {name: base_image.digest(name) for name in base_image.SUITES}
    return bases | {recipe.name: recipe.digest(bases[recipe.base]) for recipe in everything()}


def products_on_demand(project: Path = PROJECT) -> tuple[str, ...]:
    """Return the products whose images are built when a scenario asks for them: ``product.json`` says so of each."""
    files = sorted((project / "vnfs").glob("*/product.json"))
    return tuple(file.parent.name for file in files if json.loads(file.read_text()).get("built") == "on demand")


def wanted(products: Collection[str] = ()) -> dict[str, str]:
    """Return image name → digest of its content for all images but those on demand, and for those of *products*."""
    left_out = {*ON_DEMAND, *(f"{VNF}{product}" for product in products_on_demand() if product not in products)}
    return {name: digest for name, digest in digests().items() if name not in left_out}


def reference(name: str) -> str:
    """Return the reference of this checkout's image *name*, for instance ``lso/ucpe``; KeyError if it has none."""
    return tagged(name, digests()[name])


def vnf_names(products: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of this checkout's VNF images, sorted; of those on demand the ones of *products*."""
    return tuple(sorted(name for name in wanted(products) if name.startswith(VNF)))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in LEFT_OUT for part in path.parts):
            yield path
