"""Turn a record into authenticated bytes and back, bound to its key.

Layout, big-endian: revision u64, flags u8, format u8, sid 16 bytes, SHA-256 of
the secret, created u64, deadline u64 (0: none), auth_time u64 (0: never), indexed
u64 (when the owner index last heard of it), owner length u16, owner in UTF-8,
payload, HMAC-SHA256 over key and all before it.
Times are seconds since 1970 in UTC. The revision stands first so that a store
compares it without knowing more: see `revision_of`.
"""

from __future__ import annotations

import hmac
import struct
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import BadRecord, SessionTooLarge
from .keys import Mac, Purpose, derive
from .store import Lifetimes
from .token import SID_BYTES, text

_FORMAT = 1
_PERMANENT = 1
_HEAD = struct.Struct(f">QBB{SID_BYTES}s32sQQQQH")
_MAC_BYTES = 32
_REVISION_MASK = 2**64 - 1


class Record(NamedTuple):
    """What a store holds of one session; the payload and hash stay out of `repr`.

    `stale` is no part of it: what was stored is sealed by a fallback key.
    """

    sid: str
    secret_hash: bytes
    revision: int
    permanent: bool
    created: int
    deadline: int
    auth_time: int
    indexed: int
    owner: str | None
    payload: bytes
    stale: bool = False

    def __repr__(self) -> str:
        return f"Record(sid={self.sid!r}, revision={self.revision})"

    @property
    def revision_bytes(self) -> bytes:
        """The revision as a store sees it."""
        return self.revision.to_bytes(8, "big")


class Sealer:
    """Seal records with the newest key, open them with any; refuse what is not ours."""

    __slots__ = ("_macs", "_max_bytes")

    def __init__(
        self, secret_keys: Sequence[bytes], prefix: str, cookie_name: str, max_bytes: int
    ) -> None:
        """`max_bytes` bounds a whole record, checked before anything is decoded."""
        self._macs = tuple(
            Mac(derive(secret, Purpose.RECORD, prefix, cookie_name)) for secret in secret_keys
        )
        self._max_bytes = max_bytes

    def seal(self, key: str, record: Record) -> bytes:
        """Encode and authenticate a record.

        Raises SessionTooLarge when it would exceed the limit.
        """
        owner = b"" if record.owner is None else record.owner.encode("utf-8")
        body = b"".join(
            (
                _HEAD.pack(
                    record.revision & _REVISION_MASK,
                    _PERMANENT if record.permanent else 0,
                    _FORMAT,
                    urlsafe_b64decode(record.sid + "=="),
                    record.secret_hash,
                    record.created,
                    record.deadline,
                    record.auth_time,
                    record.indexed,
                    len(owner),
                ),
                owner,
                record.payload,
            )
        )
        size = len(body) + _MAC_BYTES
        if size > self._max_bytes:
            raise SessionTooLarge(
                size,
                self._max_bytes,
                "the session's record",
                "keep less in the session, or raise SESSION_MAX_BYTES",
            )
        return body + _tag(self._macs[0], key, body)

    def open(self, key: str, raw: bytes) -> Record:
        """Check and decode what a store returned for a key; note a fallback key in it.

        Raises BadRecord when it is damaged, forged, or another session's.
        """
        if not _HEAD.size + _MAC_BYTES <= len(raw) <= self._max_bytes:
            raise BadRecord("its size is out of bounds")
        body, tag = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        for age, mac in enumerate(self._macs):
            if hmac.compare_digest(_tag(mac, key, body), tag):
                return _parse(body, stale=age > 0)
        raise BadRecord("it is not authentic")


def _parse(body: bytes, *, stale: bool) -> Record:
    head = _HEAD.unpack_from(body)
    revision, flags, version, sid, secret_hash, created, deadline, auth_time, indexed, length = head
    end = _HEAD.size + length
    if version != _FORMAT or end > len(body):
        raise BadRecord("its format is unknown")
    try:
        owner = body[_HEAD.size : end].decode("utf-8") if length else None
    except UnicodeDecodeError as error:
        raise BadRecord("its owner is not text") from error
    return Record(
        text(sid),
        secret_hash,
        revision,
        bool(flags & _PERMANENT),
        created,
        deadline,
        auth_time,
        indexed,
        owner,
        body[end:],
        stale,
    )


def _tag(mac: Mac, key: str, body: bytes) -> bytes:
    filed = key.encode("utf-8")
    return mac.digest(len(filed).to_bytes(4, "big"), filed, body)


# As much of a record as `revision_of` and `lifetime_of` read.
MIN_BYTES = 9


def may_be_record(raw: bytes) -> bool:
    """Return whether a file may be a record, by how it begins; a torn one may be."""
    # No session is written so often that a revision needs its first byte; one flag is known.
    return len(raw) < MIN_BYTES or (raw[0] == 0 and raw[8] <= _PERMANENT)


# As much of a record as `sid_of` reads.
SID_END = 10 + SID_BYTES


def sid_of(raw: bytes) -> str | None:
    """Return the sid that a record's bytes say they are of, true or not; None where they end."""
    return text(raw[SID_END - SID_BYTES : SID_END]) if len(raw) >= SID_END else None


def revision_of(raw: bytes) -> bytes:
    """Return the part of a record's bytes that changes with every write."""
    return raw[:8]


def lifetime_of(raw: bytes, lifetimes: Lifetimes) -> int:
    """Return the idle timeout in seconds that a record's bytes ask for."""
    # Whoever can write to the store may have left fewer bytes there.
    flags = raw[8] if len(raw) >= MIN_BYTES else 0
    return lifetimes.permanent if flags & _PERMANENT else lifetimes.browser
