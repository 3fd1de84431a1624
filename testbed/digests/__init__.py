"""Digests of all packets of each flow at every port of a namespace: whether two ports have seen the same."""

from testbed.digests.recorder import Recorder, recording

__all__ = ["Recorder", "recording"]
