"""Fields of records about sessions that another library began. Pure.

They are in an extension field of a record, a MessagePack array.

    tag          of the record of                                  the field holds
    1 ARRIVED    a session that its old cookie has begun, until    library, until, secret's hash
                 the new cookie was seen
    2 PENDING    none yet: a request has started to create one    library
    3 MOVED      a session that was moved before its cookie came   library, is own, note's name
    4 USED       none ever: the note that an old id has arrived    library, mark

No client has the secret of a PENDING or a MOVED record: its hash is random, and is the record's
mark. With this mark, a note names the one record that may become the session. "own" means: it
was moved out of the application's own store, where its readers look, too.

Their place is derived from the old session's name (see `old_names`) with a key. Without the
key, no one can find the sid of an old id, nor the old id of a sid.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import ormsgpack

from . import policy
from .keys import Purpose, derive
from .policy import Rules
from .record import PASSING, Fields, Record
from .token import HASH_BYTES, SID_BYTES, Entropy, text
from .unsaved_changes import Draft

FOLLOWED = 60  # seconds for which the old cookie opens the session that it has begun
NOTES = "used."  # between the prefix and the name of a note

_MARK_BYTES = HASH_BYTES  # a mark takes the place of the secret's hash of other records
NO_MARK = bytes(_MARK_BYTES)  # the mark of no record: a note with it allows none
# In the derivation, the name of all libraries that file sessions, and of the one that does not.
_FILED, _IN_COOKIE = "filed", "signed-cookie"
_MAX_LIFETIME = 2**31 - 1


class Tag(enum.IntEnum):
    """The kind of a field. The values are in records: they must never change."""

    ARRIVED = PASSING
    PENDING = 2
    MOVED = 3
    USED = 4


_WAITING = (Tag.PENDING, Tag.MOVED)


class Filed(NamedTuple):
    """The place of an old session, by one of the keys: its sid, and its note's name."""

    sid: str
    note: str


class OldIds:
    """Derives where old sessions are filed."""

    __slots__ = ("_keys",)

    def __init__(self, secret_keys: Sequence[bytes], prefix: str, cookie_name: str) -> None:
        """Take the keys, newest first."""
        self._keys = [derive(each, Purpose.MIGRATION, prefix, cookie_name) for each in secret_keys]

    def filed(self, library: str, name: str) -> list[Filed]:
        """Return where an old session is filed, by the newest key and by each other.

        `name`: see `old_names`. Libraries that file sessions share places. If two readers can read
        a session, it is one session, and no second copy brings it back after it has ended.
        """
        message = f"{library if library == _IN_COOKIE else _FILED}\0{name}".encode()
        return [
            Filed(_name(key, b"session\0" + message), _name(key, b"used\0" + message))
            for key in self._keys
        ]


def _name(key: bytes, message: bytes) -> str:
    return text(hmac.digest(key, message, "sha256")[:SID_BYTES])


# --- kinds of records ----------------------------------------------------------------------


def library_of(record: Record, tag: Tag) -> str | None:
    """Return the library that a record's field with this tag names; None if it has none."""
    found = _field(record, tag)
    return None if found is None else str(found[0])


def is_pending(record: Record) -> bool:
    """Return whether a record is not a session yet: no list shows it and nothing ends it."""
    return bool(record.fields) and _field(record, Tag.PENDING) is not None


def is_moved(record: Record, *, own: bool | None = None) -> bool:
    """Return whether a record is of a session that was moved before its cookie came.

    `own`: out of the application's own store, or not.
    """
    found = _field(record, Tag.MOVED)
    return found is not None and own in {None, found[1]}


def note_of_moved(record: Record) -> tuple[str, Filed] | None:
    """Return the library and the note's place of a moved session; None for other records."""
    found = _field(record, Tag.MOVED)
    return None if found is None else (found[0], Filed(record.sid, found[2]))


def is_waiting(record: Record) -> bool:
    """Return whether a record may become the session of its old cookie."""
    return any(_field(record, tag) is not None for tag in _WAITING)


