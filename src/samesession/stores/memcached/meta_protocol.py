"""Speak memcached's text protocol, with its meta commands, over this process's sockets.

Neither pymemcache nor an asyncio client supports `md` with a CAS value, which is needed to delete
an item only if it is unchanged. This module handles one command and its answer at a time, not
records or sessions.
"""

from __future__ import annotations

import itertools
import math
import secrets
import socket
import ssl
import threading
from collections.abc import Hashable
from typing import NamedTuple, TypeAlias
from weakref import finalize

from ...errors import BadRecord, StoreUnavailable
from ...run.clocks import stopwatch
from ...run.places import place
from ..kit.deadline import BoundedSocket

# A host and port, or the path of a Unix socket.
Address: TypeAlias = tuple[str, int] | str

_MAX_LINE = 2048
_CHUNK = 64 * 1024
_LARGEST = 1024**3  # bytes, of any item
# The usual answer to each command; `mg` is used with the flag `v`.
_KNOWN = {
    b"mg": frozenset({b"VA", b"EN"}),
    b"md": frozenset({b"HD", b"EX", b"NF"}),
    b"add": frozenset({b"STORED", b"NOT_STORED"}),
    b"cas": frozenset({b"STORED", b"EXISTS", b"NOT_FOUND"}),
}
# The meta commands, which repeat an opaque word in their answer.
_META = (b"mg", b"md")
# The answers of the classic storage commands, as codes of the meta commands.
_CLASSIC = {b"STORED": b"HD", b"NOT_STORED": b"NS", b"EXISTS": b"EX", b"NOT_FOUND": b"NF"}


class Answer(NamedTuple):
    """The server's answer: a code of the meta commands, flags by letter, perhaps a value."""

    code: bytes
    flags: dict[str, bytes]
    value: bytes | None


class _Refusal(NamedTuple):
    """The server refused a command, with a reason."""

    error: Exception


class ItemTooLarge(Exception):
    """The server cannot store an item as large as this one."""


class Deadline:
    """The deadline of an operation with any number of commands."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = stopwatch() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raise StoreUnavailable if there are none."""
        left = self._at - stopwatch()
        if left <= 0:
            raise StoreUnavailable(f"memcached did not answer within {self._seconds} s")
        return left

    def rest(self) -> float:
        """Return the seconds that are left, 0 if there are none."""
        return max(0.0, self._at - stopwatch())


class Server:
    """One memcached server, with the idle connections to it."""

    def __init__(
        self, address: Address, *, tls: ssl.SSLContext | None = None, max_bytes: int
    ) -> None:
        """`max_bytes`: the largest value that is accepted from it."""
        self.name = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        self._address = address
        self._tls = tls
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._idle: dict[Hashable, list[_Connection]] = {}
        self._closings = 0
        # Not when the process ends: other threads may be at work then.
        finalize(self, _close_left, self._idle).atexit = False

    def ask(self, command: bytes, deadline: Deadline) -> Answer:
        """Send a command and read its answer.

        Raises StoreUnavailable, BadRecord for a value that is too large to be ours, and
        ItemTooLarge for a value that the server does not accept.
        """
        here, closings = place(loop=False), self._closings
        kept = self._take(here)
        if kept is not None:
            try:
                answer = kept.ask(command, deadline)
            except ConnectionError:
                # The server may have closed it while it was idle, and the others too.
                self.close()
            except OSError as error:
                raise _unavailable(error) from error
            else:
                self._keep(here, kept, closings)
                return _accepted(answer)
        closings = self._closings
        try:
            fresh = _Connection(self._address, self._tls, self._max_bytes, deadline)
            answer = fresh.ask(command, deadline)
        except OSError as error:
            raise _unavailable(error) from error
        self._keep(here, fresh, closings)
        return _accepted(answer)

    def close(self) -> None:
        """Close this process's idle connections now, and those in use after their use."""
        with self._lock:
            idle = self._idle.pop(place(loop=False), [])
            self._closings += 1
        for connection in idle:
            connection.close()

    def _take(self, here: Hashable) -> _Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(here)
                kept = idle.pop() if idle else None
            if kept is None or kept.is_quiet():
                return kept
            kept.close()

    def _keep(self, here: Hashable, connection: _Connection, closings: int) -> None:
        """Keep a connection for its next use, unless all were closed while it was in use."""
        with self._lock:
            if closings == self._closings:
                self._idle.setdefault(here, []).append(connection)
                return
        connection.close()


def _close_left(idle: dict[Hashable, list[_Connection]]) -> None:
    """Close this process's idle connections to a server that is not used any more."""
    for connection in idle.get(place(loop=False), ()):
        connection.close()


