"""Send each command to the node of a Redis Cluster that has its key.

Every command of the store names one key, so one map of slots is all there is to
know: it is learnt from any node that answers, corrected by MOVED, and learnt anew
after a failure. redis-py's own cluster clients may send ASKING and the command
that it is for on different connections, and forget nodes that once failed.

Written once for both colours, as steps that are driven here; knows commands and
nodes, no record.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ClusterError,
    InvalidResponse,
    MovedError,
    ResponseError,
)

from ...core.steps import Steps, wait
from ...core.store import Colour
from ...errors import at_place
from ...run.aio import arun
from ...run.sync import run
from .fence import Command
from .many_commands import execute
from .url import Node

SLOTS = 16384
# One slot may move while its map is learnt, and again; not more often.
_MAX_HOPS = 6

# Any: a client of redis-py or a Channel, and what either answers; see stores.redis.
Client = Any
Answer = Any | Coroutine[Any, Any, Any]


class Cluster:
    """A client with the few commands that the redis store uses; method names are redis-py's."""

    def __init__(
        self, seeds: tuple[Node, ...], connect: Callable[[Node], Client], *, colour: Colour
    ) -> None:
        """`connect` gives a client of one node, without waiting for it."""
        self._seeds = seeds
        self._connect = connect
        self._colour = colour
        self._clients: dict[Node, Client] = {}
        self._owners: list[Node | None] = [None] * SLOTS
        self._known: tuple[Node, ...] = ()  # those in the map, once each
        self._stale = True
        self._failed: Node | None = None

    @property
    def tells_garbage(self) -> bool:
        """Whether an answer that makes no sense comes as an error of redis-py's."""
        return all(getattr(each, "tells_garbage", False) for each in self.nodes)

    @property
    def nodes(self) -> tuple[Client, ...]:
        """The clients of the nodes that were asked so far."""
        return tuple(self._clients.values())

    # --- commands ----------------------------------------------------------------------

    def get(self, key: str) -> Answer:
        """Read a key."""
        return self._ask(key, "GET", key)

    def getex(self, key: str, *, ex: int) -> Answer:
        """Read a key and restart its expiry."""
        return self._ask(key, "GETEX", key, "EX", ex)

    def set(self, key: str, value: bytes, *, nx: bool, ex: int) -> Answer:
        """Write a key with an expiry."""
        return self._ask(key, "SET", key, value, "EX", ex, *(("NX",) if nx else ()))

    def evalsha(self, digest: str, keys: int, key: str, *args: object) -> Answer:
        """Run a script that the server knows."""
        return self._ask(key, "EVALSHA", digest, keys, key, *args)

    def eval(self, script: str, keys: int, key: str, *args: object) -> Answer:
        """Run a script."""
        return self._ask(key, "EVAL", script, keys, key, *args)

    def execute_many(self, commands: Sequence[Command], *, fenced: bool) -> Answer:
        """Send commands, each to the node of its key; give the answers, refusals among them."""
        return self._driven(self._spread(commands, fenced=fenced))

    def holder(self, key: str) -> Steps[Client]:
        """Give the client of the node that has a key."""
        node = yield from self._owner(key_slot(key.encode()))
        return self._at(node)

    def primaries(self) -> Answer:
        """Name the nodes that have keys."""
        return self._driven(self._names())

    def execute_at(self, name: str, *command: object) -> Answer:
        """Send a command to a node, whatever keys it has."""
        host, _, port = name.rpartition(":")
        return self._driven(self._send((host, int(port)), command, asking=False))

    def close(self) -> None:
        """Close the connections to every node."""
        run(self._close())

    async def aclose(self) -> None:
        """Close the connections to every node."""
        await arun(self._close())

    def _ask(self, key: str, *command: object) -> Answer:
        return self._driven(self._follow(key_slot(key.encode()), command))

    def _driven(self, steps: Steps[Any]) -> Answer:
        return arun(steps) if self._colour is Colour.ASYNC else run(steps)

    # --- finding the node --------------------------------------------------------------

    def _follow(self, slot: int, command: tuple[object, ...]) -> Steps[Any]:
        """Send a command to the slot's node, and on to where that node points."""
        node = yield from self._owner(slot)
        asking = False
        for _ in range(_MAX_HOPS):
            try:
                return (yield from self._send(node, command, asking=asking))
            except ResponseError as error:
                hop = _hop(error, node)
                if hop is None:
                    if _is_down(error):
                        self._stale, self._failed = True, node
                    raise
                node, asking = hop
                if not asking:
                    self._owners[slot] = node
            except (TypeError, ValueError):
                raise  # what cannot be sent is no failure of the node
            except BaseException:
                # A cancellation too: it may be the end of a wait that was too long.
                self._stale, self._failed = True, node
                raise
        raise ClusterError("redirected too often")

    def _spread(self, commands: Sequence[Command], *, fenced: bool) -> Steps[list[Any]]:
        """Send each node its share in one go; follow where a key has moved."""
        slots = [key_slot(str(command[1]).encode()) for command in commands]
        shares: dict[Node, list[int]] = {}
        for index, slot in enumerate(slots):
            shares.setdefault((yield from self._owner(slot)), []).append(index)
        answers: list[Any] = [None] * len(commands)
        for node, share in shares.items():
            try:
                theirs = [commands[index] for index in share]
                found = yield from execute(self._at(node), theirs, fenced=fenced)
            except (TypeError, ValueError):
                raise  # what cannot be sent is no failure of the node
            except BaseException:
                self._stale, self._failed = True, node
                raise
            for index, answer in zip(share, found, strict=True):
                answers[index] = answer
                if isinstance(answer, ResponseError) and (_hop(answer, node) or _is_down(answer)):
                    answers[index] = yield from self._followed(slots[index], commands[index])
        return answers

    def _followed(self, slot: int, command: Command) -> Steps[Any]:
        try:
            return (yield from self._follow(slot, command))
        except ResponseError as error:
            return error

    def _names(self) -> Steps[list[str]]:
        if self._stale:
            yield from self._learn()
        return [f"{host}:{port}" for host, port in self._known]

    def _owner(self, slot: int) -> Steps[Node]:
        if self._stale or self._owners[slot] is None:
            yield from self._learn()
        node = self._owners[slot]
        if node is None:
            raise ClusterError("no node has the slot")
        return node

    def _learn(self) -> Steps[None]:
        """Read the map of slots from the first node that answers."""
        before = self._owners
        known = dict.fromkeys((*self._known, *self._seeds))
        # A node that hung would use up the operation's time, and the next one's.
        nodes = sorted(known, key=lambda node: node == self._failed)
        refusal: Exception = ClusterError("no node is known")
        for node in nodes:
            try:
                answer = yield from self._send(node, ("CLUSTER", "SLOTS"), asking=False)
                if self._owners is before:  # or else another of many at once has read it
                    self._owners = _map(answer, node)
                    self._known = tuple(dict.fromkeys(filter(None, self._owners)))
                    self._stale = False
                return
            except (redis.RedisError, OSError) as error:
                refusal = error
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                refusal = InvalidResponse("a node's map of slots makes no sense")
                refusal.__cause__ = error
            except BaseException:
                self._failed = node
                raise
        raise refusal

    def _send(self, node: Node, command: tuple[object, ...], *, asking: bool) -> Steps[Any]:
        try:
            return (yield from self._sent(node, command, asking=asking))
        except (redis.RedisError, OSError) as error:
            at_place(error, f"{node[0]}:{node[1]}")
            raise

    def _sent(self, node: Node, command: tuple[object, ...], *, asking: bool) -> Steps[Any]:
        client = self._at(node)
        if not asking:
            return (yield from wait(client.execute_command(*command)))
        if hasattr(client, "execute_asking"):
            return (yield from wait(client.execute_asking(*command)))
        pipeline = client.pipeline(transaction=False)
        _ = pipeline.execute_command("ASKING")
        _ = pipeline.execute_command(*command)
        answers = yield from wait(pipeline.execute(raise_on_error=False))
        if isinstance(answers[1], Exception):
            raise answers[1]
        return answers[1]

    def _at(self, node: Node) -> Client:
        client: Client = self._clients.get(node)
        if client is None:
            # Of two threads at once one wins; the other's has opened nothing yet.
            client = self._clients.setdefault(node, self._connect(node))
        return client

    def _close(self) -> Steps[None]:
        clients, self._clients = self._clients, {}
        self._stale = True
        for client in clients.values():
            close = client.aclose if self._colour is Colour.ASYNC else client.close
            yield from wait(close())


