"""A proxy that drops some of a server's answers and doubles others.

What comes before a question in the stream, or does not come, answers the next one.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable, Iterator

from .networks.redis import resp_length
from .proxy import Proxy, _shut

_CHUNK = 65536

# Gives the bytes of the first answer in a buffer, or none if it is not whole yet.
Splitter = Callable[[bytes], int]


class Crossing(Proxy):
    """Drops or doubles answers as `fate` says: it gives how often the next one is passed on."""

    def __init__(self, target: int, splitter: Splitter) -> None:
        self._splitter = splitter
        self.fate: Callable[[bytes], int] = lambda _: 1
        self.faults = 0
        self._instead: bytes | None = None
        super().__init__(target)

    def at_random(self, share: float, seed: int) -> None:
        """Drop or double this share of the answers."""
        chance = random.Random(seed)

        def fate(_: bytes) -> int:
            return chance.choice((0, 2)) if chance.random() < share else 1

        self.fate = fate

    def replace_next(self, answer: bytes) -> None:
        """Say another's answer in place of the next one."""
        self._instead = answer

    def mend(self) -> None:
        super().mend()
        self.fate = lambda _: 1

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        both: threading.Barrier,
        *,
        to_client: bool,
    ) -> None:
        if not to_client:
            super()._pump(source, sink, both, to_client=False)
            return
        buffer = b""
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK):
                buffer += chunk
                passed = b""
                while size := self._splitter(buffer):
                    answer, buffer = buffer[:size], buffer[size:]
                    if self._instead is not None:
                        answer, self._instead = self._instead, None
                    times = self.fate(answer)
                    self.faults += times != 1
                    passed += answer * times
                sink.sendall(passed)
        for each in (source, sink):
            _shut(each, reset=False)
        both.wait(30)


@contextlib.contextmanager
def crossing(target: int, splitter: Splitter = resp_length) -> Iterator[Crossing]:
    """Have such a proxy for the length of a block."""
    proxy = Crossing(target, splitter)
    try:
        yield proxy
    finally:
        proxy.close()
