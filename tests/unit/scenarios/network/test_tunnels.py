"""The line of a gateway's log that says why it does not connect."""

from __future__ import annotations

import pytest

from scenarios.network.tunnels import why_not

LOGS = {
    "01[IKE] initiating IKE_SA\n02[IKE] received AUTHENTICATION_FAILED notify error\n03[IKE] again": "02[IKE] received",
    "tried 1 shared key, but MAC mismatched\ngenerating IKE_AUTH response 1 [ N(AUTH_FAILED) ]": "tried 1 shared key, ",
    "no acceptable proposal found\nsend NO_PROPOSAL_CHOSEN": "no acceptable proposal found",
    'ikev2_sa_keys: x\n"a" #1: responding with error notification NO_PROPOSAL_CHOSEN': '"a" #1: responding with error',
    "this will be rejected\nspi=0x1: sa_free: authentication failed notification from peer": "spi=0x1",
    "certificate has expired\nIKE_SA deleted": "certificate has expired",
    "subject certificate invalid (valid from 1 to 2)\nno trusted ECDSA public key": "subject certificate invalid",
    "IKE_SA site-b[1] established\nCHILD_SA installed": "",
    "": "",
}


@pytest.mark.parametrize("log", LOGS)
def test_why(log: str) -> None:
    assert why_not(log).startswith(LOGS[log])
    assert bool(why_not(log)) == bool(LOGS[log])
