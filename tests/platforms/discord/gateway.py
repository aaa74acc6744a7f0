"""Discord's gateway: sessions that outlive their connections, and what may happen to them.

Source: https://discord.com/developers/docs/events/gateway
"""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

MESSAGE_CONTENT_INTENT = 1 << 15
_PRIVILEGED = 1 << 1 | 1 << 8 | MESSAGE_CONTENT_INTENT
_KNOWN_INTENTS = (1 << 26) - 1
_KEPT_EVENTS = 5000


class Op(IntEnum):
    """Opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    ACK = 11


class Host(Protocol):
    """What the gateway asks of the rest of the double."""

    def is_token(self, token: str) -> bool: ...

    def privileged_intents(self) -> int: ...

    def ready(self) -> dict[str, Any]: ...

    def guilds(self) -> list[tuple[int, dict[str, Any]]]: ...


@dataclass(eq=False)
class Session:
    """What the gateway remembers of a client."""

    id: str
    shard: int
    shards: int
    intents: int
    sequence: int = 0
    events: list[tuple[int, str]] = field(default_factory=list)
    connection: Connection | None = None

    def dispatch(self, name: str, document: dict[str, Any]) -> None:
        self.sequence += 1
        text = json.dumps({"op": Op.DISPATCH, "t": name, "s": self.sequence, "d": document})
        self.events.append((self.sequence, text))
        del self.events[:-_KEPT_EVENTS]
        if self.connection is not None:
            self.connection.send(text)


class Connection:
    """One WebSocket; what is sent goes out in order, compressed as the client asked."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.request = request
        self.session: Session | None = None
        self.sent_away = False
        """Whether the gateway was the one to close."""
        self.patient = True
        """Whether the client's goodbye is waited for."""
        self._waiting: asyncio.Queue[str | tuple[int, str] | None] = asyncio.Queue()
        self._compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None

    def send(self, text: str) -> None:
        self._waiting.put_nowait(text)

    def send_op(self, op: Op, data: Any = None) -> None:
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int, reason: str = "") -> None:
        """Close after what was sent before."""
        self.sent_away = True
        self._waiting.put_nowait((code, reason))

    def abort(self) -> None:
        """Cut the connection without a word."""
        transport = self.request.transport
        if transport is not None:
            transport.abort()

    async def write(self) -> None:
        """Send what is waiting, until the connection ends."""
        while (item := await self._waiting.get()) is not None:
            try:
                if isinstance(item, tuple):
                    await self._say_goodbye(*item)
                    return
                if self._compressor is None:
                    await self.socket.send_str(item)
                else:
                    data = self._compressor.compress(item.encode()) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
                    await self.socket.send_bytes(data)
            except ConnectionError:
                return

    def end(self) -> None:
        self._waiting.put_nowait(None)

    async def _say_goodbye(self, code: int, reason: str) -> None:
        # Closing the socket would cut the connection at once, since somebody is listening to the client on it.
        if (writer := self.socket._writer) is not None:
            await writer.close(code, reason.encode())
        if not self.patient:
            self.abort()


