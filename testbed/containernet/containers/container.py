"""A Docker container as a Mininet host."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, DockerException, NotFound
from mininet.log import debug, info, warn
from mininet.node import Host as MininetHost
from mininet.util import isShellBuiltin

from testbed.containernet.containers import image, parameters
from testbed.containernet.containers.attributes import UpstreamAttributes
from testbed.containernet.containers.creation import UPSTREAM_LABEL, arguments
from testbed.containernet.containers.identity import Identity, shell_of
from testbed.containernet.containers.limits import Limited
from testbed.containernet.node import PROMPT, PlannedNode
from testbed.containernet.plan import Plan
from testbed.errors import Ended
from testbed.host.engine import EngineError, engine
from testbed.host.namespace import Namespace
from testbed.host.process import Process

CONFLICT = 409
PRINT_PID = r'printf "\001%d\012" $$; exec '  # as Mininet looks for it
SETTLE = 5  # seconds
SHELLS = ("/bin/bash", "/bin/sh", None)  # what keeps a container alive; None: what its image runs by itself


class Docker(Limited, UpstreamAttributes, PlannedNode, MininetHost):  # type: ignore[misc]
    """A container with Containernet's parameters. Commands enter it by ``nsenter``, inside its resource limits.

    Without published ports it gets no interface but its links (``network_mode="bridge"`` adds Docker's own). It has
    Docker's default capabilities, ``NET_ADMIN`` and those in *cap_add*; it is not privileged.
    """

    def __init__(
        self,
        name: str,
        dimage: str | None = None,
        dcmd: str | Sequence[str] | None = None,
        build_params: Mapping[str, Any] | None = None,
        plan: Plan | None = None,
        **kwargs: Any,
    ) -> None:
        self.build_params = dict(build_params or {})
        self.options = self._read(name, kwargs, image.findings(dimage, self.build_params))
        self._reference, self._image = dimage, ""
        self.dcmd = dcmd if dcmd is not None else SHELLS[0]
        self._commands = SHELLS if dcmd is None else (dcmd,)
        self._own = False  # whether its first process is what the image runs by itself
        self.dnameprefix = "mn"
        self.resources = {limit: self.options.get(limit) for limit in parameters.LIMITS}
        self._did = ""  # the container's id
        self._dc: dict[str, Any] = {}
        self._dcinfo: dict[str, Any] = {}
        self.dname = ""
        self.process: Process | None = None
        self.identity = Identity()
        self._beside: list[subprocess.Popen[Any]] = []
        super().__init__(name, plan, **kwargs)

    def _read(self, name: str, given: Mapping[str, Any], findings: list[str]) -> dict[str, Any]:
        for option, meant in parameters.WITHOUT_EFFECT.items():
            if option in given:
                warn(f"*** {name}: {option} does nothing, as in Containernet; {meant} would\n")
        options = parameters.read(name, given, parameters.options_of(type(self), Docker), findings)
        if given.get("cores") and "cpuset_cpus" not in options:  # Mininet's autoPinCpus
            options["cpuset_cpus"] = str(given["cores"])
        return options

    # --- the container ---

    @property
    def dimage(self) -> str:
        """The image: its name, or its id when it is built here, which is done at the first question."""
        if not self._image:
            self._image = image.provide(self.name, self._reference, self.build_params)
        return self._image

    def container_config(self) -> dict[str, Any]:
        """Return the arguments of the engine's create call."""
        created = arguments(self.options, self.resources, None if self._own else self.dcmd)
        own = {} if created["host_config"]["NetworkMode"].startswith("container:") else {"hostname": self.name}
        return {
            **own,
            **created,
            "image": self.dimage,
            "environment": {**self.environment, **self.plan.owner.environment},
            "labels": {
                UPSTREAM_LABEL: "",
                **self.options.get("labels", {}),
                **self.plan.owner.labels(self.name),
            },
        }

    @property
    def pid(self) -> int | None:
        """The number of the container's init process."""
        if not self._did:
            self.plan.realize()
        return self._pid

    @pid.setter
    def pid(self, pid: int | None) -> None:
        self._pid = pid

    def needs(self) -> list[PlannedNode]:
        """Return the containers of the same network that this one names, so that they are made before it."""
        return [node for node in map(self._sharer, ("ipc_mode", "network_mode", "pid_mode")) if node]

    def _sharer(self, option: str) -> PlannedNode | None:
        kind, _, name = (self.options.get(option) or "").partition(":")
        return self.plan.named.get(name.removeprefix(f"{self.dnameprefix}.")) if kind == "container" else None

    @property
    def title(self) -> str:
        """The name in error messages."""
        return f"container {self.dname}"

    def prepare(self) -> None:
        """Hook between creating the container and starting it; does nothing here."""

    def make(self) -> None:
        """Create and start the container."""
        for option in ("ipc_mode", "network_mode", "pid_mode"):  # its name may have been another network's already
            if isinstance(sharer := self._sharer(option), Docker):
                self.options[option] = f"container:{sharer._did}"
        self._start()
        try:
            self._look()
        except Ended as gone:
            raise self._ended() from gone
        self._made = True
        debug(f"{self.name}: container {self.dname}, process {self.pid}\n")

    def _start(self) -> None:
        """Start the container with the first command that its image has; only those that we chose are tried."""
        for command in self._commands:
            self.dcmd, self._own = command or "", command is None
            self._did = self._create()
            self.prepare()
            try:
                return engine().api.start(self._did)
            except APIError as error:
                if command == self._commands[-1] or "no such file" not in str(error.explanation):
                    raise EngineError(f"container {self.dname} does not start: {error.explanation}") from error
                engine().api.remove_container(self._did, force=True, v=True)
        raise AssertionError("unreachable")

    def check(self) -> None:
        """Raise ``EngineError`` when the container has ended since it was made."""
        if not (self.process and self.process.alive()):
            raise self._ended()

    def _look(self) -> Process:
        """Ask the engine for the container's init process and remember that; raise ``Ended`` when there is none."""
        try:
            self._dcinfo = engine().api.inspect_container(self._did)
        except NotFound as gone:
            raise Ended(f"{self.title} has been removed") from gone
        self.pid = int(self._dcinfo["State"]["Pid"])
        if not self.pid:
            raise Ended(f"{self.title} has ended")
        self.process = Process.of(self.pid, self.title, container=self._did)
        self._namespace = Namespace.of(self.process, self.plan.owner.lab)
        self.identity = Identity.of(self.process, self._dcinfo["Config"])
        return self.process

    def running(self) -> Process:
        """Return the container's init process, the new one after a restart; raise ``Ended`` when there is none.

        A restart makes a new network namespace: the links ended with the old one.
        """
        if not self.process:
            raise Ended(f"{self.name}: there is no container any more")
        if not self.process.alive():
            self._look()
            self.close_shell()
            warn(f"*** {self.title} was restarted behind the network: its links are gone\n")
        return self.process

    def _present(self) -> Process:
        """Return the container's init process; raise ``Ended`` where nothing can run, also because it is paused."""
        process = self.running()
        process.check()
        return process

    @property
    def namespace(self) -> Namespace:
        """The container's network namespace; realises the plan when the container is not made yet."""
        if self._made and self._did:
            self._present()
        return super().namespace

    def _ended(self) -> EngineError:
        with suppress(DockerException, requests.RequestException):
            engine().api.wait(self._did, timeout=SETTLE)  # its last output is there once the engine has noticed
        return EngineError(f"container {self.dname} ended at once: {self.logs().strip() or 'no output'}")

    def logs(self, lines: int = 20) -> str:
        """Return the last *lines* that the container printed."""
        printed: bytes = engine().api.logs(self._did, tail=lines)
        return printed.decode(errors="replace")

    def _create(self) -> str:
        names = [f"{self.dnameprefix}.{self.name}", f"{self.dnameprefix}.{self.name}.{self.plan.owner.lab}"]
        config = self.container_config()
        if self.options.get("rm"):
            self._remove_former(names[0])
        for name in names:
            self.dname = name
            try:
                self._dc = engine().api.create_container(name=name, **config)
                return str(self._dc["Id"])
            except APIError as error:
                if error.status_code != CONFLICT or name == names[-1]:
                    raise EngineError(f"container {name} cannot be made: {error.explanation}") from error
        raise AssertionError("unreachable")

    # --- commands in it ---

    def process_environment(self) -> dict[str, str]:
        """Return the environment that the container's image and parameters set, and the user's home."""
        pairs = [pair.partition("=") for pair in self._dcinfo["Config"]["Env"] or ()]
        own = {key: value for key, _, value in pairs}
        return {"HOME": self.identity.home, **own, **self.plan.owner.environment}

    def argv(self, command: list[str]) -> list[str]:
        """Return the argument list that runs *command* in all of the container's namespaces and control groups."""
        self.plan.realize()
        return self._present().command(command, options=self.identity.options(), before=self.identity.before())

    def shell_path(self) -> str:
        """Return the path of the container's shell, bash where it has one; raise ``EngineError`` when it has none."""
        self.plan.realize()
        if found := shell_of(self._present()):
            return found
        raise EngineError(
            f"{self.name}: the image {self._reference or self.dimage} has no shell, so no command can be typed; "
            "popen with an argument list runs its own programs"
        )

    def shell_argv(self) -> list[str]:
        """Return the argument list of a shell in the container."""
        shell = self.shell_path()
        options = ["--norc", "--noediting"] if shell.endswith("bash") else []
        return self.argv(["env", f"PS1={PROMPT}", shell, *options, "-is", f"mininet:{self.name}"])

    def beside_shell(self, directory: str) -> list[str]:
        """Return the arguments that put a command into the container; *directory* is one of this side."""
        return self.argv([])

    def wake(self) -> None:
        """Start the shell if it does not run, also after the container was restarted."""
        self.plan.realize()
        self._present()
        super().wake()

    def close_shell(self) -> None:
        """End the shell; what a paused container froze cannot end before it goes on."""
        if self.shell and self._did and self.process and self.process.alive() and self.process.paused():
            engine().api.unpause(self._did)
        super().close_shell()

    def startShell(self, mnopts: str | None = None) -> None:  # noqa: N802  (Mininet's name)
        """Start the shell; ``pid`` stays the container's."""
        pid = self._pid
        super().startShell(mnopts)
        if pid:
            self.pid = pid

    def sendCmd(self, *args: Any, printPid: bool = False, **kwargs: Any) -> None:  # noqa: N802, N803  (Mininet's names)
        """Send a command to the shell and return at once; *printPid* needs none of Mininet's tools in the image."""
        words = args[0] if len(args) == 1 and isinstance(args[0], list) else args
        line = " ".join(str(word) for word in words)
        if printPid and line and not isShellBuiltin(line):
            line = f"sh -c {shlex.quote(PRINT_PID + line)}"
        super().sendCmd(line, **kwargs)

    def start(self) -> None:
        """Run what the image runs by itself, its ENTRYPOINT and CMD, beside the shell; its output is the container's.

        Nothing is run when that is a shell, or runs already because the image has no shell.
        """
        self.plan.realize()
        command = [] if self._own else image.own_command(self.dimage)
        if command:
            info(f"*** {self.name}: running {shlex.join(command)}\n")
            self._beside.append(self._run_beside(command))

    def _run_beside(self, command: list[str]) -> subprocess.Popen[Any]:
        nothing = subprocess.DEVNULL
        with self.running().opened() as own, Path(f"/proc/self/fd/{own}/fd/1").open("wb", buffering=0) as terminal:
            return self.popen(command, stdin=nothing, stdout=terminal, stderr=terminal, start_new_session=True)

    def terminate(self) -> None:
        """Remove the container with its anonymous volumes. Raises ``EngineError``."""
        self.close_shell()
        self._namespace = self.process = None
        if not self._did:
            return
        did, self._did = self._did, ""
        try:
            engine().api.remove_container(did, force=True, v=True)
        except NotFound:
            debug(f"{self.name}: the container was gone already\n")
        except APIError as error:
            if error.status_code != CONFLICT:  # someone else is removing it right now
                raise EngineError(f"container {self.dname} cannot be removed: {error.explanation}") from error
        for process in self._beside:  # ended with the container
            process.wait()
