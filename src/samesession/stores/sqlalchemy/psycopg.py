"""Connections of psycopg whose waits end in time.

libpq has no limit for the wait for an answer: a frozen server, or a network that drops everything,
would block a request. psycopg wakes its generators ten times a second, whatever the server
does. Under asyncio a cancelled wait ends at once. psycopg would ask the server for up to ten
seconds to end the statement, which the server's own statement_timeout does anyway.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
from psycopg import waiting

from ..kit.deadline import Deadline


def connection_class(deadline: Deadline) -> type[psycopg.Connection[Any]]:
    """Return the class of connections whose waits end at a deadline."""

    class TimedConnection(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **named: Any) -> Any:
            return super().wait(_until(gen, deadline, self), *args, **named)

    return TimedConnection


class AbortingConnection(psycopg.AsyncConnection[Any]):
    """A connection that a cancelled wait closes at once."""

    async def wait(self, gen: Any, *args: Any, **named: Any) -> Any:
        """Wait as psycopg does, but not for the server after a cancellation."""
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, *args, **named)
        except BaseException as error:
            if not isinstance(error, Exception):
                self.pgconn.finish()
            raise


def _until(
    gen: Generator[Any, Any, Any], deadline: Deadline, connection: psycopg.Connection[Any]
) -> Generator[Any, Any, Any]:
    """Run psycopg's generator until the deadline, then close the connection."""
    try:
        awaited = next(gen)
        while True:
            ready = yield awaited
            try:
                _ = deadline.left()
            except TimeoutError as error:
                connection.pgconn.finish()
                raise psycopg.OperationalError("the server does not answer in time") from error
            awaited = gen.send(ready)
    except StopIteration as end:
        return end.value
