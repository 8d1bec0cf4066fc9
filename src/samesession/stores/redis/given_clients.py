"""Use a client of redis-py that the application passed: of one server, or of a Cluster.

redis-py decodes some answers itself, and fails in many ways on invalid ones: here each of them
becomes Misread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from secrets import choice
from typing import Any, TypeVar, cast

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import ResponseError

from ...core.steps import Steps, wait
from .answers import Misread
from .client import Client, Node
from .commands import Command, echo, key_of
from .fence import Fence
from .given_checks import Given

T = TypeVar("T")

_CLUSTERS = (redis.RedisCluster, redis.asyncio.RedisCluster)
_POOLS = (redis.ConnectionPool, redis.asyncio.ConnectionPool)

# The errors that redis-py raises for an invalid answer, or argument.
_STUMBLES = (AttributeError, LookupError, SystemError, TypeError, ValueError)


def client_of(given: Given, *, is_lent: bool) -> Client:
    """Return the store's client over one of redis-py; a lent client stays open."""
    if isinstance(given, _CLUSTERS):
        return GivenCluster(given, is_lent=is_lent)
    return GivenClient(given, is_lent=is_lent)


class _Given:
    """The shared part of a client of one server and of a Cluster."""

    def __init__(self, given: Given, *, is_lent: bool = False) -> None:
        """`is_lent`: do not close it here."""
        self._given = given
        self._is_lent = is_lent

    def send(self, command: Command) -> Steps[Any]:
        """Send a command, and return its answer."""
        return _understood(_executed(self._given, command), command)

    def close(self) -> Steps[None]:
        """Close the client, and those of its Sentinels, if it was created here."""
        if self._is_lent:
            return
        manager = getattr(getattr(self._given, "connection_pool", None), "sentinel_manager", None)
        for each in (self._given, *(() if manager is None else manager.sentinels)):
            yield from wait(each.aclose() if hasattr(each, "aclose") else each.close())


