"""What ``lso matrix`` refuses before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FIREWALLS = str(Path(__file__).parents[3] / "scenarios" / "matrix" / "firewalls.yaml")
TLS = ["--tls-ca", FIREWALLS, "--tls-certificate", FIREWALLS, "--tls-key", FIREWALLS]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "lso: give a matrix file, or --rejudge DIR"),
        ([FIREWALLS, "--rejudge", "x"], "lso: --rejudge takes no matrix file"),
        (["--rejudge", "nowhere"], "lso: nowhere/matrix.json: No such file or directory"),
        ([FIREWALLS, "--public-key", "x"], "lso: --public-key is for --rejudge"),
        ([FIREWALLS, "--resume", "nowhere"], "lso: --resume nowhere: there is no such folder"),
        ([FIREWALLS, "--only", "x-*"], "lso: --only x-*: no such cell. "),
        ([FIREWALLS, "--tls-ca", "x"], "lso: --tls-ca, --tls-certificate and --tls-key are for --scheduler"),
        ([FIREWALLS, "--scheduler", "tls://h:1"], "lso: --scheduler needs --tls-ca, --tls-certificate, --tls-key"),
        ([FIREWALLS, "--scheduler", "tcp://h:1", *TLS], "lso: --scheduler tcp://h:1: tls://HOST:PORT alone"),
        ([FIREWALLS, "--scheduler", "tls://h:1", *TLS[:-1], "x"], "lso: --tls-key x: there is no such file"),
        (["nowhere.yaml"], "nowhere.yaml:1:1: cannot be read"),
    ],
)
def test_arguments_that_cannot_be(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso("matrix", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)
