"""The examination: every probe once, as a list of capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from testbed.doctor import machine, network
from testbed.doctor.model import Capability, choice, present
from testbed.doctor.network import NetworkProbes
from testbed.host import kernel

AS_ROOT = "run as root; in a container, grant the capabilities that are missing"
A_FULL_KERNEL = "boot a distribution's kernel, or run in the virtual machine: vagrant up, or make test-vm"
_SETUP = "run ./setup.sh"

Fault = str | None


def capabilities() -> list[Capability]:
    """Return what this machine can do. Takes well under a second and leaves nothing behind."""
    try:
        with network.empty_namespace() as namespace:
            probes = NetworkProbes(namespace)
            basics, tap = probes.veth(), probes.tun()
            return [*_engines(probes, tap), *_links(probes, basics, tap), *_around()]
    except OSError as fault:
        reason = f"no network namespace can be made: {fault.strerror or fault}"
        return [present("namespaces", "network namespaces", reason, remedy=AS_ROOT, required=True), *_around()]


def can_run(found: Iterable[Capability]) -> bool:
    """Tell whether a lab can run at all: everything that is required works."""
    return all(item.works for item in found if item.required)


def _engines(probes: NetworkProbes, tap: Fault) -> Iterator[Capability]:
    """Yield the capabilities that have a best engine and a fallback; these names stand in scenario files."""
    no_tun = f"no tap device: {tap}" if tap else None
    yield choice("esp", [("kernel", probes.esp()), ("libipsec", no_tun)], remedy=_module("esp4"), required=True)
    yield choice(
        "datapath",
        [("system", kernel.ovs_datapath_fault()), ("netdev", no_tun)],
        remedy=_module("openvswitch"),
        required=True,
    )
    wires = no_tun or machine.wirefilter()
    yield choice(
        "impairment",
        [("netem", probes.netem()), ("wirefilter", wires), ("tbf", probes.tbf())],
        remedy=_module("sch_netem") + ("; for wirefilter install the package vde2" if wires else ""),
    )
    mounted = machine.cgroup_version()
    yield choice(
        "cgroup",
        [(version, None if mounted == version else "not mounted as the machine's tree") for version in ("v2", "v1")],
        remedy="boot with systemd.unified_cgroup_hierarchy=1; nothing is lost with v1",
        required=True,
    )


def _links(probes: NetworkProbes, basics: Fault, tap: Fault) -> Iterator[Capability]:
    """Yield the kernel functions that have no substitute, and those that some steps use."""
    yield present("namespaces", "veth pairs and bridges in namespaces", basics, remedy=A_FULL_KERNEL, required=True)
    yield present("tun", "tap devices", tap, remedy=_module("tun"), required=True)
    yield present("macvlan", "macvlan passthru", probes.macvlan(), remedy=_module("macvlan"), required=True)
    yield present("overlayfs", "overlay mounts", network.overlayfs(), remedy=_module("overlay"), required=True)
    stateful = probes.bridge_conntrack()
    yield present("bridge-conntrack", "stateful rules on bridges", stateful, remedy=_module("nf_conntrack_bridge"))
    yield present("bridge-netfilter", "br_netfilter", network.bridge_netfilter(), remedy=_module("br_netfilter"))


def _around() -> Iterator[Capability]:
    """Yield what the machine around the kernel has."""
    version, fault = machine.docker_engine()
    remedy = f"{_SETUP}: it installs and starts the engine" if not version else "install a newer Docker Engine"
    yield present("docker", version or "Docker Engine", fault, remedy=remedy, required=True)
    yield present("privileges", "root", machine.privileges(), remedy=AS_ROOT, required=True)
    yield present("programs", "all", machine.missing_programs(), remedy=f"{_SETUP}: it installs them", required=True)
    yield _enough("memory", machine.memory_gib(), machine.MEMORY_GIB, "end other programs, or take fewer sites")
    yield _enough("disk", machine.disk_gib(), machine.DISK_GIB, "free space below /var/lib/docker")


def _enough(name: str, free: float, least: float, remedy: str) -> Capability:
    fault = None if free >= least else f"{free:.1f} GiB free; a lab with two sites needs {least:.0f} GiB"
    return present(name, f"{free:.1f} GiB free", fault, remedy=remedy)


def _module(name: str) -> str:
    return f"modprobe {name}; where the kernel has no such module: {A_FULL_KERNEL}"
