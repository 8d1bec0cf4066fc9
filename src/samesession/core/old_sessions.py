"""Readers of other libraries' sessions: pure, one class for each library.

A reader does not know frameworks or stores, and never waits. It returns what a cookie's value
names, and turns bytes into data. If the data is filed under that name, `core.migrating` asks the
store.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Presented(NamedTuple):
    """The session that an old cookie names; the id and the data stay out of `repr`.

    `id`: with the prefix under which a store files it, such as "session:abc"; if the cookie itself
    holds the session, the cookie's whole value. `data`: the cookie's data; None if a store has it
    under `id`. `expires`: when the cookie itself ends, in seconds since 1970; None if unknown.
    """

    id: str
    data: dict[str, Any] | None = None
    expires: int | None = None

    def __repr__(self) -> str:
        return f"Presented(expires={self.expires!r})"


class OldSessions(Protocol):
    """Reads the sessions of one library."""

    @property
    def library(self) -> str:
        """Its name in SESSION_MIGRATE_FROM: "flask-session", "quart-session", "signed-cookie"."""
        ...

    def presented(self, value: str, now: float) -> Presented | None:
        """Return what a cookie's value names; None if it is not the library's, or too old.

        Raises BadRecord for a signed cookie of the library that holds no data.
        """
        ...

    def data(self, raw: bytes) -> dict[str, Any]:
        """Return the data of a stored old session, as the library would return it.

        It is bounded in size and depth, and never unpickled. Raises BadRecord with one of a fixed
        set of reasons.
        """
        ...
