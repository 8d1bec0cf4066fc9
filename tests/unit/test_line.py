"""Connections that threads take in turns: none is used again that anything went wrong on."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from samesession._line import Line
from tests.support.wire import encoded


class Pool:
    """Makes connections as a pool of redis-py's is told to; `peers` are the servers' ends."""

    def __init__(self) -> None:
        self.peers: list[socket.socket] = []
        self.closed: list[bool] = []
        self.next = b""  # what the server says on the next connection, ahead of any question
        self.connection_kwargs: dict[str, Any] = {}

    def connection_class(self) -> Any:
        ours, peer = socket.socketpair()
        number = len(self.peers)
        self.peers.append(peer)
        self.closed.append(False)
        peer.sendall(self.next)

        def disconnect() -> None:
            ours.close()
            self.closed[number] = True

        return SimpleNamespace(
            connect=lambda: None, disconnect=disconnect, _sock=SimpleNamespace(plain=ours)
        )

    def disconnect(self) -> None:
        """Have nothing to close."""


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    for peer in made.peers:
        peer.close()


@pytest.fixture
def line(pool: Pool) -> Iterator[Line]:
    made = Line(pool, lambda: min(math.inf, 5.0))
    yield made
    made.close()


def test_a_connection_that_spoke_unasked_is_not_used_again(pool: Pool, line: Line) -> None:
    pool.next = encoded(b"mine")
    assert line.get("a") == b"mine"
    pool.peers[0].sendall(encoded(b"another's"))
    assert line.get("a") == b"mine"
    assert pool.closed == [True, False]


def test_a_connection_that_was_hung_up_is_not_used_again(pool: Pool, line: Line) -> None:
    pool.next = encoded(b"mine")
    assert line.get("a") == b"mine"
    pool.peers[0].shutdown(socket.SHUT_RDWR)
    assert line.get("a") == b"mine"
    assert pool.closed == [True, False]


def test_an_answer_too_many_is_nobodys_and_ends_the_connection(pool: Pool, line: Line) -> None:
    pool.next = encoded(b"mine") + encoded(b"another's")
    with pytest.raises(RedisConnectionError, match="an answer that nobody asked for"):
        line.get("a")
    assert pool.closed == [True]
    pool.next = encoded(b"mine")
    assert line.get("a") == b"mine"


@pytest.mark.parametrize("garbage", [b"no RESP\r\n", b"$-7\r\n", b"\x00"])
def test_garbage_ends_the_connection(pool: Pool, line: Line, garbage: bytes) -> None:
    pool.next = garbage
    with pytest.raises(RedisConnectionError, match="not RESP"):
        line.get("a")
    assert pool.closed == [True]


@pytest.mark.parametrize("argument", ["\ud800", None, object()])
def test_what_cannot_be_packed_costs_no_connection(pool: Pool, line: Line, argument: Any) -> None:
    pool.next = encoded(b"mine")
    assert line.get("a") == b"mine"
    with pytest.raises((TypeError, ValueError)):
        line.get(argument)
    assert pool.closed == [False]
