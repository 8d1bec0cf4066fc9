"""Encode a record as authenticated bytes and back, bound to its key.

Layout, big-endian. Fields that stores read, and that a token is checked with, are at the front
in the clear, each at a fixed offset:

    offset  bytes
    0       8      revision
    8       1      flags: 1 permanent, 2 encrypted
    9       1      format: 2
    10      4      this session's own idle timeout in seconds; 0: it has none
    14      16     sid
    30      24     SHA-256 of the secret, its first 192 bits (NIST SP 800-107, 5.1)
    54      2      length of the details
    56             details: a MessagePack array
                   payload: see `codec`
    -16     16     MAC

The details are created, deadline (0: none), auth_time (0: never), indexed (when the owner index
last noted it), owner (None: it has none), label (None: it has none), and then a tag and bytes
of each extension field. Trailing zeros and Nones are left out. Times are seconds since 1970 in
UTC. Fields with unknown tags are copied unchanged to each next record.

The MAC is HMAC-SHA256 over the key and all bytes before it, cut to its first 128 bits
(RFC 2104, section 5; as many as an AEAD's tag has).

In an encrypted record everything from the length of the details on, except the MAC, is
encrypted by `Cipher.encrypt`. Associated data are the key and the bytes in the clear. The MAC
covers the encrypted bytes, so that forging a record takes both keys.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

import ormsgpack

from ..errors import BadRecord, SessionTooLarge
from .codec import Payload
from .encryption import Encryption
from .keys import Purpose, derive
from .names import MAX_LABEL
from .store import Lifetimes
from .token import HASH_BYTES, SID_BYTES, raw_sid, text

FORMAT = 2
MAC_BYTES = 16
_PERMANENT = 1
_ENCRYPTED = 2
_FLAGS = _PERMANENT | _ENCRYPTED
_FLAGS_AT = 8
_CLEAR = struct.Struct(f">QBBI{SID_BYTES}s{HASH_BYTES}s")
_CLEAR_END = _CLEAR.size
_DETAILS_AT = _CLEAR_END + 2
_MAX_DETAILS = 2**16 - 1
_NOTHING: list[Any] = [0, 0, 0, 0, None, None]  # details that may be left out
_NUMBERS: list[type] = [int, int, int, int]
_FIELD: list[type] = [int, bytes]
_NO_KEY = ""  # the hash of no record: each has a sid in its key
_REVISION_MASK = 2**64 - 1
# The tag of a field that is removed as soon as the session's own cookie comes: see `migrated`.
PASSING = 1
# Tag of the field that says which device a session is bound to: see `device_binding`. The tags
# between are in `migrated`.
DEVICE = 5

Fields = tuple[tuple[int, bytes], ...]


class Record(NamedTuple):
    """The stored form of one session; the payload and hash stay out of `repr`.

    `lifetime`: its own idle timeout in seconds, or 0. `fields`: a tag and bytes each. `stale` is
    not stored: it says that a fallback key sealed or encrypted the record, that the record is plain
    but should be encrypted, or that it has a field to be removed.
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
    lifetime: int = 0
    label: str | None = None
    fields: Fields = ()
    stale: bool = False

    def __repr__(self) -> str:
        return f"Record(sid={self.sid!r}, revision={self.revision})"

    @property
    def revision_bytes(self) -> bytes:
        """The revision in the form that a store compares."""
        return self.revision.to_bytes(8, "big")


class Opens(Protocol):
    """Reads the records of one application."""

    def open(self, key: str, raw: bytes) -> Record:
        """Check and decode the bytes that a store returned for a key; raise BadRecord."""
        ...


