"""VNFs one by one on the machine's own Docker Engine, with hosts in namespaces as their neighbours: no uCPE between."""

from testbed.bench.bench import Bench, Host, Port, Vnf

__all__ = ["Bench", "Host", "Port", "Vnf"]
