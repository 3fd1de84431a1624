# ruff: noqa: N802, N803  (names and signatures are Mininet's)
"""Mininet nodes that exist only once their network is realised, and whose shell starts at its first command."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

from mininet.node import Host as MininetHost

from testbed.containernet.long_commands import LongCommands
from testbed.containernet.plan import Line, Plan, run_line
from testbed.host.namespace import Namespace
from testbed.host.termination import clear_namespace

PROMPT = chr(127)
HANGUP = 0.01  # seconds between two looks at a terminal that nobody has open
POLL = 200  # milliseconds between two looks whether a silent shell lives
# As Mininet's own helper does: a mount namespace of its own, whose /sys shows the node's interfaces.
MOUNTS = ["unshare", "--mount", "sh", "-c", 'mount -t sysfs sysfs /sys; exec "$@"', "sh"]


class PlannedNode(LongCommands):
    """Mixin for Mininet nodes: made when the plan is realised; its shell enters it at the first command."""

    plan: Plan
    name: str
    shell: Any
    pollOut: Any  # noqa: N815
    readbuf: str
    params: dict[str, Any]
    privateDirs: list[Any]  # noqa: N815
    ipv6 = True  # where the network wants it
    _made = False
    _awake = False
    _pid: int | None = None

    def __init__(self, name: str, plan: Plan | None = None, **params: Any) -> None:
        self.plan = plan or Plan.hosting()
        self._namespace: Namespace | None = None
        super().__init__(name, **{**params, "inNamespace": True})  # type: ignore[call-arg]
        self.plan.add_node(self)

    @property
    def pid(self) -> int | None:
        """The number of the process that stands for the node: its shell, which is started for it."""
        if self._pid is None:
            self.wake()
        return self._pid

    @pid.setter
    def pid(self, pid: int | None) -> None:
        self._pid = pid

    def __repr__(self) -> str:
        """Return what Mininet does; looking starts nothing."""
        node: Any = self
        interfaces = ",".join(f"{intf}:{intf.IP()}" for intf in node.intfList())
        return f"<{type(self).__name__} {self.name}: {interfaces} pid={self._pid}> "

    def needs(self) -> list[PlannedNode]:
        """Return the nodes that must be made before this one."""
        return []

    def make(self) -> None:
        """Make the node: its namespace, and what runs in it. Called once, by the plan."""
        self._namespace = self.plan.owner.make_namespace(self.name, ipv6=self.ipv6 and self.plan.ipv6)
        self._made = True

    def check(self) -> None:
        """Raise when the node has ended since it was made; called by the plan once everything is configured."""

    @property
    def namespace(self) -> Namespace:
        """The node's network namespace; realises the plan when the node is not made yet."""
        if self._namespace is None:
            self.plan.realize()
        if self._namespace is None:
            raise RuntimeError(f"{self.name} has no network any more")
        return self._namespace

    def argv(self, command: list[str]) -> list[str]:
        """Return the argument list that runs *command* in this node from the machine's own namespaces."""
        return self.namespace.command(command)

    def shell_argv(self) -> list[str]:
        """Return the argument list of the node's shell."""
        shell = ["env", f"PS1={PROMPT}", "bash", "--norc", "--noediting", "-is", f"mininet:{self.name}"]
        return self.argv([*MOUNTS, *shell])

    def shell_path(self) -> str:
        """Return the shell that runs a line for ``popen(…, shell=True)``."""
        return os.environ.get("SHELL") or "/bin/sh"

    def beside_shell(self, directory: str) -> list[str]:
        """Return the words that put a command where the shell is: in its namespaces, with its private directories."""
        self.wake()
        return self.namespace.command(["nsenter", f"--mount=/proc/{self._pid}/ns/mnt", f"--wdns={directory}", "--"])

    def process_environment(self) -> dict[str, str]:
        """Return the environment of processes in this node."""
        return {**os.environ, **self.plan.owner.environment}

    def network_command(self, line: str) -> str:
        """Run the shell words *line* with the machine's own tools in this node's network; return what it printed."""
        self.plan.realize()
        return run_line(line, self.namespace)

    # --- Mininet's interface ---

    def startShell(self, mnopts: str | None = None) -> None:
        """Start the shell; Mininet's constructor asks for it too early and gets nothing."""
        if not self._awake:
            return
        super().startShell(mnopts)  # type: ignore[misc]

    def mountPrivateDirs(self) -> None:
        """Mount private directories; they live in the shell's own mount namespace."""
        if self._awake:
            super().mountPrivateDirs()  # type: ignore[misc]

    def unmountPrivateDirs(self) -> None:
        """Do nothing: the mounts end with the shell's mount namespace."""

    def wake(self) -> None:
        """Start the shell if it does not run; realises the plan."""
        if self.shell and self.shell.poll() is None:
            return
        self.plan.realize()
        self.shell, self._awake = None, True
        self.startShell()
        self.mountPrivateDirs()

    def _popen(self, cmd: list[str], **params: Any) -> subprocess.Popen[Any]:
        if f"mininet:{self.name}" in cmd:  # the shell: a session with the pty as its terminal, so Ctrl-C arrives
            cmd = ["setsid", "--ctty", *self.shell_argv()]
            _switch_echo_off(params["stdin"])
            params = {**params, "close_fds": True, "env": self.process_environment()}
        popen: subprocess.Popen[Any] = super()._popen(cmd, **params)  # type: ignore[misc]
        return popen

    def waitReadable(self, timeoutms: float | None = None) -> Any:
        """Wait until the shell has printed something, at most *timeoutms*; see :meth:`read`."""
        if timeoutms is None:
            self._await_output()
        return super().waitReadable(timeoutms)  # type: ignore[misc]

    def read(self, size: int = 1024) -> str:
        """Return what the shell printed, waiting for it; raise ``RuntimeError`` when the shell has ended instead."""
        self._await_output()
        printed: str = super().read(size)  # type: ignore[misc]
        return printed

    def _await_output(self) -> None:
        while not self.readbuf:
            events = [event for _, event in self.pollOut.poll(POLL)]
            if any(event & select.POLLIN for event in events):
                return
            if events:  # hung up: its shell is ending, or has not opened its terminal yet
                with suppress(subprocess.TimeoutExpired):
                    self.shell.wait(HANGUP)
            if self.shell.poll() is not None:
                self.waiting = False
                raise RuntimeError(f"{self.name}: its shell ended with exit code {self.shell.returncode}")

    def sendCmd(self, *args: Any, **kwargs: Any) -> None:
        """Send a command to the shell and return at once."""
        if not self.waiting:
            self.wake()
        super().sendCmd(*args, **kwargs)  # type: ignore[misc]

    def cmd(self, *args: Any, **kwargs: Any) -> str | None:
        """Send a command to the shell, wait for its end and return what it printed."""
        self.wake()
        printed: str | None = super().cmd(*args, **kwargs)  # type: ignore[misc]
        return printed

    def popen(self, *args: Any, **kwargs: Any) -> subprocess.Popen[Any]:
        """Start a process in the node, as ``subprocess.Popen`` would."""
        if kwargs.pop("shell", False):
            args = ([self.shell_path(), "-c", " ".join(map(str, args[0] if isinstance(args[0], list) else args))],)
        if "mncmd" not in kwargs:
            kwargs["mncmd"] = self.beside_shell(str(kwargs.get("cwd") or Path.cwd()))
        kwargs.setdefault("env", self.process_environment())
        popen: subprocess.Popen[Any] = super().popen(*args, **kwargs)  # type: ignore[misc]
        return popen

    def config(
        self,
        mac: str | None = None,
        ip: str | None = None,
        defaultRoute: str | None = None,
        lo: str = "up",
        **_params: Any,
    ) -> dict[str, Any]:
        """Configure the default interface, the default route and the loopback, or plan to."""
        results: dict[str, Any] = {}
        node: Any = self
        node.setParam(results, "setMAC", mac=mac)
        node.setParam(results, "setIP", ip=ip)
        node.setParam(results, "setDefaultRoute", defaultRoute=defaultRoute)
        self._configure(f"ip link set dev lo {lo}")
        return results

    def setDefaultRoute(self, intf: Any = None) -> str:
        """Set the default route; *intf* is an interface, or words such as ``via 10.0.0.1``."""
        node: Any = self
        if isinstance(intf, str) and " " in intf:
            return self._configure(f"ip route replace default {intf}")
        return self._configure(lambda: f"ip route replace default dev {intf or node.defaultIntf()}")

    def setHostRoute(self, ip: str, intf: Any) -> str:
        """Add a route to one host."""
        return self._configure(f"ip route replace {ip} dev {intf}")

    def setARP(self, ip: str, mac: str) -> str:
        """Add a permanent neighbour on the default interface."""
        node: Any = self
        return self._configure(lambda: f"ip neighbour replace {ip} lladdr {mac} dev {node.defaultIntf()}")

    def _configure(self, line: Line) -> str:
        return self.plan.do(self, line)

    def terminate(self) -> None:
        """End the shell and remove the node."""
        self.close_shell()
        if self._namespace:
            clear_namespace(Path(self._namespace.path))
            self._namespace = None

    def close_shell(self) -> None:
        """End the shell, if one runs, with everything in its session."""
        if self.shell:
            if self.shell.poll() is None:
                os.killpg(self.shell.pid, signal.SIGHUP)
                os.killpg(self.shell.pid, signal.SIGKILL)
            super().cleanup()  # type: ignore[misc]


def _switch_echo_off(terminal: int) -> None:
    """Let a shell read whole lines: BusyBox would else edit them itself and ask the terminal where its cursor is."""
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)


class Host(PlannedNode, MininetHost):  # type: ignore[misc]
    """A Mininet host: a network namespace, no process until a command is given."""
