"""What type checkers make of `samesession.quart`; nothing here is ever run."""

# pyright: reportUnusedCallResult=false, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, assert_type

from quart import Quart

from samesession import ServerSession, SessionInfo, SessionPage
from samesession.quart import (
    Ended,
    all_sessions,
    count,
    device_bound_now,
    erase_owner,
    export_owner,
    fresh_required,
    ping,
    purge,
    reload,
    revoke,
    revoke_all,
    revoke_everyone,
    save,
    saving,
    session,
    session_by_sid,
    sessions_of,
    sessions_page,
    watching,
)


def the_session() -> None:
    assert_type(session, ServerSession)
    assert_type(session["name"], Any)
    assert_type(session.permanent, bool)
    session.permanent = True
    session.bind("ann")
    session.bind("ann", label="Firefox on Linux")
    session.bind("ann", at_most=3)
    session.bind("ann", 5)  # type: ignore[arg-type]
    session.confirm()
    session.require_fresh()
    session.require_fresh(minutes=0.5)
    session.require_fresh("10")  # type: ignore[arg-type]
    session.unbind()
    session.end()


async def administration() -> None:
    assert_type(await sessions_of("ann"), list[SessionInfo])
    page = await sessions_page("ann", limit=5)
    assert_type(page, SessionPage)
    assert_type(page.sessions, tuple[SessionInfo, ...])
    assert_type(await sessions_page("ann", after=page.after), SessionPage)
    assert_type(await count(), int)
    every = await all_sessions(limit=5)
    assert_type(every, SessionPage)
    assert_type(await all_sessions(after=every.after), SessionPage)
    assert_type(await revoke_everyone(), int)
    assert_type(await revoke("sid"), bool)
    assert_type(await revoke_all("ann", keep=session.sid), int)
    assert_type(await purge(), int)
    assert_type(await erase_owner("ann"), int)
    assert_type(export_owner("ann"), AsyncIterator[dict[str, Any]])
    assert_type(await ping(), float)
    assert_type(await reload(), bool)
    assert_type(await save(), bool)
    async with watching() as ended:
        assert_type(ended, Ended)
        assert_type(ended.is_set(), bool)
        assert_type(ended.how, str | None)
        await ended.wait()
    async with watching(True):  # type: ignore[call-arg]
        pass
    async with saving() as saved:
        assert_type(saved, ServerSession)


async def one_session(app: Quart) -> None:
    async with session_by_sid(app, "sid") as found:
        assert_type(found, ServerSession | None)
        found["name"] = "ann"  # type: ignore[index]
        if found is not None:
            found["name"] = "ann"
            found.clear()
    async with session_by_sid(app, session.sid):  # type: ignore[arg-type]
        pass
    async with session_by_sid("sid"):  # type: ignore[call-arg, arg-type]
        pass


async def wrong() -> None:
    session.bind(7)  # type: ignore[arg-type]
    await sessions_of(7)  # type: ignore[arg-type]
    await revoke(None)  # type: ignore[arg-type]


def to_be_awaited() -> None:
    len(sessions_of("ann"))  # type: ignore[arg-type]
    abs(revoke_all("ann"))  # type: ignore[arg-type]
    with saving():  # type: ignore[attr-defined]
        pass
    with session_by_sid(Quart("app"), "sid"):  # type: ignore[attr-defined]
        pass


@fresh_required(minutes=5)
async def guarded(name: str) -> int:
    return len(name)


@device_bound_now
async def proved(name: str) -> int:
    return len(name)


async def views() -> None:
    assert_type(await guarded("ann"), int)
    assert_type(await proved("ann"), int)
    device_bound_now(5)  # type: ignore[type-var]
    await guarded(5)  # type: ignore[arg-type]
    fresh_required(guarded)  # type: ignore[arg-type]
