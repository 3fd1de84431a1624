"""What the checks of one product share."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from docker.errors import DockerException

from lso.vnf.kinds import Kind
from lso.vnf.rig import Rig
from lso.vnf.subject import Subject
from testbed.bench import Bench


@dataclass
class Session:
    """A product, the kind that it says it is, and a bench; *seed* draws what is to be unforeseeable."""

    subject: Subject
    kind: Kind
    bench: Bench
    seed: int
    reference: str = ""
    _rig: Rig | None = field(default=None, init=False)
    _shared: bool = field(default=False, init=False)

    def fresh(self, *, as_ucpe: bool = False) -> Rig:
        """Return the product newly started, with its ports and without an intent, for one check alone."""
        self.drop()
        self._rig = Rig.start(self.subject, self.kind, self.bench, as_ucpe=as_ucpe)
        return self._rig

    @property
    def rig(self) -> Rig:
        """The product with the kind's good intent in force, shared by the checks that leave it so."""
        if self._rig is None or not self._shared:
            rig = self.fresh()
            rig.applied(rig.intent())
            rig.quick = self._shared = True
            return rig
        return self._rig

    @property
    def current(self) -> Rig | None:
        """The container that there is at this moment, in whatever state."""
        return self._rig

    def drop(self) -> None:
        """Let the next check begin with a new container."""
        if self._rig:
            with contextlib.suppress(DockerException):
                self.bench.remove(self._rig.vnf)
        self._rig, self._shared = None, False
