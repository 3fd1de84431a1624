"""The contract's keys from what `ip xfrm state` prints on a kernel with ESP (jq)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

VNFS = Path(__file__).parents[3] / "vnfs"
HEAD = "src 198.51.100.1 dst 198.51.100.2\n\tproto esp spi 0xc1234567 reqid 1 mode tunnel\n\t"


@pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")
@pytest.mark.parametrize(
    ("state", "encryption", "integrity"),
    [
        ("aead rfc4106(gcm(aes)) 0xab 128", "AES_GCM_16", None),
        ("aead rfc4106(gcm(aes)) 0xab 96", "AES_GCM_12", None),
        ("aead rfc4106(gcm(aes)) 0xab 64", "AES_GCM_8", None),
        ("aead rfc4309(ccm(aes)) 0xab 128", "AES_CCM_16", None),
        ("aead rfc7539esp(chacha20,poly1305) 0xab 128", "CHACHA20_POLY1305", None),
        ("aead rfc4543(gcm(aes)) 0xab 128", "NULL_AES_GMAC", None),
        ("auth-trunc hmac(sha256) 0xcd 128\n\tenc rfc3686(ctr(aes)) 0xab", "AES_CTR", "HMAC_SHA2_256_128"),
        ("auth-trunc hmac(sha512) 0xcd 256\n\tenc cbc(aes) 0xab", "AES_CBC", "HMAC_SHA2_512_256"),
        ("auth-trunc hmac(sha1) 0xcd 96\n\tenc cbc(aes) 0xab", "AES_CBC", "HMAC_SHA1_96"),
        ("auth-trunc hmac(sha256) 0xcd 128\n\tenc ecb(cipher_null) ", "NULL", "HMAC_SHA2_256_128"),
    ],
)
def test_the_kernels_names_of_algorithms(state: str, encryption: str, integrity: str | None) -> None:
    done = subprocess.run(
        ["gojq", "-Rsc", "-L", str(VNFS / "common"), 'include "xfrm"; from_kernel(.)'],
        input=f"{HEAD}{state}\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    [found] = json.loads(done.stdout)
    assert (found["encryption"], found["integrity"]) == (encryption, integrity)
    assert (found["spi"], found["encryption_key"]) == ("c1234567", "" if encryption == "NULL" else "ab")
