"""One connection to Redis that all requests of an event loop share.

redis-py opens the connection (address, TLS, authentication), hiredis packs and parses. This saves
the work of a connection pool for each command. Commands of one tick of the loop are sent in one
write, and answers are assigned in the order of the commands, as RESP promises. So a session's own
commands keep their order, and a single command does not pay for others.

A cancelled caller harms no other: its answer is dropped when it comes. A command that cannot be
packed is refused to its caller before anything is sent. When a connection is lost, each of its
commands moves to the next one, once. When a connection sends an answer without a question, or
invalid RESP, its reads move there, and its writes fail, because they may have been done. A
connection whose oldest answer is overdue is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context
from typing import Any, cast

import hiredis
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ReadOnlyError, ResponseError

from ...run.loop_time import Knock, call_at, loop_time
from ...run.timeout import Grace
from .commands import ASKING, READS, Command, ping
from .fence import word
from .resp import is_unknown, name_of, pack, reader

# With more unanswered commands than this, new ones are refused, to limit memory.
_MAX_PENDING = 30_000


class _Pending:
    """A command and the future of its answer; `word` must be echoed before the answer."""

    __slots__ = ("answer", "packed", "resent", "since", "unheard", "word")

    def __init__(
        self, packed: bytes, answer: asyncio.Future[Any], word: bytes | None = None
    ) -> None:
        self.packed = packed
        self.answer = answer
        self.word = word
        self.unheard = word
        self.since = 0.0  # when it was sent
        self.resent = False


def _is_any(_: _Pending) -> bool:
    return True


def _is_read(pending: _Pending) -> bool:
    return name_of(pending.packed) in READS


class MultiplexedConnection(asyncio.Protocol):
    """The connection of one event loop to a server; see single.Connections."""

    def __init__(self, pool: Any, *, timeout: float) -> None:
        """`pool`: redis-py's, which opens the connection; `timeout`: seconds for each answer."""
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self.pool = pool
        self._connection: Any = None  # redis-py's; see _take_over
        self._transport: asyncio.Transport | None = None
        self._reader = reader()
        self._queued: deque[_Pending] = deque()
        self._sent: deque[_Pending] = deque()
        self._flushing = False
        self._writable = True
        self._connecting: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | Knock | None = None
        self._grace = Grace(timeout, loop_time(self._loop))
        self._late: _Pending | None = None  # the oldest that was pending at the last check
        self.mark = 0  # of the connection; each has another
        self.swaps = True  # until a server that does not is met
        self._beside: MultiplexedConnection | None = None  # see execute_elsewhere
        self._users_beside = 0

    # --- commands ----------------------------------------------------------------------

    def execute(self, command: Command) -> asyncio.Future[Any]:
        """Send a command."""
        return self._execute(_Pending(pack(command), self._loop.create_future()))

    def _execute(self, pending: _Pending) -> asyncio.Future[Any]:
        if len(self._sent) + len(self._queued) >= _MAX_PENDING:
            raise RedisConnectionError("too many commands wait for an answer")
        self._queued.append(pending)
        if not self._sent and self._transport is not None:
            self._flush()  # alone, so there is nothing to wait for
        elif not self._flushing:
            self._flushing = True
            _ = self._loop.call_soon(self._flush_tick)
        return pending.answer

    def execute_swap(self, command: Command) -> asyncio.Future[Any]:
        """Send a swap behind an echo of a word."""
        said = word()
        packed = pack(ping(said)) + pack(command)
        return self._execute(_Pending(packed, self._loop.create_future(), said))

    def execute_asking(self, command: Command) -> asyncio.Future[Any]:
        """Send a command right after ASKING."""
        _ = pack(command)  # a command that cannot be packed must not leave ASKING for the next one
        self.execute(ASKING).add_done_callback(_ignored)
        return self.execute(command)

    def execute_many(self, commands: Sequence[Command]) -> Coroutine[Any, Any, list[Any]]:
        """Send commands in one write; refusals are among their answers."""
        if len(self._sent) + len(self._queued) + len(commands) > _MAX_PENDING:
            raise RedisConnectionError("too many commands wait for an answer")
        _ = [pack(command) for command in commands]  # or none of them is sent
        return _gathered([self.execute(command) for command in commands])

    async def execute_elsewhere(self, commands: Sequence[Command]) -> list[Any]:
        """Do as `execute_many`, on another connection that all concurrent callers share."""
        if self._beside is None:
            self._beside = MultiplexedConnection(self.pool, timeout=self._timeout)
        other, self._users_beside = self._beside, self._users_beside + 1
        try:
            return await other.execute_many(commands)
        finally:
            self._users_beside -= 1
            if self._users_beside == 0:
                self._beside = None
                other.abandon()

    async def close(self) -> None:
        """Close the connection; pending commands fail."""
        connecting = self._connecting
        self.abandon()
        if connecting is not None:
            _ = await asyncio.wait([connecting])
        await self.pool.disconnect()

    def abandon(self) -> None:
        """Close the connection at once, and leave the pool as it is."""
        if self._connecting is not None:
            _ = self._connecting.cancel()
        self._drop(RedisConnectionError("the connection was closed"))

    # --- sending -----------------------------------------------------------------------

    def _flush_tick(self) -> None:
        self._flushing = False
        self._flush()

    def _flush(self) -> None:
        """Send all queued commands, in one write."""
        if self._transport is None:
            if self._connecting is None:
                # The loop keeps things for the connection, which must not keep a request and its
                # session.
                self._connecting = self._loop.create_task(self._connect(), context=Context())
            return
        if not self._writable:
            return
        batch = [each for each in self._queued if not each.answer.cancelled()]
        self._queued.clear()
        if batch:
            now = loop_time(self._loop)
            for each in batch:
                each.since, each.unheard = now, each.word
            self._sent.extend(batch)
            self._transport.write(b"".join([each.packed for each in batch]))
            self._watch_oldest()

    async def _connect(self) -> None:
        try:
            connection = self.pool.make_connection()
            await connection.connect()
        except (redis.RedisError, OSError) as error:
            self._connecting = None
            self._fail_queued(error)
        except Exception as error:  # redis-py fails in many ways on invalid answers
            self._connecting = None
            lost = RedisConnectionError("the server's greeting is invalid")
            lost.__cause__ = error
            self._fail_queued(lost)
        else:
            self._connecting = None
            self._take_over(connection)
            self._flush()

    def _take_over(self, connection: Any) -> None:
        """Use a connection that redis-py has opened and greeted.

        Its stream objects are kept: they would close the transport when freed.
        """
        self.mark += 1
        self.swaps = True  # it may lead to another server
        self._connection = connection
        self._reader = reader()
        self._writable = True
        transport = connection._writer.transport  # noqa: SLF001  # redis-py offers no other way
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_protocol(self)

    # --- receiving: called by the event loop -------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Assign the answers in the order of the commands."""
        try:
            self._reader.feed(data)
            answer: Any = self._reader.gets()
            while answer is not False:
                pending = self._sent.popleft()
                if pending.unheard is not None:
                    self._hear(pending, answer)
                elif isinstance(answer, ResponseError):
                    self._refuse(pending, answer)
                elif not pending.answer.done():
                    pending.answer.set_result(answer)
                answer = self._reader.gets()
        except (hiredis.ProtocolError, IndexError, InvalidResponse) as error:
            # An invalid answer, or one without a question: nothing after it can be trusted.
            lost = RedisConnectionError("the server's answer is not RESP")
            lost.__cause__ = error
            self._drop(lost, again=_is_read)

    def _hear(self, pending: _Pending, answer: object) -> None:
        """Take the part before an answer: the echoed word, or a refusal, which counts for both."""
        self._sent.appendleft(pending)
        if isinstance(answer, ResponseError):
            self._refuse(pending, answer)
        elif answer != pending.unheard:
            raise InvalidResponse("the connection is out of step")
        pending.unheard = None

    def _refuse(self, pending: _Pending, error: ResponseError) -> None:
        if isinstance(error, ReadOnlyError):
            self.disconnect()
        if pending.word is not None and is_unknown(error):
            self.swaps = False
        if not pending.answer.done():
            pending.answer.set_exception(error)

    def disconnect(self) -> None:
        """Connect again for the unanswered commands: this server is not to be trusted."""
        if self._transport is not None:
            self._transport.abort()

    def drop_crossed(self, mark: int | None) -> None:
        """Drop the connection: its answers do not belong to its questions.

        `mark`: only if it is still that one. Reads are sent again on the next connection; a write
        may have been done, and fails.
        """
        if self._transport is not None and mark in (None, self.mark):
            self._drop(
                RedisConnectionError("the answers do not belong to the questions"), again=_is_read
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the unanswered commands to a new connection."""
        lost = RedisConnectionError("the connection was lost")
        lost.__cause__ = exc
        self._drop(lost, again=_is_any)

    def pause_writing(self) -> None:
        """Hold commands back while the server does not read."""
        self._writable = False

    def resume_writing(self) -> None:
        """Send the commands that were held back."""
        self._writable = True
        self._flush()

    # --- failing -----------------------------------------------------------------------

    def _watch_oldest(self) -> None:
        if self._watch is None and self._sent:
            self._grace.rest(loop_time(self._loop))
            due = self._sent[0].since + self._timeout
            self._watch = call_at(self._loop, due, self._check_oldest)

    def _check_oldest(self) -> None:
        """Drop a connection with an overdue answer, unless the loop itself is late."""
        self._watch = None
        now = loop_time(self._loop)
        oldest = self._sent[0] if self._sent else None
        if oldest is None or oldest.since + self._timeout > now:
            self._late = None
            self._watch_oldest()
            return
        again = self._grace.until(now, moved=oldest is not self._late)
        self._late = oldest
        if again is None:
            self._drop(RedisConnectionError("the server does not answer"))
        else:
            self._watch = call_at(self._loop, again, self._check_oldest)

    def _drop(self, error: Exception, *, again: Callable[[_Pending], bool] | None = None) -> None:
        """Drop the connection, and take care of its unanswered commands.

        `again` selects the commands that move to the next connection, unless they did so before.
        Without it all fail, even those that were not sent yet.
        """
        sent, self._sent = self._sent, deque()
        self._abort()
        if again is None:
            _fail(sent, error)
            self._fail_queued(error)
            return
        resent: list[_Pending] = []
        for each in sent:
            if each.resent or not again(each):
                _fail((each,), error)
            else:
                each.resent = True
                resent.append(each)
        self._queued.extendleft(reversed(resent))
        if self._queued:
            self._flush()

    def _abort(self) -> None:
        transport, self._transport = self._transport, None
        connection, self._connection = self._connection, None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._late = None
        if transport is not None:
            transport.set_protocol(asyncio.Protocol())  # its later messages are about the past
            transport.abort()
            # We must forget its streams, or redis-py would warn about them.
            connection._reader = connection._writer = None  # noqa: SLF001

    def _fail_queued(self, error: Exception) -> None:
        queued, self._queued = self._queued, deque()
        _fail(queued, error)


def _fail(pending: Iterable[_Pending], error: Exception) -> None:
    for each in pending:
        if not each.answer.done():
            each.answer.set_exception(error)


async def _gathered(answers: list[asyncio.Future[Any]]) -> list[Any]:
    return await asyncio.gather(*answers, return_exceptions=True)


def _ignored(answer: asyncio.Future[Any]) -> None:
    # The next command will report any problem with a connection, too.
    _ = answer.cancelled() or answer.exception()
