"""Records that were proved before: equal bytes alone, by the same keys, of the same session."""

from __future__ import annotations

import pytest

from samesession.core.memo import Memo
from samesession.core.proved_records import Proved, ProvedRecords, RecordProofs
from samesession.core.record import Record, Sealer
from samesession.errors import BadRecord

from .parts import KEYS, RULES, record, sealer, signer

TOKEN = signer().mint().token
KEY = "session:" + TOKEN.sid
FIRST = record(TOKEN, payload=b"\x80")


class CountingSealer(Sealer):
    """Counts how often it proves what it is given."""

    opened = 0

    def open(self, key: str, raw: bytes) -> Record:
        self.opened += 1
        return super().open(key, raw)


def counting() -> CountingSealer:
    return CountingSealer(KEYS, "session:", "session", RULES.max_bytes)


def memory() -> RecordProofs:
    return Memo[str, Proved](1 << 20)


def test_equal_bytes_are_proved_once() -> None:
    ours = counting()
    records = ProvedRecords(ours, memory())
    raw = ours.seal(KEY, FIRST)
    for _ in range(3):
        assert records.open(KEY, bytes(bytearray(raw))) == FIRST
    assert ours.opened == 1


def test_what_was_written_needs_no_proof() -> None:
    ours = counting()
    records = ProvedRecords(ours, memory())
    raw = records.seal(KEY, FIRST)
    records.written(KEY, raw, FIRST)
    assert records.open(KEY, raw) == FIRST
    assert ours.opened == 0


def test_other_bytes_are_proved_each_time() -> None:
    ours = counting()
    records = ProvedRecords(ours, memory())
    raw = ours.seal(KEY, FIRST)
    assert records.open(KEY, raw) == FIRST
    for at in range(len(raw)):
        with pytest.raises(BadRecord):
            _ = records.open(KEY, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    newer = FIRST._replace(revision=2)
    assert records.open(KEY, ours.seal(KEY, newer)) == newer
    assert records.open(KEY, raw) == FIRST


def test_a_record_is_proved_under_its_own_key_alone() -> None:
    records = ProvedRecords(counting(), memory())
    raw = records.seal(KEY, FIRST)
    assert records.open(KEY, raw) == FIRST
    with pytest.raises(BadRecord):
        _ = records.open("session:" + "A" * 22, raw)


def test_what_other_keys_proved_is_no_proof() -> None:
    """A memory is shared by what reads with the keys before and after a rotation."""
    shared = memory()
    old = b"a key of before, now dropped"
    records = ProvedRecords(sealer(old), shared)
    raw = records.seal(KEY, FIRST)
    records.written(KEY, raw, FIRST)
    fallback = ProvedRecords(sealer(*KEYS, old), shared)
    assert fallback.open(KEY, raw) == FIRST._replace(stale=True)
    with pytest.raises(BadRecord):
        _ = ProvedRecords(sealer(), shared).open(KEY, raw)


def test_what_ended_is_forgotten() -> None:
    shared = memory()
    records = ProvedRecords(counting(), shared)
    records.written(KEY, records.seal(KEY, FIRST), FIRST)
    assert shared.get(KEY) is not None
    records.removed(KEY)
    assert shared.get(KEY) is None
