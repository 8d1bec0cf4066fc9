"""Read the keys of Flask-Session's and Quart-Session's sessions, in SCAN's order.

A value is read no further than the limit. A key of another type than string is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.batches import KeyWalk
from ...core.old_names import names_of
from ...core.old_records import OldRecord, Place
from ...core.steps import Steps, checkpoint
from ...core.store import Clock, Colour
from ...settings import Config
from . import commands
from . import library_errors as errors
from .answers import Misread
from .settings import RedisSettings
from .store import RedisStore
from .store_errors import as_store_errors


class OldKeys:
    """The keys of a server, or of a Cluster."""

    def __init__(self, store: RedisStore, place: Place, *, clock: Clock) -> None:
        self._store = store
        self._most = place.max_bytes
        self._clock = clock
        self._walk = KeyWalk(
            lambda after: store.keys_page(place.prefix, after=after),
            wanted=lambda key: key.startswith(place.prefix),
        )
        self.location = store.location

    def batch(self) -> Steps[Sequence[OldRecord] | None]:
        """Read the next keys."""
        keys = yield from self._walk.batch()
        if not keys:
            return None
        yield from checkpoint()
        # The longest value that is allowed, and one more byte.
        answers = yield from _values(self._store, keys, self._most + 1)
        self._walk.weigh(sum(len(each) for each in answers[::2] if isinstance(each, bytes)))
        found = map(self._record, keys, answers[::2], answers[1::2])
        return [each for each in found if each is not None]

    def close(self) -> Steps[None]:
        """Close the connections, unless the client was passed in."""
        return self._store.close()

    def _record(self, key: str, value: Any, left: Any) -> OldRecord | None:  # Any: answers
        if not value:
            return None  # of another type, or gone
        expires = None if left < 0 else self._clock() + left / 1000
        data = value if len(value) <= self._most else None
        return OldRecord(names_of(key)[0], key, data, expires)


@as_store_errors
def _values(store: RedisStore, keys: Sequence[str], size: int) -> Steps[list[Any]]:
    """Read keys' values, and how long each has left; None stands for another type."""
    sent = [one for key in keys for one in (commands.get_range(key, size), commands.left(key))]
    answers = yield from store.client.send_many(sent, fenced=True)
    if len(answers) != len(sent):
        raise Misread
    for number, answer in enumerate(answers):
        if isinstance(answer, errors.ResponseError) and str(answer).startswith("WRONGTYPE"):
            answers[number] = None
        elif isinstance(answer, Exception):
            raise answer
        elif type(answer) is not (int if number % 2 else bytes):
            raise Misread
    return answers


def open_old_records(
    source: str | None, place: Place, *, config: Config, colour: Colour, clock: Clock
) -> OldKeys:
    """Return a reader of a URL's servers, or of SESSION_REDIS's; raise ConfigError."""
    chosen = config.of(RedisSettings).source if source is None else source
    store = RedisStore(chosen, colour=colour, prefix=place.prefix, timeout=place.timeout)
    return OldKeys(store.open_for(colour), place, clock=clock)
