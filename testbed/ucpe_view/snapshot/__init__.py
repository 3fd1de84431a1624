"""All that something can leave behind on a uCPE, taken from outside as one value that can be compared."""

from testbed.ucpe_view.snapshot.compare import apart, differences, together
from testbed.ucpe_view.snapshot.model import Part, Snapshot
from testbed.ucpe_view.snapshot.take import take

__all__ = ["Part", "Snapshot", "apart", "differences", "take", "together"]
