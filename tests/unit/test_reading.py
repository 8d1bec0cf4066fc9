"""What a store answered is believed if it is the sid's own record, or answered twice."""

from __future__ import annotations

import pytest

from samesession import BadRecord, StoreUnavailable
from samesession.core.reading import Reader
from samesession.core.record import Record
from samesession.core.steps import Steps
from samesession.core.store import Colour, Lifetimes
from samesession.run.sync import run

from .parts import Counter, record, sealer, signer

ENTROPY = Counter()
LIFETIMES = Lifetimes(browser=60, permanent=60)


def stored(user: str) -> tuple[str, str, bytes]:
    """Make a record: its sid, its key, and its bytes."""
    token = signer(entropy=ENTROPY).mint().token
    key = f"session:{token.sid}"
    return token.sid, key, sealer().seal(key, record(token, owner=user))


SID, KEY, OWN = stored("ann")
EVE = stored("eve")[2]
BOB = stored("bob")[2]
DAMAGED = OWN[:-1] + bytes([OWN[-1] ^ 1])
SHORT = b"OK"

Answer = bytes | None | BadRecord


class Once:
    """A store that is asked once, whatever it says."""

    colours = Colour.SYNC

    def __init__(self, first: Answer) -> None:
        self.first = first

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        yield from ()
        assert (key, renew) == (KEY, LIFETIMES)
        if isinstance(self.first, BadRecord):
            raise self.first
        return self.first


class Twice(Once):
    """A store that can be asked again."""

    def __init__(self, first: Answer, second: Answer = None) -> None:
        super().__init__(first)
        self.second = second
        self.doubted: list[bytes | None] = []

    def load_again(self, key: str, *, doubted: bytes | None) -> Steps[bytes | None]:
        yield from ()
        assert key == KEY
        self.doubted.append(doubted)
        if isinstance(self.second, BadRecord):
            raise self.second
        return self.second


def read(store: Once) -> Record | None:
    steps = Reader(store, sealer()).read(KEY, SID, renew=LIFETIMES)  # type: ignore[arg-type]  # no more of it is called
    found = run(steps)
    assert found is None or sealer().open(KEY, found.sealed) == found.record
    return None if found is None else found.record


def test_the_sids_own_record_is_believed_at_once() -> None:
    store = Twice(OWN)
    found = read(store)
    assert found is not None
    assert (found.owner, store.doubted) == ("ann", [])


def test_a_damaged_record_of_the_sids_is_believed_at_once() -> None:
    store = Twice(DAMAGED)
    with pytest.raises(BadRecord, match="not authentic"):
        read(store)
    assert store.doubted == []


@pytest.mark.parametrize("first", [None, EVE, SHORT, BadRecord("another type")])
def test_what_would_log_a_user_out_is_asked_again(first: Answer) -> None:
    store = Twice(first, OWN)
    found = read(store)
    assert found is not None
    assert found.owner == "ann"
    assert store.doubted == [b"" if isinstance(first, BadRecord) else first]


def test_no_record_twice_is_none() -> None:
    assert read(Twice(None, None)) is None


@pytest.mark.parametrize("first", [EVE, SHORT])
def test_the_same_answer_twice_is_what_is_stored(first: bytes) -> None:
    with pytest.raises(BadRecord):
        read(Twice(first, first))


def test_another_type_twice_is_what_is_stored() -> None:
    refusal = BadRecord("another type")
    with pytest.raises(BadRecord, match="another type"):
        read(Twice(refusal, refusal))


@pytest.mark.parametrize("first", [EVE, SHORT])
def test_a_record_that_is_gone_by_the_second_time_is_none(first: bytes) -> None:
    assert read(Twice(first, None)) is None


@pytest.mark.parametrize("first", [None, EVE, SHORT, BadRecord("another type")])
def test_of_two_answers_that_are_both_anothers_none_is_believed(first: Answer) -> None:
    with pytest.raises(StoreUnavailable, match="neither answers the question"):
        read(Twice(first, BOB))


@pytest.mark.parametrize("first", [EVE, SHORT, DAMAGED])
def test_a_store_that_cannot_be_asked_again_is_believed(first: bytes) -> None:
    with pytest.raises(BadRecord):
        read(Once(first))
    assert read(Once(None)) is None
