"""OVSDB: framing, transactions and their errors, and a connection to a scripted server on a Unix socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model import UcpeRefused, UcpeUnreachable
from orchestrator.southbound import ovsdb
from orchestrator.southbound.ovsdb import JsonStream, OvsdbClient, transaction_problem
from orchestrator.southbound.ports import InternalPort, add_operations, bridge_port, change_operations
from orchestrator.southbound.tls import Endpoint

Answer = Callable[[dict[str, Any]], list[Any]]


@pytest.mark.parametrize("cut", [1, 2, 7, 1000])
def test_stream_is_cut_into_objects_wherever_the_pieces_end(cut: int) -> None:
    messages = [{"a": '{"}\\"{'}, {"b": {"c": [1, {}]}, "é": "\\"}, {}]
    data = " ".join(json.dumps(item, ensure_ascii=False) for item in messages).encode()
    stream = JsonStream()
    found = [item for start in range(0, len(data), cut) for item in stream.feed(data[start : start + cut])]
    assert found == messages


def test_ports_are_added_in_one_transaction_that_demands_the_bridge() -> None:
    operations = add_operations("br0", [InternalPort("p1", 1400, {"lso:service": "s", "lso:role": "lan"})])
    assert operations == [
        {
            "op": "wait",
            "table": "Bridge",
            "where": [["name", "==", "br0"]],
            "columns": ["name"],
            "until": "==",
            "rows": [{"name": "br0"}],
            "timeout": 0,
        },
        {
            "op": "insert",
            "table": "Interface",
            "uuid-name": "interface0",
            "row": {
                "name": "p1",
                "type": "internal",
                "mtu_request": 1400,
                "external_ids": ["map", [("lso:role", "lan"), ("lso:service", "s")]],
            },
        },
        {
            "op": "insert",
            "table": "Port",
            "uuid-name": "port0",
            "row": {"name": "p1", "interfaces": ["named-uuid", "interface0"]},
        },
        {
            "op": "mutate",
            "table": "Bridge",
            "where": [["name", "==", "br0"]],
            "mutations": [["ports", "insert", ["set", [["named-uuid", "port0"]]]]],
        },
        {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]},
        {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]},
    ]


def test_a_changed_port_must_exist() -> None:
    wait, update, *_ = change_operations([InternalPort("p1", 1500, {})])
    assert (wait["op"], wait["rows"]) == ("wait", [{"name": "p1"}])
    assert update["row"] == {"mtu_request": 1500, "external_ids": ["map", []]}


TAKEN = (
    'Transaction causes multiple rows in "Interface" table to have identical values (lan0) for index on column "name".'
)


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ([{"count": 1}, {"rows": []}], None),
        ([{"error": "timed out", "details": "..."}, None], "there is no bridge 'br0'"),
        ([{"count": 1}, {"error": "domain error", "details": "no"}], "select Open_vSwitch: domain error: no"),
        (
            [{"count": 1}, {}, {"error": "constraint violation", "details": "x"}],
            "commit refused: constraint violation: x",
        ),
        (
            [{"count": 1}, {}, {"error": "constraint violation", "details": TAKEN}],
            "the name 'lan0' is taken by another interface of this uCPE",
        ),
        ([{"count": 1}, None], "the transaction was answered incompletely"),
        ([{"count": 1}], "the transaction was answered incompletely"),
    ],
)
def test_a_failed_operation_or_commit_is_found(results: list[Any], problem: str | None) -> None:
    operations: list[dict[str, Any]] = [
        {"op": "wait", "table": "Bridge", "rows": [{"name": "br0"}]},
        {"op": "select", "table": "Open_vSwitch"},
    ]
    assert transaction_problem(operations, results) == problem


@pytest.mark.parametrize(("ofport", "number"), [(7, 7), (-1, None), (["set", []], None)])
def test_an_interface_row_becomes_a_port(ofport: Any, number: int | None) -> None:
    row = {
        "name": "p1",
        "type": "internal",
        "ofport": ofport,
        "mac_in_use": "02:42:64:40:00:02",
        "mtu": 1400,
        "mtu_request": ["set", []],
        "external_ids": ["map", [["lso:service", "s"]]],
        "error": ["set", []],
    }
    port = bridge_port("uuid-1", row)
    assert (port.ofport, port.mtu, port.mtu_request, port.external_ids) == (number, 1400, None, {"lso:service": "s"})


def converse(folder: Path, answer: Answer, use: Callable[[OvsdbClient], Awaitable[Any]]) -> Any:
    """Run `use` with a client of a server that answers each request with the messages of `answer`; none: hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = JsonStream()
        while data := await reader.read(4096):
            for request in stream.feed(data):
                if not (replies := answer(request)):
                    writer.close()
                    return
                writer.write("".join(map(json.dumps, replies)).encode())
        writer.close()

    async def main() -> Any:
        async with await asyncio.start_unix_server(serve, folder / "db"):
            client = await OvsdbClient.connect(Endpoint("u1", "ovsdb", f"unix:{folder / 'db'}"), None)
            try:
                return await use(client)
            finally:
                await client.close()

    return asyncio.run(main())


def test_an_echo_is_answered_and_answers_find_their_request(tmp_path: Path) -> None:
    echoes: list[Any] = []

    def answer(request: dict[str, Any]) -> list[Any]:
        if "method" not in request:
            echoes.append(request)
            return [{"ignored": True, "method": "update", "params": ["nobody", {}], "id": None}]
        reply = {"id": request["id"], "error": None, "result": [{"rows": [request["params"][1]["n"]]}]}
        return [{"id": "e", "method": "echo", "params": ["still there?"]}, reply]

    async def use(client: OvsdbClient) -> Any:
        return await asyncio.gather(*(client.transact([{"op": "select", "n": n}]) for n in range(3)))

    assert converse(tmp_path, answer, use) == [[{"rows": [n]}] for n in range(3)]
    assert {"id": "e", "result": ["still there?"], "error": None} in echoes


def test_an_error_reply_is_a_refusal(tmp_path: Path) -> None:
    def answer(request: dict[str, Any]) -> list[Any]:
        return [{"id": request["id"], "error": {"error": "unknown database"}, "result": None}]

    with pytest.raises(UcpeRefused, match="u1: ovsdb: unknown database"):
        converse(tmp_path, answer, lambda client: client.transact([{"op": "select"}]))


def test_a_lost_connection_fails_what_waits_and_what_follows(tmp_path: Path) -> None:
    async def use(client: OvsdbClient) -> None:
        for _ in range(2):
            with pytest.raises(UcpeUnreachable, match="closed the connection"):
                await client.transact([{"op": "select"}])

    converse(tmp_path, lambda _: [], use)


def test_no_answer_in_time_names_the_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovsdb, "ANSWER_SECONDS", 0.05)
    with pytest.raises(UcpeUnreachable, match=r"unix:.*db: no answer to 'transact' within 0.05 s"):
        silence = [{"method": "update", "params": ["nobody", {}], "id": None}]
        converse(tmp_path, lambda _: silence, lambda client: client.transact([{"op": "select"}]))


def test_nothing_listens(tmp_path: Path) -> None:
    with pytest.raises(UcpeUnreachable, match=r"u1: ovsdb: unix:.*No such file"):
        asyncio.run(OvsdbClient.connect(Endpoint("u1", "ovsdb", f"unix:{tmp_path / 'none'}"), None))
