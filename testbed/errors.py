"""Errors that more than one part of the test-bed raises."""

from __future__ import annotations


class ProbeError(RuntimeError):
    """A probe of the test-bed failed; this says nothing about the network under test."""


class Ended(ProbeError):
    """A process or namespace to be entered has ended, is paused, or is not the lab's; the message names it."""
