"""Container images: the base, the uCPE, one for each VNF product, and the store that shares them with every uCPE.

An image carries the digest of everything that decides its content as the label ``lso.build``, so building again does
nothing as long as nothing changed. One build runs at a time on a machine; others wait for it and find its work done.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker.errors import APIError, ImageNotFound

from testbed import baseimage, lease, store
from testbed.engine import EngineError, engine
from testbed.progress import Clock, Listener, silent

PROJECT = Path(__file__).resolve().parent.parent
DIGEST = "lso.build"
UCPE = "lso/ucpe"
VNF = "lso/vnf-"
LOCK = lease.LABS.parent / "build.lock"
LEFT_OUT = ("__pycache__", "descriptor.yaml", "README.md")  # of no use inside an image
TAIL = 25
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


class BuildError(EngineError):
    """An image cannot be built; the message ends with the last lines of the build."""


@dataclass(frozen=True)
class Recipe:
    """How one image is built: *context* is the folder that ``COPY`` sees, *files* are what it may copy from there."""

    tag: str
    context: Path
    dockerfile: str
    files: tuple[Path, ...]

    def digest(self, base: str) -> str:
        """Return the digest of content, names and executable bits, on top of the image with digest *base*."""
        total = hashlib.sha256(f"{base}\0{self.tag}\0{self.dockerfile}\0".encode())
        for path in self.files:
            content = path.read_bytes()
            runs = bool(path.stat().st_mode & 0o100)
            total.update(f"{path.relative_to(self.context)}\0{runs}\0{len(content)}\0".encode())
            total.update(content)
        return total.hexdigest()

    def archive(self) -> io.BytesIO:
        """Return the build context as a tar file, the same bytes for the same content."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in self.files:
                member = tar.gettarinfo(str(path), str(path.relative_to(self.context)))
                member.mode = 0o755 if member.mode & 0o100 else 0o644
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                member.mtime = 0
                with path.open("rb") as file:
                    tar.addfile(member, file)
        buffer.seek(0)
        return buffer


@dataclass(frozen=True)
class Built:
    """What became of one image: *fresh* when it was built just now, in *seconds*."""

    tag: str
    fresh: bool
    seconds: float


def recipes(project: Path = PROJECT) -> tuple[Recipe, ...]:
    """Return the recipes of the uCPE and of all VNF products found in *project*, the uCPE first."""
    ucpe = project / "testbed" / "images" / "ucpe"
    vnfs = project / "vnfs"
    products = sorted(path.parent for path in vnfs.glob("*/Dockerfile"))
    shared = [path for path in _files(vnfs) if vnfs / path.relative_to(vnfs).parts[0] not in products]
    return (
        Recipe(UCPE, ucpe, "Dockerfile", tuple(_files(ucpe))),
        *(
            Recipe(f"{VNF}{product.name}", vnfs, f"{product.name}/Dockerfile", (*shared, *_files(product)))
            for product in products
        ),
    )


def build(progress: Listener = silent) -> tuple[Built, ...]:
    """Build whatever is missing or out of date, and the store; return one entry for each image.

    A second call takes less than 0.3 s. Raises :class:`BuildError`.
    """
    clock = Clock(progress)
    wanted = _wanted()
    if all(_is_current(tag, digest) for tag, digest in wanted.items()) and store.current():
        return tuple(Built(tag, False, 0.0) for tag in wanted)
    with _only_one(clock):
        return _build(clock)


def _build(clock: Clock) -> tuple[Built, ...]:
    base = baseimage.digest()
    results = [_ensure(baseimage.TAG, base, lambda: baseimage.make(clock, {DIGEST: base}), clock)]
    ucpe, *vnfs = recipes()
    # Two lanes: the products begin with the same layer, which the second of them finds in the cache.
    with ThreadPoolExecutor(max_workers=2) as pool:
        lanes = [pool.submit(_lane, lane, base, clock) for lane in ([ucpe], vnfs)]
    for lane in lanes:
        results += lane.result()
    store.fill(clock)
    return tuple(results)


def _lane(images: Sequence[Recipe], base: str, clock: Clock) -> list[Built]:
    return [
        _ensure(recipe.tag, digest, lambda r=recipe, d=digest: _run(r, d, clock), clock)  # type: ignore[misc]
        for recipe in images
        for digest in [recipe.digest(base)]
    ]


def _ensure(tag: str, digest: str, make: Callable[[], None], clock: Clock) -> Built:
    if _is_current(tag, digest):
        return Built(tag, False, 0.0)
    old = _image_id(tag)
    started = time.monotonic()
    clock.tell(tag, "building")
    make()
    _forget(old)
    seconds = time.monotonic() - started
    clock.tell(tag, f"built in {seconds:.1f} s")
    return Built(tag, True, seconds)


def _run(recipe: Recipe, digest: str, clock: Clock) -> None:
    stream = engine().api.build(
        fileobj=recipe.archive(),
        custom_context=True,
        dockerfile=recipe.dockerfile,
        tag=recipe.tag,
        labels={DIGEST: digest},
        buildargs={name: os.environ[name] for name in PROXIES if os.environ.get(name)},
        rm=True,
        forcerm=True,
        decode=True,
    )
    lines: list[str] = []
    try:
        for event in stream:
            lines += str(event.get("stream", "")).splitlines()
            if "error" in event:
                raise BuildError(_failure(recipe.tag, str(event["error"]), lines))
            if str(event.get("stream", "")).startswith("Step "):
                clock.tell(recipe.tag, str(event["stream"]).strip().splitlines()[0].lower()[:100])
    except APIError as error:
        raise BuildError(_failure(recipe.tag, str(error.explanation), lines)) from error


def _failure(tag: str, reason: str, lines: Sequence[str]) -> str:
    last = "\n".join(f"    {line}" for line in lines[-TAIL:] if line.strip())
    return f"image {tag} cannot be built: {reason}\n{last}"


def _wanted() -> dict[str, str]:
    base = baseimage.digest()
    return {baseimage.TAG: base, **{recipe.tag: recipe.digest(base) for recipe in recipes()}}


def _is_current(tag: str, digest: str) -> bool:
    try:
        return bool(engine().images.get(tag).labels.get(DIGEST) == digest)
    except ImageNotFound:
        return False


def _image_id(tag: str) -> str | None:
    try:
        return str(engine().images.get(tag).id)
    except ImageNotFound:
        return None


def _forget(image: str | None) -> None:
    """Remove an image that lost its name to a newer one, unless something still uses it."""
    if image is None:
        return
    try:
        if not engine().images.get(image).tags:
            engine().images.remove(image)
    except (ImageNotFound, APIError):
        return


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part in LEFT_OUT for part in path.parts):
            yield path


@contextmanager
def _only_one(clock: Clock) -> Iterator[None]:
    LOCK.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            clock.tell("images", "another build runs, waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
