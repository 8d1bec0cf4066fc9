"""A sealed record opens only whole, unforged, under its own key."""

from __future__ import annotations

import hmac
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession import BadRecord, SessionTooLarge
from samesession.core.keys import Purpose, derive
from samesession.core.names import MAX_LABEL
from samesession.core.record import (
    FORMAT,
    MAC_BYTES,
    MIN_BYTES,
    PASSING,
    Record,
    Sealer,
    _tag,
    lifetime_of,
    own_lifetime_of,
    revision_of,
    secret_of,
    sid_of,
    stand_in,
)
from samesession.core.store import Lifetimes

from .parts import KEYS, NOW, RULES, record, sealer, signer

TOKEN = signer().mint().token
KEY = "session:" + TOKEN.sid
U64 = st.integers(0, 2**64 - 1)
RECORDS = st.builds(
    record,
    st.just(TOKEN),
    revision=U64,
    permanent=st.booleans(),
    created=U64,
    deadline=U64,
    auth_time=U64,
    indexed=U64,
    owner=st.none() | st.text(min_size=1, max_size=50),
    payload=st.binary(max_size=100),
    lifetime=st.integers(0, 2**32 - 1),
    label=st.none() | st.text(min_size=1, max_size=64),
    fields=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=50)), max_size=3).map(tuple),
)
OWNED = record(TOKEN, owner="alice", payload=b"\x81\xa1a\x01", permanent=True, deadline=NOW + 9)


@given(RECORDS)
def test_a_record_opens_to_what_was_sealed(sealed: Record) -> None:
    raw = sealer().seal(KEY, sealed)
    passes = any(tag == PASSING for tag, _ in sealed.fields)  # then it is to be written anew
    assert sealer().open(KEY, raw) == sealed._replace(stale=passes)
    assert revision_of(raw) == sealed.revision_bytes
    assert sid_of(raw) == TOKEN.sid
    assert secret_of(raw) == TOKEN.secret_hash
    settings = 2 if sealed.permanent else 1
    assert lifetime_of(raw, Lifetimes(browser=1, permanent=2)) == settings
    assert lifetime_of(raw, Lifetimes(1, 2, own=True)) == (sealed.lifetime or settings)


@given(st.binary(max_size=40))
def test_a_store_reads_what_it_needs_of_any_bytes(raw: bytes) -> None:
    assert lifetime_of(raw, Lifetimes(1, 2)) in {1, 2}
    assert 0 <= own_lifetime_of(raw) < 2**32
    assert (sid_of(raw) is None) == (len(raw) < 30)


def test_a_stand_in_is_to_a_store_what_a_record_is() -> None:
    made = record(TOKEN, revision=7, permanent=True, lifetime=60)
    raw = sealer().seal(KEY, made)
    assert stand_in(7, permanent=True, lifetime=60, rest=raw[MIN_BYTES:]) == raw


def test_the_front_of_a_record_stands_where_stores_look_for_it() -> None:
    """A change here breaks every stored session, and the scripts that servers run."""
    made = record(TOKEN, revision=258, permanent=True, lifetime=3600)
    raw = sealer().seal(KEY, made)
    assert raw[:14] == b"\0\0\0\0\0\0\x01\x02" + b"\x01\x02" + b"\0\0\x0e\x10"
    assert raw[30:54] == TOKEN.secret_hash


def test_a_record_of_the_least_has_little_besides_its_data() -> None:
    assert len(sealer().seal(KEY, record(TOKEN, payload=b""))) == 54 + 8 + MAC_BYTES


def test_what_a_record_holds_besides_the_data_has_room_and_a_limit() -> None:
    rsa = bytes(800)  # as much as a key of 4,096 bits with what describes it
    opened = sealer().open(KEY, sealer().seal(KEY, record(TOKEN, fields=((9, rsa), (9, rsa)))))
    assert opened.fields == ((9, rsa), (9, rsa))
    with pytest.raises(SessionTooLarge, match="besides"):
        Sealer(KEYS, "", "", 2**20).seal(KEY, record(TOKEN, fields=((9, bytes(2**16)),)))


def test_a_record_with_any_bit_flipped_is_refused() -> None:
    raw = sealer().seal(KEY, OWNED)
    for at in range(len(raw)):
        for bit in range(8):
            with pytest.raises(BadRecord):
                sealer().open(KEY, raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :])


