"""One session, by its sid, outside of its user's requests: from a job, a script, a support page."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from samesession import (
    ConfigError,
    InvalidName,
    NotSupported,
    ReadOnlySession,
    SessionEnded,
    UnsavedWriteWarning,
)
from samesession.core.events import Event
from tests.conftest import NewSite
from tests.races.late import Scene, end_idle_time, listening
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.unit.test_names import NO_SIDS
from tests.web.test_administration import administer

pytestmark = pytest.mark.asyncio

CLOCKED = pytest.mark.stores("filesystem", "memory", "sqlite")
ENCRYPTED = {"SESSION_ENCRYPT": True}


def block(site: Site, sid: Any) -> Any:
    """Give the framework's own block for a session."""
    return import_module(f"samesession.{site.framework}").session_by_sid(site.app, sid)


@asynccontextmanager
async def by_sid(site: Site, sid: Any) -> AsyncIterator[Any]:
    """Open one session as an application would, on either framework."""
    if site.framework == "flask":
        with block(site, sid) as session:
            yield session
    else:
        async with block(site, sid) as session:
            yield session


async def do(site: Site, sid: Any, act: Callable[[Any], Any]) -> None:
    """Do something to one session, which may be a coroutine."""
    async with by_sid(site, sid) as session:
        done = act(session)
        if inspect.isawaitable(done):
            await done


async def login(site: Site, owner: str = "ann", **values: Any) -> Visitor:
    user = site.visitor()
    await user.visit(lambda session: (session.update(values), session.bind(owner)))
    return user


async def guest(site: Site, **values: Any) -> Visitor:
    user = site.visitor()
    await user.put(**values)
    return user


async def sid_of(user: Visitor) -> str:
    return str(await user.value(lambda session: session.sid))


# --- read and write ------------------------------------------------------------------------


async def test_a_session_is_read_and_changed_by_its_sid(site: Site) -> None:
    user = await guest(site, cart=["tea"], name="ann")
    async with by_sid(site, await sid_of(user)) as session:
        assert dict(session) == {"cart": ["tea"], "name": "ann"}
        assert (session.sid, session.new) == (await sid_of(user), False)
        session["cart"].append("milk")  # a change within a value is seen
        session["note"] = "called"
        del session["name"]
        assert session.modified
        assert (session.info.sid, session.info.current) == (session.sid, False)
    assert await user.value(dict) == {"cart": ["tea", "milk"], "note": "called"}


@pytest.mark.owners
async def test_a_login_stays_one(site: Site) -> None:
    user = await login(site)
    async with by_sid(site, await sid_of(user)) as session:
        session["role"] = "admin"
    assert await user.value(lambda session: (dict(session), session.info.owner)) == (
        {"role": "admin"},
        "ann",
    )


