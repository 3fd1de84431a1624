"""What can be wrong with a bundle, or with what one is made of."""

from __future__ import annotations


class BundleError(Exception):
    """A bundle cannot be made, or a file is none, or a key is none; the text says which and why."""


class Altered(Exception):
    """A file is a bundle but not as it was signed: *findings*, one sentence each."""

    def __init__(self, *findings: str) -> None:
        self.findings = findings
        super().__init__("; ".join(findings))
