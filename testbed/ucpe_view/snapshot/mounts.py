"""The mounts that the processes of a uCPE see, from ``/proc/<pid>/mountinfo`` (proc(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from testbed.ucpe_view.snapshot.model import Part, part

_ESCAPED = re.compile(r"\\([0-7]{3})")
NETWORK_NAMESPACE = re.compile(r"net:\[\d+\]")


@dataclass(frozen=True)
class Mount:
    """One mount: *root* is the folder of the file system that shows at *point*, *shared* are its super options."""

    point: str
    root: str
    kind: str
    source: str
    options: str
    shared: str

    @property
    def writable(self) -> bool:
        """Tell whether files can be written there."""
        return "rw" in self.options.split(",") and "rw" in self.shared.split(",")

    @property
    def upper(self) -> str:
        """Return where an overlay keeps what was written, as a path on the machine that mounted it; else ""."""
        return self._settings.get("upperdir", "")

    @property
    def lowers(self) -> list[str]:
        """Return what an overlay shows below that, the topmost first."""
        return list(filter(None, self._settings.get("lowerdir", "").split(":")))

    @property
    def _settings(self) -> dict[str, str]:
        return dict(option.partition("=")[::2] for option in self.shared.split(","))


def parse(mountinfo: str) -> list[Mount]:
    """Return the mounts in the text of a ``mountinfo`` file."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        _, _, _, root, point, options, *_ = left.split(" ")
        kind, source, shared = right.split(" ")
        found.append(Mount(_plain(point), _plain(root), kind, _plain(source), options, _plain(shared)))
    return found


def as_part(mounts: Iterable[Mount]) -> Part:
    """Return *mounts* as a part."""
    return part(
        (
            f"mount {mount.point} ({mount.kind})",
            {"root": mount.root, "source": mount.source, "options": mount.options, "shared": mount.shared},
        )
        for mount in mounts
    )


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)
