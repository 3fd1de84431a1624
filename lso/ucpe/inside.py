"""A look into the trial's container by commands that small images have: `cat` and, for the disk, `stat`."""

from __future__ import annotations

from dataclasses import dataclass

from lso.ucpe.trial import CONTAINER
from orchestrator.southbound.docker import DockerEngine

_CANNOT = ("No such file", "Permission denied", "not permitted", "No such device")


@dataclass(frozen=True)
class Interface:
    """An interface in the container; *received* are packets."""

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
        counted = {name.strip(): int(rest.split()[1]) for name, _, rest in (line.partition(":") for line in lines)}
        return tuple([await self._interface(name, packets) for name, packets in counted.items() if name != "lo"])

    async def _interface(self, name: str, packets: int) -> Interface:
        folder = f"/sys/class/net/{name}"
        told = (await self._run("cat", f"{folder}/address", f"{folder}/mtu"))[0].decode().split()
        return Interface(name, told[0], int(told[1]), packets)

    async def disk_mib(self) -> int | None:
        """Return the free room of the file system below the container's root; None where the image cannot tell."""
        told = (await self._run("stat", "-f", "-c", "%a %S", "/"))[0].split()
        return int(told[0]) * int(told[1]) >> 20 if len(told) == 2 else None

    async def _run(self, *command: str) -> tuple[bytes, bytes]:
        done = await self.engine.run(CONTAINER, list(command))
        return done.stdout, done.stderr
