"""Send each command to the node of a Redis Cluster that has its key.

Every command of the store names one key, so a map of slots is all that is needed. It is read from
any node that answers, corrected by MOVED, and read again after a failure. redis-py's own cluster
clients may send ASKING and its command on different connections, and forget nodes that failed once.

This module knows commands and nodes, not records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import choice
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

from ...core.steps import Steps
from ...errors import at_place
from .client import Node
from .commands import CLUSTER_SLOTS, Command, key_of
from .single import SingleClient
from .url import Address

SLOTS = 16384
# One slot may move while its map is read, and again, but not more often.
_MAX_HOPS = 6


class Cluster:
    """A client.Client of the nodes of a Cluster."""

    def __init__(
        self, seeds: tuple[Address, ...], connect: Callable[[Address], SingleClient]
    ) -> None:
        """`connect` creates a client of one node, without waiting for it."""
        self._seeds = seeds
        self._connect = connect
        self._clients: dict[Address, SingleClient] = {}  # of the nodes that were used so far
        self._owners: list[Address | None] = [None] * SLOTS
        self._known: tuple[Address, ...] = ()  # those in the map, once each
        self._stale = True
        self._failed: Address | None = None

    # --- a client ----------------------------------------------------------------------

    def send(self, command: Command) -> Steps[Any]:
        """Send a command to the node of its key, and follow redirections."""
        slot = _slot(command)
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
                raise  # a command that cannot be sent is not a failure of the node
            except BaseException:
                # Also a cancellation, which may end a wait that was too long.
                self._stale, self._failed = True, node
                raise
        raise ClusterError("redirected too often")

    def send_many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send each node its share in one go, and follow redirections of moved keys."""
        slots = [*map(_slot, sent)]
        shares: dict[Address, list[int]] = {}
        for index, slot in enumerate(slots):
            shares.setdefault((yield from self._owner(slot)), []).append(index)
        answers: list[Any] = [None] * len(sent)
        for node, share in shares.items():
            theirs = [sent[index] for index in share]
            found = yield from self._send_share(node, theirs, fenced=fenced)
            for index, answer in zip(share, found, strict=True):
                answers[index] = answer
                if isinstance(answer, ResponseError) and (_hop(answer, node) or _is_down(answer)):
                    answers[index] = yield from self._answer_to(sent[index])
        return answers

    def holder(self, key: str) -> Steps[Node]:
        """Return the client of the node that has a key."""
        node = yield from self._owner(key_slot(key.encode()))
        return self._at(node)

    def primaries(self) -> Steps[Sequence[str]]:
        """Name the nodes that have keys."""
        if self._stale:
            yield from self._learn()
        return [*map(_place, self._known)]

    def send_to(self, primary: str, command: Command) -> Steps[Any]:
        """Send a command to a node."""
        host, _, port = primary.rpartition(":")
        node = host, int(port)
        try:
            return (yield from self._send(node, command))
        except (TypeError, ValueError, ResponseError):
            raise  # a refused command, or one that cannot be sent, is not a failure of the node
        except BaseException:
            self._stale, self._failed = True, node
            raise

    def source(self) -> Steps[Any]:
        """Return the pool of one node: all nodes pass on a published message."""
        if self._stale:
            yield from self._learn()
        return (yield from self._at(choice(self._known)).source())

    def reconnect(self) -> Steps[None]:
        """Drop open connections to every node."""
        for client in tuple(self._clients.values()):
            yield from client.reconnect()

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop open connections to every node."""
        for client in tuple(self._clients.values()):
            yield from client.drop_crossed(mark)

    def close(self) -> Steps[None]:
        """Close the connections to every node."""
        clients, self._clients = self._clients, {}
        self._stale = True
        for client in clients.values():
            yield from client.close()

    # --- sending -----------------------------------------------------------------------

    def _send(self, node: Address, command: Command, *, asking: bool = False) -> Steps[Any]:
        client = self._at(node)
        try:
            return (yield from (client.send_asking if asking else client.send)(command))
        except (redis.RedisError, OSError) as error:
            at_place(error, _place(node))
            raise

    def _send_share(
        self, node: Address, commands: Sequence[Command], *, fenced: bool
    ) -> Steps[list[Any]]:
        try:
            return (yield from self._at(node).send_many(commands, fenced=fenced))
        except (TypeError, ValueError):
            raise  # a command that cannot be sent is not a failure of the node
        except BaseException as error:
            self._stale, self._failed = True, node
            at_place(error, _place(node))
            raise

    def _answer_to(self, command: Command) -> Steps[Any]:
        try:
            return (yield from self.send(command))
        except ResponseError as error:
            return error

    # --- finding the node --------------------------------------------------------------

    def _owner(self, slot: int) -> Steps[Address]:
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
        # A node that hangs would use up the time of the operation, and of the next node.
        nodes = sorted(known, key=lambda node: node == self._failed)
        refusal: Exception = ClusterError("no node is known")
        for node in nodes:
            try:
                answer = yield from self._send(node, CLUSTER_SLOTS)
                if self._owners is before:  # or another of many callers has read it
                    self._owners = _map(answer, node)
                    self._known = tuple(dict.fromkeys(filter(None, self._owners)))
                    self._stale = False
                return
            except (redis.RedisError, OSError) as error:
                refusal = error
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                refusal = InvalidResponse("a node's map of slots is invalid")
                refusal.__cause__ = error
            except BaseException:
                self._failed = node
                raise
        raise refusal

    def _at(self, node: Address) -> SingleClient:
        client = self._clients.get(node)
        if client is None:
            # Of two threads at once one wins; the other's client has opened nothing yet.
            client = self._clients.setdefault(node, self._connect(node))
        return client


def _place(node: Address) -> str:
    return f"{node[0]}:{node[1]}"


def _slot(command: Command) -> int:
    slot: int = key_slot(key_of(command).encode())
    return slot


def _hop(error: ResponseError, node: Address) -> tuple[Address, bool] | None:
    """Return the target of a redirection, and whether ASKING must be sent first.

    Releases of redis-py differ in whether a plain client knows the two errors.
    """
    if isinstance(error, AskError):  # MovedError is a subclass of it
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
    """Return whether a node refuses for the whole Cluster: another may know better."""
    return isinstance(error, ClusterDownError) or str(error).startswith("CLUSTERDOWN")


def _map(answer: Any, asked: Address) -> list[Address | None]:
    """Read CLUSTER SLOTS: rows of the first slot, the last, and the primary's address."""
    owners: list[Address | None] = [None] * SLOTS
    for first, last, primary, *_ in answer:
        host = bytes(primary[0] or b"").decode()
        # An empty name means the name by which the node was asked, and so does an unknown one.
        node = (asked[0] if host in ("", "?") else host, int(primary[1]))
        owners[first : last + 1] = [node] * (last + 1 - first)
    return owners