class Sealer:
    """Seal records with the newest key, and open them with any; refuse all others."""

    __slots__ = ("_macs", "_max_bytes", "encryption")

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        prefix: str,
        cookie_name: str,
        max_bytes: int,
        *,
        encryption: Encryption | None = None,
    ) -> None:
        """`max_bytes` limits a whole record, and is checked before anything is decoded."""
        # Each is copied for every record: the work that depends on the key only is done once.
        self._macs = tuple(
            hmac.new(derive(secret, Purpose.RECORD, prefix, cookie_name), digestmod="sha256")
            for secret in secret_keys
        )
        self._max_bytes = max_bytes
        self.encryption = encryption

    def seal(self, key: str, record: Record) -> bytes:
        """Encode and authenticate a record.

        Raises SessionTooLarge if it would exceed the limit.
        """
        body = self._encrypted(key, record)
        if body is None:
            body = b"".join((_clear(record), *_private(record)))
        size = len(body) + MAC_BYTES
        if size > self._max_bytes:
            raise SessionTooLarge(
                size,
                self._max_bytes,
                "the session's record",
                "keep less in the session, or raise SESSION_MAX_BYTES",
            )
        return body + _tag(self._macs[0], key, body)

    def open(self, key: str, raw: bytes) -> Record:
        """Check and decode the bytes that a store returned for a key; mark a fallback key's record.

        Raises BadRecord if they are damaged, forged, or another session's.
        """
        if not _DETAILS_AT + MAC_BYTES <= len(raw) <= self._max_bytes:
            raise BadRecord("its size is out of bounds")
        if raw[9] != FORMAT:
            raise BadRecord("its format is unknown")
        body, tag = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        for age, mac in enumerate(self._macs):
            if hmac.compare_digest(_tag(mac, key, body), tag):
                return self._parsed(key, body, stale=age > 0)
        raise BadRecord("it is not authentic")

    def tag(self, text: bytes) -> bytes:
        """Authenticate a text that is not a record, such as a paging mark."""
        return _tag(self._macs[0], _NO_KEY, text)

    def has_tagged(self, tag: bytes, text: bytes) -> bool:
        """Return whether a text was authenticated with one of the keys."""
        return any(hmac.compare_digest(_tag(mac, _NO_KEY, text), tag) for mac in self._macs)

    def _encrypted(self, key: str, record: Record) -> bytes | None:
        """Return a record's bytes without the MAC, encrypted; None if it stays plain."""
        encryption = self.encryption
        if encryption is None or not encryption.writes:
            return None
        clear = _clear(record, encrypted=True)
        associated = b"".join((*_filed(key), clear))
        return clear + encryption.cipher.encrypt(b"".join(_private(record)), associated)

    def _parsed(self, key: str, body: bytes, *, stale: bool) -> Record:
        encryption = self.encryption
        if body[_FLAGS_AT] & _ENCRYPTED:
            if encryption is None:
                raise BadRecord("it is encrypted, and SESSION_ENCRYPT is off")
            clear = body[:_CLEAR_END]
            associated = b"".join((*_filed(key), clear))
            private, is_older = encryption.cipher.decrypt(body[_CLEAR_END:], associated)
            return _parse(clear + private, stale=stale or is_older)
        if encryption is not None and not encryption.reads_plain():
            raise BadRecord("it is not encrypted, and SESSION_ENCRYPT is on")
        return _parse(body, stale=stale or (encryption is not None and encryption.writes))


def _clear(record: Record, *, encrypted: bool = False) -> bytes:
    """Make the part of a record that stays in the clear."""
    return _CLEAR.pack(
        record.revision & _REVISION_MASK,
        (_PERMANENT if record.permanent else 0) | (_ENCRYPTED if encrypted else 0),
        FORMAT,
        record.lifetime,
        raw_sid(record.sid),
        record.secret_hash,
    )


def _private(record: Record) -> tuple[bytes, bytes, bytes]:
    """Make the part of a record that a store does not need."""
    details: list[Any] = [record.created]
    if any(record[5:9]) or record.label is not None or record.fields:  # as in few sessions
        details += [*record[5:8], record.owner, record.label]
        for field in record.fields:
            details += field
    while details and not details[-1] and not record.fields:
        del details[-1]
    packed = ormsgpack.packb(details)
    if len(packed) > _MAX_DETAILS:
        raise SessionTooLarge(
            len(packed), _MAX_DETAILS, "the part of the record besides the data", "keep less there"
        )
    return len(packed).to_bytes(2, "big"), packed, record.payload


