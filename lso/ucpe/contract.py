"""The uCPE contract, clause by clause: what a box must do, the standard that says how, and what the orchestrator needs
it for. docs/ucpe.md has the same table.
"""

from __future__ import annotations

from dataclasses import dataclass

from lso.checking.judged import judged
from orchestrator.ucpe.health import SMALLEST_API
from reports.model import Check

PAGE = "docs/ucpe.md"
API = ".".join(map(str, SMALLEST_API))
CLOCK_SECONDS = 10.0
"""How far the box's clock may be from the orchestrator's."""
FREE_MEMORY_MIB, FREE_DISK_MIB = 256, 512
"""What three VNFs and their images need at least."""


@dataclass(frozen=True)
class Clause:
    """One requirement: *source* is the standard and its section, *reason* what breaks without it."""

    id: str
    requirement: str
    source: str
    reason: str

    def judged(self, name: str, holds: bool, expected: str = "", measured: str = "") -> Check:
        """Return the check *name* of this clause, which says why and by which standard."""
        return judged(name, holds, expected, measured, f"{self.reason} [{self.id}: {self.source}]")


CLAUSES = {
    clause.id: clause
    for clause in (
        # --- TLS, of all three endpoints
        Clause(
            "T1",
            "each certificate is of the inventory's authority, in force, for a server, and names the address",
            "RFC 5280, 4.1.2.5, 4.2.1.6, 4.2.1.12 and 6.1", "else another machine can stand in the box's place",
        ),
        Clause(
            "T2", "TLS 1.2 or 1.3, nothing older", "RFC 8446; RFC 8996, 4 and 5",
            "older versions can be broken on the way",
        ),
        Clause(
            "T3", "a client without a certificate gets no answer", "RFC 8446, 4.3.2 and 4.4.2.4",
            "else whoever reaches the address is root on the box",
        ),
        Clause(
            "T4", "a client with another authority's certificate gets no answer", "RFC 8446, 4.4.2.4; RFC 5280, 6.1",
            "else whoever reaches the address is root on the box",
        ),
        Clause(
            "T5", "nothing of the three protocols answers without TLS, on these ports or on the protocols' own",
            "RFC 7047, 7; OpenFlow 1.4.0, 6.3 (encryption); Docker Engine, protecting the daemon socket",
            "keys of the VNFs would cross the network readable, and anybody could change them",
        ),
        # --- Docker Engine API
        Clause(
            "D1", f"Docker Engine API {API} or later", "Docker Engine API, GET /_ping (Api-Version)",
            "the orchestrator's calls are those of this version",
        ),
        Clause(
            "D2", "an engine of Linux containers with the network driver macvlan and the log driver json-file",
            "Docker Engine API, GET /info (OSType, Plugins)",
            "each port of a VNF is such a network, and its log is kept bounded",
        ),
        Clause(
            "D3", "VNF images with the labels of the VNF contract are in the engine's store",
            "docs/vnf-contract.md, Image", "the orchestrator pulls no image",
        ),
        Clause(
            "D4", "an internal macvlan network in mode passthru on a port of the bridge, for each port of a container",
            "Docker Engine API, POST /networks/create and /networks/{id}/connect", "it is how a VNF gets its ports",
        ),
        Clause(
            "D5", "a port's MAC address is 02:42 and the four octets of its IPv4 address",
            "Docker Engine up to release 27, its networking",
            "VNFs are told their ports by MAC address, before these exist",
        ),
        Clause(
            "D6", "a container gets the capabilities that it is created with, all others dropped",
            "Docker Engine API, POST /containers/create (HostConfig.CapAdd, CapDrop); capabilities(7)",
            "VNFs configure packet filters, tunnels and raw sockets",
        ),
        Clause(
            "D7", "a container gets the devices that it is created with",
            "Docker Engine API, POST /containers/create (HostConfig.Devices)",
            "a gateway without kernel ESP uses a tun device",
        ),
        Clause(
            "D8", "a container gets the sysctls of its network that it is created with",
            "Docker Engine API, POST /containers/create (HostConfig.Sysctls)",
            "gateways forward packets, firewalls declare how long states live",
        ),
        Clause(
            "D9", "a command in a container reads its input to the end, and tells output and exit code",
            "Docker Engine API, POST /exec/{id}/start; RFC 8446, 6.1 (close_notify)", "it is how a VNF gets its intent",
        ),
        Clause(
            "D10", "the end of a container is told at once", "Docker Engine API, GET /events (die)",
            "the orchestrator brings back what has ended, and does not poll",
        ),
        Clause(
            "D11", "no setuid program gives a container's process more", "Docker Engine API, HostConfig.SecurityOpt; "
            "no_new_privs of prctl(2)", "a VNF keeps to what its descriptor names",
        ),
        # --- the machine
        Clause(
            "M1", f"the clock is at most {CLOCK_SECONDS:g} s from the orchestrator's", "RFC 5280, 4.1.2.5",
            "certificates of gateways are in force or not by this clock",
        ),
        Clause(
            "M2", f"{FREE_MEMORY_MIB} MiB of memory and {FREE_DISK_MIB} MiB of disk are free",
            "docs/ucpe.md, What is checked", "three VNFs with their logs need as much",
        ),
        # --- OVSDB
        Clause(
            "O1", "the database Open_vSwitch with the tables and columns that are used", "RFC 7047, 4.1.1, 4.1.2; "
            "ovs-vswitchd.conf.db(5)", "ports are made, marked and found again there",
        ),
        Clause(
            "O2", "a transaction is carried out whole or not at all", "RFC 7047, 4.1.3 and 5.2.8 (abort)",
            "a change that fails must leave the box as it was",
        ),
        Clause(
            "O3", "monitor, lock and echo", "RFC 7047, 4.1.5, 4.1.8 and 4.1.11",
            "the orchestrator waits for the switch by monitor, keeps sessions by echo; this check holds a lock",
        ),
        Clause(
            "O4", "the bridge has fail mode secure and a fixed datapath id",
            "OpenFlow 1.4.0, 6.3 (connection interruption); ovs-vswitchd.conf.db(5)",
            "without rules nothing may pass; another id ends all OpenFlow sessions",
        ),
        Clause(
            "O5", "the enrolled ports are on the bridge, and numbered", "ovs-vswitchd.conf.db(5), Interface.ofport",
            "the chain begins and ends there",
        ),
        Clause(
            "O6",
            "internal ports come within seconds, numbered, with their MTU and marks; a name that is taken is refused",
            "ovs-vswitchd.conf.db(5), Interface.type, mtu_request, external_ids; RFC 7047, 4.1.3",
            "each port of a VNF is one, and is found again by its marks alone",
        ),
        # --- OpenFlow
        Clause(
            "F1", "a listener of the bridge that agrees on OpenFlow 1.4", "OpenFlow 1.4.0, 6.3.1 and 7.5.1",
            "rules are changed by bundles, which 1.4 introduced",
        ),
        Clause(
            "F2", "rules are listed and removed by cookie and mask", "OpenFlow 1.4.0, 7.3.4 and 7.3.5",
            "a service's rules are known by their cookie, all others must stay",
        ),
        Clause(
            "F3", "an ordered, atomic bundle: all of it or nothing", "OpenFlow 1.4.0, 7.3.9",
            "a chain changes in one step, under traffic",
        ),
        Clause(
            "F4", "ports are described, and set up", "OpenFlow 1.4.0, 7.3.4 (port modification) and 7.3.5",
            "an internal port begins down, and carries nothing then",
        ),
        Clause(
            "F5",
            "what comes in by a port goes out by another as a rule says, and is counted; without a rule it is dropped",
            "OpenFlow 1.4.0, 5.2, 5.4 and 7.2.3", "it is the chain",
        ),
        Clause(
            "F6", "no rule of the bridge switches by MAC address or floods", "OpenFlow 1.4.0, 4.5 (NORMAL, FLOOD)",
            "packets would pass beside the chain",
        ),
    )
}  # fmt: skip


def clause(name: str) -> Clause:
    """Return the clause of that id."""
    return CLAUSES[name]
