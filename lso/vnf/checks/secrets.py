"""Whether the intent is readable by root alone, and its secrets are nowhere else."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator

from docker.errors import NotFound

from lso.checking.judged import judged
from lso.vnf.rig import Rig, text_of
from lso.vnf.session import Session
from reports.model import Check
from testbed.bench.bench import INTENT_FOLDER
from testbed.host.engine import engine

INTENT = f"{INTENT_FOLDER}/intent.json"
SEARCHED = ("/dev/shm", "/etc", "/run", "/tmp", "/var")  # noqa: S108  (in the container)


def run(session: Session) -> Iterator[Check]:
    """Look for the intent and for its secrets, where the kind has any."""
    rig = session.rig
    intent = rig.intent()
    mode, kept = _kept(rig)
    yield judged(INTENT, mode == "600", "kept, with the mode 600", mode)
    yield judged("the intent that is kept", kept == text_of(intent), "as it was given", f"{len(kept)} other octets")
    for secret in session.kind.secrets(intent) if session.kind.secrets else ():
        yield from _hidden(rig, secret)


def _kept(rig: Rig) -> tuple[str, str]:
    """Mode and text of the intent that is kept."""
    try:
        chunks, _ = rig.vnf.container.get_archive(INTENT)
    except NotFound:
        return "there is no such file", ""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        member = next(iter(tar), None)
        file = tar.extractfile(member) if member else None
        if member is None or file is None:
            return "it is no file", ""
        return f"{member.mode & 0o777:o}", file.read().decode(errors="replace")


def _hidden(rig: Rig, secret: str) -> Iterator[Check]:
    container = rig.vnf.container
    arguments = " ".join(" ".join(row) for row in container.top(ps_args="-eo pid,args")["Processes"] or [])
    places = {
        "the log": container.logs().decode(errors="replace"),
        "the status": rig.call("/vnf/status").stdout,
        "arguments of processes": arguments,
        "what docker inspect shows": str(engine().api.inspect_container(str(container.id))),
    }
    for place, text in places.items():
        yield judged(f"secrets in {place}", secret not in text, "none", "a secret of the intent")
    holding = _inside(rig, "grep", "-rlsF", "--", secret, *SEARCHED).split()
    modes = {path: _inside(rig, "stat", "-c", "%a", path).strip() for path in holding}
    wide = sorted(path for path, mode in modes.items() if mode and int(mode, 8) & 0o077)
    yield judged("files with secrets", not wide, "for root alone", " ".join(wide))


def _inside(rig: Rig, *argv: str) -> str:
    """What a program of the image prints; nothing where the image lacks it."""
    try:
        return rig.vnf.inside(*argv)
    except subprocess.CalledProcessError as error:
        return str(error.stdout or "")