def test_a_record_truncated_anywhere_or_longer_is_refused() -> None:
    raw = sealer().seal(KEY, OWNED)
    for end in range(len(raw)):
        with pytest.raises(BadRecord):
            sealer().open(KEY, raw[:end])
        with pytest.raises(BadRecord):
            sealer().open(KEY, raw[end + 1 :])
    with pytest.raises(BadRecord):
        sealer().open(KEY, raw + b"\0")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_bad_record(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        sealer().open(KEY, raw)


def test_a_record_copied_to_another_key_is_refused() -> None:
    """CVE-like: an operator of the store moves the administrator's record to his own sid."""
    raw = sealer().seal(KEY, OWNED)
    for key in ("session:" + "A" * 22, KEY + "A", "", KEY.lower()):
        with pytest.raises(BadRecord, match="authentic"):
            sealer().open(key, raw)


def test_a_record_of_another_application_is_refused() -> None:
    raw = sealer().seal(KEY, OWNED)
    for other in (sealer(prefix="other:"), sealer(name="other"), sealer(b"another secret!!")):
        with pytest.raises(BadRecord, match="authentic"):
            other.open(KEY, raw)


def test_a_fallback_key_opens_and_never_seals() -> None:
    newest, older = b"the newest key 1", b"an older key 222"
    both = sealer(newest, older)
    assert both.open(KEY, sealer(older).seal(KEY, OWNED)) == OWNED._replace(stale=True)
    assert both.open(KEY, both.seal(KEY, OWNED)) == OWNED
    assert sealer(newest).open(KEY, both.seal(KEY, OWNED)) == OWNED
    with pytest.raises(BadRecord):
        sealer(older).open(KEY, both.seal(KEY, OWNED))


def test_a_record_up_to_the_limit_is_sealed_and_none_above_it() -> None:
    room = RULES.max_bytes - len(sealer().seal(KEY, record(TOKEN, payload=b"")))
    largest = sealer().seal(KEY, record(TOKEN, payload=b"x" * room))
    assert len(largest) == RULES.max_bytes
    assert sealer().open(KEY, largest).payload == b"x" * room
    with pytest.raises(SessionTooLarge, match="SESSION_MAX_BYTES") as caught:
        sealer().seal(KEY, record(TOKEN, payload=b"x" * (room + 1)))
    assert (caught.value.size, caught.value.limit) == (RULES.max_bytes + 1, RULES.max_bytes)


def test_a_record_above_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadRecord, match="size"):
        sealer().open(KEY, b"\0" * (RULES.max_bytes + 1))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:9] + b"\x01" + body[10:],  # the format of the past
        lambda body: body[:9] + b"\x03" + body[10:],  # a format of the future
        lambda body: body[:8] + b"\x04" + body[9:],  # a flag of the future
        lambda body: body[:54] + b"\xff\xff" + body[56:],  # details longer than the record
        lambda body: body[:54],
        lambda body: body[:54] + b"\0\0",
        lambda body: body[:54] + b"\0\x02\xa1\xff",
        *(
            lambda body, details=details: (
                body[:54] + len(details).to_bytes(2, "big") + details + body[-5:]
            )
            for details in map(
                ormsgpack.packb,
                (
                    1,
                    {"created": 1},
                    [True],
                    ["1"],
                    [1, 0, 0, None],
                    [1, 0, 0, 0, 5],
                    [1, 0, 0, 0, b"alice"],
                    [1, 0, 0, 0, "alice", b"a phone"],
                    [1, 0, 0, 0, "alice", "é" * (MAX_LABEL // 2) + "a"],
                    [1, 0, 0, 0, None, None, 1],
                    [1, 0, 0, 0, None, None, 1, "text"],
                    [1, 0, 0, 0, None, None, b"tag", b"bytes"],
                ),
            )
        ),
    ],
)
def test_a_record_that_is_ours_but_unreadable_is_refused(spoil: Any) -> None:
    """Sealed with the right key, as another version of this package could."""
    ours = sealer()
    body = spoil(ours.seal(KEY, OWNED)[:-MAC_BYTES])
    with pytest.raises(BadRecord):
        ours.open(KEY, body + _tag(ours._macs[0], KEY, body))


def test_a_record_of_another_format_is_said_to_be_one() -> None:
    raw = sealer().seal(KEY, OWNED)
    assert raw[9] == FORMAT
    with pytest.raises(BadRecord, match="format"):
        sealer().open(KEY, raw[:9] + b"\x01" + raw[10:])


def test_no_payload_and_no_hash_is_in_a_repr() -> None:
    shown = repr(record(TOKEN, payload=b"canary", secret_hash=b"canary"))
    assert "canary" not in shown


def test_a_revision_beyond_64_bits_begins_anew() -> None:
    """Never reached in practice; a commit must not fail there for ever."""
    raw = sealer().seal(KEY, record(TOKEN, revision=2**64))
    assert revision_of(raw) == b"\0" * 8


def test_the_mac_is_hmac_over_key_and_record() -> None:
    """RFC 2104, and nothing of one record is left for the next."""
    derived = derive(KEYS[0], Purpose.RECORD, "session:", "session")
    ours = sealer()
    for made in (record(TOKEN), record(TOKEN, owner="alice", payload=b"x" * 100), record(TOKEN)):
        raw = ours.seal(KEY, made)
        message = len(KEY).to_bytes(4, "big") + KEY.encode() + raw[:-16]
        assert raw[-16:] == hmac.digest(derived, message, "sha256")[:16]
