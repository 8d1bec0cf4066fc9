"""A login by another library: the session is its user's, who has shown no credentials."""

from __future__ import annotations

import pytest

from samesession.core import codec
from samesession.core.account_changes import Adopted, Bound, Kept, after, owner_after
from samesession.core.next_record import first_record, next_record
from samesession.core.record import Record
from samesession.core.unsaved_changes import Draft
from tests.unit.parts import NOW, RULES, signer

ADOPTED, BOUND = Adopted("ann", "Opera"), Bound("ben")
PAYLOAD = codec.encode({"a": 1})


def record(owner: str | None, auth_time: int = 0) -> Record:
    draft = Draft(PAYLOAD, permanent=False)
    made = first_record(signer().mint().token, draft, now=NOW, rules=RULES)
    return made._replace(owner=owner, auth_time=auth_time, label="Firefox" if owner else None)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ([BOUND, ADOPTED], BOUND),
        ([ADOPTED, BOUND], BOUND),
        ([ADOPTED, Kept.CONFIRMED], Bound("ann", "Opera")),
        ([Kept.CONFIRMED, ADOPTED], ADOPTED),
        ([ADOPTED, Kept.UNBOUND], Kept.UNBOUND),
    ],
)
def test_what_changes_come_to(changes: list[Adopted | Bound | Kept], left: object) -> None:
    first, second = changes
    assert after(first, second) == left


@pytest.mark.parametrize(("before", "owner"), [(None, "ann"), ("ben", "ben")])
def test_only_a_session_that_is_nobodys_is_adopted(before: str | None, owner: str) -> None:
    assert owner_after(ADOPTED, before) == owner


@pytest.mark.parametrize(
    ("current", "cleared", "told"),
    [
        (record(None), False, ("ann", 0, "Opera")),
        (record("ben", NOW - 9), False, ("ben", NOW - 9, "Firefox")),
        (record("ben", NOW - 9), True, ("ann", 0, "Opera")),
    ],
)
def test_it_is_no_authentication(
    current: Record, cleared: bool, told: tuple[str, int, str]
) -> None:
    draft = Draft(PAYLOAD, permanent=False, account=ADOPTED, cleared=cleared)
    for index_is_stale in (False, True):
        found = next_record(
            current, None, draft, now=NOW + 60, rules=RULES, index_is_stale=index_is_stale
        )
        assert found is not None
        assert (found.owner, found.auth_time, found.label) == told
        assert found.deadline == current.deadline
        assert found.indexed > 0 or told[0] == "ben"


def test_a_session_may_begin_so() -> None:
    draft = Draft(PAYLOAD, permanent=False, account=ADOPTED)
    found = first_record(signer().mint().token, draft, now=NOW, rules=RULES)
    assert (found.owner, found.auth_time, found.label) == ("ann", 0, "Opera")
    assert found.indexed == NOW
