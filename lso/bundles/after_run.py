"""``lso run --bundle``: a bundle of the run that is about to begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lso.exits import UsageError


def after_run(target: Path, folders: Sequence[Path]) -> Callable[[], None]:
    """Return what makes the bundle *target* of the one run in *folders*; raises UsageError when that cannot be."""
    from lso.bundles.create import create  # noqa: PLC0415  (cryptography costs a tenth of a second)
    from lso.bundles.errors import BundleError  # noqa: PLC0415
    from lso.bundles.keys import own_key  # noqa: PLC0415

    if len(folders) > 1:
        raise UsageError(f"--bundle is for one scenario; there are {len(folders)}")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"--bundle {target}: there is no folder {target.parent}")
    try:
        key = own_key()
    except BundleError as error:
        raise UsageError(str(error)) from error

    def make() -> None:
        try:
            create(folders[0], target, key)
        except BundleError as error:
            raise UsageError(str(error)) from error

    return make
