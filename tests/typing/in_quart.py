"""What type checkers make of `samesession.quart`; nothing here is ever run."""

# pyright: reportUnusedCallResult=false, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from samesession import ServerSession, SessionInfo, SessionPage
from samesession.quart import (
    ping,
    purge,
    revoke,
    revoke_all,
    revoke_everyone,
    saving,
    session,
    sessions_of,
    sessions_page,
)


def the_session() -> None:
    assert_type(session, ServerSession)
    assert_type(session["name"], Any)
    assert_type(session.permanent, bool)
    session.permanent = True
    session.bind("ann")


async def administration() -> None:
    assert_type(await sessions_of("ann"), list[SessionInfo])
    page = await sessions_page("ann", limit=5)
    assert_type(page, SessionPage)
    assert_type(page.sessions, tuple[SessionInfo, ...])
    assert_type(await sessions_page("ann", after=page.after), SessionPage)
    assert_type(await revoke_everyone(), int)
    assert_type(await revoke("sid"), bool)
    assert_type(await revoke_all("ann", keep=session.sid), int)
    assert_type(await purge(), int)
    assert_type(await ping(), float)
    async with saving() as saved:
        assert_type(saved, ServerSession)


async def wrong() -> None:
    session.bind(7)  # type: ignore[arg-type]
    await sessions_of(7)  # type: ignore[arg-type]
    await revoke(None)  # type: ignore[arg-type]


def to_be_awaited() -> None:
    len(sessions_of("ann"))  # type: ignore[arg-type]
    abs(revoke_all("ann"))  # type: ignore[arg-type]
    with saving():  # type: ignore[attr-defined]
        pass