async def test_functions_and_defaults_work_as_in_a_request(site: Site) -> None:
    user = await guest(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        session.update_atomically(lambda data: data.update(a=data["a"] + 1))
        session.setdefault("b", []).append(3)
    assert await user.value(dict) == {"a": 2, "b": [3]}


async def test_a_block_that_only_reads_writes_nothing(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = await guest(site, cart=["tea"])
    sid = await sid_of(user)
    before = backend.records()
    spy.reset()
    async with by_sid(site, sid) as session:
        assert session["cart"] == ["tea"]
        session.modified = True  # which would renew it in a block of `saving()`
    assert spy.names == ["load"]
    assert backend.records() == before


async def test_nothing_is_saved_when_the_block_raises(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = await guest(site, cart=["tea"])
    sid = await sid_of(user)
    spy.reset()
    with pytest.raises(ZeroDivisionError):  # and no warning of what is not saved
        await do(site, sid, lambda session: (session["cart"].append("milk"), 1 // 0))
    assert spy.names == ["load"]
    assert await user.value(dict) == {"cart": ["tea"]}


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize("rotated", [False, True], ids=["same key", "newer key"])
async def test_stale_and_encrypted_records_are_opened_and_written(
    new_site: NewSite, *, encrypted: bool, rotated: bool
) -> None:
    settings = ENCRYPTED if encrypted else {}
    old, new = "an old key, and long enough for it", "a new key, and long enough for it"
    user = await guest(new_site(SECRET_KEY=old, **settings), a=1)
    sid, cookie = await sid_of(user), user.jar["session"]
    site = new_site(
        SECRET_KEY=new if rotated else old,
        SECRET_KEY_FALLBACKS=[old] if rotated else [],
        **settings,
    )
    site_user = site.visitor()
    site_user.jar["session"] = cookie
    await guest(site, other=1)  # so that the memory of this process is one that serves
    async with by_sid(site, sid) as session:
        session["b"] = session["a"] + 1
    assert await site_user.value(dict) == {"a": 1, "b": 2}


async def test_settings_may_change_while_a_block_runs(site: Site) -> None:
    user = await guest(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        site.app.config["SECRET_KEY_FALLBACKS"] = [site.app.config["SECRET_KEY"]]
        site.app.config["SECRET_KEY"] = "a new key, and long enough for it"
        session["b"] = 2
    assert await user.value(dict) == {"a": 1, "b": 2}


# --- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
async def test_neither_a_read_nor_a_write_restarts_the_idle_timeout(
    new_site: NewSite, backend: Backend, *, writes: bool
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=100, SESSION_TOUCH_INTERVAL=0)
    user = await guest(site, a=1)
    sid = await sid_of(user)
    end_idle_time(backend, 60)
    async with by_sid(site, sid) as session:
        assert session["a"] == 1
        if writes:
            session["a"] = 2
    end_idle_time(backend, 60)
    async with by_sid(site, sid) as session:
        assert session is None
    assert await user.value(dict) == {}


@CLOCKED
async def test_a_lifetime_that_is_set_begins_at_once(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=100, SESSION_OWN_LIFETIMES=True)
    user = await guest(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        assert session.lifetime is None
        session.lifetime = timedelta(seconds=1000)
    site.clock.advance(900)
    assert await user.value(lambda session: (dict(session), session.lifetime)) == (
        {"a": 1},
        timedelta(seconds=1000),
    )


@CLOCKED
@pytest.mark.parametrize("action", ["read", "write"])
async def test_a_session_whose_absolute_time_is_over_is_unknown(
    new_site: NewSite, backend: Backend, action: str
) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=100)
    user = await guest(site, a=1)
    sid = await sid_of(user)
    site.clock.advance(50)
    async with by_sid(site, sid) as session:
        if action == "write":
            session["a"] = 2
    site.clock.advance(51)
    async with by_sid(site, sid) as session:
        assert session is None
    assert backend.records() == {}


# --- which session -------------------------------------------------------------------------


@pytest.mark.parametrize("sid", ["", "x", "../../x", "A" * 21 + "\n", "session:" + "A" * 22])
async def test_no_store_is_asked_for_what_is_no_sid(
    new_site: NewSite, backend: Backend, sid: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    await guest(site, a=1)
    spy.reset()
    async with by_sid(site, sid) as session:
        assert session is None
    assert spy.names == []


async def test_an_unknown_session_is_none(site: Site) -> None:
    user = await guest(site, a=1)
    sid = await sid_of(user)
    await user.visit(lambda session: session.clear())
    for unknown in (sid, "A" * 22):
        async with by_sid(site, unknown) as session:
            assert session is None


@pytest.mark.parametrize("name", NO_SIDS)
async def test_what_is_no_text_is_no_sid(site: Site, name: str) -> None:
    await guest(site, a=1)
    with pytest.raises(InvalidName, match=r"session_by_sid\(\) takes .*: write session\.sid"):
        async with by_sid(site, NO_SIDS[name]):
            pass


@pytest.mark.parametrize(
    "other",
    [
        {"SESSION_KEY_PREFIX": "session:two:"},
        {"SESSION_COOKIE_NAME": "other"},
        {"SECRET_KEY": "another key, and long enough for it"},
    ],
    ids=str,
)
async def test_another_applications_session_is_unknown(
    new_site: NewSite, caplog: pytest.LogCaptureFixture, other: dict[str, str]
) -> None:
    here, there = new_site(), new_site(**other)
    await guest(here, a=1)
    theirs = await guest(there, a=1)
    async with by_sid(here, await sid_of(theirs)) as session:
        assert session is None
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
    assert await theirs.value(dict) == {"a": 1}


# --- beside requests -----------------------------------------------------------------------


async def test_what_a_request_changes_meanwhile_survives(site: Site) -> None:
    user = await guest(site, a=1, b=1, gone=1, cart=["tea"])
    async with by_sid(site, await sid_of(user)) as session:
        session["a"] = 2
        session["cart"].append("milk")
        await user.visit(lambda theirs: (theirs.update(b=2, cart=["jam"]), theirs.pop("gone")))
    shown = {"a": 2, "b": 2, "cart": ["tea", "milk"]}  # of one name the last save counts
    assert dict(session) == shown
    assert await user.value(dict) == shown


async def test_a_function_is_run_again_on_what_a_request_saved_meanwhile(site: Site) -> None:
    user = await guest(site, count=1)

    def count(data: dict[str, Any]) -> None:
        data["count"] += 1

    async with by_sid(site, await sid_of(user)) as session:
        session.update_atomically(count)
        await user.visit(lambda theirs: theirs.update_atomically(count))
    assert await user.value(dict) == {"count": 3}


async def test_a_request_that_runs_meanwhile_keeps_its_changes_and_gets_ours(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    scene = Scene(site, spy)
    user = await guest(site, a=1)
    sid = await sid_of(user)
    async with scene.late(user, lambda session: session.update(b=2), at="commit") as late:
        async with by_sid(site, sid) as session:
            session["c"] = 3
        await late.end()
    assert await user.value(dict) == {"a": 1, "b": 2, "c": 3}


async def test_the_users_new_secret_stays_the_secret(site: Site) -> None:
    user = await guest(site, a=1)
    stolen = user.jar["session"]
    async with by_sid(site, await sid_of(user)) as session:
        session["b"] = 2
        await user.visit(lambda theirs: theirs.regenerate())
    assert await user.value(dict) == {"a": 1, "b": 2}
    thief = site.visitor()
    thief.jar["session"] = stolen
    assert await thief.value(dict) == {}


@pytest.mark.owners
async def test_a_new_login_of_the_same_user_is_the_same_session(site: Site) -> None:
    user = await login(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        session["b"] = 2
        await user.visit(lambda theirs: theirs.bind("ann"))
    assert await user.value(dict) == {"a": 1, "b": 2}


@pytest.mark.owners
@pytest.mark.parametrize("was", ["ann", None])
async def test_nothing_of_one_user_is_written_to_another_users_session(
    site: Site, was: str | None
) -> None:
    user = await guest(site, a=1) if was is None else await login(site, was, a=1)
    sid = await sid_of(user)

    async def give_discount(session: Any) -> None:
        session["discount"] = 10
        await user.visit(lambda theirs: theirs.bind("ben"))

    with pytest.raises(SessionEnded, match="another user"):
        await do(site, sid, give_discount)
    assert await user.value(lambda theirs: (dict(theirs), theirs.info.owner)) == ({"a": 1}, "ben")


@pytest.mark.parametrize("how", ["logout", "revoked"])
async def test_a_session_that_ended_meanwhile_is_told_of_and_stays_ended(
    new_site: NewSite, backend: Backend, how: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    scene = Scene(site, spy)
    user = await guest(site, a=1)
    sid = await sid_of(user)
    kept: list[Any] = []

    async def write(session: Any) -> None:
        session["b"] = 2
        kept.append(session)
        if how == "logout":
            await user.visit(lambda theirs: theirs.clear())
        else:
            assert await scene.administer("revoke", sid)

    with listening(scene), pytest.raises(SessionEnded, match="nothing of it was saved") as caught:
        await do(site, sid, write)
    assert scene.heard[-1] is Event.GONE
    assert sid in str(caught.value)
    assert dict(kept[0]) == {}
    assert await user.value(dict) == {}
    assert backend.records() == {}


async def test_what_was_only_read_may_end_meanwhile(site: Site) -> None:
    user = await guest(site, cart=["tea"])
    async with by_sid(site, await sid_of(user)) as session:
        await user.visit(lambda theirs: theirs.clear())
        assert session["cart"] == ["tea"]


# --- end it --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["clear", "end"])
async def test_to_clear_it_is_to_end_it(site: Site, backend: Backend, way: str) -> None:
    user, other = await guest(site, a=1), await guest(site, a=2)
    async with by_sid(site, await sid_of(user)) as session:
        getattr(session, way)()
    assert await user.value(dict) == {}
    assert len(backend.records()) == 1
    assert await other.value(dict) == {"a": 2}


@pytest.mark.owners
@pytest.mark.parametrize("way", ["clear", "end"])
async def test_a_login_that_is_cleared_is_off_the_list(site: Site, way: str) -> None:
    user = await login(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        getattr(session, way)()
    assert await administer(site, "sessions_of", "ann") == []


@pytest.mark.parametrize("way", ["clear", "end"])
async def test_what_ended_meanwhile_has_ended_as_was_wanted(site: Site, way: str) -> None:
    user = await guest(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        getattr(session, way)()
        await user.visit(lambda theirs: theirs.clear())


@pytest.mark.owners
@pytest.mark.parametrize("way", ["clear", "end"])
async def test_a_session_that_became_another_users_is_not_ended(site: Site, way: str) -> None:
    user = await guest(site, a=1)
    sid = await sid_of(user)

    async def end(session: Any) -> None:
        getattr(session, way)()
        await user.visit(lambda theirs: theirs.bind("ben"))

    with pytest.raises(SessionEnded):
        await do(site, sid, end)
    assert await user.value(lambda theirs: theirs.info.owner) == "ben"


@pytest.mark.parametrize(
    "write",
    [
        lambda session: session.update(b=2),
        lambda session: setattr(session, "permanent", True),
        lambda session: session.update_atomically(lambda data: data.update(b=2)),
    ],
    ids=["data", "permanence", "function"],
)
@pytest.mark.parametrize("way", ["clear", "end"])
async def test_nothing_is_written_to_what_was_cleared(
    site: Site, write: Callable[[Any], object], way: str
) -> None:
    user = await guest(site, a=1)
    sid = await sid_of(user)

    def clear_and_write(session: Any) -> None:
        getattr(session, way)()
        write(session)

    with pytest.raises(ReadOnlySession, match="was cleared here, which ends it"):
        await do(site, sid, clear_and_write)
    assert await user.value(dict) == {"a": 1}


# --- what needs a token --------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.parametrize(
    "act",
    [
        lambda session: session.regenerate(),
        lambda session: session.bind("ben"),
        lambda session: session.bind("ann", label="a browser"),
        lambda session: session.unbind(),
        lambda session: session.confirm(),
    ],
    ids=["regenerate", "bind", "bind again", "unbind", "confirm"],
)
async def test_no_secret_is_replaced_where_nobody_can_be_told_the_new_one(
    site: Site, act: Any
) -> None:
    user = await login(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        with pytest.raises(ReadOnlySession, match="in a request of its user"):
            act(session)
        session["a"] = 2
    assert await user.value(lambda theirs: (dict(theirs), theirs.info.owner)) == ({"a": 2}, "ann")


# --- when it is over -----------------------------------------------------------------------


async def test_a_write_after_the_block_is_an_error(site: Site) -> None:
    user = await guest(site, a=1)
    async with by_sid(site, await sid_of(user)) as session:
        session["a"] = 2
    for write in (lambda: session.update(a=3), session.clear, session.regenerate):
        with pytest.raises(ReadOnlySession, match=r"the block of session_by_sid\(\) has ended"):
            write()
    assert session["a"] == 2
    assert await user.value(dict) == {"a": 2}


async def test_a_change_within_a_value_after_the_block_is_warned_of(site: Site) -> None:
    user = await guest(site, cart=["tea"])
    async with by_sid(site, await sid_of(user)) as session:
        cart = session["cart"]
    cart.append("milk")
    with pytest.warns(UnsavedWriteWarning, match="is not saved"):
        del session


# --- where it runs -------------------------------------------------------------------------


async def test_it_works_in_another_users_request(site: Site) -> None:
    user, support = await guest(site, a=1), await guest(site, staff=True)
    sid = await sid_of(user)

    def sync(session: Any, web: Any) -> str:
        with block(site, sid) as theirs:
            theirs["a"] = 2
            session["helped"] = theirs.sid
        return "done"

    async def coroutine(session: Any, web: Any) -> str:
        async with block(site, sid) as theirs:
            theirs["a"] = 2
            session["helped"] = theirs.sid
        return "done"

    answer = await support.respond(sync if site.framework == "flask" else coroutine)
    assert answer.status == 200
    assert await user.value(dict) == {"a": 2}
    assert await support.value(dict) == {"staff": True, "helped": sid}


async def test_it_works_within_an_application_context(site: Site) -> None:
    user = await guest(site, a=1)
    sid = await sid_of(user)
    if site.framework == "flask":
        with site.app.app_context(), block(site, sid) as session:
            session["a"] = 2
    else:
        async with site.app.app_context(), block(site, sid) as session:
            session["a"] = 2
    assert await user.value(dict) == {"a": 2}


async def test_it_works_in_threads_or_tasks_at_once(site: Site) -> None:
    user = await guest(site, a=1)
    sid = await sid_of(user)

    def in_thread(number: int) -> None:
        with block(site, sid) as session:
            session[f"by {number}"] = number

    async def in_task(number: int) -> None:
        async with block(site, sid) as session:
            session[f"by {number}"] = number

    if site.framework == "flask":
        await asyncio.gather(*(asyncio.to_thread(in_thread, each) for each in range(4)))
    else:
        await asyncio.gather(*map(in_task, range(4)))
    assert await user.value(dict) == {"a": 1, **{f"by {each}": each for each in range(4)}}


async def test_it_works_where_nothing_is_served(new_site: NewSite, backend: Backend) -> None:
    """In another process than the server's, as far as that can be seen: an application more."""
    user = await guest(new_site(), a=1)
    sid = await sid_of(user)
    script = new_site()
    if backend.name == "memory":
        with pytest.raises(NotSupported, match="in the memory of the process that serves them"):
            async with by_sid(script, sid):
                pass
        return
    failures: list[BaseException] = []

    async def job() -> None:
        async with by_sid(script, sid) as session:
            session["a"] = 2
        # Nobody else would let go of the loop's connections, which is a warning when they go.

    def main() -> None:
        try:
            asyncio.run(job())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=main)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert failures == []
    _ = gc.collect()
    assert await user.value(dict) == {"a": 2}


@pytest.mark.stores("cookie")
async def test_a_session_in_the_cookie_is_out_of_reach(site: Site) -> None:
    await guest(site, a=1)
    with pytest.raises(NotSupported, match="the browser keeps the session"):
        async with by_sid(site, "A" * 22):
            pass


@pytest.mark.stores("memory")
async def test_it_takes_an_application_of_its_framework_with_sessions(new_site: NewSite) -> None:
    site = new_site()
    await guest(site, a=1)
    session_by_sid = import_module(f"samesession.{site.framework}").session_by_sid
    for wrong in (None, "app", object(), type(site.app)):
        with pytest.raises(TypeError, match=r"session_by_sid\(\) takes a (Flask|Quart), not a"):
            session_by_sid(wrong, "A" * 22)
    bare = new_site(options={"init": False})
    with pytest.raises(ConfigError, match=r"call Session\(app\)"):
        session_by_sid(bare.app, "A" * 22)
