"""Room in the kernel's tables of neighbours (ARP, RFC 826; ND, RFC 4861), which all namespaces of a machine share."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")
_NAMES = ("gc_thresh1", "gc_thresh2", "gc_thresh3")
_TABLES = (("ipv4", "arp_cache"), ("ipv6", "ndisc_cache"))


def make_room(entries: int, proc: Path = PROC) -> str:
    """See that *entries* more neighbours fit into the tables; say what was changed, nothing when they fitted.

    In a full table no new neighbour is found, and whoever sends to one is told "No route to host". Linux keeps 1,024:
    a mesh of 33 sites on one underlay needs more. The limits stay raised, since other labs may need them by then.
    Raises ``OSError`` when a limit is too low and cannot be raised.
    """
    changed = []
    for family, statistics in _TABLES:
        limits = [proc / "sys/net" / family / "neigh/default" / name for name in _NAMES]
        if not limits[-1].exists():
            continue  # no IPv6, or a namespace that does not show the machine's limits
        wanted = _used(proc / "net/stat" / statistics) + 2 * entries
        if wanted > int(limits[-1].read_text()):
            most = 1 << (2 * wanted).bit_length()
            for limit, value in zip(reversed(limits), (most, most // 2, most // 4), strict=True):
                limit.write_text(str(value))
            changed.append(f"{family}: {most}")
    return f"raised the kernel's limit of neighbours ({', '.join(changed)})" if changed else ""


def _used(statistics: Path) -> int:
    """Return how many neighbours there are now: the first column of any processor's line, in hexadecimal."""
    lines = statistics.read_text().splitlines()
    return int(lines[1].split()[0], 16)
