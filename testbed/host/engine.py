"""The machine's Docker Engine, as the test-bed uses it."""

from __future__ import annotations

import functools
import io
import tarfile
from collections.abc import Mapping

import docker
from docker.errors import DockerException


class EngineError(RuntimeError):
    """The Docker Engine does not answer, or refused what the test-bed needs."""


@functools.lru_cache(maxsize=1)
def engine() -> docker.DockerClient:
    """Return the one client of this process; raise :class:`EngineError` when no engine answers."""
    try:
        client = docker.from_env(max_pool_size=32, timeout=120)
        client.ping()
    except DockerException as error:
        raise EngineError(f"the Docker Engine does not answer: {error}") from error
    return client


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a tar archive of *files* (name → content), each readable by root alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