def _parse(body: bytes, *, stale: bool) -> Record:
    revision, flags, _, lifetime, sid, secret_hash = _CLEAR.unpack_from(body)
    end = _DETAILS_AT + int.from_bytes(body[_DETAILS_AT - 2 : _DETAILS_AT], "big")
    if flags > _FLAGS or end > len(body):
        raise BadRecord("its format is unknown")
    created, deadline, auth_time, indexed, owner, label, *fields = _details(body[_DETAILS_AT:end])
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
        Payload(body[end:]),
        lifetime,
        label,
        tuple(zip(fields[::2], fields[1::2], strict=True)) if fields else (),
        stale or (bool(fields) and PASSING in fields[::2]),
    )


def _details(packed: bytes) -> list[Any]:
    """Decode the details, and fill in those left out; raise BadRecord if they are wrong."""
    try:
        found: Any = ormsgpack.unpackb(packed)
    except ValueError as error:
        raise BadRecord("its details cannot be decoded") from error
    if type(found) is list:
        details = cast("list[Any]", found)
        if len(details) == 1 and type(details[0]) is int:  # as in most sessions
            return [details[0], *_NOTHING[1:]]
        details += _NOTHING[len(details) :]
        if [*map(type, details[:4])] == _NUMBERS and _are_names(*details[4:6]):
            kinds = [*map(type, details[6:])]
            if kinds == _FIELD * (len(kinds) // 2):
                return details
    raise BadRecord("its details have wrong types")


def _are_names(owner: object, label: object) -> bool:
    if label is not None and (type(label) is not str or len(label.encode()) > MAX_LABEL):
        return False
    return owner is None or type(owner) is str


def _tag(mac: hmac.HMAC, key: str, body: bytes) -> bytes:
    begun = mac.copy()
    begun.update(b"".join((*_filed(key), body)))
    return begun.digest()[:MAC_BYTES]


def _filed(key: str) -> tuple[bytes, bytes]:
    """Encode a record's key so that no other text starts in the same way."""
    filed = key.encode("utf-8")
    return len(filed).to_bytes(4, "big"), filed


# --- read by stores ------------------------------------------------------------------

# The part of a record that `revision_of` and `lifetime_of` read.
MIN_BYTES = 14


# The part of a record that `sid_of` reads.
SID_END = MIN_BYTES + SID_BYTES


def sid_of(raw: bytes) -> str | None:
    """Return the sid in a record's bytes, which may be forged; None if they are too short."""
    return text(raw[SID_END - SID_BYTES : SID_END]) if len(raw) >= SID_END else None


def revision_of(raw: bytes) -> bytes:
    """Return the part of a record's bytes that changes with every write."""
    return raw[:8]


def secret_of(raw: bytes) -> bytes:
    """Return the part of a record's bytes that changes when its secret is replaced."""
    return raw[SID_END : SID_END + HASH_BYTES]


def lifetime_of(raw: bytes, lifetimes: Lifetimes) -> int:
    """Return the idle timeout in seconds of a record, given as bytes."""
    if lifetimes.own and (own := own_lifetime_of(raw)):
        return own
    # Anyone who can write to the store may have left fewer bytes there.
    is_permanent = len(raw) >= MIN_BYTES and raw[_FLAGS_AT] & _PERMANENT
    return lifetimes.permanent if is_permanent else lifetimes.browser


def own_lifetime_of(raw: bytes) -> int:
    """Return a session's own idle timeout in seconds, 0 if it has none."""
    return int.from_bytes(raw[10:MIN_BYTES], "big") if len(raw) >= MIN_BYTES else 0


def stand_in(revision: int, *, permanent: bool, lifetime: int, rest: bytes) -> bytes:
    """Return bytes that a store takes for a record, for tests of stores."""
    flags = _PERMANENT if permanent else 0
    return revision.to_bytes(8, "big") + bytes([flags, FORMAT]) + lifetime.to_bytes(4, "big") + rest
