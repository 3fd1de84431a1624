"""What can go wrong with the virtual machine itself."""

from __future__ import annotations


class VmError(RuntimeError):
    """The machine could not be made or did not finish its job; says nothing about the network under test."""
