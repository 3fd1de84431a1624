"""Provide a container's image: present, pulled, or built from a Dockerfile; and read its own command."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import docker
from docker.errors import APIError, BuildError, ImageNotFound, NotFound
from mininet.log import debug, info

from common.findings import nearest
from testbed.host.engine import EngineError, engine

SHELLS = (["/bin/bash"], ["bash"], ["/bin/sh"], ["sh"], ["/bin/ash"], ["ash"])


def findings(reference: str | None, building: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the name of an image and the parameters of its build."""
    known = set(inspect.signature(docker.APIClient.build).parameters) - {"self"}
    unknown = sorted(option for option in building if option not in known)
    found = [f"build_params: {option} is no parameter of a build. {nearest(option, known)}" for option in unknown]
    if building and not (building.get("path") or building.get("fileobj")):
        found.append("build_params: path names no folder with a Dockerfile")
    if not building and not reference:
        found.append("neither dimage nor build_params names an image")
    return found


def provide(name: str, reference: str | None, building: Mapping[str, Any]) -> str:
    """Return the image for the node *name*, by its id when it is built here.

    A build is always asked for, so that a change of the Dockerfile counts; the engine repeats only what changed.
    Raises ``EngineError`` when it cannot be had.
    """
    if building:
        built, log = build(name, {**({"tag": reference} if reference else {}), **building})
        debug(log)
        return built
    wanted = str(reference)
    try:
        engine().images.get(wanted)
    except ImageNotFound:
        _pull(name, wanted)
    return wanted


def build(name: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Build an image by the SDK's *arguments*; return its id and what the build printed.

    Raises ``EngineError`` with the build's output when it fails.
    """
    info(f"*** {name}: building {arguments.get('tag') or arguments.get('path')}\n")
    try:
        built, log = engine().images.build(**{"rm": True, "forcerm": True, **arguments})
    except BuildError as error:
        raise EngineError(f"{name}: the image cannot be built: {error.msg}\n{_text(error.build_log)}") from error
    except (APIError, TypeError, OSError) as error:
        raise EngineError(f"{name}: the image cannot be built: {error}") from error
    return str(built.id), _text(log)


def _text(log: Iterable[Any]) -> str:
    return "".join(str(line.get("stream", "")) for line in log)


def _pull(name: str, reference: str) -> None:
    info(f"*** {name}: pulling {reference}\n")
    try:
        engine().images.pull(reference)
    except (APIError, NotFound) as error:
        raise EngineError(f"{name}: there is no image {reference!r} and it cannot be pulled: {error}") from error


def config(reference: str) -> dict[str, Any]:
    """Return an image's configuration; empty when there is no such image."""
    try:
        found: dict[str, Any] = engine().images.get(reference).attrs["Config"] or {}
    except ImageNotFound:
        return {}
    return found


def own_command(reference: str) -> list[str]:
    """Return what an image runs by itself, ENTRYPOINT and CMD; nothing when that is only a shell."""
    found = config(reference)
    command = [*(found.get("Entrypoint") or ()), *(found.get("Cmd") or ())]
    return [] if command in SHELLS else command
