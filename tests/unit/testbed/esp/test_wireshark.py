from __future__ import annotations

from typing import Any

import pytest

from testbed.esp.wireshark import esp_sa

ENDS = {"source": "198.51.100.1", "destination": "198.51.100.2", "spi": "03d7a021"}
START = '"IPv4","198.51.100.1","198.51.100.2","0x03d7a021",'


@pytest.mark.parametrize(
    ("algorithms", "line"),
    [
        (
            {"encryption": "AES_GCM_16", "encryption_key": "aa" * 36, "integrity": None, "integrity_key": None},
            f'"AES-GCM with 16 octet ICV [RFC4106]","0x{"aa" * 36}","NULL",""',
        ),
        (
            {"encryption": "AES_GCM_16-256", "encryption_key": "aa" * 36},
            f'"AES-GCM with 16 octet ICV [RFC4106]","0x{"aa" * 36}","NULL",""',
        ),
        (
            {
                "encryption": "AES_CBC",
                "encryption_key": "bb" * 16,
                "integrity": "HMAC_SHA2_256_128",
                "integrity_key": "cc" * 32,
            },
            f'"AES-CBC [RFC3602]","0x{"bb" * 16}","HMAC-SHA-256-128 [RFC4868]","0x{"cc" * 32}"',
        ),
        (
            {"encryption": "CHACHA20_POLY1305", "encryption_key": "dd" * 36},
            f'"ChaCha20 with Poly1305 [RFC7634]","0x{"dd" * 36}","NULL",""',
        ),
        (
            {"encryption": "NULL", "encryption_key": "", "integrity": "HMAC_SHA1_96", "integrity_key": "ee" * 20},
            f'"NULL","","HMAC-SHA-1-96 [RFC2404]","0x{"ee" * 20}"',
        ),
    ],
    ids=["gcm", "gcm-with-length", "cbc", "chacha", "null"],
)
def test_an_association_as_wireshark_reads_it(algorithms: dict[str, Any], line: str) -> None:
    assert esp_sa([{**ENDS, **algorithms}]) == f"{START}{line}\n"


def test_each_is_there_once_and_in_order() -> None:
    gcm = {"encryption": "AES_GCM_16", "encryption_key": "aa" * 36}
    other = {**ENDS, **gcm, "spi": "01"}
    table = esp_sa([{**ENDS, **gcm}, other, {**ENDS, **gcm}])
    assert [line.split(",")[3] for line in table.splitlines()] == ['"0x01"', '"0x03d7a021"']


@pytest.mark.parametrize(
    "wrong",
    [
        {"encryption": "3DES"},
        {"integrity": "HMAC_MD5_96"},
        {"encryption_key": "xyz"},
        {"spi": '1","'},
        {"source": None},
        {"source": "a\nb"},
    ],
    ids=str,
)
def test_what_wireshark_does_not_take_is_left_out(wrong: dict[str, Any]) -> None:
    assert esp_sa([{**ENDS, "encryption": "AES_GCM_16", "encryption_key": "aa" * 36, **wrong}]) == ""
    assert esp_sa([{}]) == ""
