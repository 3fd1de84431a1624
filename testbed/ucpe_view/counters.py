"""What a uCPE counts: packets by port and rule of its switch, and what its kernel did to fragments in a VNF."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from testbed.ucpe_view.container_access import ViewError
from testbed.ucpe_view.flows import FlowEntry, parse_flows
from testbed.ucpe_view.switch import Port, plain
from testbed.ucpe_view.view import OPENFLOW, UcpeView, Vnf

INTERNAL = "internal"
KERNEL_DATAPATH = "openvswitch"  # the driver of internal ports there; elsewhere they are tap devices
ETHERNET = 14  # octets of the header
_TABLE = re.compile(r"lookup=(\d+), matched=(\d+)")
_DATAPATH = re.compile(r"lookups: hit:(\d+) missed:(\d+)")
_SOCKET = re.compile(r"\*:(\S+).*\"ovs-vswitchd\".*skmem:\(.*,d(\d+)\)")
_SAMPLES = ("mirrors", "netflow", "sflow", "ipfix")


@dataclass(frozen=True)
class PortCount:
    """How many packets *came* to a port of the switch and how many *left* by it; what offload has formed is one.

    Of these *lost_coming* found no room in the switch's queue, *lost_leaving* none behind the port; *left_bytes* are
    the octets of all others that left, with their Ethernet headers.
    """

    came: int = 0
    left: int = 0
    lost_coming: int = 0
    lost_leaving: int = 0
    left_bytes: int = 0

    def __sub__(self, earlier: PortCount) -> PortCount:
        return PortCount(
            self.came - earlier.came,
            self.left - earlier.left,
            self.lost_coming - earlier.lost_coming,
            self.lost_leaving - earlier.lost_leaving,
            self.left_bytes - earlier.left_bytes,
        )


@dataclass(frozen=True)
class SwitchCount:
    """The *ports* of a bridge by name, its *rules*, and how many packets its datapath *received* in all.

    The switch adds up some time after packets passed what its rules took and what was *unmatched*; all else is current.
    It was *settled* when it had added up all, and nothing had come meanwhile.
    """

    ports: Mapping[str, PortCount]
    rules: tuple[FlowEntry, ...]
    received: int
    unmatched: int
    settled: bool


def count(view: UcpeView) -> SwitchCount:
    """Return what the bridge of a uCPE has counted until now."""
    ports = _by_name(view)
    earlier = _ports(view, ports)
    rules, table = parse_flows(_ofctl(view, "dump-flows")), _ofctl(view, "dump-tables")
    hit, missed = _numbers(_DATAPATH, view.run(["ovs-appctl", "-T", "10", "dpctl/show"]))
    looked_up, matched = _numbers(_TABLE, table)  # of table 0, where every packet begins
    now, received = _ports(view, ports), hit + missed
    if not rules:  # nothing that came matched one, added up or not
        looked_up, matched = received, 0
    settled = now == earlier and looked_up == received
    return SwitchCount(now, tuple(rules), received, looked_up - matched, settled)


def port_counts(view: UcpeView) -> dict[str, PortCount]:
    """Return the counts of each port of the bridge until now, cheaply: without *lost_coming*."""
    return _parsed(view, "", _by_name(view))


def _by_name(view: UcpeView) -> dict[str, Port]:
    return {port.name: port for port in view.ports()}


def _ports(view: UcpeView, ports: Mapping[str, Port]) -> dict[str, PortCount]:
    sockets = view.run(["ss", "-0", "--all", "--numeric", "--memory", "--processes"])
    return _parsed(view, sockets, ports)


def _parsed(view: UcpeView, sockets: str, ports: Mapping[str, Port]) -> dict[str, PortCount]:
    return parse_ports(view.access.process.read("net/dev"), sockets, ports)


def _numbers(form: re.Pattern[str], text: str) -> tuple[int, int]:
    found = form.search(text)
    if not found:
        raise ViewError(f"the switch tells no counters: {text.strip() or 'nothing'}")
    return int(found[1]), int(found[2])


def parse_ports(devices: str, sockets: str, ports: Mapping[str, Port]) -> dict[str, PortCount]:
    """Return the counts of *ports* by ``/proc/net/dev`` and what ``ss`` says of the switch's packet sockets.

    A port that is internal has its traffic the other way round: what its device receives has left the switch. Of that
    the kernel's datapath counts the octets behind the Ethernet header.
    """
    full = {name: int(dropped) for name, dropped in _SOCKET.findall(sockets)}
    found = {}
    for line in devices.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        row = [int(number) for number in numbers.split()]
        received, not_received, sent, not_sent = row[1], row[3], row[9], row[11]
        port = ports.get(name.strip())
        if port and port.type == INTERNAL:
            octets = row[0] + (ETHERNET * received if port.driver == KERNEL_DATAPATH else 0)
            found[port.name] = PortCount(sent + not_sent, received + not_received, not_sent, not_received, octets)
        elif port:
            found[port.name] = PortCount(received, sent + not_sent, full.get(port.name, 0), not_sent, row[8])
    return found


def beside_rules(view: UcpeView) -> tuple[str, ...]:
    """Return what else than rules makes or changes packets on the bridge: its groups, meters, mirrors, samplers."""
    lines = [line for command in ("dump-groups", "dump-meters") for line in _ofctl(view, command).splitlines()]
    told = [line.strip() for line in lines if "group_id=" in line or "meter=" in line]
    columns = f"--columns={','.join(_SAMPLES)}"
    row = json.loads(view.run(["ovs-vsctl", "--timeout=10", "--format=json", columns, "list", "Bridge", view.bridge]))
    values = dict(zip(row["headings"], map(plain, row["data"][0]), strict=True))
    return (*told, *(f"{name} of the bridge" for name in _SAMPLES if values[name]))


def taken_by_kernel(vnf: Vnf) -> int:
    """Return how many packets fewer there are in *vnf* by its kernel: malformed ones, and fragments put together.

    It counts them (RFC 1213, 4.5.2) where it filters for a bridge, too. Fragments that wait for others, or waited in
    vain, are among them; those that it cut are not.
    """
    names, values = (line.split() for line in vnf.access.process.read("net/snmp").splitlines()[:2])
    ip = dict(zip(names[1:], map(int, values[1:]), strict=True))
    return ip["InHdrErrors"] + ip["ReasmReqds"] - ip["ReasmOKs"] - (ip["FragCreates"] - ip["FragOKs"])


def _ofctl(view: UcpeView, command: str) -> str:
    return view.run(["ovs-ofctl", "--timeout=10", "-O", OPENFLOW, "--names", command, view.bridge])
