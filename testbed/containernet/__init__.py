"""Containernet's classes and calls on the distribution's Mininet.

A Containernet script runs after changing one import::

    from testbed.containernet import Containernet, Docker   # was: mininet.net and mininet.node
"""

from __future__ import annotations

from testbed.containernet import logger_class  # noqa: F401  (before any logger is made)

# isort: split

from testbed.containernet.bridge import NamespaceBridge
from testbed.containernet.containers.container import Docker
from testbed.containernet.containers.parameters import ParameterError
from testbed.containernet.net import Containernet, cleanup
from testbed.containernet.node import Host
from testbed.containernet.trees import ContainerTreeTopo, TreeContainerNet

Dockernet = Containernet  # the name it had before

__all__ = [
    "ContainerTreeTopo",
    "Containernet",
    "Docker",
    "Dockernet",
    "Host",
    "NamespaceBridge",
    "ParameterError",
    "TreeContainerNet",
    "cleanup",
]
