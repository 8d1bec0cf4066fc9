"""What type checkers make of `samesession.flask`; nothing here is ever run."""

# pyright: reportUnusedCallResult=false, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView
from datetime import datetime, timedelta
from typing import Any, assert_type

from flask import Flask

from samesession import ServerSession, SessionInfo, SessionPage
from samesession.flask import (
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
)


def the_session() -> None:
    assert_type(session, ServerSession)
    assert_type(session["name"], Any)
    assert_type(session.get("name"), Any)
    assert_type(session.pop("name", None), Any)
    assert_type(session.setdefault("list", []), Any)
    assert_type("name" in session, bool)
    assert_type(len(session), int)
    assert_type(session.keys(), KeysView[str])
    assert_type(session.items(), ItemsView[str, Any])
    assert_type(session.copy(), dict[str, Any])
    for name in session:
        assert_type(name, str)
    session["name"] = "ann"
    session.update({"a": 1}, b=2)
    assert_type(session.permanent, bool)
    assert_type(session.modified, bool)
    assert_type(session.accessed, bool)
    assert_type(session.new, bool)
    session.permanent = session.modified = True
    session.accessed = False


def what_ours_adds() -> None:
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
    session.regenerate()
    session.update_atomically(lambda data: data["cart"].append("tea"))
    assert_type(session.sid, str | None)
    assert_type(session.lifetime, timedelta | None)
    session.lifetime = timedelta(days=90)
    session.lifetime = None
    session.lifetime = 5  # type: ignore[assignment]
    assert_type(session.info, SessionInfo)
    assert_type(session.info.authenticated, datetime | None)


def administration() -> None:
    assert_type(sessions_of("ann"), list[SessionInfo])
    page = sessions_page("ann", limit=5)
    assert_type(page, SessionPage)
    assert_type(page.sessions, tuple[SessionInfo, ...])
    assert_type(sessions_page("ann", after=page.after), SessionPage)
    assert_type(count(), int)
    every = all_sessions(limit=5)
    assert_type(every, SessionPage)
    assert_type(all_sessions(after=every.after), SessionPage)
    assert_type(revoke_everyone(), int)
    assert_type(revoke("sid"), bool)
    assert_type(revoke_all("ann"), int)
    assert_type(revoke_all("ann", keep=session.sid), int)
    assert_type(purge(), int)
    assert_type(erase_owner("ann"), int)
    assert_type(export_owner("ann"), Iterator[dict[str, Any]])
    assert_type(ping(), float)
    assert_type(reload(), bool)
    assert_type(save(), bool)
    with saving() as saved:
        assert_type(saved, ServerSession)


def one_session(app: Flask) -> None:
    with session_by_sid(app, "sid") as found:
        assert_type(found, ServerSession | None)
        found["name"] = "ann"  # type: ignore[index]
        if found is not None:
            found["name"] = "ann"
            found.clear()
    with session_by_sid(app, session.sid):  # type: ignore[arg-type]
        pass
    with session_by_sid("sid"):  # type: ignore[call-arg, arg-type]
        pass


def wrong() -> None:
    session[1] = "one"  # type: ignore[index]
    session.bind(7)  # type: ignore[arg-type]
    sessions_of(7)  # type: ignore[arg-type]
    revoke(session.sid)  # type: ignore[arg-type]
    session.sid = "mine"  # type: ignore[misc]
    session.new = True  # type: ignore[misc]
    revoke_all("ann", "sid")  # type: ignore[call-arg]


async def not_to_be_awaited() -> None:
    await purge()  # type: ignore[misc]
    async with saving():  # type: ignore[attr-defined]
        pass


@fresh_required(minutes=5)
def guarded(name: str) -> int:
    return len(name)


@device_bound_now
def proved(name: str) -> int:
    return len(name)


def views() -> None:
    assert_type(guarded("ann"), int)
    assert_type(proved("ann"), int)
    device_bound_now(5)  # type: ignore[type-var]
    guarded(5)  # type: ignore[arg-type]
    fresh_required(guarded)  # type: ignore[arg-type]
