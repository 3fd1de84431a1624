"""Talk to a running wirefilter over its control socket: set parameters, read them back, shut it down."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from testbed.impairment.model import ImpairmentError
from testbed.polling import poll

PROMPT = b"VDEwf$ "
TIMEOUT = 5.0
_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]\d+)?"
_VALUE = re.compile(rf"({_NUMBER})(?:\+({_NUMBER}))?[UN]?$")
_REPORTED = {"delay": "Delay", "loss": "Loss", "bandwidth": "Bandw", "chanbufsize": "Cap."}


def answers(control: Path) -> bool:
    """Tell whether a wirefilter listens at *control*."""
    try:
        with _session(control):
            return True
    except ImpairmentError:
        return False


def command(control: Path, parameters: Mapping[str, str]) -> None:
    """Set *parameters* for the direction left to right and check that they hold.

    wirefilter accepts numbers that it cannot read, so its own report decides. Raises :class:`ImpairmentError`.
    """
    with _session(control) as session:
        for name, value in parameters.items():
            _ask(session, f"{name} LR{value}")
        report = _ask(session, "showinfo")
    for name, value in parameters.items():
        seen = reported(report, name)
        if seen is None or not _same(seen, numbers(value)):
            raise ImpairmentError(f"wirefilter has {name} {seen} in place of {value}")


def shut_down(control: Path) -> None:
    """End the wirefilter that listens at *control* and wait until it has ended; does nothing without one.

    Raises ``ImpairmentError`` when it goes on.
    """
    if not control.exists():
        return
    try:
        with _session(control) as session:
            session.sendall(b"shutdown\n")
            while session.recv(4096):
                pass
    except (ImpairmentError, OSError):
        pass  # it was gone before
    if not poll(lambda: not answers(control), TIMEOUT):
        raise ImpairmentError(f"the wirefilter at {control} does not end")
    control.unlink(missing_ok=True)


def numbers(value: str) -> tuple[float, float]:
    """Return main value and variation of a parameter such as ``20+5U`` or ``1.25e+06+0U``.

    Raises ``ImpairmentError`` for other texts.
    """
    found = _VALUE.match(value)
    if not found:
        raise ImpairmentError(f"wirefilter has no value {value!r}")
    return float(found[1]), float(found[2] or 0)


def reported(report: str, name: str) -> tuple[float, float] | None:
    """Return what wirefilter's *report* says of parameter *name*, left to right; None when it says nothing."""
    found = re.search(rf"^{re.escape(_REPORTED[name])}\s+L->R (\S+)", report, re.MULTILINE)
    return numbers(found[1]) if found else None


def _same(left: tuple[float, float], right: tuple[float, float]) -> bool:
    """Compare as exactly as the report is: it has six digits."""
    return all(math.isclose(one, other, rel_tol=1e-5) for one, other in zip(left, right, strict=True))


def _session(control: Path) -> socket.socket:
    session = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    session.settimeout(TIMEOUT)
    try:
        session.connect(str(control))
        _until_prompt(session)
    except OSError as error:
        session.close()
        raise ImpairmentError(f"no wirefilter answers at {control}: {error.strerror or error}") from error
    return session


def _ask(session: socket.socket, line: str) -> str:
    try:
        session.sendall(line.encode() + b"\n")
        reply = _until_prompt(session)
    except OSError as error:
        raise ImpairmentError(f"wirefilter does not answer {line!r}: {error.strerror or error}") from error
    if "\n1000 Success" not in f"\n{reply}":
        raise ImpairmentError(f"wirefilter refuses {line!r}: {reply.strip()}")
    return reply


def _until_prompt(session: socket.socket) -> str:
    received = b""
    while not received.endswith(PROMPT):
        chunk = session.recv(4096)
        if not chunk:
            raise ConnectionResetError("it has ended")
        received += chunk
    return received.decode(errors="replace")
