"""The shared store of VNF images: loaded once, available in every uCPE 40 ms after its start.

A throw-away engine of the uCPE image loads the images into a Docker volume and leaves a skeleton of links beside them
(``fill-store`` in the uCPE image). uCPEs mount the volume read-only and copy the skeleton; nothing is copied twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import Mount

from testbed.host.engine import EngineError, engine
from testbed.images import recipes
from testbed.nodes.ucpe import CAPABILITIES
from testbed.ownership import lease, reap
from testbed.ownership.owner import Owner
from testbed.polling import poll
from testbed.progress import Clock

LABEL = "lso.golden"
SKELETON = "skeleton"
VERSIONS = 8  # stores, the newest, that stay beside each other
START_SECONDS = 20.0
STOP_SECONDS = 60


def digest(products: Collection[str] = ()) -> str | None:
    """Return the digest of the store that has the present images; None while there is no uCPE image."""
    images = _images(products)
    try:
        filler = str(engine().images.get(recipes.reference(recipes.UCPE)).id)
    except ImageNotFound:
        return None
    parts = [filler, *(f"{tag} {image}" for tag, image in images.items())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def current(products: Collection[str] = ()) -> str | None:
    """Return the name of the volume that has exactly the present VNF images; None when it has to be filled first.

    Here and below, of the images on demand those of *products* are meant, whichever others are present.
    """
    wanted = digest(products)
    return _complete(_name(wanted)) if wanted else None


def fill(clock: Clock, products: Collection[str] = ()) -> str:
    """Return the name of the volume with the present images, filled if need be; the oldest unused ones go.

    Raises ``EngineError``.
    """
    wanted = digest(products)
    if wanted is None:
        raise EngineError(f"there is no image {recipes.reference(recipes.UCPE)}: build the images first")
    name = _name(wanted)
    if not _complete(name):
        images = list(_images(products))
        clock.tell("store", f"loading {', '.join(images) or 'no images'}")
        _fill(name, wanted, images)
        clock.tell("store", "filled")
        _forget_old()
    return name


def _images(products: Collection[str]) -> dict[str, str]:
    """Return reference → id of this checkout's VNF images, as far as they are built."""
    found = {}
    for reference in map(recipes.reference, recipes.vnf_names(products)):
        with contextlib.suppress(ImageNotFound):
            found[reference] = str(engine().images.get(reference).id)
    return found


def _name(wanted: str) -> str:
    return f"lso-golden-{wanted[:12]}"


def _complete(name: str) -> str | None:
    try:
        volume = engine().volumes.get(name)
    except NotFound:
        return None
    return name if (Path(volume.attrs["Mountpoint"]) / SKELETON).is_dir() else None


def _fill(name: str, wanted: str, images: list[str]) -> None:
    with contextlib.suppress(NotFound):
        engine().volumes.get(name).remove()  # a filling that died half-way
    owner = Owner.create("store")  # the throw-away engine is found and removed even if this process is killed
    try:
        engine().volumes.create(name, labels={LABEL: wanted})
        _load(owner, name, images)
    finally:
        reap.remove(owner)


def _load(owner: Owner, volume: str, images: list[str]) -> None:
    folder = lease.LABS.parent / f"fill-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    try:
        container = _start(owner, volume, folder)
        _transfer(container, f"unix://{folder}/docker.sock", images)
        container.stop(timeout=STOP_SECONDS)
        if container.wait()["StatusCode"]:
            raise EngineError(_words(container))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(owner: Owner, volume: str, folder: Path) -> Container:
    return engine().containers.run(
        recipes.reference(recipes.UCPE),
        entrypoint=["/usr/local/sbin/fill-store", "/fill/docker.sock"],
        detach=True,
        labels=owner.labels("store"),
        environment=owner.environment,
        network_mode="none",
        mounts=[Mount("/golden", volume, type="volume"), Mount("/fill", str(folder), type="bind")],
        cap_drop=["ALL"],
        cap_add=list(CAPABILITIES),
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        cgroupns="private",
    )


def _transfer(container: Container, url: str, images: list[str]) -> None:
    inner = poll(lambda: _client(url), START_SECONDS, interval=0.02)
    if inner is None:
        raise EngineError(_words(container))
    try:
        _load_images(inner, images)
    except (DockerException, requests.RequestException) as error:
        raise EngineError(f"the store cannot be filled: {error}\n{_words(container)}") from error
    finally:
        inner.close()


def _load_images(inner: docker.DockerClient, references: list[str]) -> None:
    """Load the images and give them the names that templates use: in a uCPE there is one content of each."""
    if not references:
        return
    api = engine().api
    saved = api.get(f"{api.base_url}/images/get", params={"names": references}, stream=True)
    saved.raise_for_status()
    chunks: Any = saved.iter_content(1 << 20)  # any iterable of bytes is sent piece by piece
    inner.images.load(chunks)
    missing = set(references) - {tag for image in inner.images.list() for tag in image.tags}
    if missing:
        raise EngineError(f"the store did not take {', '.join(sorted(missing))}")
    for reference in references:
        inner.images.get(reference).tag(reference.partition(":")[0])
        inner.images.remove(reference)


def _client(url: str) -> docker.DockerClient | None:
    try:
        return docker.DockerClient(base_url=url, timeout=600)
    except DockerException:
        return None


def _words(container: Container) -> str:
    return f"the engine that fills the store ended: {container.logs(tail=20).decode(errors='replace').strip()}"


def _forget_old() -> None:
    volumes = engine().volumes.list(filters={"label": LABEL})
    for volume in sorted(volumes, key=lambda volume: str(volume.attrs["CreatedAt"]), reverse=True)[VERSIONS:]:
        try:
            volume.remove()
        except APIError:
            continue  # a running lab uses it; the next filling tries again
