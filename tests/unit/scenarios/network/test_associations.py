"""What gateways tell of their security associations, put together over a run."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.network.associations import flows, merged, strange_groups

A, B = "198.51.100.1", "198.51.100.2"


def history(*spis: str, complete: bool = True) -> dict[str, Any]:
    children = [{"local_address": A, "remote_address": B, "spi_in": f"{spi}in", "spi_out": f"{spi}out"} for spi in spis]
    ike = [{"initiator_spi": spi, "responder_spi": spi} for spi in spis]
    return {"complete": complete, "ike": ike, "children": children}


def test_each_association_explains_both_directions() -> None:
    assert set(flows({"a": history("1")})) == {(B, A, "1in"), (A, B, "1out")}


def test_what_a_gateway_told_before_it_was_made_anew_stays() -> None:
    both = merged(history("1", "2"), history("2", "3"))
    assert {child["spi_in"] for child in both["children"]} == {"1in", "2in", "3in"}
    assert sorted(ike["initiator_spi"] for ike in both["ike"]) == ["1", "2", "3"]
    assert both["complete"] is True
    assert merged(history("1", complete=False), history("2"))["complete"] is False


def test_silence_does_not_undo_what_was_told() -> None:
    silent = {"silent": "no gateway answers"}
    assert merged({}, silent) == silent
    assert merged(history("1"), silent) == history("1")
    assert merged(silent, history("1")) == history("1")
    assert list(flows({"a": silent})) == []


@pytest.mark.parametrize(
    ("esp", "child", "strange"),
    [
        ("aes256gcm16-ecp384", {"rekeyed": False, "dh": None}, []),
        ("aes256gcm16-ecp384", {"rekeyed": True, "dh": "ECP_384"}, []),
        ("aes256gcm16-ecp384", {"rekeyed": True, "dh": "ECP384"}, []),
        ("aes256gcm16-ecp256bp-x25519", {"rekeyed": True, "dh": "CURVE_25519"}, []),
        ("aes256gcm16-ecp256bp-x25519", {"rekeyed": True, "dh": "ECP_256_BP"}, []),
        ("aes256gcm16-modp2048-noesn", {"rekeyed": True, "dh": "MODP_2048"}, []),
        ("aes256gcm16", {"rekeyed": True, "dh": None}, []),
        ("aes256gcm16-ecp384", {"rekeyed": True, "dh": None}, ["CHILD SA with none"]),
        ("aes256gcm16-ecp384", {"rekeyed": True, "dh": "MODP_1024"}, ["CHILD SA with MODP_1024"]),
        ("aes256gcm16-ecp384", {"rekeyed": False, "dh": "ECP_256"}, ["CHILD SA with ECP_256"]),
        ("aes256gcm16", {"rekeyed": True, "dh": "ECP_384"}, ["CHILD SA with ECP_384"]),
        ("aes256gcm16-ecp384", {"rekeyed": True}, []),
    ],
)
def test_groups_that_no_proposal_names(esp: str, child: dict[str, Any], strange: list[str]) -> None:
    told = {"proposals": {"ike": "aes256gcm16-prfsha384-ecp384", "esp": esp}, "children": [{"peer": "b", **child}]}
    told["ike"] = [{"peer": "b", "dh": "ECP_384"}, {"peer": "c", "dh": "MODP_768"}]
    assert list(strange_groups(told, "b")) == strange
    assert list(strange_groups({**told, "children": []}, "c")) == ["IKE SA with MODP_768"]
    assert list(strange_groups({"ike": told["ike"]}, "c")) == []
