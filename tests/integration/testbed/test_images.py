from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.host.engine import engine
from testbed.images import base_image, build, store
from testbed.images.build import BuildError
from testbed.images.recipes import Recipe, reference, tagged
from testbed.progress import Clock, Progress

TAG = "lso/test-image"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for image in engine().images.list(TAG):
        engine().images.remove(image.id, force=True)


def recipe(context: Path, dockerfile: str) -> Recipe:
    (context / "Dockerfile").write_text(dockerfile)
    return Recipe(TAG, context, "Dockerfile", tuple(sorted(path for path in context.rglob("*") if path.is_file())))


def make(wanted: Recipe, seen: list[Progress] | None = None) -> str:
    clock = Clock((seen if seen is not None else []).append)
    base = base_image.digest()
    build._lane([wanted], base, clock)
    return str(engine().images.get(tagged(TAG, wanted.digest(base))).id)


def test_building_again_does_nothing_and_is_quick() -> None:
    started = time.monotonic()
    built = build.build()
    spent = time.monotonic() - started
    assert {"lso/base", "lso/ucpe"} <= {image.name for image in built}
    assert not [image.name for image in built if image.fresh]
    assert spent < 1.0  # 0.1 s on an idle machine


def test_an_image_is_built_again_exactly_when_its_content_changes(context: Path) -> None:
    (context / "file").write_text("one")
    dockerfile = "ARG BASE\nFROM $BASE\nCOPY file /file\n"
    seen: list[Progress] = []
    first = make(recipe(context, dockerfile), seen)
    assert any(step.text.startswith("Step 3/") for step in seen)
    assert make(recipe(context, dockerfile)) == first
    (context / "file").write_text("two")
    second = make(recipe(context, dockerfile))
    assert second != first
    (context / "file").write_text("one")
    seen.clear()
    assert make(recipe(context, dockerfile), seen) == first, "another checkout still has what it built"
    assert not seen


def test_of_each_image_the_newest_contents_stay(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "VERSIONS", 2)
    made = []
    for content in ("one", "two", "three"):
        (context / "file").write_text(content)
        made.append(make(recipe(context, f"ARG BASE\nFROM $BASE\nCOPY file /file\nLABEL n={content}\n")))
    assert {str(image.id) for image in engine().images.list(TAG)} == set(made[1:])


def test_two_checkouts_have_their_own_images_and_neither_builds_again(context: Path) -> None:
    """The same product with other content, built in turn, as two clones of the project would."""
    seen: list[Progress] = []
    for turn in range(4):
        (context / "file").write_text("mine" if turn % 2 else "yours")
        make(recipe(context, "ARG BASE\nFROM $BASE\nCOPY file /file\n"), seen)
    assert sum(step.text.startswith("built in") for step in seen) == 2


def test_the_result_of_a_build_can_be_named_by_digest() -> None:
    found = build.identities()
    assert reference("lso/ucpe") in found
    assert all(image.startswith("sha256:") and len(image) == 71 for image in found.values())


def test_a_failing_build_says_which_image_why_and_what_it_printed(context: Path) -> None:
    with pytest.raises(BuildError) as raised:
        make(recipe(context, "ARG BASE\nFROM $BASE\nRUN echo these words explain it; exit 7\n"))
    message = str(raised.value)
    assert message.startswith(f"image {TAG} cannot be built: ")
    assert "code: 7" in message
    assert "    these words explain it" in message
    assert not engine().images.list(TAG)


def test_the_store_is_filled_once_for_the_same_images() -> None:
    name = store.current()
    assert name
    assert store.fill(Clock()) == name
    volume = engine().volumes.get(name)
    overlay = Path(volume.attrs["Mountpoint"]) / "skeleton" / "overlay2"
    layers = [path for path in overlay.iterdir() if path.name != "l"]
    assert layers
    assert all((layer / "diff").is_symlink() and not layer.is_symlink() for layer in layers)
