# ruff: noqa: N802  (names and signatures are Containernet's)
"""A Docker container as a Mininet host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound
from mininet.log import debug, info, warn
from mininet.node import Host as MininetHost

from testbed.containernet.node import PROMPT, PlannedNode
from testbed.containernet.plan import Plan
from testbed.engine import EngineError, engine
from testbed.errors import Ended
from testbed.namespace import Namespace
from testbed.target import Target

CONFLICT = 409
LIMITS = ("cpu_quota", "cpu_period", "cpu_shares", "cpuset_cpus", "mem_limit", "memswap_limit")
HOST_OPTIONS = ("dns", "extra_hosts", "ipc_mode", "pid_mode", "devices", "device_requests", "sysctls", "shm_size",
                "storage_opt", "tmpfs", "ulimits", "security_opt", "runtime")  # fmt: skip


class Docker(PlannedNode, MininetHost):  # type: ignore[misc]
    """A container with Containernet's parameters. Commands enter it by ``nsenter``, inside its resource limits.

    Without published ports it gets no interface but its links (``network_mode="bridge"`` adds Docker's own). It has
    Docker's default capabilities, ``NET_ADMIN`` and those in *cap_add*; it is not privileged.
    """

    def __init__(
        self,
        name: str,
        plan: Plan,
        dimage: str,
        dcmd: str | Sequence[str] | None = None,
        build_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.dimage = dimage
        self.dcmd = dcmd if dcmd is not None else "/bin/bash"
        self.dnameprefix = "mn"
        self.build_params = dict(build_params or {})
        self.environment_variables = {str(k): str(v) for k, v in (kwargs.get("environment") or {}).items()}
        self.resources = {limit: kwargs.get(limit) for limit in LIMITS}
        self.did = ""  # the container's id
        self.dcinfo: dict[str, Any] = {}
        self.dname = ""
        self.target: Target | None = None
        self.options = kwargs
        super().__init__(name, plan, **kwargs)

    # --- the container ---

    def container_config(self) -> dict[str, Any]:
        """Return the arguments of the engine's create call."""
        options = self.options
        published = options.get("port_bindings") or {}
        host = engine().api.create_host_config(
            network_mode=options.get("network_mode") or ("bridge" if published or options.get("ports") else "none"),
            cap_add=["NET_ADMIN", *(options.get("cap_add") or ())],
            binds=list(options.get("volumes") or ()),
            port_bindings=published,
            publish_all_ports=bool(options.get("publish_all_ports")) or bool(options.get("ports")),
            **{key: options[key] for key in HOST_OPTIONS if options.get(key)},
            **{limit: value for limit, value in self.resources.items() if value not in (None, -1)},
        )
        return {
            "image": self.dimage,
            "command": self.dcmd,
            "hostname": self.name,
            "environment": {**self.environment_variables, **self.plan.owner.environment},
            "ports": list(options.get("ports") or ()),
            "stdin_open": True,
            "tty": True,
            "labels": {**self.plan.owner.labels(self.name), **dict(options.get("labels") or {})},
            "host_config": host,
        }

    @property
    def title(self) -> str:
        """What errors call it."""
        return f"container {self.dname}"

    def prepare(self) -> None:
        """Do what has to be done between creating the container and starting it: nothing here."""

    def make(self) -> None:
        """Create and start the container."""
        self._ensure_image()
        self.did = self._create()
        self.prepare()
        try:
            engine().api.start(self.did)
        except APIError as error:
            raise EngineError(f"container {self.dname} does not start: {error.explanation}") from error
        try:
            self._look()
        except Ended as gone:
            raise self._ended() from gone
        self._made = True
        debug(f"{self.name}: container {self.dname}, process {self.pid}\n")

    def check(self) -> None:
        """Raise ``EngineError`` when the container has ended since it was made."""
        if not (self.target and self.target.alive()):
            raise self._ended()

    def _look(self) -> Target:
        """Ask the engine for the container's first process and remember that; raise ``Ended`` when there is none."""
        try:
            self.dcinfo = engine().api.inspect_container(self.did)
        except NotFound as gone:
            raise Ended(f"{self.title} has been removed") from gone
        self.pid = int(self.dcinfo["State"]["Pid"])
        if not self.pid:
            raise Ended(f"{self.title} has ended")
        self.target = Target.of(self.pid, self.title, container=self.did)
        self._namespace = Namespace.of(self.target, self.plan.owner.lab)
        return self.target

    def _present(self) -> Target:
        """Return the container's first process, the new one after a restart; raise ``Ended`` where nothing can run.

        A restart makes a new network namespace: the links ended with the old one.
        """
        if not self.target:
            raise Ended(f"{self.name}: there is no container any more")
        if not self.target.alive():
            self._look()
            self.close_shell()
            warn(f"*** {self.title} was restarted behind the network: its links are gone\n")
        self.target.check()
        return self.target

    @property
    def namespace(self) -> Namespace:
        """The container's network namespace; realises the plan when the container is not made yet."""
        if self._made and self.did:
            self._present()
        return super().namespace

    def _ended(self) -> EngineError:
        return EngineError(f"container {self.dname} ended at once: {self.logs().strip() or 'no output'}")

    def logs(self, lines: int = 20) -> str:
        """Return the last *lines* that the container printed."""
        printed: bytes = engine().api.logs(self.did, tail=lines)
        return printed.decode(errors="replace")

    def _create(self) -> str:
        names = [f"{self.dnameprefix}.{self.name}", f"{self.dnameprefix}.{self.name}.{self.plan.owner.lab}"]
        config = self.container_config()
        for name in names:
            self.dname = name
            self.plan.owner.journal.record("container", name)
            try:
                return str(engine().api.create_container(name=name, **config)["Id"])
            except APIError as error:
                if error.status_code != CONFLICT or name == names[-1]:
                    raise EngineError(f"container {name} cannot be made: {error.explanation}") from error
        raise AssertionError("unreachable")

    def _ensure_image(self) -> None:
        try:
            engine().images.get(self.dimage)
        except ImageNotFound:
            self._get_image()

    def _get_image(self) -> None:
        try:
            if self.build_params:
                info(f"*** {self.name}: building {self.dimage}\n")
                engine().images.build(tag=self.dimage, rm=True, **self.build_params)
            else:
                info(f"*** {self.name}: pulling {self.dimage}\n")
                engine().images.pull(self.dimage)
        except (APIError, NotFound) as error:
            raise EngineError(
                f"{self.name}: there is no image {self.dimage!r} and it cannot be pulled: {error}"
            ) from error

    # --- commands in it ---

    def environment(self) -> dict[str, str]:
        """Return the environment that the container's image and parameters set."""
        pairs = [pair.partition("=") for pair in self.dcinfo["Config"]["Env"] or ()]
        return {**{key: value for key, _, value in pairs}, **self.plan.owner.environment}

    def argv(self, command: list[str]) -> list[str]:
        """Return the argument list that runs *command* in all of the container's namespaces and control groups."""
        self.plan.realize()
        return self._present().command(command)

    def shell_argv(self) -> list[str]:
        """Return the argument list of a shell in the container: bash where it has one."""
        has_bash = any((Path(f"/proc/{self.pid}/root") / place).exists() for place in ("bin/bash", "usr/bin/bash"))
        shell = ["bash", "--norc", "--noediting"] if has_bash else ["sh"]
        return self.argv(["env", f"PS1={PROMPT}", *shell, "-is", f"mininet:{self.name}"])

    def wake(self) -> None:
        """Start the shell if it does not run, also after the container was restarted."""
        self.plan.realize()
        self._present()
        super().wake()

    def close_shell(self) -> None:
        """End the shell; what a paused container froze cannot end before it goes on."""
        if self.shell and self.did and self.target and self.target.alive() and self.target.paused():
            engine().api.unpause(self.did)
        super().close_shell()

    def startShell(self, mnopts: str | None = None) -> None:
        """Start the shell; ``pid`` stays the container's."""
        pid = self.pid
        super().startShell(mnopts)
        if pid:
            self.pid = pid

    def start(self) -> None:
        """Run what the environment names in ``START``, as Containernet does once the network is up."""
        if start := self.environment().get("START"):
            self.cmd(start)

    def terminate(self) -> None:
        """Remove the container with its anonymous volumes."""
        self.close_shell()
        self._namespace = self.target = None
        if not self.did:
            return
        did, self.did = self.did, ""
        try:
            engine().api.remove_container(did, force=True, v=True)
        except NotFound:
            debug(f"{self.name}: the container was gone already\n")
        except APIError as error:
            if error.status_code != CONFLICT:  # someone else is removing it right now
                raise EngineError(f"container {self.dname} cannot be removed: {error.explanation}") from error

    # --- resource limits ---

    def update_resources(self, **limits: Any) -> None:
        """Change limits of the running container; the names are those of the constructor."""
        if unknown := set(limits) - set(LIMITS):
            raise ValueError(f"no such limit: {', '.join(sorted(unknown))}; there are {', '.join(LIMITS)}")
        self.plan.realize()
        self.resources.update(limits)
        wanted = {limit: value for limit, value in self.resources.items() if value is not None}
        if "mem_limit" in wanted:
            wanted.setdefault("memswap_limit", -1)  # the engine refuses a limit above that of memory and swap together
        engine().api.update_container(self.did, **wanted)

    def updateCpuLimit(
        self,
        cpu_quota: int | None = None,
        cpu_period: int = -1,
        cpu_shares: int = -1,
        cores: str | None = None,
    ) -> None:
        """Change the CPU limits: quota and period in microseconds (quota -1: none), relative shares, set of cores."""
        limits: dict[str, Any] = {"cpu_quota": cpu_quota} if cpu_quota is not None else {}
        limits |= {"cpu_period": cpu_period} if cpu_period >= 0 else {}
        limits |= {"cpu_shares": cpu_shares} if cpu_shares >= 0 else {}
        limits |= {"cpuset_cpus": cores} if cores else {}
        self.update_resources(**limits)

    def updateMemoryLimit(self, mem_limit: int | str = -1, memswap_limit: int | str = -1) -> None:
        """Change the memory limits, in bytes or with a unit (``64m``)."""
        limits = {"mem_limit": mem_limit, "memswap_limit": memswap_limit}
        self.update_resources(**{name: value for name, value in limits.items() if value != -1})
