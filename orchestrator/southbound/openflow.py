"""OpenFlow 1.4 over TLS to a bridge's passive listener: handshake, requests matched by xid, atomic bundles."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from os_ken.exception import OSKenException
from os_ken.ofproto import ofproto_parser, ofproto_v1_4, ofproto_v1_4_parser

from orchestrator.model import UcpeError, UcpeRefused
from orchestrator.southbound import rules
from orchestrator.southbound.rules import PROTOCOL, InstalledRule
from orchestrator.southbound.tls import Endpoint, describe, end_session

ANSWER_SECONDS = 5.0
HEADER_BYTES = 8
BUNDLE_FLAGS = ofproto_v1_4.OFPBF_ATOMIC | ofproto_v1_4.OFPBF_ORDERED

Answers = asyncio.Queue[Any]
"""Replies and error messages to one request, and UcpeError when the connection is lost."""


class SwitchError(UcpeRefused):
    """The switch answered with an OpenFlow error."""


class OpenFlowSwitch:
    """One connection to a bridge. Requests may be concurrent; answers are matched by their xid."""

    def __init__(self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._xids = itertools.count(1)
        self._bundles = itertools.count(1)
        self._answers: dict[int, Answers] = {}
        self.failure: UcpeError | None = None
        self._receiver: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, endpoint: Endpoint, context: ssl.SSLContext | None) -> OpenFlowSwitch:
        """Raises UcpeUnreachable, or UcpeRefused when the bridge does not speak OpenFlow 1.4."""
        switch = cls(endpoint, *await endpoint.open(context))
        try:
            await switch._handshake()
        except BaseException:
            await switch.close()
            raise
        switch._receiver = asyncio.create_task(switch._receive(), name=f"openflow {endpoint.ucpe}")
        return switch

    async def close(self) -> None:
        """End the connection; a bundle that is not committed is gone with it."""
        await end_session(self._receiver, self._writer)

    async def dump(self, cookie: int = 0, mask: int = 0) -> tuple[InstalledRule, ...]:
        """The rules whose cookie agrees with `cookie` where `mask` has ones, all by default, with counters."""
        found: list[InstalledRule] = []
        async with self._request([rules.dump_request(cookie, mask)]) as answers:
            while True:
                reply = await self._next(answers, "dump of the rules")
                found += map(rules.installed, reply.body)
                if not reply.flags & ofproto_v1_4.OFPMPF_REPLY_MORE:
                    return tuple(found)

    async def raise_ports(self, numbers: Iterable[int]) -> None:
        """Set these ports administratively up. New internal ports are down, and carry nothing then."""
        changes = [_port_up(port) for port in await self._down(numbers)]
        async with self._request([*changes, ofproto_v1_4_parser.OFPBarrierRequest(PROTOCOL)]) as answers:
            await self._past_barrier(answers, "raising ports")

    async def ports_down(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Those of these ports that are administratively down."""
        return tuple(port.port_no for port in await self._down(numbers))

    async def _down(self, numbers: Iterable[int]) -> list[Any]:
        wanted = set(numbers)
        down: list[Any] = []
        async with self._request([ofproto_v1_4_parser.OFPPortDescStatsRequest(PROTOCOL)]) as answers:
            more = True
            while more:
                reply = await self._next(answers, "list of ports")
                down += [port for port in reply.body if port.port_no in wanted and _is_down(port)]
                more = bool(reply.flags & ofproto_v1_4.OFPMPF_REPLY_MORE)
        return down

    async def inject(self, frames: Sequence[bytes], in_port: int) -> None:
        """Have the switch treat Ethernet frames as if they had come in by that port (packet-out to its tables)."""
        table = ofproto_v1_4_parser.OFPActionOutput(ofproto_v1_4.OFPP_TABLE)
        packets = [
            ofproto_v1_4_parser.OFPPacketOut(PROTOCOL, ofproto_v1_4.OFP_NO_BUFFER, in_port, [table], frame)
            for frame in frames
        ]
        async with self._request([*packets, ofproto_v1_4_parser.OFPBarrierRequest(PROTOCOL)]) as answers:
            await self._past_barrier(answers, "injecting frames")

    async def commit(self, changes: Sequence[Any]) -> None:
        """Apply the messages, in order, as one atomic bundle: all or, with SwitchError, none.

        A message that the switch cannot decode is refused alone and leaves the bundle open for commit, so a barrier
        after the messages collects such errors; then the bundle is discarded.
        """
        if not changes:
            return
        bundle = next(self._bundles)
        opening = self._control(bundle, ofproto_v1_4.OFPBCT_OPEN_REQUEST)
        additions = [ofproto_v1_4_parser.OFPBundleAddMsg(PROTOCOL, bundle, BUNDLE_FLAGS, item, []) for item in changes]
        barrier = ofproto_v1_4_parser.OFPBarrierRequest(PROTOCOL)
        try:
            async with self._request([opening, *additions, barrier]) as answers:
                await self._past_barrier(answers, "filling the bundle")
                commit = self._control(bundle, ofproto_v1_4.OFPBCT_COMMIT_REQUEST)
                await self._answered(commit, "commit of the bundle", answers)
        except SwitchError:
            with contextlib.suppress(SwitchError):  # a refused commit has ended the bundle already
                await self._answered(self._control(bundle, ofproto_v1_4.OFPBCT_DISCARD_REQUEST), "discard")
            raise

    @staticmethod
    def _control(bundle: int, kind: int) -> Any:
        return ofproto_v1_4_parser.OFPBundleCtrlMsg(PROTOCOL, bundle, kind, BUNDLE_FLAGS, [])

    async def _past_barrier(self, answers: Answers, purpose: str) -> None:
        """Wait for the barrier's reply; SwitchError when a message before it was refused."""
        problem: SwitchError | None = None
        while True:
            try:
                reply = await self._next(answers, purpose)
            except SwitchError as error:
                problem = problem or error
                continue
            if isinstance(reply, ofproto_v1_4_parser.OFPBarrierReply):
                break
        if problem:
            raise problem

    async def _answered(self, message: Any, purpose: str, answers: Answers | None = None) -> Any:
        """The answer to one message. `answers`, when given, may hold an error that explains the refusal better."""
        async with self._request([message]) as own:
            try:
                return await self._next(own, purpose)
            except SwitchError:
                if answers and not answers.empty():
                    await self._next(answers, purpose)
                raise

    @contextlib.asynccontextmanager
    async def _request(self, messages: Sequence[Any]) -> AsyncIterator[Answers]:
        """Send messages, in order; a queue of all their answers and errors."""
        if self.failure:
            raise self.failure
        answers: Answers = asyncio.Queue()
        xids = []
        for message in messages:
            xids.append(xid := next(self._xids) & 0xFFFF_FFFF)
            self._answers[xid] = answers
            self._writer.write(_encode(message, xid))
        try:
            yield answers
        finally:
            for xid in xids:
                del self._answers[xid]

    async def _next(self, answers: Answers, purpose: str) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await answers.get()
        except TimeoutError:
            raise self.endpoint.unreachable(f"{purpose}: no answer within {ANSWER_SECONDS:g} s") from None
        if isinstance(answer, UcpeError):
            raise answer
        if isinstance(answer, ofproto_v1_4_parser.OFPErrorMsg):
            raise SwitchError(self.endpoint.ucpe, "openflow", f"{purpose}: the switch refused: {_error_text(answer)}")
        return answer

    async def _handshake(self) -> None:
        """Version negotiation (OpenFlow 1.4.0, 6.3.1): we offer 1.4 alone."""
        self._writer.write(hello(ofproto_v1_4.OFP_VERSION))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                _, kind, _, greeting = await self._frame()
        except TimeoutError:
            raise self.endpoint.unreachable(f"no OpenFlow greeting within {ANSWER_SECONDS:g} s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise self.endpoint.unreachable(_lost(error)) from error
        if kind != ofproto_v1_4.OFPT_HELLO or not offers(greeting):
            problem = "the bridge does not offer OpenFlow 1.4; add OpenFlow14 to its protocols"
            raise UcpeRefused(self.endpoint.ucpe, "openflow", problem)

    async def _receive(self) -> None:
        try:
            while True:
                version, kind, xid, data = await self._frame()
                if kind == ofproto_v1_4.OFPT_ECHO_REQUEST:
                    echo = ofproto_v1_4_parser.OFPEchoReply(PROTOCOL, data=data[HEADER_BYTES:])
                    self._writer.write(_encode(echo, xid))
                elif answers := self._answers.get(xid):
                    answers.put_nowait(_decode(version, kind, xid, data))
        except (OSError, asyncio.IncompleteReadError) as error:
            self._fail(_lost(error))
        except (OSKenException, ValueError) as error:
            self._fail(f"an answer cannot be decoded: {error}")

    async def _frame(self) -> tuple[int, int, int, bytes]:
        """Version, type, xid and the whole message."""
        header = await self._reader.readexactly(HEADER_BYTES)
        version, kind, length, xid = ofproto_parser.header(header)
        return version, kind, xid, header + await self._reader.readexactly(length - HEADER_BYTES)

    def _fail(self, problem: str) -> None:
        self.failure = self.endpoint.unreachable(problem)
        for answers in self._answers.values():
            answers.put_nowait(self.failure)


def _encode(message: Any, xid: int) -> bytes:
    message.set_xid(xid)
    if isinstance(message, ofproto_v1_4_parser.OFPBundleAddMsg):
        message.message.set_xid(xid)  # OpenFlow 1.4.0, 7.3.9.6: both xids must be the same
    message.serialize()
    return bytes(message.buf)


def _decode(version: int, kind: int, xid: int, data: bytes) -> Any:
    message = ofproto_parser.msg(PROTOCOL, version, kind, len(data), xid, data)
    if message is None:  # the codec only logs what it cannot read
        raise ValueError(f"version {version}, type {kind}, {len(data)} bytes")
    return message


def hello(*versions: int) -> bytes:
    """A greeting that offers these wire versions (5 is OpenFlow 1.4). The codec's own leaves the bitmap out."""
    bitmap = sum(1 << version for version in versions)
    element = struct.pack("!HHI", ofproto_v1_4.OFPHET_VERSIONBITMAP, 8, bitmap)
    header = struct.pack("!BBHI", max(versions), ofproto_v1_4.OFPT_HELLO, HEADER_BYTES + len(element), 0)
    return header + element


def offers(greeting: bytes, wanted: int = ofproto_v1_4.OFP_VERSION) -> bool:
    """Whether a greeting offers that version; without a bitmap it offers all up to the one of its header."""
    position = HEADER_BYTES
    while position + 8 <= len(greeting):
        kind, length, bitmap = struct.unpack_from("!HHI", greeting, position)
        if kind == ofproto_v1_4.OFPHET_VERSIONBITMAP:
            return bool(bitmap >> wanted & 1)
        position += max(8, (length + 7) // 8 * 8)  # elements are padded to 8 bytes
    return greeting[0] >= wanted


def _is_down(port: Any) -> bool:
    return bool(port.config & ofproto_v1_4.OFPPC_PORT_DOWN)


def _port_up(port: Any) -> Any:
    mask = ofproto_v1_4.OFPPC_PORT_DOWN
    return ofproto_v1_4_parser.OFPPortMod(PROTOCOL, port.port_no, port.hw_addr, config=0, mask=mask, properties=[])


def _error_text(error: Any) -> str:
    kind = ofproto_v1_4.ofp_error_type_to_str(error.type)
    return f"{kind} {ofproto_v1_4.ofp_error_code_to_str(error.type, error.code)}"


def _lost(error: BaseException) -> str:
    return "the uCPE closed the connection" if isinstance(error, asyncio.IncompleteReadError) else describe(error)
