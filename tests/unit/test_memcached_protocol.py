"""One memcached: what its answers may be, and which connection is used again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from samesession import StoreUnavailable
from samesession.stores.memcached import meta_protocol
from samesession.stores.memcached.meta_protocol import Deadline, ItemTooLarge, Server

FIRST = 7  # the number that the first question of each connection has


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Give the servers' ends of the connections; what a server says it says ahead of time."""
    found: list[socket.socket] = []

    def connected(*_: object) -> socket.socket:
        ours, peer = socket.socketpair()
        found.append(peer)
        peer.sendall(b"EN O%d\r\n" % FIRST)
        return ours

    monkeypatch.setattr(meta_protocol, "_connected", connected)
    monkeypatch.setattr(
        "samesession.stores.memcached.meta_protocol.secrets.randbits", lambda _: FIRST
    )
    yield found
    for peer in found:
        peer.close()


@pytest.fixture
def server(peers: list[socket.socket]) -> Iterator[Server]:
    made = Server("/nowhere", max_bytes=1000)
    assert made.ask(b"mg first v\r\n", Deadline(5)).code == b"EN"
    assert peers[0].recv(100) == b"mg first v O7\r\n"
    yield made
    made.close()


def answer(server: Server, peer: socket.socket, said: bytes, command: bytes) -> bytes:
    """Ask while the answer comes just after the connection was found quiet."""
    (connection,) = next(iter(server._idle.values()))
    connection.is_quiet = lambda: True  # type: ignore[method-assign]
    peer.sendall(said)
    return server.ask(command, Deadline(5)).code


def test_the_answer_with_the_questions_word_is_taken(
    server: Server, peers: list[socket.socket]
) -> None:
    assert answer(server, peers[0], b"EN O8\r\n", b"mg key v\r\n") == b"EN"
    assert answer(server, peers[0], b"NF O9\r\n", b"md key C1\r\n") == b"NF"
    assert len(peers) == 1


@pytest.mark.parametrize("said", [b"EN O7\r\n", b"VA 1 O7\r\nx\r\n", b"EN O\r\n", b"EN O80\r\n"])
def test_another_questions_answer_is_left_with_its_connection(
    server: Server, peers: list[socket.socket], said: bytes
) -> None:
    assert answer(server, peers[0], said, b"mg key v\r\n") == b"EN"
    assert len(peers) == 2
    assert peers[0].recv(100) == b"mg key v O8\r\n"
    assert peers[0].recv(100) == b""


def test_a_release_that_says_no_word_for_what_it_does_not_find_is_believed(
    server: Server, peers: list[socket.socket]
) -> None:
    assert answer(server, peers[0], b"EN\r\n", b"mg key v\r\n") == b"EN"
    assert len(peers) == 1


def test_a_connection_that_spoke_unasked_is_not_used_again(
    server: Server, peers: list[socket.socket]
) -> None:
    peers[0].sendall(b"STORED\r\n")
    with pytest.raises(StoreUnavailable):  # what the new connection says, as to the first
        server.ask(b"cas key 0 0 1 1\r\nx\r\n", Deadline(5))
    assert len(peers) == 2
    with pytest.raises(OSError, match=r"reset|pipe"):  # closed unread
        peers[0].sendall(b"more")


def test_a_refusal_that_the_server_survives_leaves_the_connection(
    server: Server, peers: list[socket.socket]
) -> None:
    command = b"cas key 0 0 1 1\r\nx\r\n"
    with pytest.raises(ItemTooLarge):
        answer(server, peers[0], b"SERVER_ERROR object too large for cache\r\n", command)
    with pytest.raises(StoreUnavailable, match="refused"):
        answer(server, peers[0], b"SERVER_ERROR out of memory\r\n", command)
    assert len(peers) == 1
    with pytest.raises(StoreUnavailable, match="refused"):
        answer(server, peers[0], b"CLIENT_ERROR bad data chunk\r\nERROR\r\n", command)
    assert not any(server._idle.values())