def is_followed(record: Record, now: float) -> bool:
    """Return whether the old cookie opens a session that it has begun.

    It no longer does once the new cookie was seen, or the secret was replaced.
    """
    found = _field(record, Tag.ARRIVED)
    if found is None or policy.is_over(record, now):
        return False
    _, until, secret_hash = found
    return now < until and hmac.compare_digest(record.secret_hash, secret_hash)


def mark_of(note: Record) -> bytes | None:
    """Return the mark of the record that a note allows to become the session."""
    found = _field(note, Tag.USED)
    return None if found is None else found[1]


_KINDS: dict[Tag, list[type]] = {
    Tag.ARRIVED: [str, int, bytes],
    Tag.PENDING: [str],
    Tag.MOVED: [str, bool, str],
    Tag.USED: [str, bytes],
}


def _field(record: Record, tag: Tag) -> list[Any] | None:
    for each, packed in record.fields:
        if each == tag:
            try:
                found: Any = ormsgpack.unpackb(packed)
            except ValueError:
                return None
            if type(found) is list:
                values = cast("list[Any]", found)
                return values if [*map(type, values)] == _KINDS[tag] else None
    return None


# --- transitions ---------------------------------------------------------------------------


def waiting(
    place: Filed,
    library: str,
    draft: Draft,
    *,
    entropy: Entropy,
    now: int,
    rules: Rules,
    tag: Tag = Tag.PENDING,
    owner: str | None = None,
    is_own: bool = False,
) -> Record:
    """Make a record that may become the session of its old cookie.

    `owner`, `is_own`: of a MOVED one.

    Its revision is random, because its sid may have had records before: it must not be mistaken for
    a record that is expected in the same place.
    """
    mark = entropy(_MARK_BYTES)
    field: list[object] = [library, is_own, place.note] if tag is Tag.MOVED else [library]
    return Record(
        sid=place.sid,
        secret_hash=mark,
        revision=1 + int.from_bytes(mark[:7], "big"),
        permanent=draft.permanent,
        created=now,
        deadline=policy.deadline(now, rules),
        auth_time=0,
        indexed=0 if owner is None else now,
        owner=owner,
        payload=draft.payload,
        lifetime=draft.lifetime or 0,
        fields=((tag, ormsgpack.packb(field)),),
    )


def arrived(
    record: Record,
    library: str,
    draft: Draft,
    *,
    secret_hash: bytes,
    now: int,
    rules: Rules,
    owner: str | None,
) -> Record:
    """Make the record of the session that an old cookie begins, in place of a waiting one."""
    field = ormsgpack.packb([library, now + FOLLOWED, secret_hash])
    return record._replace(
        secret_hash=secret_hash,
        revision=record.revision + 1,
        permanent=draft.permanent,
        created=now,
        deadline=policy.deadline(now, rules),
        indexed=0 if owner is None else max(now, record.indexed + 1),
        owner=owner,
        payload=draft.payload,
        lifetime=0,
        fields=((Tag.ARRIVED, field),),
        # A request that reads it with the new cookie must write it again: see `Sealer.open`.
        stale=True,
    )


def is_passing(fields: Fields) -> bool:
    """Return whether a record must be written again when the session's own cookie comes."""
    return any(tag == PASSING for tag, _ in fields)


def next_fields(current: Record, *, keeps: bool) -> Fields:
    """Return the extension fields of the record that replaces a current one.

    `keeps`: whether the old cookie still opens the session, if it did.
    """
    if keeps:
        return current.fields
    return tuple(each for each in current.fields if each[0] != Tag.ARRIVED)


def used(place: Filed, library: str, mark: bytes, *, now: int, until: float) -> Record:
    """Make the note that an old id has arrived, with the idle timeout for which it is kept."""
    lifetime = min(max(int(until) + 1 - now, 1) + policy.SKEW, _MAX_LIFETIME)
    return Record(
        sid=place.note,
        secret_hash=bytes(_MARK_BYTES),
        revision=1,
        permanent=False,
        created=now,
        deadline=0,
        auth_time=0,
        indexed=0,
        owner=None,
        payload=b"",
        lifetime=lifetime,
        fields=((Tag.USED, ormsgpack.packb([library, mark])),),
    )
