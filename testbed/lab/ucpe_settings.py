"""What a uCPE of a lab is started with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from testbed.images.recipes import UCPE
from testbed.pki import Pair


@dataclass(frozen=True)
class UcpeSettings:
    """What one uCPE is started with: management network and address, credentials, the ports of its bridge.

    *store* is the volume with the VNF images (see ``testbed.images.store``); None leaves the engine empty. *cpus* are
    the CPUs that the uCPE and its VNFs run on (see ``testbed.lab.cpu_pinning``); empty: all. *image* is the name of its
    image (see ``testbed.images.recipes``).
    """

    network: str
    address: str
    authority: bytes
    identity: Pair
    ports: Sequence[str]
    datapath: str = "netdev"
    store: str | None = None
    cpus: str = ""
    image: str = UCPE
