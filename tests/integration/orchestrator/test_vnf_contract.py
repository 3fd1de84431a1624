"""Images that break the VNF contract are refused when they are deployed, and nothing of them stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.model import Result

IMAGE = "lso/vnf-wrong"
STATUS = "mv /vnf/status /vnf/status-right && printf '#!/bin/sh\n%s\n' '{}' >/vnf/status && chmod 755 /vnf/status"


@contextmanager
def made(view: Any, change: str, command: str) -> Iterator[None]:
    """The firewall's image with one thing wrong, in the store of the uCPE."""
    shell = command or "true"
    run = ["docker", "run", "--name", "wrong", "--network", "none", "--entrypoint", "/bin/sh", "lso/vnf-nftables"]
    view.run(*run, "-c", shell)
    try:
        entrypoint = ["--change", 'ENTRYPOINT ["/vnf/entrypoint"]', "--change", "CMD []"]
        view.run("docker", "commit", *entrypoint, *(["--change", change] if change else []), "wrong", IMAGE)
    finally:
        view.run("docker", "rm", "-f", "wrong")
    try:
        yield
    finally:
        view.run("docker", "rmi", "-f", IMAGE)


def status_by(filter_: str) -> str:
    return STATUS.replace("{}", f'/vnf/status-right | jq -c "{filter_}"')


@pytest.mark.parametrize(
    ("change", "command", "text"),
    [
        pytest.param("LABEL lso.vnf.contract=7", "", "label lso.vnf.contract is '7', expected '1'", id="contract"),
        pytest.param("LABEL lso.vnf.kind=banana", "", "label lso.vnf.kind is 'banana', expected 'firewall'", id="kind"),
        pytest.param("LABEL lso.vnf.vendor=", "", "label lso.vnf.vendor is missing", id="vendor"),
        pytest.param("", status_by("del(.connections)"), '$: "connections" is a required property', id="lacks"),
        pytest.param("", status_by(". + {banana: 1}"), "('banana' was unexpected)", id="extra"),
        pytest.param("", status_by(".vendor = .kind"), "vendor: 'firewall', expected 'nftables'", id="other-vendor"),
        pytest.param("", status_by(".ready = false"), "ready: False, expected True", id="not-ready"),
        pytest.param("", STATUS.replace("{}", "echo all is well"), "/vnf/status printed no JSON", id="no-json"),
        pytest.param("", STATUS.replace("{}", "exit 5"), "/vnf/status ended with 5", id="status-fails"),
        pytest.param(
            "", "printf '#!/bin/sh\nsleep 600\n' >/vnf/apply", "/vnf/apply did not end within 2 s", id="apply-hangs"
        ),
        pytest.param(
            "",
            "printf '#!/bin/sh\nwhile sleep 0.2; do echo soon; done\n' >/vnf/apply",
            "/vnf/apply did not end within 2 s",
            id="apply-talks-for-ever",
        ),
    ],
)
def test_it_is_refused_with_what_is_wrong(
    bed: Any, faulty: Any, monkeypatch: pytest.MonkeyPatch, change: str, command: str, text: str
) -> None:
    view = bed.views["site-b"]
    if text.endswith("2 s"):
        monkeypatch.setattr("orchestrator.southbound.exec.EXEC_SECONDS", 2.0)
    with made(view, change, command):
        before = view.state()
        wrong = bed.orchestrator_with(faulty("site-b", "firewall", image=IMAGE))
        [site] = asyncio.run(wrong.deploy(bed.request("site-b"))).deployments
        assert (site.result, site.differences) == (Result.ROLLED_BACK, ())
        assert text in site.error
        assert view.state() == before


def test_an_image_with_nothing_wrong_made_in_the_same_way_is_taken(bed: Any, faulty: Any) -> None:
    with made(bed.views["site-b"], "", ""):
        copy = bed.orchestrator_with(faulty("site-b", "firewall", image=IMAGE))
        assert asyncio.run(copy.deploy(bed.request("site-b"))).result is Result.APPLIED
        assert asyncio.run(copy.remove(bed.service_id)).result is Result.REMOVED
