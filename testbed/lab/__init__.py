"""A lab: an emulated network that runs, its management network, uCPEs and inventory."""

from __future__ import annotations

from testbed.lab.lab import Lab, LabError, best_engines

__all__ = ["Lab", "LabError", "best_engines"]