class GivenClient(_Given):
    """A client.Client, and a client.Node, of one server."""

    is_always_elsewhere = False
    mark = None  # its connections have no mark

    def send_many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send commands in one go."""
        if fenced:
            return self.send_fenced(sent, elsewhere=False)
        return _understood_many(_piped(self._given, sent), sent)

    def send_fenced(self, sent: Sequence[Command], *, elsewhere: bool) -> Steps[list[Any]]:
        """Send commands so that no answer belongs to another question."""
        if elsewhere:
            fence = Fence(sent)
            steps = _sent_elsewhere(self._given.connection_pool, fence.commands)
        else:
            fence = Fence(sent, echo=echo)
            steps = _piped(self._given, fence.commands)
        return _understood_many(_within(fence, steps), sent)

    def holder(self, key: str) -> Steps[Node]:
        """Return this client."""
        del key
        yield from ()
        return self

    def primaries(self) -> Steps[Sequence[str]]:
        """Name the only server."""
        yield from ()
        return ("",)

    def send_to(self, primary: str, command: Command) -> Steps[Any]:
        """Send a command to the only server."""
        del primary
        return self.send(command)

    def source(self) -> Steps[Any]:
        """Return the client's pool."""
        yield from ()
        return self._given.connection_pool

    def reconnect(self) -> Steps[None]:
        """Drop the connections that are not in use."""
        pool: Any = getattr(self._given, "connection_pool", None)
        if isinstance(pool, _POOLS):
            yield from wait(cast("Any", pool).disconnect(inuse_connections=False))
            yield from _drop_single(self._given)

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop the connections that are not in use."""
        del mark
        return self.reconnect()


class GivenCluster(_Given):
    """A client.Client of a Cluster."""

    def send_many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send each node its share in one go, never fenced: redis-py distributes the commands."""
        del fenced
        return _understood_many(_piped(self._given, sent), sent)

    def holder(self, key: str) -> Steps[Node]:
        """Return the client of the node that has a key."""
        return _understood(self._holder(key), (key,))

    def _holder(self, key: str) -> Steps[Node]:
        given = self._given
        if isinstance(given, redis.RedisCluster):
            known: Any = given  # its methods are not annotated
            return GivenClient(known.get_redis_connection(known.get_node_from_key(key)))
        _ = yield from wait(given.initialize())
        return _GivenNode(given.get_node_from_key(key))

    def primaries(self) -> Steps[Sequence[str]]:
        """Name the nodes that have keys."""
        return _understood(self._primaries(), ())

    def _primaries(self) -> Steps[Sequence[str]]:
        if isinstance(self._given, redis.asyncio.RedisCluster):
            _ = yield from wait(cast("Any", self._given).initialize())
        return [node.name for node in self._given.get_primaries()]

    def send_to(self, primary: str, command: Command) -> Steps[Any]:
        """Send a command to a node; SCAN's answer is from that node only."""
        return _understood(self._sent_to(primary, command), command)

    def _sent_to(self, primary: str, command: Command) -> Steps[Any]:
        node = self._given.get_node(node_name=primary)
        answer: Any = yield from wait(self._given.execute_command(*command, target_nodes=node))
        match answer:
            case [dict(), keys]:  # a cursor for each node that was asked
                (position,) = answer[0].values()
                return [position, cast("object", keys)]
            case _:
                return answer

    def source(self) -> Steps[Any]:
        """Return a node, as the library has it under asyncio."""
        _ = yield from self.primaries()
        return choice(self._given.get_primaries())

    def reconnect(self) -> Steps[None]:
        """Drop the connections that are not in use."""
        for each in self._nodes():
            yield from each.drop_crossed()

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop the connections that are not in use."""
        del mark
        return self.reconnect()

    def _nodes(self) -> Iterable[Node]:
        known = self._given.get_nodes()
        if isinstance(self._given, redis.asyncio.RedisCluster):
            return map(_GivenNode, known)
        clients = (each.redis_connection for each in known)
        return [GivenClient(each) for each in clients if each is not None]


class _GivenNode:
    """A client.Node of redis-py's asyncio Cluster: its own pool, and no pipeline."""

    is_always_elsewhere = True
    mark = None

    def __init__(self, given: ClusterNode) -> None:
        self._given: Given = given

    def send_fenced(self, sent: Sequence[Command], *, elsewhere: bool) -> Steps[list[Any]]:
        del elsewhere
        fence = Fence(sent)
        steps = _sent_elsewhere(self._given, fence.commands)
        return _understood_many(_within(fence, steps), sent)

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop the connections that are not in use."""
        del mark
        free = self._given._free  # noqa: SLF001  # redis-py 5 has no public way
        dropped: list[Any] = []
        while free:
            connection = free.popleft()
            yield from wait(connection.disconnect())
            dropped.append(connection)
        free.extend(dropped)


# --- options for redis-py --------------------------------------------------------------------


def _executed(given: Given, command: Command) -> Steps[Any]:
    # A client with a cache also wants to be told the key; no other command is cached.
    named = {"keys": [key_of(command)]} if command[0] == "GET" else {}
    return (yield from wait(given.execute_command(*command, **named)))


def _piped(given: Given, commands: Sequence[Command]) -> Steps[list[Any]]:
    pipeline = given.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = yield from wait(pipeline.execute(raise_on_error=False))
    return answers


def _within(fence: Fence, steps: Steps[list[Any]]) -> Steps[list[Any]]:
    return fence.within((yield from steps))


def _sent_elsewhere(pool: Any, commands: Sequence[Command]) -> Steps[list[Any]]:
    """Send commands on a connection that is opened for them, in the way a pool opens it."""
    connection = pool.connection_class(**pool.connection_kwargs)
    answers: list[Any] = []
    try:
        yield from wait(connection.connect())
        for command in commands:
            yield from wait(connection.send_command(*command))
        for _ in commands:
            answers.append((yield from _response(connection)))  # noqa: PERF401  # it yields
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


def _drop_single(given: Given) -> Steps[None]:
    """Drop the only connection of a client with `single_connection_client=True`."""
    connection = getattr(given, "connection", None)
    # Neither has a public name. A command also takes its turn at the connection by it.
    lock = getattr(given, "single_connection_lock", None) or getattr(
        given, "_single_conn_lock", None
    )
    if connection is None or lock is None:
        return
    _ = yield from wait(lock.acquire())
    try:
        yield from wait(connection.disconnect())
    finally:
        lock.release()


# --- redis-py's failures on invalid answers --------------------------------------------------


def _understood_many(steps: Steps[T], commands: Sequence[Command]) -> Steps[T]:
    return _understood(steps, (each for command in commands for each in command))


def _understood(steps: Steps[T], arguments: Iterable[object]) -> Steps[T]:
    """Send commands; raise Misread if redis-py fails on an answer."""
    try:
        return (yield from steps)
    except redis.DataError as error:
        raise TypeError("Redis accepts text, bytes and numbers only") from error
    except _STUMBLES as error:
        if not all(map(_can_be_packed, arguments)):
            raise  # before anything was sent
        raise Misread from error


def _can_be_packed(argument: object) -> bool:
    """Return whether a client can send an argument; a lone surrogate is not text."""
    if isinstance(argument, str):
        return argument.encode("utf-8", "replace").decode("utf-8") == argument
    return isinstance(argument, bytes | int) and not isinstance(argument, bool)
