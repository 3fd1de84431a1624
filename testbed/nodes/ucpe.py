"""What every uCPE of the test-bed has: a management interface with three ports, bridge, LAN port, capabilities."""

from __future__ import annotations

BRIDGE = "br-ucpe"
MANAGEMENT = "eth0"
DOCKER_PORT, OVSDB_PORT, OPENFLOW_PORT = 2376, 6640, 6653
LAN_PORT = "lan0"
LAN_MTU = 1400  # what is left of 1500 under ESP in UDP
CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE",
)  # fmt: skip