def _hop(error: ResponseError, node: Node) -> tuple[Node, bool] | None:
    """Read a redirection: the node to go to, and whether that must be told it was asked for.

    Releases of redis-py differ in whether a plain client knows the two errors.
    """
    if isinstance(error, AskError):  # MovedError is one, too
        there: Any = error  # its attributes are not annotated
        return (there.host or node[0], int(there.port)), not isinstance(error, MovedError)
    words = str(error).split()
    if len(words) < 3 or words[0] not in ("MOVED", "ASK"):  # noqa: PLR2004  # name, slot, address
        return None
    host, _, port = words[2].rpartition(":")
    if not port.isdecimal():
        return None
    return (host or node[0], int(port)), words[0] == "ASK"


def _is_down(error: ResponseError) -> bool:
    """Say whether a node refuses for the whole Cluster: another may know better."""
    return isinstance(error, ClusterDownError) or str(error).startswith("CLUSTERDOWN")


def _map(answer: Any, asked: Node) -> list[Node | None]:
    """Read CLUSTER SLOTS: rows of the first slot, the last, and the primary's address."""
    owners: list[Node | None] = [None] * SLOTS
    for first, last, primary, *_ in answer:
        host = bytes(primary[0] or b"").decode()
        # An empty name is the one by which the node was asked, so is an unknown one.
        node = (asked[0] if host in ("", "?") else host, int(primary[1]))
        owners[first : last + 1] = [node] * (last + 1 - first)
    return owners
