"""A thread's socket: every wait of an operation ends at its deadline, whatever comes in between."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from samesession.stores.kit.deadline import BoundedSocket, Deadline

SECONDS = 0.3


@pytest.fixture(params=["asked first", "as the kernel waits"])
def ends(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[BoundedSocket, socket.socket]]:
    """Return a bounded socket and its peer; the second way is that of TLS and of greenlets."""
    if request.param != "asked first":
        monkeypatch.delattr("select.poll")
    ours, peer = socket.socketpair()
    with ours, peer:
        yield BoundedSocket(ours), peer


@pytest.fixture
def deadline() -> Deadline:
    return Deadline()


def assert_in_time(began: float) -> None:
    """Check that a wait lasted until its deadline; what would be wrong lasts for ever."""
    assert SECONDS <= time.monotonic() - began < 30 * SECONDS


def test_signals_make_no_wait_longer(
    ends: tuple[BoundedSocket, socket.socket], deadline: Deadline
) -> None:
    """The kernel's own timeout of a read would begin anew after each."""
    ours, _ = ends
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, SECONDS / 10, SECONDS / 10)
    began = time.monotonic()
    deadline.begin(SECONDS)
    try:
        with pytest.raises(TimeoutError):
            _ = ours.receive(100, deadline)
        assert_in_time(began)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_server_that_drips_makes_no_wait_longer(
    ends: tuple[BoundedSocket, socket.socket], deadline: Deadline
) -> None:
    ours, peer = ends
    over = threading.Event()

    def drip() -> None:
        while not over.wait(SECONDS / 10):
            peer.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    deadline.begin(SECONDS)
    try:
        with pytest.raises(TimeoutError):
            _ = [ours.receive(100, deadline) for _ in range(50)]
        assert_in_time(began)
    finally:
        over.set()
        dripping.join()


def test_a_server_that_reads_slowly_makes_no_wait_longer(
    ends: tuple[BoundedSocket, socket.socket], deadline: Deadline
) -> None:
    ours, peer = ends
    over = threading.Event()

    def sip() -> None:
        while not over.wait(SECONDS / 10):
            _ = peer.recv(1000)

    sipping = threading.Thread(target=sip)
    sipping.start()
    began = time.monotonic()
    deadline.begin(SECONDS)
    try:
        with pytest.raises(TimeoutError):
            ours.send(b"x" * 10_000_000, deadline)
        assert_in_time(began)
    finally:
        over.set()
        sipping.join()


def test_what_is_larger_than_the_kernel_takes_at_once_is_sent_whole(
    ends: tuple[BoundedSocket, socket.socket], deadline: Deadline
) -> None:
    ours, peer = ends
    sent = bytes(range(256)) * 20_000
    found = bytearray()

    def read() -> None:
        while len(found) < len(sent):
            found.extend(peer.recv(65536))

    reading = threading.Thread(target=read)
    reading.start()
    deadline.begin(10.0)
    ours.send(sent, deadline)
    reading.join(10)
    assert found == sent
    peer.sendall(b"heard")
    assert ours.receive(100, deadline) == b"heard"


def test_an_operation_whose_time_is_over_sends_nothing(
    ends: tuple[BoundedSocket, socket.socket], deadline: Deadline
) -> None:
    ours, peer = ends
    deadline.begin(-1.0)
    with pytest.raises(TimeoutError):
        ours.send(b"late", deadline)
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        _ = peer.recv(100)
