"""Delay, jitter, loss and rate on the ports of an underlay, by the best engine that this machine has."""

from testbed.impairment.impairer import Impairer
from testbed.impairment.model import ENGINES, EngineName, ImpairmentError, choose

__all__ = ["ENGINES", "EngineName", "Impairer", "ImpairmentError", "choose"]
