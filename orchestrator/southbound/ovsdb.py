"""OVSDB client (RFC 7047): JSON-RPC 1.0 over TLS, transactions and monitors of the `Open_vSwitch` database."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from orchestrator.model import UcpeError, UcpeRefused
from orchestrator.southbound.tls import Endpoint, describe, end_session

DATABASE = "Open_vSwitch"
ANSWER_SECONDS = 5.0

Operation = Mapping[str, Any]
Updates = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""`table-updates` of RFC 7047, 4.1.6: table → row UUID → {"old": …, "new": …}."""


class OvsdbClient:
    """One connection to a uCPE's ovsdb-server. Requests may be concurrent; answers are matched by their id."""

    def __init__(self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._monitors: dict[str, asyncio.Queue[Updates | UcpeError]] = {}
        self.failure: UcpeError | None = None
        self._receiver: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, endpoint: Endpoint, context: ssl.SSLContext | None) -> OvsdbClient:
        """Raises UcpeUnreachable."""
        client = cls(endpoint, *await endpoint.open(context))
        client._receiver = asyncio.create_task(client._receive(), name=f"ovsdb {endpoint.ucpe}")
        return client

    async def close(self) -> None:
        """End the connection; requests under way fail."""
        await end_session(self._receiver, self._writer)

    async def transact(self, operations: Sequence[Operation]) -> list[dict[str, Any]]:
        """Run the operations as one transaction; one result for each.

        Raises UcpeRefused when an operation or the commit failed (RFC 7047, 4.1.3); nothing was changed then.
        """
        results = await self.call("transact", [DATABASE, *operations])
        if problem := transaction_problem(operations, results):
            raise UcpeRefused(self.endpoint.ucpe, "ovsdb", problem)
        return list(results)

    @contextlib.asynccontextmanager
    async def monitor(self, tables: Mapping[str, Sequence[str]]) -> AsyncIterator[AsyncIterator[Updates]]:
        """Updates of these columns per table; the first one is the present content (RFC 7047, 4.1.5)."""
        name = f"monitor-{next(self._ids)}"
        queue: asyncio.Queue[Updates | UcpeError] = asyncio.Queue()
        self._monitors[name] = queue
        request = {table: {"columns": list(columns)} for table, columns in tables.items()}
        try:
            first = await self.call("monitor", [DATABASE, name, request])
            yield _updates(first, queue)
            await self.call("monitor_cancel", [name])
        finally:
            del self._monitors[name]

    async def call(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one JSON-RPC request; UcpeRefused when it is an error."""
        if self.failure:
            raise self.failure
        number = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._send({"method": method, "params": list(params), "id": number})
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            raise self.endpoint.unreachable(f"no answer to '{method}' within {ANSWER_SECONDS:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def _send(self, message: Mapping[str, Any]) -> None:
        self._writer.write(json.dumps(message, separators=(",", ":")).encode())

    async def _receive(self) -> None:
        stream = JsonStream()
        try:
            while data := await self._reader.read(65536):
                for message in stream.feed(data):
                    self._dispatch(message)
            self._fail(self.endpoint.unreachable("the uCPE closed the connection"))
        except (OSError, ValueError) as error:
            self._fail(self.endpoint.unreachable(describe(error)))

    def _dispatch(self, message: Mapping[str, Any]) -> None:
        method = message.get("method")
        if method == "echo":
            self._send({"result": message["params"], "error": None, "id": message["id"]})
        elif method == "update" and (queue := self._monitors.get(message["params"][0])):
            queue.put_nowait(message["params"][1])
        elif method is None and (answer := self._waiting.get(message["id"])) and not answer.done():
            if (problem := message.get("error")) is not None:
                answer.set_exception(UcpeRefused(self.endpoint.ucpe, "ovsdb", _error_text(problem)))
            else:
                answer.set_result(message["result"])

    def _fail(self, error: UcpeError) -> None:
        self.failure = error
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)
        for queue in self._monitors.values():
            queue.put_nowait(error)


class JsonStream:
    """Cuts a byte stream into the JSON objects that follow each other in it."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text = ""
        self._depth = 0
        self._scanned = 0
        self._quoted = False

    def feed(self, data: bytes) -> list[Any]:
        """The objects that are complete with this piece of the stream; ValueError when it is no JSON."""
        self._text += self._decode(data)
        found = []
        while (end := self._end_of_object()) is not None:
            found.append(json.loads(self._text[:end]))
            self._text, self._scanned = self._text[end:], 0
        return found

    def _end_of_object(self) -> int | None:
        """One pass over each character, however the stream is cut."""
        position = self._scanned
        while position < len(self._text):
            character = self._text[position]
            position += 1
            if self._quoted:
                if character == "\\":
                    position += 1
                self._quoted = character != '"'
            elif character == '"':
                self._quoted = True
            elif character in "{}":
                self._depth += 1 if character == "{" else -1
                if self._depth == 0:
                    return position
        self._scanned = position
        return None


async def _updates(first: Updates, queue: asyncio.Queue[Updates | UcpeError]) -> AsyncIterator[Updates]:
    yield first
    while True:
        item = await queue.get()
        if isinstance(item, UcpeError):
            raise item
        yield item


def transaction_problem(operations: Sequence[Operation], results: Sequence[Any]) -> str | None:
    """What failed in a transaction's results, None when all went well.

    A failed operation has an error in its place and null for those after it; a failed commit adds one result.
    """
    for index, result in enumerate(results):
        if isinstance(result, Mapping) and result.get("error"):
            if index >= len(operations):
                return _commit_text(result)
            return _operation_text(operations[index], result)
    if len(results) < len(operations) or any(result is None for result in results):
        return "the transaction was answered incompletely"
    return None


def _operation_text(operation: Operation, result: Any) -> str:
    if operation["op"] == "wait" and result["error"] == "timed out":
        return f"there is no {operation['table'].lower()} '{operation['rows'][0]['name']}'"
    return f"{operation['op']} {operation.get('table', '')}: {_error_text(result)}"


def _commit_text(result: Any) -> str:
    """Names are unique in each table (`index` in the schema); the server's own words about that fill ten lines."""
    taken = _NAME_TAKEN.search(result.get("details") or "")
    if taken:
        return f"the name '{taken['name']}' is taken by another {taken['table'].lower()} of this uCPE"
    return f"commit refused: {_error_text(result)}"


_NAME_TAKEN = re.compile(r'multiple rows in "(?P<table>\w+)" table to have identical values \("?(?P<name>[^")]+)"?\)')


def _error_text(problem: Any) -> str:
    if isinstance(problem, Mapping):
        return ": ".join(str(problem[key]) for key in ("error", "details") if problem.get(key))
    return str(problem)
