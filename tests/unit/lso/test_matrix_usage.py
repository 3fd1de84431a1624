"""What ``lso matrix`` refuses before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

IPSEC = str(Path(__file__).parents[3] / "scenarios" / "matrix" / "ipsec.yaml")
TLS = ["--tls-ca", IPSEC, "--tls-certificate", IPSEC, "--tls-key", IPSEC]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "lso: give a matrix file, or --rejudge DIR"),
        ([IPSEC, "--rejudge", "x"], "lso: --rejudge takes no matrix file"),
        (["--rejudge", "nowhere"], "lso: nowhere/matrix.json: No such file or directory"),
        ([IPSEC, "--public-key", "x"], "lso: --public-key is for --rejudge"),
        ([IPSEC, "--resume", "nowhere"], "lso: --resume nowhere: there is no such folder"),
        ([IPSEC, "--only", "x-*"], "lso: --only x-*: no such cell. "),
        ([IPSEC, "--tls-ca", "x"], "lso: --tls-ca, --tls-certificate and --tls-key are for --scheduler"),
        ([IPSEC, "--scheduler", "tls://h:1"], "lso: --scheduler needs --tls-ca, --tls-certificate, --tls-key"),
        ([IPSEC, "--scheduler", "tcp://h:1", *TLS], "lso: --scheduler tcp://h:1: tls://HOST:PORT alone"),
        ([IPSEC, "--scheduler", "tls://h:1", *TLS[:-1], "x"], "lso: --tls-key x: there is no such file"),
        (["nowhere.yaml"], "nowhere.yaml:1:1: cannot be read"),
    ],
)
def test_arguments_that_cannot_be(lso: Any, arguments: list[str], told: str) -> None:
    ran = lso("matrix", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)
