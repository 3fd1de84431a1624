"""A uCPE: a container that is a Docker host with Open vSwitch, behind three TLS ports."""

from __future__ import annotations

import hashlib
from typing import Any

from docker.types import Mount

from testbed.containernet.containers.container import Docker
from testbed.containernet.plan import Plan
from testbed.host.engine import archive, engine
from testbed.host.kernel import has_ipv6
from testbed.images.recipes import reference
from testbed.lab.ucpe_settings import UcpeSettings
from testbed.nodes.ucpe import CAPABILITIES

PKI = "/etc/lso/pki"
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger")  # not /proc/sys: VNFs need sysctls
SYSCTLS = {"net.ipv6.conf.all.disable_ipv6": "1", "net.ipv6.conf.default.disable_ipv6": "1"}


class Ucpe(Docker):
    """A uCPE as a Mininet host; runs without ``--privileged``: listed capabilities, a control group namespace."""

    def __init__(self, name: str, plan: Plan, settings: UcpeSettings, **params: Any) -> None:
        self.settings = settings
        super().__init__(name, reference(settings.image), plan=plan, **{**params, "ip": None})
        self.dnameprefix = f"lso.{plan.owner.lab}"

    @property
    def title(self) -> str:
        """The name in error messages."""
        return f"uCPE {self.name}"

    def container_config(self) -> dict[str, Any]:
        """Return the arguments of the engine's create call."""
        settings = self.settings
        api = engine().api
        mounts = [Mount("/var/lib/docker", None, type="volume", labels=self.plan.owner.labels(self.name))]
        if settings.store:
            mounts.append(Mount("/golden", settings.store, type="volume", read_only=True, no_copy=True))
        host = api.create_host_config(
            network_mode=settings.network,
            cap_drop=["ALL"],
            cap_add=list(CAPABILITIES),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            devices=["/dev/net/tun"],
            mounts=mounts,
            cpuset_cpus=settings.cpus or None,
            sysctls=SYSCTLS if has_ipv6() else {},
        )
        host |= {"CgroupnsMode": "private", "ReadonlyPaths": list(READ_ONLY)}
        endpoint = api.create_endpoint_config(ipv4_address=settings.address)
        return {
            "image": self.dimage,
            "hostname": self.name,
            "environment": {
                **self.plan.owner.environment,
                "UCPE_DATAPATH": settings.datapath,
                "UCPE_DPID": datapath_id(self.plan.owner.lab, self.name),
                "UCPE_PORTS": " ".join(f"{port}={number}" for number, port in enumerate(settings.ports, 1)),
            },
            "labels": self.plan.owner.labels(self.name),
            "networking_config": {"EndpointsConfig": {settings.network: endpoint}},
            "host_config": host,
        }

    def prepare(self) -> None:
        """Copy certificate and key into the uCPE; the key exists nowhere else."""
        files = {
            "ca.pem": self.settings.authority,
            "cert.pem": self.settings.identity.certificate,
            "key.pem": self.settings.identity.key,
        }
        engine().api.put_archive(self._did, PKI, archive(files))


def datapath_id(lab: str, site: str) -> str:
    """Return the OpenFlow datapath id of a site's bridge: 16 hexadecimal digits, the same for the same names."""
    return "0000" + hashlib.sha256(f"{lab}/{site}".encode()).hexdigest()[:12]
