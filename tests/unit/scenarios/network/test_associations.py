"""What gateways tell of their security associations, put together over a run."""

from __future__ import annotations

from typing import Any

from scenarios.network.associations import flows, merged

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
