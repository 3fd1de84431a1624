"""Make the links of many nodes at once: pure functions write a batch for ``ip -batch``, one function runs it.

One batch makes all veth pairs of a network right where they belong, so no interface is ever seen in the machine's own
namespace unless it belongs there. That costs 0.5 to 0.8 ms a pair, a tenth of single commands.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from testbed.host.namespace import Namespace


class WiringError(RuntimeError):
    """The kernel refused a link or an address; the message has the command and the kernel's reason."""


@dataclass(frozen=True)
class End:
    """One end of a link: interface *name* in *namespace* (a path)."""

    namespace: str
    name: str
    mac: str
    mtu: int = 1500


@dataclass(frozen=True)
class Cable:
    """A veth pair."""

    left: End
    right: End


def mac_address(*parts: str) -> str:
    """Return the MAC address that belongs to *parts* (lab, node, interface): always the same, locally administered.

    The first octet is 06, so it never meets Docker's own (02:42:…).
    """
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (0x06, *digest[:5]))


def creation(cables: Iterable[Cable]) -> list[str]:
    """Return the batch that makes all *cables*, each end in its namespace; for the machine's own namespace."""
    return [
        f"link add name {left.name} netns {left.namespace} address {left.mac} mtu {left.mtu} type veth"
        f" peer name {right.name} netns {right.namespace} address {right.mac} mtu {right.mtu}"
        for left, right in ((cable.left, cable.right) for cable in cables)
    ]


def ip_batch(lines: Sequence[str], namespace: Namespace | None = None) -> None:
    """Run *lines* by one ``ip -batch`` (in *namespace*); stops at the first that fails and raises ``WiringError``."""
    if not lines:
        return
    command = ["ip", "-batch", "-"]
    text = "\n".join(lines) + "\n"
    if namespace:
        done = namespace.run(command, check=False, input=text)
    else:
        done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise WiringError(_explain(lines, done.stderr))


def _explain(lines: Sequence[str], complaint: str) -> str:
    failed = re.search(r"Command failed -:(\d+)", complaint)
    reason = complaint.strip().splitlines()[0] if complaint.strip() else "no reason given"
    return f"ip {lines[int(failed[1]) - 1]}: {reason}" if failed else f"ip -batch: {reason}"
