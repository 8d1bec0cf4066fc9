"""A connection of redis-py's that a test plays the server of, without any I/O."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import hiredis


class Wire:
    """What a Channel takes over: notes what is written, and says what it is told to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False
        self.protocol: Any = None
        self._writer = SimpleNamespace(transport=self)
        self._reader = None

    async def connect(self) -> None:
        """Be opened and greeted."""

    # --- a transport -------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        assert not self.aborted
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True

    # --- for tests ---------------------------------------------------------------------

    @property
    def commands(self) -> list[list[bytes]]:
        """The commands that were written so far."""
        reader = hiredis.Reader()
        reader.feed(b"".join(self.written))
        found: list[list[bytes]] = []
        while (command := reader.gets()) is not False:
            found.append(command)
        return found

    def say(self, *answers: bytes | int | None) -> None:
        """Let answers arrive in one piece."""
        self.protocol.data_received(b"".join(map(encoded, answers)))


def encoded(answer: bytes | int | None) -> bytes:
    """Spell an answer in RESP."""
    match answer:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % answer
        case _:
            return b"$%d\r\n%b\r\n" % (len(answer), answer)


class Pool:
    """Makes connections as a pool of redis-py's does; `wires` are those made so far."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.down = False

    def make_connection(self) -> Wire:
        if self.down:
            raise ConnectionRefusedError
        self.wires.append(Wire())
        return self.wires[-1]

    async def disconnect(self) -> None:
        """Have nothing to close."""


async def turn(times: int = 5) -> None:
    """Let the loop do what it can do without waiting."""
    for _ in range(times):
        await asyncio.sleep(0)
