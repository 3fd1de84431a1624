"""The contract's keys, and what was sent, from what `ip xfrm state` prints on a kernel with ESP (jq)."""

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


COUNTED = "lifetime current:\n\t  99(bytes), 7(packets)\n\t"


@pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")
@pytest.mark.parametrize(
    ("numbers", "packets"),
    [
        ("anti-replay context: seq 0x0, oseq 0x22dbf, bitmap 0x00000000", 142_783),
        ("anti-replay esn context:\n\t seq-hi 0x0, seq 0x0, oseq-hi 0x1, oseq 0xa\n\t replay_window 32", 2**32 + 10),
        ("anti-replay context: seq 0x9, oseq 0x0, bitmap 0x000001ff", 7),
        ("mark 0x1", 7),
    ],
)
def test_as_many_were_sent_as_have_sequence_numbers(numbers: str, packets: int) -> None:
    """The kernel counts what offload merged as one packet, and every one of its segments has a number."""
    done = subprocess.run(
        ["gojq", "-Rsc", "-L", str(VNFS / "common"), 'include "xfrm"; passed_by_spi'],
        input=f"{HEAD}{COUNTED}{numbers}\n{HEAD.replace('c123', 'c124')}{COUNTED}\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {
        "c1234567": {"bytes": 99, "packets": packets},
        "c1244567": {"bytes": 99, "packets": 7},
    }


@pytest.mark.skipif(shutil.which("gojq") is None, reason="gojq is not installed")
@pytest.mark.parametrize(
    ("state", "sent"), [("", 5), (f"{HEAD}{COUNTED}anti-replay context: seq 0x0, oseq 0x22dbf", 142_783)]
)
def test_strongswan_tells_what_the_kernel_numbered(state: str, sent: int) -> None:
    child = (
        "name=site-b state=INSTALLED mode=TUNNEL protocol=ESP spi-in=c7654321 spi-out=c1234567 packets-in=3 bytes-in=9 "
        "packets-out=5 bytes-out=9 local-ts=[10.1.0.0/24] remote-ts=[10.2.0.0/24]"
    )
    ike = f"version=2 state=ESTABLISHED initiator-spi=1 responder-spi=2 child-sas {{site-b-1 {{{child}}}}}"
    lines = ["kernel", *state.splitlines(), f"list-sa event {{site-b {{{ike}}}}}", "list-sas reply {}"]
    intent = json.dumps({"ipsec": {"peers": [{"name": "site-b"}]}})
    done = subprocess.run(
        ["gojq", "-c", "-L", str(VNFS / "common"), "-L", str(VNFS / "strongswan"), "--argjson", "applied", intent,
         'include "report"; report($applied)'],
        input=json.dumps(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    [peer] = json.loads(done.stdout)["peers"]
    assert peer["children"][0]["packets_out"] == sent
