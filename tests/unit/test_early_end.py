"""A request that ends early is noted in its context, and no other one is looked at for it."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from samesession import ServerSession, StoreUnavailable, early_end
from samesession.core.request_state import Mode, SessionState

from .device_parts import Judges, Shown
from .parts import record, signer


def taken_over(session: object) -> ServerSession | None:
    """Return what is found of a noted request, and see that its note is gone then."""

    def noted() -> ServerSession | None:
        early_end.note()
        assert early_end.is_noted()
        try:
            return early_end.taken_over(session)
        finally:
            assert not early_end.is_noted()

    return copy_context().run(noted)


def with_device(*, proves: bool) -> ServerSession:
    state = SessionState()
    judged = Judges().devices.judge(record(signer().mint().token), Shown(proves=proves), 0)
    state.device = judged  # type: ignore[assignment]  # a session that is not bound is not refused
    return ServerSession(state=state)


def test_no_request_is_noted_but_by_a_note_of_its_own() -> None:
    assert not early_end.is_noted()
    copy_context().run(early_end.note)
    assert not early_end.is_noted()


def test_the_request_that_we_answer_is_taken_over() -> None:
    ours = with_device(proves=True)
    assert taken_over(ours) is ours


def test_what_another_request_noted_takes_over_no_other() -> None:
    others: list[object] = [with_device(proves=False), ServerSession(), {}, None]
    for session in others:
        assert taken_over(session) is None


def test_the_stores_failure_ends_a_request_once() -> None:
    failure = StoreUnavailable("down")
    session = ServerSession(state=SessionState(mode=Mode.BROKEN), failure=failure)
    with pytest.raises(StoreUnavailable) as raised:
        _ = taken_over(session)
    assert raised.value is failure
    assert taken_over(session) is None
