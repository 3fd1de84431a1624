"""What the kernel and the switch have for a uCPE's network, asked by this machine's own programs.

They run in the uCPE's network namespace and nowhere else: nothing of the uCPE's files is run, nothing shows among
its processes. One shell starts them all, while this process reads files.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.host.namespace import Namespace
from testbed.host.process import Process
from testbed.ucpe_view.container_access import ViewError
from testbed.ucpe_view.snapshot import wording
from testbed.ucpe_view.snapshot.model import Snapshot

TIMEOUT_SECONDS = 20.0
_OWN = " ".join(f"/proc/sys/{name}" for name in ("kernel/*name", "kernel/msg*", "kernel/s[eh]m*", "fs/mqueue/*"))
_LEGACY = "/proc/self/net/{}_tables_names"  # of the tables that are in use; asking for others would make them

COMMANDS = {
    "links": "ip -json -details address show",
    "routes": "ip route show table all",
    "rules of IPv4": "ip -4 rule show",
    "rules of IPv6": "ip -6 rule show",
    "neighbours": "ip neighbour show nud permanent",
    "queueing": "tc qdisc show",
    "XFRM states": "ip xfrm state list nokeys",
    "XFRM policies": "ip xfrm policy list",
    "nftables": "nft --stateless list ruleset",
    "iptables": f"legacy iptables {_LEGACY.format('ip')}",
    "ip6tables": f"legacy ip6tables {_LEGACY.format('ip6')}",
    "OpenFlow rules": "ofctl dump-flows",
    "OpenFlow groups": "ofctl dump-groups",
    "OpenFlow meters": "ofctl dump-meters",
    "OpenFlow ports": "ofctl dump-ports-desc",
    # Of the namespaces for names and for what processes share; all others are the machine's.
    "own sysctls": f"inside grep -Hs '' {_OWN}",
    "shared memory": "inside cat /proc/sysvipc/msg /proc/sysvipc/sem /proc/sysvipc/shm",
    # What nobody can write there is the machine's, or tells a state.
    "sysctls": "find /proc/sys/net -type f -perm /222 -exec grep -Hs '' {} +",
}
OPTIONAL = {"XFRM states", "XFRM policies", "nftables"}
"""What a kernel may be without; it says the same before and after then."""
UNREADABLE = {"sysctls": 1, "own sysctls": 2, "shared memory": 2}
"""The exit code that also stands for files which can only be written, or which a kernel is without."""

_SCRIPT = """
ofctl() { ovs-ofctl --timeout=10 -O OpenFlow14 --names "$1" "unix:$switch"; }
legacy() { [ ! -e "$2" ] || while read -r table; do "$1-legacy-save" -t "$table" || return; done <"$2"; }
inside() { nsenter --uts="$own/ns/uts" --ipc="$own/ns/ipc" "$@"; }
show() { "$@" 2>&1; printf '\\0%d\\0' $?; }
"""


@dataclass(frozen=True)
class Asking:
    """The programs under way; :meth:`answers` waits for them."""

    shell: subprocess.Popen[str]

    @classmethod
    def start(cls, process: Process, bridge: str) -> Asking:
        """Start the programs in the network namespace of the uCPE with the init process *process*."""
        script = _SCRIPT + "".join(f"show {command}\n" for command in COMMANDS.values())
        with process.opened() as folder, Namespace.of(process).entered():
            own = f"/proc/self/fd/{folder}"
            switch = f"{own}/root/run/openvswitch/{bridge}.mgmt"
            shell = subprocess.Popen(
                ["/bin/sh", "-c", f"own={own}\nswitch={switch}\n{script}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                pass_fds=[folder],
                pipesize=1 << 20,  # so that the programs need not wait for a reader
                text=True,
                errors="replace",
            )
        return cls(shell)

    def answers(self) -> Snapshot:
        """Return the parts that the programs answer for; raise :class:`ViewError` when one cannot."""
        return _parts(outputs(self._printed()))

    def end(self) -> None:
        """End the programs."""
        with self.shell:
            self.shell.kill()

    def _printed(self) -> Sequence[str]:
        try:
            return self.shell.communicate(timeout=TIMEOUT_SECONDS)[0].split("\0")
        except subprocess.TimeoutExpired as late:
            raise ViewError(f"what the kernel has was not told after {TIMEOUT_SECONDS:g} s") from late


def outputs(printed: Sequence[str]) -> dict[str, str]:
    """Return the output of each command; *printed* has them in turn with their exit codes."""
    found = dict(zip(COMMANDS, printed[0::2], strict=False))
    codes = dict(zip(COMMANDS, printed[1::2], strict=False))
    for name, command in COMMANDS.items():
        code = codes.get(name, "none")
        if code in ("0", str(UNREADABLE.get(name, 0))):
            continue
        if name not in OPTIONAL:
            raise ViewError(f"{command}: exit {code}: {found.get(name, '').strip()}")
        found[name] = ""
    return found


def _parts(told: dict[str, str]) -> Snapshot:
    return {
        "OpenFlow rules": wording.flows(told["OpenFlow rules"]),
        "OpenFlow groups": wording.groups(told["OpenFlow groups"]),
        "OpenFlow meters": wording.meters(told["OpenFlow meters"]),
        "OpenFlow ports": wording.ports(told["OpenFlow ports"]),
        "interfaces": wording.links(told["links"]),
        "addresses": wording.addresses(told["links"]),
        "queueing disciplines": wording.lines("", told["queueing"]),
        "routes": wording.lines("route ", told["routes"]),
        "routing rules": {
            **wording.lines("IPv4 rule ", told["rules of IPv4"]),
            **wording.lines("IPv6 rule ", told["rules of IPv6"]),
        },
        "permanent neighbours": wording.lines("neighbour ", told["neighbours"]),
        "packet filters": {
            **wording.nftables(told["nftables"]),
            **wording.iptables("iptables", told["iptables"]),
            **wording.iptables("ip6tables", told["ip6tables"]),
        },
        "IPsec": {
            **wording.xfrm("XFRM state", told["XFRM states"]),
            **wording.xfrm("XFRM policy", told["XFRM policies"]),
        },
        "sysctls": {**wording.sysctls(told["sysctls"]), **wording.sysctls(told["own sysctls"])},
        "shared memory": wording.shared(told["shared memory"]),
    }
