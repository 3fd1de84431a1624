"""Errors that more than one part of the test-bed raises."""

from __future__ import annotations


class ProbeError(RuntimeError):
    """A probe of the test-bed could not do its work; says nothing about the network under test."""


class Ended(ProbeError):
    """What was to be entered has ended, is paused, or was never the lab's; the message names it."""