class Gateway:
    """Takes connections and tells them what happens."""

    def __init__(self, heartbeat_seconds: float) -> None:
        self.host: Host
        self.url = ""
        self.heartbeat_seconds = heartbeat_seconds
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.identified: list[dict[str, Any]] = []
        """What was sent with each IDENTIFY, without the token."""
        self.resumed = 0
        self.heartbeats = 0
        self.close_next: list[int] = []
        """Close codes for the next connections, given right after IDENTIFY or RESUME."""
        self.refuse_upgrades = 0
        """How many of the next connections are answered with 503 in place of a WebSocket."""
        self.repeat_on_resume = 0
        """How many events that the client has seen already are sent again after a RESUME."""
        self.patient = True
        """Whether connections that are closed stay until the client has said goodbye, too."""
        self.repeat_each = 1
        """How often each event is sent, under sequence numbers of its own."""
        self.guild_seconds = 0.0
        """How long after a session has begun its guilds come in."""

    # What the world tells

    def publish(self, name: str, guild_id: int | None, document: Callable[[bool], dict[str, Any]]) -> None:
        """Tell an event to the shard of its guild; ``document`` gets whether the session may read messages."""
        for session in self.sessions.values():
            if ((guild_id or 0) >> 22) % session.shards != session.shard:
                continue  # direct messages go to the first shard
            if not _wanted(name, guild_id, session.intents):
                continue
            readable = bool(session.intents & MESSAGE_CONTENT_INTENT)
            for _ in range(self.repeat_each):
                session.dispatch(name, document(readable))

    # What a test does to it

    def reconnect(self) -> None:
        """Ask all clients to connect again."""
        for connection in list(self.connections):
            connection.send_op(Op.RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Tell all clients that their sessions are no longer valid."""
        for connection in list(self.connections):
            if not resumable and connection.session is not None:
                self.sessions.pop(connection.session.id, None)
            connection.send_op(Op.INVALID_SESSION, resumable)

    def close_all(self, code: int) -> None:
        for connection in list(self.connections):
            connection.close(code)

    def drop(self) -> None:
        """Cut all connections without a word."""
        for connection in list(self.connections):
            connection.abort()

    @property
    def live(self) -> bool:
        """Whether a client is connected whose session is good."""
        sessions = self.sessions.values()
        return any(each.session in sessions and not each.sent_away for each in self.connections)

    # Connections

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_upgrades > 0:
            self.refuse_upgrades -= 1
            return web.Response(status=503, text="upstream connect error")
        socket = web.WebSocketResponse(max_msg_size=4096 * 4, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request)
        if request.query.get("encoding", "json") != "json" or request.query.get("v") != "10":
            await socket.close(code=4012)
            return socket
        connection.patient = self.patient
        self.connections.add(connection)
        writing = asyncio.create_task(connection.write())
        connection.send_op(Op.HELLO, {"heartbeat_interval": int(self.heartbeat_seconds * 1000), "_trace": ["double"]})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._received(connection, message.data)
        finally:
            self._gone(connection)
            connection.end()
            await writing
        return socket

    def _gone(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        # A client that says goodbye has given its session up.
        if not connection.sent_away and connection.socket.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY):
            self.sessions.pop(session.id, None)

    def _received(self, connection: Connection, text: str) -> None:
        try:
            payload = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            connection.close(4002, "Error while decoding payload.")
            return
        if op == Op.HEARTBEAT:
            self.heartbeats += 1
            connection.send_op(Op.ACK)
        elif op == Op.IDENTIFY:
            self._identify(connection, data)
        elif op == Op.RESUME:
            self._resume(connection, data)
        elif op not in (Op.PRESENCE, Op.REQUEST_MEMBERS):
            connection.close(4001, "Unknown opcode.")
        elif connection.session is None:
            connection.close(4003, "Not authenticated.")

    def _identify(self, connection: Connection, data: dict[str, Any]) -> None:
        self.identified.append({name: value for name, value in data.items() if name != "token"})
        shard, shards = data.get("shard") or (0, 1)
        if connection.session is not None:
            connection.close(4005, "Already authenticated.")
        elif self.close_next:
            connection.close(self.close_next.pop(0))
        elif not self.host.is_token(data["token"]):
            connection.close(4004, "Authentication failed.")
        elif not 0 <= shard < shards:
            connection.close(4010, "Invalid shard.")
        elif data.get("intents", 0) & ~_KNOWN_INTENTS:
            connection.close(4013, "Invalid intent(s).")
        elif data.get("intents", 0) & _PRIVILEGED & ~self.host.privileged_intents():
            connection.close(4014, "Disallowed intent(s).")
        else:
            self._begin(connection, Session(secrets.token_hex(16), shard, shards, data["intents"]))

    def _begin(self, connection: Connection, session: Session) -> None:
        for other in list(self.sessions.values()):
            if other.shard == session.shard and other.connection is None:
                self.sessions.pop(other.id)  # nobody will come back to it: the bot was started again
        self.sessions[session.id] = session
        session.connection, connection.session = connection, session
        own = [(i, guild) for i, guild in self.host.guilds() if (i >> 22) % session.shards == session.shard]
        ready = {
            **self.host.ready(),
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id, _ in own],
            "session_id": session.id,
            "shard": [session.shard, session.shards],
            "resume_gateway_url": self.url,
        }
        session.dispatch("READY", ready)
        for _, guild in own:
            if session.intents & 1:
                asyncio.get_running_loop().call_later(self.guild_seconds, session.dispatch, "GUILD_CREATE", guild)

    def _resume(self, connection: Connection, data: dict[str, Any]) -> None:
        session = self.sessions.get(data.get("session_id") or "")
        seen = data.get("seq")
        if self.close_next:
            connection.close(self.close_next.pop(0))
        elif not self.host.is_token(data["token"]):
            connection.close(4004, "Authentication failed.")
        elif session is None or seen is None or seen > session.sequence:
            connection.send_op(Op.INVALID_SESSION, False)
        else:
            self.resumed += 1
            if session.connection is not None and session.connection is not connection:
                session.connection.session = None
                session.connection.close(4000)
            session.connection, connection.session = connection, session
            for sequence, text in session.events:
                if sequence > seen or (sequence > seen - self.repeat_on_resume and '"READY"' not in text):
                    connection.send(text)
            session.dispatch("RESUMED", {"_trace": ["double"]})


def _wanted(name: str, guild_id: int | None, intents: int) -> bool:
    if name.startswith("MESSAGE_"):
        return bool(intents & (1 << 9 if guild_id is not None else 1 << 12))
    if name.startswith(("GUILD_", "CHANNEL_", "THREAD_")):
        return bool(intents & 1)
    return True
