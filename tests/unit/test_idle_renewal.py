"""Renewal that is put off ends nobody's session early, and every session in bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.core.idle_renewal import Touching
from samesession.core.store import Lifetimes


@pytest.mark.parametrize(
    ("interval", "lifetime", "grace"),
    [
        (None, 31 * 86400, 60),
        (None, 900, 45),
        (None, 19, 0),
        (0, 900, 0),
        (30, 900, 30),
        (90, 9, 0),
        (300, 900, 90),
    ],
)
def test_the_grace_is_the_interval_but_a_tenth_of_the_timeout_at_most(
    interval: int | None, lifetime: int, grace: int
) -> None:
    assert Touching(interval).grace(lifetime) == grace


@given(
    interval=st.one_of(st.none(), st.integers(0, 1000)),
    lifetime=st.integers(1, 10_000),
    pauses=st.lists(st.floats(0, 9_999), max_size=30),
)
def test_whoever_reads_within_the_timeout_stays_and_whoever_does_not_goes(
    interval: int | None, lifetime: int, pauses: list[float]
) -> None:
    touching, now = Touching(interval), 1_800_000_000.0
    expires = touching.expiry(now, lifetime)
    for pause in pauses:
        last, now = now, now + pause
        assert now < expires or pause >= lifetime - 1e-6
        assert expires <= last + lifetime + touching.grace(lifetime) + 1
        if now >= expires:
            return
        if touching.is_due(expires, now, lifetime):
            expires = touching.expiry(now, lifetime)


def test_reads_in_quick_succession_write_once() -> None:
    touching, now, lifetime = Touching(60), 1_800_000_000.0, 3600
    expires, writes = touching.expiry(now, lifetime), 0
    for _ in range(1000):
        now += 1
        if touching.is_due(expires, now, lifetime):
            expires, writes = touching.expiry(now, lifetime), writes + 1
    assert writes == 16


@pytest.mark.parametrize("interval", [None, 0, 30])
def test_another_timeout_takes_effect_at_the_next_read(interval: int | None) -> None:
    touching, now = Touching(interval), 1_800_000_000.0
    for before, after in ((3600, 60), (60, 3600)):
        assert touching.is_due(touching.expiry(now, before), now, after)


@pytest.mark.parametrize("interval", [None, 0, 30])
@pytest.mark.parametrize(
    ("known", "heard", "longest"),
    [(None, None, None), (None, 600, None), (600, 60, 600), (60, 600, 600)],
)
def test_who_does_not_renew_cuts_a_life_that_no_timeout_gives(
    interval: int | None, known: int | None, heard: int | None, longest: int | None
) -> None:
    touching, now, record = Touching(interval, longest=known), 1_800_000_000.0, bytes(9)
    if heard is not None:
        _ = touching.renewal(record, now, Lifetimes(heard, heard), now)
        _ = touching.expiry_of(record, Lifetimes(heard, heard), now)
    for life in (1, 60, 600, 10**6):
        assert touching.renewal(record, now + life, None, now) == (
            None if longest is None or life <= 600 else touching.expiry(now, longest)
        )
    if longest is not None:
        end = touching.expiry(now, longest)
        # As much later as the clock of another node may be.
        assert touching.renewal(record, end + 60, None, now) is None
        assert touching.renewal(record, end + 61, None, now) == end
