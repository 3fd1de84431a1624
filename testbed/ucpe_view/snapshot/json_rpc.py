"""JSON-RPC at a socket of a uCPE's Open vSwitch daemon: no program runs inside for it (RFC 7047, section 4)."""

from __future__ import annotations

import json
import socket
from typing import Any, Self

from testbed.host.process import Process
from testbed.ucpe_view.container_access import ViewError

TIMEOUT_SECONDS = 10.0


class Connection:
    """A session at the socket *path* of the uCPE with the init process *process*; *name* is what answers there.

    A context manager: entering it connects and raises ``ViewError`` when nothing answers, leaving it ends the session.
    """

    def __init__(self, process: Process, path: str, name: str) -> None:
        self._process, self._path, self._name = process, path, name

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_SECONDS)
        try:
            with self._process.opened() as folder:
                self._socket.connect(f"/proc/self/fd/{folder}/root/{self._path}")
        except OSError as error:
            self._socket.close()
            raise ViewError(f"the uCPE's {self._name} does not answer: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, method: str, parameters: list[Any]) -> Any:
        """Return the result of *method*."""
        request = {"method": method, "params": parameters, "id": method}
        try:
            self._socket.sendall(json.dumps(request).encode())
            answer = self._answer()
        except OSError as error:
            raise ViewError(f"the uCPE's {self._name} does not answer {method}: {error}") from error
        if answer.get("error") or answer.get("id") != method:
            raise ViewError(f"the uCPE's {self._name} answers {method} with {answer.get('error')}")
        return answer["result"]

    def _answer(self) -> dict[str, Any]:
        """Return the next message: the daemon ends none with a mark, so it is whole when it can be read."""
        received = b""
        while chunk := self._socket.recv(1 << 20):
            received += chunk
            if received.endswith(b"}"):
                try:
                    answer: dict[str, Any] = json.loads(received)
                except ValueError:
                    continue
                return answer
        raise ViewError(f"the uCPE's {self._name} ended the session")
