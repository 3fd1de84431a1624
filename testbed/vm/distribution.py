"""The distributions that the virtual machine can have: those that the project says it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.host import apt


@dataclass(frozen=True)
class Distribution:
    """A release: its *suite* in the archives of *origin*, its interpreter, and its C library, version 2.*glibc*."""

    name: str
    origin: str
    suite: str
    python: str
    glibc: int
    components: str = "main"

    def bootstrap(self, mirror: str | None, options: Sequence[str], tree: str) -> list[str]:
        """Return the ``mmdebstrap`` call that makes a *tree* of it, from *mirror*, else from where this machine has it.

        Where this machine's apt uses no archive of it either, ``mmdebstrap`` takes the distribution's own.
        """
        keys = apt.keyring(self.origin)
        if mirror:
            sources = [f"deb [signed-by={keys}] {mirror} {self.suite} {self.components}"]
        else:
            sources = apt.of_this_machine(self.origin, self.suite)
        return [
            "mmdebstrap",
            f"--components={self.components.replace(' ', ',')}",
            f"--keyring={keys}",
            *options,
            self.suite,
            tree,
            *sources,
        ]


DISTRIBUTIONS = {
    one.name: one
    for one in (
        Distribution("debian-12", "Debian", "bookworm", "3.11", 36),
        Distribution("ubuntu-24.04", "Ubuntu", "noble", "3.12", 39, "main universe"),
    )
}
DEFAULT = "debian-12"
