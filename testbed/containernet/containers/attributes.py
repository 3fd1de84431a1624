"""The attributes of upstream's ``Docker`` that scripts read: its parameters, its image, the engine's answers."""

from __future__ import annotations

import copy
from typing import Any, Self

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from mininet.log import info

from testbed.containernet.containers import image
from testbed.containernet.containers.creation import capability, network_mode, publishes_all
from testbed.containernet.containers.parameters import ParameterError
from testbed.containernet.plan import Plan
from testbed.host.engine import EngineError, engine
from testbed.labels import LABEL
from testbed.ownership import lease

MISSING: dict[str, Any] = {
    **{option: [] for option in ("device_requests", "devices", "dns", "volumes")},
    **{option: {} for option in ("port_bindings", "sysctls", "tmpfs")},
    **dict.fromkeys(("ipc_mode", "shm_size", "storage_opt")),
}


class UpstreamAttributes:
    """Mixin with the attributes and calls of upstream's ``Docker`` that change nothing; *options* are checked."""

    name: str
    options: dict[str, Any]
    plan: Plan
    _made: bool
    _did: str
    _dc: dict[str, Any]
    _dcinfo: dict[str, Any]
    pid: int | None
    dnameprefix: str
    build_params: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        """Return a parameter by its name, as it was given or as upstream has it when it was not."""
        if name in MISSING:
            return self.options.get(name, copy.copy(MISSING[name]))
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def did(self) -> str:
        """The container's id; reading it makes the container. Empty when it has been removed."""
        return self._made_first()._did

    @property
    def dc(self) -> dict[str, Any]:
        """The engine's answer to the call that created the container: ``Id`` and ``Warnings``."""
        return self._made_first()._dc

    @property
    def dcinfo(self) -> dict[str, Any]:
        """The engine's description of the container when it was started."""
        return self._made_first()._dcinfo

    def _made_first(self) -> Self:
        if not self._made:
            self.plan.realize()
        return self

    @property
    def dcli(self) -> docker.APIClient:
        """The engine's low-level client."""
        return engine().api

    @property
    def d_client(self) -> docker.DockerClient:
        """The engine's client."""
        return engine()

    @property
    def environment(self) -> dict[str, str | None]:
        """The environment given to the constructor."""
        given: dict[str, str | None] = self.options.setdefault("environment", {})
        return given

    @property
    def cap_add(self) -> list[str]:
        """The capabilities beside Docker's own."""
        return ["NET_ADMIN", *(capability(each) for each in self.options.get("cap_add") or ())]

    @property
    def nano_cpus(self) -> int | None:
        """The limit of *cpus*, in billionths of a processor."""
        return self.options.get("cpus")

    @property
    def network_mode(self) -> str:
        """The network that Docker itself gives."""
        return network_mode(self.options)

    @property
    def publish_all_ports(self) -> bool:
        """Whether every exposed port is published."""
        return publishes_all(self.options)

    def build(self, **parameters: Any) -> tuple[str, str]:
        """Build an image; return its id and what the build printed. Raises ``ParameterError``."""
        if findings := image.findings(None, parameters):
            raise ParameterError("\n".join(f"{self.name}: {finding}" for finding in findings))
        return image.build(self.name, parameters)

    def get_cmd_field(self, imagename: str) -> list[str] | None:
        """Return the CMD of an image; None when it has none, or only a shell."""
        command = image.config(imagename).get("Cmd")
        return None if not command or command in image.SHELLS else list(command)

    def get_entrypoint_field(self, imagename: str) -> list[str] | None:
        """Return the ENTRYPOINT of an image, None when it has none."""
        return image.config(imagename).get("Entrypoint") or None

    def _check_image_exists(self, imagename: str | None = None, pullImage: bool = False,  # noqa: N803
                            _id: str | None = None) -> bool:  # fmt: skip
        built = str(getattr(self, "dimage", "")) if self.build_params else ""  # its tag exists from then on
        try:
            engine().images.get(imagename or _id or built)
        except (ImageNotFound, APIError):
            return pullImage and bool(imagename) and image.provide(self.name, imagename, {}) == imagename
        return True

    def _is_container_running(self) -> bool:
        try:
            return bool(self._did and engine().api.inspect_container(self._did)["State"]["Running"])
        except NotFound:
            return False

    def _get_pid(self) -> int:
        return self.pid or -1

    def _remove_former(self, name: str) -> None:
        """Remove the container *name* unless it belongs to a network that runs: this one is then called otherwise."""
        try:
            former = engine().api.inspect_container(name)
        except NotFound:
            return
        lab = (former["Config"].get("Labels") or {}).get(LABEL)
        if lab and lease.state(lease.LABS / lab) is not lease.State.DEAD:
            return
        info(f"*** {self.name}: removing the former container {name}\n")
        try:
            engine().api.remove_container(former["Id"], force=True, v=True)
        except APIError as error:
            raise EngineError(f"container {name} cannot be removed: {error.explanation}") from error
