"""What reads the sessions of another library: pure, one class for each library.

A reader knows no framework and no store, and never waits: it says what a cookie's value names,
and turns bytes into data. Where those are filed under that name, `core.migrating` has the
store look.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Presented(NamedTuple):
    """What the value of an old cookie names; the id and the data stay out of `repr`.

    `id`: with the prefix under which a store files it, such as "session:abc"; for a session
    that the cookie itself holds, the cookie's whole value. `data`: of such a session; None: it
    is filed in a store under `id`. `expires`: in seconds since 1970, when the cookie itself
    ends to count; None where it does not say.
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
        """What SESSION_MIGRATE_FROM calls it: "flask-session", "quart-session", "signed-cookie"."""
        ...

    def presented(self, value: str, now: float) -> Presented | None:
        """Return what a cookie's value names; None for what is not the library's, or too old.

        Raises BadRecord for a signed cookie that is the library's, but holds no data.
        """
        ...

    def data(self, raw: bytes) -> dict[str, Any]:
        """Return the data of what a store has under an old id, as the library would give it.

        Bounded in size and depth, and never by pickle. Raises BadRecord, whose reason is one
        of a fixed set of phrases.
        """
        ...
