"""Ask Redis so that the answer is the question's: for what would log a user out.

Answers have no names, and belong to questions by their order. Where a proxy or a client
drops or doubles one, each question gets its neighbour's from then on: the connection is
out of step. So a question is asked within a fence: see fence.

    what was answered           asked again, within a fence
    no record                   on the same connection, as far as that can be told
    another session's record    on another connection

If the second answer is the first one, that is what is stored, and no connection is
touched: whoever writes one record must not cut everybody off. If it is not, the first
connection is out of step, and left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import AskError, InvalidResponse, ResponseError

from ...core.steps import Steps, wait
from .clients import reconnect
from .fence import Command, Fence
from .many_commands import execute

# Any: a client of redis-py or of ours, and what either answers; see stores.redis.
Client = Any

_MOVED = ("MOVED", "ASK")


def load_again(client: Client, key: str, *, doubted: object) -> Steps[Any]:
    """Read a key again, for which `doubted` was answered; raises InvalidResponse in vain."""
    holder = yield from _holder(client, key)
    mark: int | None = getattr(holder, "mark", None)
    found: list[Any] | None = None
    # A node of redis-py's asyncio Cluster has no pipeline.
    if doubted is None and (hasattr(holder, "execute_many") or hasattr(holder, "pipeline")):
        try:
            found = yield from execute(holder, [("GET", key)], fenced=True)
        except InvalidResponse:
            yield from reconnect(holder, crossed=mark)
    if found is None:
        fence = Fence([("GET", key)])
        found = fence.within((yield from _asked_elsewhere(holder, fence.commands)))
    (answer,) = found
    if isinstance(answer, ResponseError):
        if holder is client or not _is_redirection(answer):
            raise answer
        answer = yield from wait(client.get(key))  # follows the key to where it has moved
    if answer != doubted:
        yield from reconnect(holder, crossed=mark)
    return answer


def _is_redirection(error: ResponseError) -> bool:
    return isinstance(error, AskError) or str(error).startswith(_MOVED)


def _holder(client: Client, key: str) -> Steps[Client]:
    """Give the client of the node that has a key, or of the only one there is."""
    given: Any = client  # what is asked of it is not annotated
    if hasattr(client, "holder"):  # a Cluster of ours
        steps: Steps[Client] = given.holder(key)
        return (yield from steps)
    if isinstance(client, redis.RedisCluster):
        return given.get_redis_connection(given.get_node_from_key(key))
    if isinstance(client, redis.asyncio.RedisCluster):
        _ = yield from wait(given.initialize())
        return given.get_node_from_key(key)
    return client


def _asked_elsewhere(holder: Client, commands: Sequence[Command]) -> Steps[list[Any]]:
    """Send commands on a connection that is opened for them."""
    if hasattr(holder, "execute_elsewhere"):
        answers: list[Any] = yield from wait(holder.execute_elsewhere(commands))
        return answers
    # A node of redis-py's asyncio Cluster is its own pool.
    pool: Any = getattr(holder, "connection_pool", holder)
    connection = pool.connection_class(**pool.connection_kwargs)
    try:
        yield from wait(connection.connect())
        for command in commands:
            yield from wait(connection.send_command(*command))
        answers = []
        for _ in commands:
            answers.append((yield from _response(connection)))
    except GeneratorExit:
        raise
    except BaseException:
        yield from wait(connection.disconnect())
        raise
    yield from wait(connection.disconnect())
    return answers


def _response(connection: Any) -> Steps[Any]:
    try:
        return (yield from wait(connection.read_response()))
    except ResponseError as error:
        return error
