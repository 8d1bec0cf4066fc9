"""Who is live, what becomes of a record: tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from samesession.core import policy
from samesession.core.policy import Action, Verdict
from samesession.core.token import Token

from .parts import NOW, RULES, record, signer

SIGNER = signer()
TOKEN = SIGNER.mint().token
YEAR = 366 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (0, Verdict.LIVE),
        (99, Verdict.LIVE),
        (99.999, Verdict.LIVE),
        (100, Verdict.EXPIRED),
        (101, Verdict.EXPIRED),
        (YEAR, Verdict.EXPIRED),
        (-1, Verdict.LIVE),
        (-59, Verdict.LIVE),
        (-60, Verdict.LIVE),
        (-61, Verdict.EXPIRED),
        (-YEAR, Verdict.EXPIRED),
    ],
)
def test_the_absolute_deadline_holds_to_the_second_whatever_the_clock_does(
    elapsed: float, expected: Verdict
) -> None:
    stored = record(TOKEN, deadline=NOW + 100)
    assert policy.verdict(stored, TOKEN, NOW + elapsed) is expected


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [
        (-YEAR, Verdict.EXPIRED),
        (-61, Verdict.EXPIRED),
        (-59, Verdict.LIVE),
        (-1, Verdict.LIVE),
        (0, Verdict.LIVE),
        (61, Verdict.LIVE),
        (YEAR, Verdict.LIVE),  # the idle timeout is the store's
    ],
)
def test_without_a_deadline_only_a_clock_set_back_ends_a_session(
    elapsed: int, expected: Verdict
) -> None:
    assert policy.verdict(record(TOKEN), TOKEN, NOW + elapsed) is expected


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(0, Verdict.LIVE), (60, Verdict.LIVE), (61, Verdict.EXPIRED), (YEAR, Verdict.EXPIRED)],
)
def test_a_login_in_the_future_is_none(ahead: int, expected: Verdict) -> None:
    stored = record(TOKEN, auth_time=NOW + ahead, deadline=NOW + 2 * YEAR)
    assert policy.verdict(stored, TOKEN, NOW) is expected


def test_another_secret_or_another_sid_is_unknown_even_when_it_is_over() -> None:
    stored = record(TOKEN, deadline=NOW - 1)
    for bearer in (
        SIGNER.mint(TOKEN.sid).token,
        Token("A" * 22, TOKEN.secret_hash),
        SIGNER.mint().token,
    ):
        assert policy.verdict(stored, bearer, NOW) is Verdict.UNKNOWN


@pytest.mark.parametrize(("stored", "is_empty", "changed"), list(product([False, True], repeat=3)))
def test_what_becomes_of_a_record(stored: bool, is_empty: bool, changed: bool) -> None:
    expected = {
        (False, False, True): Action.CREATE,
        (True, False, True): Action.COMMIT,
        (True, True, True): Action.DELETE,
    }
    done = policy.action(stored=stored, is_empty=is_empty, changed=changed)
    assert done is expected.get((stored, is_empty, changed), Action.LEAVE)


def test_a_deadline_is_counted_from_the_authentication() -> None:
    assert policy.deadline(NOW, RULES) == 0
    assert policy.deadline(NOW, replace(RULES, absolute=30)) == NOW + 30


@pytest.mark.parametrize(
    ("modified", "permanent", "refresh"), list(product([False, True], repeat=3))
)
def test_the_cookie_is_sent_as_flask_sends_it(
    modified: bool, permanent: bool, refresh: bool
) -> None:
    rules = replace(RULES, refresh_each_request=refresh)
    sent = policy.sends_cookie(modified=modified, permanent=permanent, rules=rules)
    assert sent is (modified or (permanent and refresh))


def test_the_longest_lifetime_is_the_longer_one() -> None:
    assert RULES.lifetimes.longest == 1000
    assert replace(RULES.lifetimes, browser=2000).longest == 2000
