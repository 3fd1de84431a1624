"""Container images: the base, the uCPE, one for each VNF product, and the store that shares them with every uCPE.

An image is named by its content (see ``testbed.images.recipes``), so building again does nothing as long as nothing
changed, and checkouts with different sources keep their images side by side. One build runs at a time on a machine;
others wait for it and find its work done.
"""

from __future__ import annotations

import fcntl
import io
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from docker.errors import APIError, DockerException, ImageNotFound

from testbed.host.engine import EngineError, engine
from testbed.images import base_image, recipes, store
from testbed.images.recipes import ImageArchive, Recipe
from testbed.ownership import lease
from testbed.progress import Clock, Listener, silent

DIGEST = "lso.build"  # the label with the whole digest, of which the tag is the beginning
VERSIONS = 8  # of one image, the newest, that stay beside each other
LOCK = lease.LABS.parent / "build.lock"
LAST_LINES = 25
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


class BuildError(EngineError):
    """An image cannot be built; the message ends with the last lines of the build."""


@dataclass(frozen=True)
class Built:
    """The result for one image: its *name*, whether it was built just now (*fresh*), and in how many *seconds*."""

    name: str
    fresh: bool
    seconds: float


def build(progress: Listener = silent, products: Collection[str] = ()) -> tuple[Built, ...]:
    """Build the images that are missing, and their store; return one entry for each image.

    Of the images on demand only those of *products* are among them. A second call takes less than 0.3 s.
    Raises :class:`BuildError`.
    """
    clock = Clock(progress)
    wanted = recipes.wanted(products)
    if all(_exists(name, digest) for name, digest in wanted.items()) and store.current(products):
        return tuple(Built(name, False, 0.0) for name in wanted)
    with _only_one(clock):
        return _build(clock, products)


def build_product(recipe: Recipe | ImageArchive, progress: Listener = silent) -> str:
    """Build the one image of *recipe*, and the base below it, where they are missing; return its reference.

    Raises :class:`BuildError`.
    """
    clock, base = Clock(progress), base_image.digest(recipe.base)
    digest = recipe.digest(base)
    if not (_exists(recipe.name, digest) and _exists(recipe.base, base)):
        with _only_one(clock):
            _ensure_base(recipe.base, base, clock)
            _lane([recipe], base, clock)
    return recipes.tagged(recipe.name, digest)


def build_ucpe(make: str, progress: Listener = silent) -> str:
    """Build the image of that *make* of uCPE, if it is missing; return its reference. Raises :class:`BuildError`."""
    image = recipes.UCPES[make]
    return build_product(next(recipe for recipe in recipes.recipes() if recipe.name == image), progress)


def identities() -> dict[str, str]:
    """Return the reference of each image of this checkout → the id that the engine gave it, for the built ones."""
    found = {}
    for name in recipes.digests():
        reference = recipes.reference(name)
        try:
            found[reference] = str(engine().images.get(reference).id)
        except ImageNotFound:
            continue
    return found


def _build(clock: Clock, products: Collection[str]) -> tuple[Built, ...]:
    wanted = recipes.wanted(products)
    base = wanted[base_image.NAME]
    results = [_ensure_base(base_image.NAME, base, clock)]
    ucpe, *vnfs = (recipe for recipe in recipes.everything() if recipe.name in wanted)
    # Two lanes: the products begin with the same layer, which the second of them finds in the cache.
    with ThreadPoolExecutor(max_workers=2) as pool:
        lanes = [pool.submit(_lane, lane, base, clock) for lane in ([ucpe], vnfs)]
    for lane in lanes:
        results += lane.result()
    store.fill(clock, products)
    return tuple(results)


def _ensure_base(name: str, base: str, clock: Clock) -> Built:
    reference = recipes.tagged(name, base)
    made = _ensure(name, base, lambda: base_image.make(name, reference, clock, {DIGEST: base}), clock)
    engine().images.get(reference).tag(name)  # for scripts and Dockerfiles that are written by hand
    return made


def _lane(images: Sequence[Recipe | ImageArchive], base: str, clock: Clock) -> list[Built]:
    return [
        _ensure(recipe.name, digest, lambda r=recipe, d=digest: _run(r, d, base, clock), clock)  # type: ignore[misc]
        for recipe in images
        for digest in [recipe.digest(base)]
    ]


def _ensure(name: str, digest: str, make: Callable[[], None], clock: Clock) -> Built:
    if _exists(name, digest):
        return Built(name, False, 0.0)
    started = time.monotonic()
    clock.tell(name, "building")
    make()
    _forget_old(name)
    seconds = time.monotonic() - started
    clock.tell(name, f"built in {seconds:.1f} s")
    return Built(name, True, seconds)


def _run(recipe: Recipe | ImageArchive, digest: str, base: str, clock: Clock) -> None:
    if isinstance(recipe, ImageArchive):
        _load(recipe, digest)
    else:
        _from_recipe(recipe, digest, base, clock)


def _load(archive: ImageArchive, digest: str) -> None:
    """Load the image and give it the label and the tag that say what it is made of."""
    try:
        given = f"{archive.name}:archive"  # the only name of the image that is ours: it may have others already
        with archive.path.open("rb") as file:
            engine().images.load(file)
        engine().images.build(
            fileobj=io.BytesIO(f"FROM {given}\n".encode()),
            tag=recipes.tagged(archive.name, digest),
            labels={DIGEST: digest},
            rm=True,
            forcerm=True,
        )
        engine().images.remove(given)
    except (OSError, ValueError, DockerException) as error:
        raise BuildError(f"image {archive.name} cannot be loaded from {archive.path}: {error}") from error


def _from_recipe(recipe: Recipe, digest: str, base: str, clock: Clock) -> None:
    context = recipe.archive()
    if recipe.digest(base) != digest:
        raise BuildError(f"image {recipe.name}: its files changed while they were read; build again")
    proxies = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    stream = engine().api.build(
        fileobj=context,
        custom_context=True,
        dockerfile=recipe.dockerfile,
        tag=recipes.tagged(recipe.name, digest),
        labels={DIGEST: digest},
        buildargs={"BASE": recipes.tagged(recipe.base, base), **proxies},
        rm=True,
        forcerm=True,
        decode=True,
    )
    lines: list[str] = []
    try:
        for event in stream:
            lines += str(event.get("stream", "")).splitlines()
            if "error" in event:
                raise BuildError(_failure(recipe.name, str(event["error"]), lines))
            if str(event.get("stream", "")).startswith("Step "):
                clock.tell(recipe.name, str(event["stream"]).strip().splitlines()[0][:100])
    except APIError as error:
        raise BuildError(_failure(recipe.name, str(error.explanation), lines)) from error


def _failure(name: str, reason: str, lines: Sequence[str]) -> str:
    last = "\n".join(f"    {line}" for line in lines[-LAST_LINES:] if line.strip())
    return f"image {name} cannot be built: {reason}\n{last}"


def _exists(name: str, digest: str) -> bool:
    try:
        return bool(engine().images.get(recipes.tagged(name, digest)).labels.get(DIGEST) == digest)
    except ImageNotFound:
        return False


def _forget_old(name: str) -> None:
    """Remove all but the newest contents of an image; one that is in use stays."""
    ours = [image for image in engine().images.list(name) if DIGEST in image.labels]
    for image in sorted(ours, key=lambda image: str(image.attrs["Created"]), reverse=True)[VERSIONS:]:
        for tag in image.tags:
            try:
                engine().images.remove(tag)
            except (ImageNotFound, APIError):
                continue


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
