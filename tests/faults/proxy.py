"""A TCP proxy that does to a connection what networks do: delay, swallow, cut, reset, garble.

It runs in threads of its own, so that it works beside a blocked caller and
beside an event loop that is measured.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong from now on; counts of bytes begin when it is set."""

    delay: float = 0.0  # seconds before anything is passed on to the client
    trickle: float = 0.0  # seconds between single bytes to the client
    hole: bool = False  # nothing is passed on, nothing is closed
    refuse: bool = False  # connections are reset at once
    request_bytes: int | None = None  # cut after so many bytes to the server
    reply_bytes: int | None = None  # cut after so many bytes to the client
    reset: bool = False  # a cut is a RST, not a FIN
    garbage: bytes | None = None  # sent to the client in place of what the server says
    once: bool = False  # after one cut all is well again


HEALTHY = Fault()
# What a network does that does not make words up.
NETWORK = {
    "slow": Fault(delay=1.0),
    "trickle": Fault(trickle=0.05),
    "hole": Fault(hole=True),
    "refused": Fault(refuse=True, reply_bytes=0),
    "closed": Fault(request_bytes=0),
    "reset": Fault(request_bytes=0, reset=True),
    "reply-reset": Fault(reply_bytes=1, reset=True),
}


class Proxy:
    """Listens on a free port of the loopback interface, for one server behind it."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.accepted = 0
        self._fault = HEALTHY
        self._lock = threading.Lock()
        self._to_server = self._to_client = 0
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def inflict(self, fault: Fault) -> None:
        with self._lock:
            self._fault = fault
            self._to_server = self._to_client = 0

    @property
    def healthy(self) -> bool:
        """Whether nothing goes wrong (any more)."""
        return self._fault == HEALTHY

    def mend(self) -> None:
        """Behave from now on, on connections that are open, too."""
        self.inflict(HEALTHY)

    def cut(self) -> None:
        """Close every connection now."""
        with self._lock:
            doomed = list(self._open)
        for each in doomed:
            _shut(each, reset=True)

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.mend()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    # --- threads -----------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self._fault.refuse:
                _shut(client, reset=True)
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
                server.settimeout(None)
            except OSError:
                _shut(client, reset=True)
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            self._threads = [each for each in self._threads if each.is_alive()]
            both = threading.Barrier(2, action=lambda c=client, s=server: self._forget(c, s))  # type: ignore[misc]
            for source, sink in ((client, server), (server, client)):
                to_client = sink is client
                thread = threading.Thread(
                    target=self._pump, args=(source, sink, both), kwargs={"to_client": to_client}
                )
                thread.daemon = True
                self._threads.append(thread)
                thread.start()

    def _forget(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open -= set(sockets)
        for each in sockets:
            each.close()

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        both: threading.Barrier,
        *,
        to_client: bool,
    ) -> None:
        reset = False
        try:
            while chunk := source.recv(_CHUNK):
                passed, cut = self._pass(chunk, to_client=to_client)
                if passed:
                    self._send(sink, passed, to_client=to_client)
                if cut:
                    reset = self._fault.reset
                    self._mend_once()
                    break
        except OSError:
            reset = True
        for each in (source, sink):
            _shut(each, reset=reset)
        both.wait(30)

    def _pass(self, chunk: bytes, *, to_client: bool) -> tuple[bytes, bool]:
        """Say what of a chunk goes on, and whether the connection ends behind it."""
        with self._lock:
            fault = self._fault
            limit = fault.reply_bytes if to_client else fault.request_bytes
            sent = self._to_client if to_client else self._to_server
            if to_client and fault.garbage is not None:
                return fault.garbage, False
            if fault.hole:
                return b"", False
            room = len(chunk) if limit is None else max(0, limit - sent)
            passed = chunk[:room]
            if to_client:
                self._to_client += len(passed)
            else:
                self._to_server += len(passed)
            return passed, limit is not None and len(chunk) > room

    def _send(self, sink: socket.socket, data: bytes, *, to_client: bool) -> None:
        fault = self._fault
        if to_client and fault.delay:
            self._closing.wait(fault.delay)
        if not (to_client and fault.trickle):
            sink.sendall(data)
            return
        for at in range(len(data)):
            time.sleep(self._fault.trickle)
            sink.sendall(data[at : at + 1])

    def _mend_once(self) -> None:
        with self._lock:
            if self._fault.once:
                self._fault = replace(HEALTHY)


def _shut(each: socket.socket, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """Have a proxy for the length of a block."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
