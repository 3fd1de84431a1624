"""Check the description of a lab before anything starts: every fault at once, each with its place.

Whatever would fail later belongs here: names that the machine has taken, and addresses that no host can have.
"""

from __future__ import annotations

from common.findings import Fault
from testbed.spec.addresses import address_findings
from testbed.spec.model import LabSpec
from testbed.spec.names import name_findings


class SpecError(ValueError):
    """A lab that cannot exist; ``findings`` has every fault."""

    def __init__(self, findings: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = findings


def spec_findings(spec: LabSpec) -> tuple[Fault, ...]:
    """Return every fault of *spec*, names first."""
    return (*name_findings(spec), *address_findings(spec))


def check(spec: LabSpec) -> None:
    """Raise ``SpecError`` with every fault of *spec*; return nothing when there is none."""
    if findings := spec_findings(spec):
        raise SpecError(findings)
