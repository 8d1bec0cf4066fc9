"""Read the keys that Flask-Session and Quart-Session keep sessions under, as SCAN finds them.

A value is read no further than is allowed; what is no text of Redis's is passed over.
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
    """Those of a server, or of a Cluster."""

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
        # As far as a value may go, and a byte more.
        answers = yield from _values(self._store, keys, self._most + 1)
        self._walk.weigh(sum(len(each) for each in answers[::2] if isinstance(each, bytes)))
        found = map(self._record, keys, answers[::2], answers[1::2])
        return [each for each in found if each is not None]

    def close(self) -> Steps[None]:
        """Close the connections; not a given client's."""
        return self._store.close()

    def _record(self, key: str, value: Any, left: Any) -> OldRecord | None:  # Any: answers
        if not value:
            return None  # of another type, or gone
        expires = None if left < 0 else self._clock() + left / 1000
        data = value if len(value) <= self._most else None
        return OldRecord(names_of(key)[0], key, data, expires)


@as_store_errors
def _values(store: RedisStore, keys: Sequence[str], size: int) -> Steps[list[Any]]:
    """Read values of keys, and how long each has left; None stands for one of another type."""
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
    """Return what reads a URL's servers, or those of SESSION_REDIS; raise ConfigError."""
    chosen = config.of(RedisSettings).source if source is None else source
    store = RedisStore(chosen, colour=colour, prefix=place.prefix, timeout=place.timeout)
    return OldKeys(store.open_for(colour), place, clock=clock)