class _Connection:
    """A socket, and the bytes that were read ahead; any error on it closes it.

    A refusal on its own line, after which the server continues, is an answer.
    """

    def __init__(
        self, address: Address, tls: ssl.SSLContext | None, max_bytes: int, deadline: Deadline
    ) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._words = itertools.count(secrets.randbits(32))
        self._socket = _connected(address, deadline)
        if tls is not None:
            host = address if isinstance(address, str) else address[0]
            try:
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
            except BaseException:
                self._socket.close()
                raise
        self._bounded = BoundedSocket(self._socket)

    def is_quiet(self) -> bool:
        return self._bounded.is_quiet()

    def ask(self, command: bytes, deadline: Deadline) -> Answer | _Refusal:
        name, word = command[: command.index(b" ")], b"%d" % next(self._words)
        if name in _META:
            command = b"%b O%b\r\n" % (command[:-2], word)
        try:
            self._bounded.send(command, deadline)
            answer = self._answer(_KNOWN[name], deadline)
            _check_word(answer, word)
        except BaseException:
            self.close()
            raise
        return answer

    def close(self) -> None:
        self._socket.close()

    def _answer(self, known: frozenset[bytes], deadline: Deadline) -> Answer | _Refusal:
        line = self._line(deadline)
        code, *rest = line.split(b" ")
        if code == b"SERVER_ERROR":  # it has read the command completely
            self._expect_no_more()
            return _Refusal(_refusal(line))
        if code not in known:
            raise _refusal(line)
        code = _CLASSIC.get(code, code)
        value = None
        if code == b"VA":
            size = rest.pop(0) if rest else b""
            if not size.isdigit():
                raise _not_understood()
            value = self._value(int(size), deadline)
        self._expect_no_more()
        flags = {chr(flag[0]): flag[1:] for flag in rest if flag}
        return Answer(code, flags, value)

    def _expect_no_more(self) -> None:
        if self._buffer:  # an answer to nothing: the next one could be another question's
            raise _not_understood()

    def _line(self, deadline: Deadline) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_LINE:
                raise _not_understood()
            self._fill(deadline)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _value(self, size: int, deadline: Deadline) -> bytes:
        if size > _LARGEST:
            raise _not_understood()
        if size > self._max_bytes:
            raise BadRecord("its size is out of bounds")
        while len(self._buffer) < size + 2:
            self._fill(deadline)
        if not self._buffer.startswith(b"\r\n", size):
            raise _not_understood()
        value = bytes(self._buffer[:size])
        del self._buffer[: size + 2]
        return value

    def _fill(self, deadline: Deadline) -> None:
        data = self._bounded.receive(_CHUNK, deadline)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self._buffer += data


def _check_word(answer: Answer | _Refusal, word: bytes) -> None:
    # Not every release sends it for a missing item.
    if isinstance(answer, Answer) and answer.flags.get("O", word) != word:
        raise ConnectionResetError("the answer belongs to another question")


def _connected(address: Address, deadline: Deadline) -> socket.socket:
    if isinstance(address, tuple):
        opened = socket.create_connection(address, timeout=deadline.left())
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.settimeout(deadline.left())
        opened.connect(address)
    except BaseException:
        opened.close()
        raise
    return opened


def _accepted(answer: Answer | _Refusal) -> Answer:
    if isinstance(answer, _Refusal):
        raise answer.error
    return answer


def _unavailable(error: OSError) -> StoreUnavailable:
    # The text may hold an address; the type is enough.
    return StoreUnavailable(f"memcached is not available: {type(error).__name__}")


def _refusal(line: bytes) -> Exception:
    kind, _, reason = line.partition(b" ")
    if kind == b"SERVER_ERROR" and reason.startswith(b"object too large"):
        return ItemTooLarge()
    if kind in (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR"):
        # The rest may quote what was sent.
        hint = ": is it 1.6 or later?" if kind != b"SERVER_ERROR" else ""
        return StoreUnavailable(f"memcached refused a command with {kind.decode()}{hint}")
    return _not_understood()


def _not_understood() -> StoreUnavailable:
    # An invalid answer must not count as "gone": that would log the user out.
    return StoreUnavailable("memcached gave an answer that does not fit the command")


def number_of(flag: bytes | None) -> int:
    """Return the number in a flag."""
    try:
        return int(flag or b"")
    except ValueError:
        raise _not_understood() from None


def seconds_of(flag: bytes | None) -> float:
    """Return the remaining time in `t`; infinite for an item without expiry."""
    left = number_of(flag)
    return math.inf if left < 0 else left
