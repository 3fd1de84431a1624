"""One interface to all impairment engines of a namespace."""

from __future__ import annotations

from pathlib import Path

from testbed.host.child_process import Lifetime
from testbed.host.kernel import has_netem
from testbed.host.namespace import Namespace
from testbed.impairment.model import EngineName, choose
from testbed.impairment.tc import TcEngine
from testbed.impairment.wirefilter import WirefilterEngine
from testbed.spec.model import Impairment

NOTHING = Impairment()


class Impairer:
    """Impairs what leaves the bridge ports of *namespace* towards their sites.

    *engine* forces one for all that it can do; by default :func:`choose` decides for each impairment. *folder* is
    for the files of wires, inside the lab's own folder. *lifetime* ``"lab"`` lets wires outlive this process, which
    a lab that is kept needs; the lab finds them by its label.
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        *,
        lab: str | None = None,
        engine: EngineName | None = None,
        lifetime: Lifetime = "parent",
    ) -> None:
        self._forced = engine
        self._wires = WirefilterEngine(namespace, folder, lab, lifetime)
        self._tc = {kind: TcEngine(namespace, kind) for kind in ("netem", "tbf")}

    def engine(self, impairment: Impairment) -> EngineName:
        """Return the engine that :meth:`apply` would use for *impairment*, to stamp on results."""
        return self._forced or choose(impairment, netem=has_netem())

    def apply(self, port: str, impairment: Impairment) -> EngineName | None:
        """Make *impairment* what happens to traffic out of *port*, now, and return the engine that does it.

        Repeating it with another impairment changes it at run time; a change within one engine loses no packet, one
        between engines re-plugs the port. An impairment that does nothing leaves a wire in place, without effect.
        Raises ``ImpairmentError``; a port that had no impairment has none then either.
        """
        before = self.active(port)
        if impairment == NOTHING and before == "wirefilter":
            name: EngineName = before  # keep the wire: the next change is then without loss too
        elif impairment == NOTHING:
            self.remove(port)
            return None
        else:
            name = self.engine(impairment)
        if before not in (None, name):
            self.remove(port)
        self._engine(name).set(port, impairment)
        return name

    def remove(self, port: str) -> None:
        """Take any impairment off *port* and put it back to its bridge; nothing happens when there is none."""
        active = self.active(port)
        if active:
            self._engine(active).clear(port)

    def active(self, port: str) -> EngineName | None:
        """Return the engine that impairs *port* at this moment, None when nothing does."""
        if self._wires.active(port):
            return "wirefilter"
        if self._tc["netem"].active(port):
            return "netem"
        return "tbf" if self._tc["tbf"].active(port) else None

    def _engine(self, name: EngineName) -> WirefilterEngine | TcEngine:
        return self._wires if name == "wirefilter" else self._tc[name]
