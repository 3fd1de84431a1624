"""What this machine can do, found by doing it: each probe makes the real thing where nobody else sees it."""

from testbed.doctor.examine import can_run, capabilities
from testbed.doctor.model import Capability

__all__ = ["Capability", "can_run", "capabilities"]
