"""A whole check of boxes that are none: every answer is a finding, none is the test-bed's own trouble."""

from __future__ import annotations

import io
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from lso.checking.console import CheckConsole
from lso.ucpe.box import Box
from lso.ucpe.checks import CHECKS, BoxCheck
from lso.ucpe.needs import Needs
from lso.ucpe.run import run_checks
from orchestrator.inventory import Ucpe
from orchestrator.southbound import reconnect
from reports.model import RunResult, Verdict


@contextmanager
def stranger(answer: bytes) -> Iterator[int]:
    """A server that says the same to everybody."""

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if answer[:1] in b"H{":
                self.request.recv(65536)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def checked(port: int, checks: Sequence[BoxCheck] = CHECKS) -> tuple[RunResult, str]:
    place = f"127.0.0.1:{port}"
    ucpe = Ucpe(id="x", docker=f"tcp://{place}", ovsdb=f"tcp:{place}", openflow=f"tcp:{place}", bridge="br0")
    shown = io.StringIO()
    with CheckConsole(shown) as console:
        result = run_checks(Box(ucpe, (), Needs()), checks, console, "lso ucpe check")
        console.end(result, None)
    return result, shown.getvalue()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\n[]",
        b'{"id": 1, "error": null, "result": [7, 7, 7]}',
        b"\x05\x00\x00\x08\x00\x00\x00\x00",
        b"",
    ],
    ids=["HTTP", "engine", "JSON", "OpenFlow", "nothing"],
)
def test_a_box_that_is_none(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "PAUSES", (0.0,))
    with stranger(answer) as port:
        result, shown = checked(port)
    assert result.verdict is Verdict.FAILED
    verdicts = {step.id: step.verdict for step in result.steps}
    assert verdicts["endpoints"] is Verdict.FAILED
    assert {verdicts[name] for name in ("container", "chain", "ending")} <= {Verdict.SKIPPED, Verdict.FAILED}
    assert "Traceback" not in shown


def test_where_nothing_was_judged_nothing_passed() -> None:
    result, _ = checked(9, [check for check in CHECKS if check.id == "strangers"])
    assert [step.verdict for step in result.steps] == [Verdict.SKIPPED, Verdict.PASSED]
    assert result.verdict is Verdict.SKIPPED
