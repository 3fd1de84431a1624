"""The labels and executables of the image, and whether the parts of the product agree."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from docker.errors import NotFound

from lso.checking.judged import judged, noted
from lso.vnf.session import Session
from lso.vnf.subject import read_json
from orchestrator.vnf_contract import label_findings
from reports.model import Check
from testbed.host.engine import engine


def run(session: Session) -> Iterator[Check]:
    """Judge the image without starting it."""
    subject = session.subject
    wrong = label_findings(subject.labels, session.kind.name)
    yield judged("labels", not wrong, "the four of the contract", "; ".join(wrong) or "as they should be")
    if subject.product is None:
        yield noted("descriptor", "none: checked with NET_ADMIN alone (give it by --descriptor)")
    else:
        yield from _agree(session)
    container = engine().containers.create(subject.image, network_mode="none", labels=session.bench.labels())
    try:
        for path in ("/vnf/apply", "/vnf/status", *session.kind.executables):
            found = _executable(container, path)
            yield judged(path, found, "an executable file", "is one" if found else "is none")
    finally:
        container.remove(force=True)
    yield noted("size", f"{subject.size / 1e6:.0f} MB")


def _agree(session: Session) -> Iterator[Check]:
    product = session.subject.product
    if product is None:
        return
    kind = session.kind.name
    yield judged("kind in the descriptor", product.kind == kind, kind, product.kind)
    file = product.descriptor.with_name("product.json")
    if file.is_file():
        about = read_json(file)
        for name in ("kind", "vendor", "version"):
            label = session.subject.labels.get(f"lso.vnf.{name}", "")
            yield judged(f"{name} in product.json", about.get(name) == label, repr(label), repr(about.get(name)))


def _executable(container: Any, path: str) -> bool:
    """Whether *path* is a file that may be executed, links followed."""
    for _ in range(8):
        try:
            _, found = container.get_archive(path)
        except NotFound:
            return False
        if not found["linkTarget"]:
            # Go's mode: the nine permission bits are those of Unix; a folder has the topmost bit.
            return not found["mode"] >> 31 and bool(found["mode"] & stat.S_IXUSR)
        path = str(PurePosixPath(path).parent / found["linkTarget"])
    return False
