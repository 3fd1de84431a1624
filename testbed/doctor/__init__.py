"""The capabilities of this machine, found by trying: each probe makes the real thing in a namespace of its own."""

from testbed.doctor.examine import can_run, capabilities
from testbed.doctor.model import Capability

__all__ = ["Capability", "can_run", "capabilities"]
