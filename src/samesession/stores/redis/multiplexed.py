"""One connection to Redis that all requests of an event loop share.

redis-py opens the connection (address, TLS, authentication), hiredis packs and
parses; what is saved is a connection pool's work for each command. Commands
that are asked for in one tick of the loop leave in one write, and answers are
dealt out in the order of the commands, as RESP promises. So a session's own
commands keep their order, and a command that waits alone pays for no other.

A waiter that is cancelled harms nobody: its answer is thrown away when it
comes. What cannot be packed is refused to its caller before anything is sent.
A connection that is lost takes each of its commands to the next one, once. One
that says what nobody asked for, or no RESP, takes the reads there and fails the
writes, which may have been done. One whose oldest answer is overdue is given up.
Loaded by async code only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, cast

import hiredis
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

from ...run.loop_time import Knock, call_at, loop_time
from ...run.timeout import Grace
from .resp import READS, Argument, name_of, pack, reader

# Above this many unanswered commands new ones are refused, to bound memory.
_MAX_PENDING = 30_000


class _Waiting:
    """A command and whoever waits for its answer."""

    __slots__ = ("answer", "packed", "resent", "since")

    def __init__(self, packed: bytes, answer: asyncio.Future[Any]) -> None:
        self.packed = packed
        self.answer = answer
        self.since = 0.0  # when it was sent
        self.resent = False


def _any(_: _Waiting) -> bool:
    return True


def _read(waiting: _Waiting) -> bool:
    return name_of(waiting.packed) in READS


class Channel(asyncio.Protocol):
    """A client with the few commands that the redis store uses, for one event loop.

    Method names and arguments are redis-py's.
    """

    tells_garbage = True  # by an error of redis-py's, whatever the server says

    def __init__(self, pool: Any, *, timeout: float) -> None:
        """`pool`: redis-py's, which makes the connections; `timeout`: seconds for each answer."""
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self.connection_pool = pool
        self._connection: Any = None  # redis-py's; see _take_over
        self._transport: asyncio.Transport | None = None
        self._reader = reader()
        self._queued: deque[_Waiting] = deque()
        self._sent: deque[_Waiting] = deque()
        self._flushing = False
        self._writable = True
        self._connecting: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | Knock | None = None
        self._grace = Grace(timeout, loop_time(self._loop))
        self._late: _Waiting | None = None  # the oldest that waited at the last look
        self.mark = 0  # of the connection; each has another
        self._beside: Channel | None = None  # see execute_elsewhere
        self._askers = 0  # who wait on that

    # --- commands ----------------------------------------------------------------------

    def get(self, key: str) -> asyncio.Future[Any]:
        """Read a key."""
        return self._ask("GET", key)

    def getex(self, key: str, *, ex: int) -> asyncio.Future[Any]:
        """Read a key and restart its expiry."""
        return self._ask("GETEX", key, "EX", ex)

    def set(self, key: str, value: bytes, *, nx: bool, ex: int) -> asyncio.Future[Any]:
        """Write a key with an expiry."""
        return self._ask("SET", key, value, "EX", ex, *(("NX",) if nx else ()))

    def evalsha(self, digest: str, keys: int, *args: Argument) -> asyncio.Future[Any]:
        """Run a script that the server knows."""
        return self._ask("EVALSHA", digest, keys, *args)

    def eval(self, script: str, keys: int, *args: Argument) -> asyncio.Future[Any]:
        """Run a script."""
        return self._ask("EVAL", script, keys, *args)

    def execute_command(self, *command: Argument) -> asyncio.Future[Any]:
        """Send any command."""
        return self._ask(*command)

    def execute_asking(self, *command: Argument) -> asyncio.Future[Any]:
        """Send a command to a node of a Cluster that is about to get the key's slot."""
        _ = pack(command)  # what cannot be packed must not leave ASKING for the next command
        self._ask("ASKING").add_done_callback(_ignored)
        return self._ask(*command)

    def execute_many(
        self, commands: Sequence[tuple[Argument, ...]]
    ) -> Coroutine[Any, Any, list[Any]]:
        """Send commands in one write; give their answers in order, refusals among them."""
        if len(self._sent) + len(self._queued) + len(commands) > _MAX_PENDING:
            raise RedisConnectionError("too many commands wait for an answer")
        _ = [pack(command) for command in commands]  # or none of them is sent
        return _gathered([self._ask(*command) for command in commands])

    async def execute_elsewhere(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Do as `execute_many`, on another connection that all who ask at once share."""
        if self._beside is None:
            self._beside = Channel(self.connection_pool, timeout=self._timeout)
        other, self._askers = self._beside, self._askers + 1
        try:
            return await other.execute_many(commands)
        finally:
            self._askers -= 1
            if self._askers == 0:
                self._beside = None
                other.close()

    async def aclose(self) -> None:
        """Close the connection; whoever still waits gets an error."""
        connecting = self._connecting
        self.close()
        if connecting is not None:
            _ = await asyncio.wait([connecting])
        await self.connection_pool.disconnect()

    def close(self) -> None:
        """Internal: close the connection, and leave the pool as it is."""
        if self._connecting is not None:
            _ = self._connecting.cancel()
        self._drop(RedisConnectionError("the connection was closed"))

    def _ask(self, *command: Argument) -> asyncio.Future[Any]:
        if len(self._sent) + len(self._queued) >= _MAX_PENDING:
            raise RedisConnectionError("too many commands wait for an answer")
        loop = self._loop
        waiting = _Waiting(pack(command), loop.create_future())
        self._queued.append(waiting)
        if not self._sent and self._transport is not None:
            self._flush()  # alone, so there is nothing to wait for
        elif not self._flushing:
            self._flushing = True
            _ = loop.call_soon(self._flush_tick)
        return waiting.answer

    # --- sending -----------------------------------------------------------------------

    def _flush_tick(self) -> None:
        self._flushing = False
        self._flush()

    def _flush(self) -> None:
        """Send all that was asked for since, in one write."""
        if self._transport is None:
            if self._connecting is None:
                self._connecting = self._loop.create_task(self._connect())
            return
        if not self._writable:
            return
        batch = [each for each in self._queued if not each.answer.cancelled()]
        self._queued.clear()
        if batch:
            now = loop_time(self._loop)
            for each in batch:
                each.since = now
            self._sent.extend(batch)
            self._transport.write(b"".join([each.packed for each in batch]))
            self._keep_watch()

    async def _connect(self) -> None:
        try:
            connection = self.connection_pool.make_connection()
            await connection.connect()
        except (redis.RedisError, OSError) as error:
            self._connecting = None
            self._fail_queued(error)
        except Exception as error:  # redis-py stumbles over garbage in many ways
            self._connecting = None
            lost = RedisConnectionError("the server's greeting is not understood")
            lost.__cause__ = error
            self._fail_queued(lost)
        else:
            self._connecting = None
            self._take_over(connection)
            self._flush()

    def _take_over(self, connection: Any) -> None:
        """Answer for a connection that redis-py has opened and greeted.

        Its stream objects are kept: they would close the transport when freed.
        """
        self.mark += 1
        self._connection = connection
        self._reader = reader()
        self._writable = True
        transport = connection._writer.transport  # noqa: SLF001  # redis-py offers no other way
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_protocol(self)

    # --- receiving: called by the event loop -------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Deal the answers out in the order of the commands."""
        try:
            self._reader.feed(data)
            answer: Any = self._reader.gets()
            while answer is not False:
                waiting = self._sent.popleft()
                if isinstance(answer, ResponseError):
                    self._refuse(waiting.answer, answer)
                elif not waiting.answer.done():
                    waiting.answer.set_result(answer)
                answer = self._reader.gets()
        except (hiredis.ProtocolError, IndexError) as error:
            # Garbage, or an answer nobody asked for: nothing after it can be trusted.
            lost = RedisConnectionError("the server's answer is not RESP")
            lost.__cause__ = error
            self._drop(lost, again=_read)

    def _refuse(self, waiting: asyncio.Future[Any], error: ResponseError) -> None:
        if isinstance(error, ReadOnlyError):
            self.drop_connection()
        if not waiting.done():
            waiting.set_exception(error)

    def drop_connection(self) -> None:
        """Connect anew for what is not answered: this server is not to be trusted."""
        if self._transport is not None:
            self._transport.abort()

    def mistrust(self, mark: int | None = None) -> None:
        """Let go of the connection: its answers are not those of its questions.

        `mark`: only if it is still that one. Reads are asked again on the next; a write
        may have been done, and fails.
        """
        if self._transport is not None and mark in (None, self.mark):
            self._drop(RedisConnectionError("the answers are not the questions'"), again=_read)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the unanswered commands to a new connection."""
        lost = RedisConnectionError("the connection was lost")
        lost.__cause__ = exc
        self._drop(lost, again=_any)

    def pause_writing(self) -> None:
        """Hold commands back while the server does not read."""
        self._writable = False

    def resume_writing(self) -> None:
        """Send what was held back."""
        self._writable = True
        self._flush()

    # --- failing -----------------------------------------------------------------------

    def _keep_watch(self) -> None:
        if self._watch is None and self._sent:
            self._grace.rest(loop_time(self._loop))
            due = self._sent[0].since + self._timeout
            self._watch = call_at(self._loop, due, self._check_oldest)

    def _check_oldest(self) -> None:
        """Give up a connection on which an answer is overdue, if the loop is not what is late."""
        self._watch = None
        now = loop_time(self._loop)
        oldest = self._sent[0] if self._sent else None
        if oldest is None or oldest.since + self._timeout > now:
            self._late = None
            self._keep_watch()
            return
        again = self._grace.until(now, moved=oldest is not self._late)
        self._late = oldest
        if again is None:
            self._drop(RedisConnectionError("the server does not answer"))
        else:
            self._watch = call_at(self._loop, again, self._check_oldest)

    def _drop(self, error: Exception, *, again: Callable[[_Waiting], bool] | None = None) -> None:
        """Let go of the connection, and settle the commands that it owes an answer.

        `again` says which of them go to the next connection, unless they did so before.
        Without it all fail, those too that were not sent yet.
        """
        transport, self._transport = self._transport, None
        connection, self._connection = self._connection, None
        sent, self._sent = self._sent, deque()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._late = None
        if transport is not None:
            transport.set_protocol(asyncio.Protocol())  # what it still tells is about the past
            transport.abort()
            # Its streams are ours to forget, or redis-py would warn of them.
            connection._reader = connection._writer = None  # noqa: SLF001
        if again is None:
            _fail(sent, error)
            self._fail_queued(error)
            return
        kept: list[_Waiting] = []
        for each in sent:
            if each.resent or not again(each):
                _fail((each,), error)
            else:
                each.resent = True
                kept.append(each)
        self._queued.extendleft(reversed(kept))
        if self._queued:
            self._flush()

    def _fail_queued(self, error: Exception) -> None:
        queued, self._queued = self._queued, deque()
        _fail(queued, error)


def _fail(waiting: Iterable[_Waiting], error: Exception) -> None:
    for each in waiting:
        if not each.answer.done():
            each.answer.set_exception(error)


async def _gathered(answers: list[asyncio.Future[Any]]) -> list[Any]:
    return await asyncio.gather(*answers, return_exceptions=True)


def _ignored(answer: asyncio.Future[Any]) -> None:
    # What is wrong with a connection the next command will say, too.
    _ = answer.cancelled() or answer.exception()
