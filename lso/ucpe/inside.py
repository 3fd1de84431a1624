"""A look into the trial's container by commands that small images have: `cat`, `head` and, for the disk, `stat`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lso.ucpe.trial import CONTAINER
from orchestrator.southbound.docker import DockerEngine

_HEADED = re.compile(r"^==> (.+) <==\n(.*)$", re.MULTILINE)
_CANNOT = ("No such file", "Permission denied", "not permitted", "No such device")


@dataclass(frozen=True)
class Interface:
    """An interface in the container: *mtu* in bytes, *received* in packets since it was made."""

    name: str
    mac: str
    mtu: int
    received: int


@dataclass(frozen=True)
class Inside:
    """The container, through the engine. Every method raises UcpeError when the engine carries no command out."""

    engine: DockerEngine

    async def read(self, path: str) -> str:
        """Return a file's text; empty when it cannot be read."""
        return (await self._run("cat", path))[0].decode(errors="replace")

    async def echo(self, text: bytes) -> bytes:
        """Return what `cat` makes of *text*."""
        return (await self.engine.run(CONTAINER, ["cat"], text)).stdout

    async def opened(self, device: str) -> str:
        """Return why a device cannot be opened; empty when it can, whatever reading it gives."""
        complaint = (await self._run("head", "-c", "1", device))[1].decode(errors="replace").strip()
        return complaint if any(words in complaint for words in _CANNOT) else ""

    async def interfaces(self) -> tuple[Interface, ...]:
        """Return the interfaces, but for the loopback."""
        lines = (await self.read("/proc/net/dev")).splitlines()[2:]
        names = [name for line in lines if (name := line.partition(":")[0].strip()) != "lo"]
        files = ("address", "mtu", "statistics/rx_packets")
        told = await self.first_lines([f"/sys/class/net/{name}/{file}" for name in names for file in files])
        values = [[told.get(f"/sys/class/net/{name}/{file}", "0") for file in files] for name in names]
        return tuple(
            Interface(name, mac, int(mtu), int(packets))
            for name, (mac, mtu, packets) in zip(names, values, strict=True)
        )

    async def first_lines(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the first line of each of these files that can be read."""
        if not paths:
            return {}
        printed = (await self._run("head", "-v", "-n", "1", *paths))[0].decode(errors="replace")
        found = _HEADED.findall(printed)
        return {path: line.strip() for path, line in found}

    async def disk_mib(self) -> int | None:
        """Return the MiB that are free below the container's root; None where the image has no `stat`."""
        told = (await self._run("stat", "-f", "-c", "%a %S", "/"))[0].split()
        return int(told[0]) * int(told[1]) >> 20 if len(told) == 2 else None

    async def _run(self, *command: str) -> tuple[bytes, bytes]:
        done = await self.engine.run(CONTAINER, list(command))
        return done.stdout, done.stderr
