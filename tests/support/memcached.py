"""The memcached store, on Debian's memcached."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from samesession.core.store import Store
from samesession.stores.memcached import MemcachedStore

from .backend import UNHURRIED, Part
from .server import free_port

_PATIENCE = 10.0  # seconds that a server may take to start


class Memcached:
    """One server, and what an operator does to it."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, empty, and wait until it takes connections."""
        user = ("-u", "nobody") if os.geteuid() == 0 else ()
        place = ("-l", "127.0.0.1", "-p", str(self.port))
        # Without the maintainer a dump has all items, whatever was read last.
        options = ("-o", "no_lru_maintainer", *self._options)
        self._process = subprocess.Popen([_program(), *place, *user, *options])
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < until, "memcached does not start"
                time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def say(self, command: bytes, end: bytes = b"\r\n") -> bytes:
        """Send a command, and read until its answer ends so."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(command + b"\r\n")
            answer = b""
            while not answer.endswith(end):
                answer += connection.recv(65536)
        return answer

    def flush(self) -> None:
        # Not `flush_all`: for the rest of its second that takes new items, too.
        for name in self.names():
            self.say(b"delete %b" % name)

    def names(self) -> list[bytes]:
        """Give the keys of all items."""
        slabs = {
            line.split(b":")[1]
            for line in self.say(b"stats items", b"END\r\n").splitlines()
            if line.startswith(b"STAT items:")
        }
        dumps = [self.say(b"stats cachedump %b 0" % slab, b"END\r\n") for slab in slabs]
        return sorted(
            line.split()[1] for dump in dumps for line in dump.splitlines() if line != b"END"
        )

    def value(self, name: bytes) -> bytes:
        head, _, rest = self.say(b"get %b" % name, b"END\r\n").partition(b"\r\n")
        return rest[: int(head.split()[3])]

    def seconds_left(self, name: str) -> int:
        return int(self.say(b"mg %b t" % name.encode()).strip().rpartition(b" t")[2])

    def counts(self) -> dict[str, int]:
        """Give the server's statistics."""
        lines = [line.split() for line in self.say(b"stats", b"END\r\n").splitlines()[:-1]]
        return {name.decode(): int(value) for _, name, value, *_ in lines if value.isdigit()}


def _program() -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    program = shutil.which("memcached", path=path)
    assert program, "memcached is not installed"
    return program


@contextmanager
def listening(socket_: Path) -> Iterator[Path]:
    """Run a server that listens at a path and nowhere else."""
    # Root stays who it is: another user could not reach the test's directory.
    process = subprocess.Popen([_program(), "-s", str(socket_), "-u", "root"])
    try:
        until = time.monotonic() + _PATIENCE
        while not socket_.exists():
            assert time.monotonic() < until, "memcached does not start"
            time.sleep(0.01)
        yield socket_
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(*options: str) -> Iterator[Memcached]:
    server = Memcached(*options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class MemcachedPart(Part):
    clocked: ClassVar[bool] = False
    owners: ClassVar[bool] = False
    lists: ClassVar[bool] = False
    open_files: ClassVar[int] = min(32, (os.cpu_count() or 1) + 4)  # one for each thread

    @classmethod
    def serve(cls, name: str) -> Any:
        return running()

    def empty(self) -> None:
        self.server.flush()

    def settings(self) -> dict[str, Any]:
        return {
            "SESSION_TYPE": "memcached",
            "SESSION_MEMCACHED": self.server.address,
            "SESSION_STORE_TIMEOUT": UNHURRIED,
        }

    def store(self) -> Store:
        return MemcachedStore(self.server.address, timeout=UNHURRIED)

    def records(self) -> dict[str, bytes]:
        return {name.decode(): self.server.value(name) for name in self.server.names()}

    def plant(self, name: str, record: bytes) -> None:
        line = b"set %b 0 1000 %d\r\n" % (name.encode(), len(record))
        self.server.say(line + record)

    def hasten(self, seconds: int) -> None:
        for name in self.server.names():
            found = self.server.say(b"mg %b t" % name).strip()
            left = int(found.rpartition(b" t")[2]) if found != b"EN" else 0
            # A negative expiry is over at once.
            self.server.say(b"touch %b %d" % (name, left - seconds if left > seconds else -1))

    def dump(self) -> bytes:
        return b"".join(name.encode() + record for name, record in self.records().items())
