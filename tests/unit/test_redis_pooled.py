"""Connections that threads take in turns: none is used again that anything went wrong on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

from samesession.stores.kit.deadline import Deadline, received
from samesession.stores.redis.commands import get, swap
from samesession.stores.redis.pooled import PooledConnections, _Connection
from tests.support.tls import issued
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


@pytest.fixture(params=["polled", "read"])
def pooled(
    pool: Pool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PooledConnections]:
    """Return connections that ask `select.poll` whether one is quiet, or do without."""
    if request.param == "read":
        monkeypatch.delattr("select.poll")
    deadline = Deadline()
    deadline.begin(5.0)
    made = PooledConnections(pool, deadline)
    yield made
    made.close()


def test_a_quiet_connection_is_used_again(pool: Pool, pooled: PooledConnections) -> None:
    pool.next = encoded(b"1")
    assert pooled.execute(get("a")) == b"1"
    assert pool.peers[0].recv(1000)  # the first question, which is answered already
    with answering(pool.peers[0]):
        assert pooled.execute(get("b")) == b"again"
    assert pool.closed == [False]


@pytest.mark.parametrize("polled", [True, False])
def test_a_connection_over_tls_is_quiet_until_something_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, polled: bool
) -> None:
    certificates = issued(tmp_path, "localhost")
    here = ssl.create_default_context(cafile=certificates.ca)
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(certificates.server, certificates.server_key)
    there.num_tickets = 0
    if not polled:
        monkeypatch.delattr("select.poll")
    with ThreadPoolExecutor(1) as server:
        ours, theirs = socket.socketpair()
        greeted = server.submit(there.wrap_socket, theirs, server_side=True)
        with here.wrap_socket(ours, server_hostname="localhost") as tls, greeted.result() as peer:
            connection = _Connection(SimpleNamespace(_sock=SimpleNamespace(plain=tls)), [])
            assert connection.is_quiet()
            assert connection.is_quiet()
            peer.sendall(b"unasked")
            assert not connection.is_quiet()


@contextmanager
def answering(peer: socket.socket) -> Iterator[None]:
    """Have a server say "again" to whatever it hears, for the length of a block."""

    def serve() -> None:
        while peer.recv(1000):
            peer.sendall(encoded(b"again"))

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    peer.shutdown(socket.SHUT_RD)
    thread.join(5)


def test_a_connection_that_spoke_unasked_is_not_used_again(
    pool: Pool, pooled: PooledConnections
) -> None:
    pool.next = encoded(b"mine")
    assert pooled.execute(get("a")) == b"mine"
    pool.peers[0].sendall(encoded(b"another's"))
    assert pooled.execute(get("a")) == b"mine"
    assert pool.closed == [True, False]


def test_a_connection_that_was_hung_up_is_not_used_again(
    pool: Pool, pooled: PooledConnections
) -> None:
    pool.next = encoded(b"mine")
    assert pooled.execute(get("a")) == b"mine"
    pool.peers[0].shutdown(socket.SHUT_RDWR)
    assert pooled.execute(get("a")) == b"mine"
    assert pool.closed == [True, False]


def test_an_answer_too_many_is_nobodys_and_ends_the_connection(
    pool: Pool, pooled: PooledConnections
) -> None:
    pool.next = encoded(b"mine") + encoded(b"another's")
    with pytest.raises(RedisConnectionError, match="an answer without a question"):
        pooled.execute(get("a"))
    assert pool.closed == [True]
    pool.next = encoded(b"mine")
    assert pooled.execute(get("a")) == b"mine"


@pytest.mark.parametrize("garbage", [b"no RESP\r\n", b"$-7\r\n", b"\x00"])
def test_garbage_ends_the_connection(pool: Pool, pooled: PooledConnections, garbage: bytes) -> None:
    pool.next = garbage
    with pytest.raises(RedisConnectionError, match="not RESP"):
        pooled.execute(get("a"))
    assert pool.closed == [True]


@pytest.mark.parametrize("argument", ["\ud800", None, object()])
def test_what_cannot_be_packed_costs_no_connection(
    pool: Pool, pooled: PooledConnections, argument: Any
) -> None:
    pool.next = encoded(b"mine")
    assert pooled.execute(get("a")) == b"mine"
    with pytest.raises((TypeError, ValueError)):
        pooled.execute(get(argument))
    assert pool.closed == [False]


class Late(Deadline):
    """Has its end while an answer is on its way to a thread that does not run."""

    def rest(self) -> float:
        return 0.0


def test_a_thread_that_was_late_reads_the_answer_that_lies_there(pool: Pool) -> None:
    large = b"x" * 200_000  # read in several pieces
    deadline = Late()
    deadline.begin(5.0)
    late = PooledConnections(pool, deadline)
    connection = late._opened()
    peer = pool.peers[0]
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
    peer.sendall(encoded(large))
    late._free.append(connection)
    assert connection.exchange(b"", 1, deadline) == [large]
    late.close()


def test_a_greenlet_whose_hub_was_late_reads_the_answer_that_lies_there() -> None:
    """gevent's timer may come before its look at the sockets."""
    ours, theirs = socket.socketpair()

    class Hasty:
        first = True

        def settimeout(self, seconds: float) -> None:
            ours.settimeout(seconds)

        def recv(self, size: int) -> bytes:
            if self.first:
                self.first = False
                raise TimeoutError("timed out")
            return ours.recv(size)

    with ours, theirs:
        theirs.sendall(b"answer")
        assert received(Hasty(), 100) == b"answer"
        with pytest.raises(TimeoutError, match="timed out"):
            received(Hasty(), 100)


def test_a_second_question_goes_on_with_the_time_of_the_first() -> None:
    deadline = Deadline()
    deadline.begin(1.0)
    deadline.go_on(2.0)
    assert deadline.left() <= 1.0
    for before in (-1.0, 100.0):  # over, or another store's
        deadline.begin(before)
        deadline.go_on(2.0)
        assert 1.0 < deadline.left() <= 2.0


def test_an_earlier_answer_is_not_taken_for_a_swaps(pool: Pool, pooled: PooledConnections) -> None:
    """As a GET's of the same key, which says what a swap that succeeds says."""
    pool.next = encoded(b"old") + encoded(b"word")
    with pytest.raises(InvalidResponse, match="out of step"):
        pooled.execute_swap(swap("key", b"old", b"new", 9))


@pytest.mark.parametrize("forget", ["close", "disconnect", "drop_crossed"])
def test_a_connection_in_use_while_all_are_closed_is_closed_after_its_use(
    pool: Pool, pooled: PooledConnections, forget: str
) -> None:
    """A thread asks, meanwhile another one closes all or finds one to be out of step."""
    with pooled_elsewhere(pool, pooled, forget):
        assert pooled.execute(get("a")) == b"again"
    assert pool.closed == [True]
    pool.next = encoded(b"1")
    assert pooled.execute(get("b")) == b"1"
    assert pool.closed == [True, False]


@contextmanager
def pooled_elsewhere(pool: Pool, pooled: PooledConnections, forget: str) -> Iterator[None]:
    """Have the first question find, before its answer, that all connections are closed."""

    def answer() -> None:
        while not pool.peers:
            ready.wait(0.01)
        assert pool.peers[0].recv(1000)
        getattr(pooled, forget)(*([None] if forget == "drop_crossed" else []))
        pool.peers[0].sendall(encoded(b"again"))

    ready = threading.Event()
    with ThreadPoolExecutor(1) as server:
        done = server.submit(answer)
        yield
        done.result()
