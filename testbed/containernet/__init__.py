"""Containernet's classes and calls on the distribution's Mininet.

A Containernet script runs after changing one import::

    from testbed.containernet import Containernet, Docker   # was: mininet.net and mininet.node
"""

from __future__ import annotations

from testbed.containernet.bridge import NamespaceBridge
from testbed.containernet.container import Docker
from testbed.containernet.net import Containernet
from testbed.containernet.node import Host

Dockernet = Containernet  # the name it had before

__all__ = ["Containernet", "Docker", "Dockernet", "Host", "NamespaceBridge"]
