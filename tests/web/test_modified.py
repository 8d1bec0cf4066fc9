"""`session.modified`: what it says, and what an application says with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from samesession import StoreUnavailable, signals
from samesession.run.aio import arun
from samesession.run.sync import run
from tests.conftest import NewSite
from tests.races.blocks import Block, Steps
from tests.support.backend import ALL_STORES, Backend
from tests.support.site import Site, Visitor

from .test_saving import saving, streamed

pytestmark = [pytest.mark.asyncio, pytest.mark.stores(*ALL_STORES)]

Do = Callable[[Any], Any]

STORED = {"a": 1, "cart": ["tea"], "deep": {"list": [{"n": 1}]}}


def _set_a(session: Any) -> None:
    session["a"] = 2


def _append(session: Any) -> None:
    session["cart"].append("jam")


def _no(session: Any) -> None:
    session.modified = False


def _yes(session: Any) -> None:
    session.modified = True


def _acts(*acts: Do) -> Do:
    return lambda session: [act(session) for act in acts] and None


async def _known(site: Site) -> Visitor:
    user = site.visitor()
    await user.put(**STORED)
    return user


# --- what it says -----------------------------------------------------------------------

NESTED: dict[str, Do] = {
    "item": _append,
    "get": lambda s: s.get("cart").append("jam"),
    "deep": lambda s: s["deep"]["list"][0].update(n=2),
    "values": lambda s: [*s.values()][1].append("jam"),
    "items": lambda s: dict(s.items())["cart"].append("jam"),
    "copy": lambda s: s.copy()["cart"].append("jam"),
    "setdefault": lambda s: s.setdefault("cart", []).append("jam"),
    "cannot be kept": lambda s: s["cart"].append(object()),
}


@pytest.mark.parametrize("name", NESTED)
async def test_a_change_within_a_value_shows(site: Site, name: str) -> None:
    user = await _known(site)

    def look(session: Any) -> tuple[bool, bool]:
        before = session.modified
        NESTED[name](session)
        after = session.modified
        session.pop("cart")
        return before, after

    assert await user.value(look) == (False, True)


UNCHANGED: dict[str, Do] = {
    "read": dict,
    "item": lambda s: s["cart"][0],
    "changed and changed back": lambda s: (s["cart"].append(1), s["cart"].pop()),
    "a copy changed": lambda s: [*s["cart"]].append(1),
    "popped what is missing": lambda s: s.pop("missing", None),
    "popped and caught": lambda s: _caught(KeyError, lambda: s.pop("missing")),
    "deleted and caught": lambda s: _caught(KeyError, lambda: s.__delitem__("missing")),
    "asked and caught": lambda s: _caught(KeyError, lambda: s["missing"]),
    "a key that cannot be": lambda s: _caught(TypeError, lambda: s.__setitem__(1, 1)),
    "updated with one": lambda s: _caught(TypeError, lambda: s.update({1: 1})),
    "updated with two": lambda s: _caught(TypeError, lambda: s.update({"x": 1, 1: 1})),
    "updated with nothing at all": lambda s: _caught(TypeError, lambda: s.update(5)),
    "a function that fails": lambda s: _caught(
        ZeroDivisionError, lambda: s.update_atomically(lambda data: data.clear() or 1 // 0)
    ),
    "an owner that cannot be": lambda s: _caught(TypeError, lambda: s.bind(5)),
}


def _caught(kind: type[Exception], do: Callable[[], Any]) -> None:
    with pytest.raises(kind):
        do()


@pytest.mark.parametrize("name", UNCHANGED)
async def test_what_changes_nothing_does_not_show_and_sends_nothing(
    site: Site, backend: Backend, name: str
) -> None:
    user = await _known(site)
    before = backend.records()

    def look(session: Any) -> bool:
        UNCHANGED[name](session)
        return bool(session.modified)

    answer = await user.visit(look)
    assert (answer.status, user.result, answer.set_cookies) == (200, False, [])
    assert backend.records() == before
    assert await user.value(dict) == STORED


async def test_taking_the_last_from_nothing_is_no_change(site: Site) -> None:
    user = site.visitor()
    answer = await user.visit(lambda s: _caught(KeyError, s.popitem))
    assert (answer.status, answer.set_cookies) == (200, [])


async def test_to_ask_is_no_access(site: Site) -> None:
    user = await _known(site)
    answer = await user.visit(lambda session: session.modified)
    assert (user.result, answer.vary) == (False, None)


# --- what it means to set it to False ----------------------------------------------------

DROPPED: dict[str, tuple[Do, ...]] = {
    "assigned": (_set_a, _no),
    "a new name": (lambda s: s.update(new=1), _no),
    "deleted": (lambda s: s.pop("a"), _no),
    "within": (_append, _no),
    "within, later": (lambda s: s["cart"], _no, _append),
    "both": (_set_a, _append, _no, _append),
    "all": (lambda s: [s.popitem() for _ in range(3)], _no),
    "by a function": (lambda s: s.update_atomically(lambda data: data.update(a=2)), _no),
    "permanence": (lambda s: setattr(s, "permanent", True), _no),
    "twice": (_set_a, _no, _append, _no),
    "taken back": (_yes, _no),
    "with what fails": (_set_a, _no, lambda s: _caught(KeyError, lambda: s.__delitem__("x"))),
    "what cannot be kept": (lambda s: s.update(bad=object()), _no),
}


@pytest.mark.parametrize("name", DROPPED)
async def test_nothing_of_the_data_is_saved(site: Site, backend: Backend, name: str) -> None:
    user = await _known(site)
    before = backend.records()
    seen = []
    answer = await user.visit(_acts(*DROPPED[name], lambda s: seen.append(s.modified)))
    assert (answer.status, answer.set_cookies, seen) == (200, [], [False])
    assert backend.records() == before
    assert await user.value(dict) == STORED


async def test_nothing_of_a_new_session_is_saved(site: Site, backend: Backend) -> None:
    user = site.visitor()
    answer = await user.visit(_acts(lambda s: s.update(a=1, list=[]), _no))
    assert (answer.set_cookies, backend.records()) == ([], {})


async def test_the_view_still_sees_what_it_did(site: Site) -> None:
    user = await _known(site)
    seen: list[Any] = []
    await user.visit(_acts(_set_a, _append, _no, lambda s: seen.extend((s["a"], s["cart"]))))
    assert seen == [2, ["tea", "jam"]]


ALL = {**STORED, "a": 2, "cart": ["tea", "jam"]}
SAVED: dict[str, tuple[Do, dict[str, Any]]] = {
    "assigned": (lambda s: s.update(b=3), {**ALL, "b": 3}),
    "the same again": (lambda s: s.__setitem__("a", 2), ALL),
    "deleted": (lambda s: s.pop("deep"), {"a": 2, "cart": ["tea", "jam"]}),
    "permanent": (lambda s: setattr(s, "permanent", True), {**ALL, "_permanent": True}),
    "by a function": (
        lambda s: s.update_atomically(lambda data: data["cart"].append("salt")),
        {**ALL, "cart": ["tea", "jam", "salt"]},
    ),
    "setdefault": (lambda s: s.setdefault("b", 3), {**ALL, "b": 3}),
    "said": (_yes, ALL),
}


@pytest.mark.parametrize("name", SAVED)
async def test_what_is_assigned_afterwards_saves_all(site: Site, name: str) -> None:
    user = await _known(site)
    do, then = SAVED[name]
    answer = await user.visit(_acts(_set_a, _append, _no, do))
    assert len(answer.set_cookies) == 1
    assert await user.value(dict) == then


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem", "redis")
@pytest.mark.parametrize("order", ["before", "between", "after"])
@pytest.mark.parametrize("known", [True, False], ids=["live", "new"])
async def test_a_login_stands(site: Site, backend: Backend, order: str, known: bool) -> None:
    user = await _known(site) if known else site.visitor()
    old = user.jar.get("session")
    acts: list[Do] = [_set_a, _no]
    acts.insert(["before", "between", "after"].index(order), lambda s: s.bind("ann"))
    answer = await user.visit(_acts(*acts))
    assert (len(answer.set_cookies), len(backend.records())) == (1, 1)
    assert user.jar["session"] != old
    look = lambda s: (s.info.owner, dict(s))  # noqa: E731
    assert await user.value(look) == ("ann", STORED if known else {})
    if known:
        thief = site.visitor()
        thief.jar["session"] = str(old)
        assert await thief.value(dict) == {}


@pytest.mark.stores("memory", "filesystem", "redis")
@pytest.mark.parametrize("order", ["before", "between", "after"])
async def test_a_new_secret_stands(site: Site, order: str) -> None:
    user = await _known(site)
    old = user.jar["session"]
    acts: list[Do] = [_set_a, _no]
    acts.insert(["before", "between", "after"].index(order), lambda s: s.regenerate())
    await user.visit(_acts(*acts))
    assert await user.value(dict) == STORED
    thief = site.visitor()
    thief.jar["session"] = old
    assert await thief.value(dict) == {}


@pytest.mark.parametrize("order", ["before", "between", "after"])
async def test_a_logout_stands(site: Site, backend: Backend, order: str) -> None:
    user = await _known(site)
    acts: list[Do] = [_set_a, _no]
    acts.insert(["before", "between", "after"].index(order), lambda s: s.clear())
    await user.visit(_acts(*acts))
    assert ("session" in user.jar, backend.records()) == (False, {})


async def test_what_was_written_after_a_logout_is_dropped_with_it(
    site: Site, backend: Backend
) -> None:
    user = await _known(site)
    await user.visit(_acts(lambda s: s.clear(), _set_a, _no))
    assert ("session" in user.jar, backend.records()) == (False, {})


async def test_what_a_block_saved_stays_and_its_cookie_goes_out(site: Site) -> None:
    for user in (site.visitor(), await _known(site)):
        acts = Steps(site, Block(lambda s: s.update(b=1)), lambda s: s.update(c=1), _no)
        answer = await user.respond(acts.view)
        assert (answer.status, len(answer.set_cookies)) == (200, 1)
        found = await user.value(dict)
        assert (found["b"], "c" in found) == (1, False)


async def test_a_block_that_is_not_to_save_shows_what_is_stored(site: Site) -> None:
    user = await _known(site)
    acts = Steps(site, Block(_acts(_set_a, _append, _no)), lambda s: s.update(b=1))
    await user.respond(acts.view)
    assert acts.shown == [STORED, {**STORED, "b": 1}]
    assert await user.value(dict) == {**STORED, "b": 1}


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_a_save_that_failed_can_be_given_up(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = await _known(site)
    spy.fail("commit", StoreUnavailable("on purpose"))
    acts = Steps(
        site,
        Block(_set_a, caught=StoreUnavailable),
        lambda s: spy.mend(),
        _no,
        Block(lambda s: None),
        lambda s: s.update(b=1),
    )
    answer = await user.respond(acts.view)
    assert (answer.status, [type(error).__mro__[1] for error in acts.caught]) == (
        200,
        [StoreUnavailable],
    )
    assert await user.value(dict) == {**STORED, "b": 1}


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_what_others_wrote_meanwhile_is_no_change_to_drop(site: Site) -> None:
    user, other = await _known(site), site.visitor()
    other.driver.jar = user.jar
    tasks: list[Any] = []

    def flask(session: Any, web: Any) -> str:
        _acts(_set_a, _no)(session)
        driver: Any = other.driver
        site.actions.append(lambda session, web: str(session.update(a=9, b=1)))
        driver.send("GET", f"/visit/{len(site.actions) - 1}")
        session.regenerate()
        return ""

    async def quart(session: Any, web: Any) -> str:
        _acts(_set_a, _no)(session)
        tasks.append(asyncio.create_task(other.put(a=9, b=1)))
        await tasks[0]
        session.regenerate()
        return ""

    await user.respond(flask if site.framework == "flask" else quart)
    assert await user.value(dict) == {**STORED, "a": 9, "b": 1}


# --- what it means to set it to True in a block -------------------------------------------

IDLE = 100


async def _keep_alive(site: Site, user: Visitor, do: Do = _yes) -> list[dict[str, Any]]:
    """Have a view that runs for long keep its session alive in blocks; give what it shows."""

    def later(session: Any) -> None:
        site.clock.advance(60)

    acts = Steps(site, *[act for _ in range(4) for act in (later, Block(do))])
    assert (await user.respond(acts.view)).status == 200
    return acts.shown


@pytest.mark.stores("memory", "filesystem")
@pytest.mark.parametrize(("do", "alive"), [(_yes, True), (lambda s: None, False), (dict, False)])
async def test_it_restarts_the_idle_timeout(new_site: NewSite, do: Do, alive: bool) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=IDLE, SESSION_TOUCH_INTERVAL=0)
    user = await _known(site)
    await _keep_alive(site, user, do)
    site.clock.advance(60)
    assert await user.value(dict) == (STORED if alive else {})


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_it_costs_one_question_where_nothing_else_changed(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = await _known(site)
    before = spy.counts
    acts = Steps(site, Block(_yes), Block(dict), Block(lambda s: None), Block(_yes))
    answer = await user.respond(acts.view)
    assert spy.counts - before == {"load": 3}  # the opening, and two blocks
    assert len(answer.set_cookies) == 1
    before = spy.counts
    await user.visit(_yes)  # its opening has done so
    assert spy.counts - before == {"load": 1}


@pytest.mark.stores("memory", "filesystem")
async def test_where_requests_do_not_renew_it_does_not_either(new_site: NewSite) -> None:
    site = new_site(
        PERMANENT_SESSION_LIFETIME=IDLE, SESSION_TOUCH_INTERVAL=0, SESSION_NO_RENEW=["/visit"]
    )
    user = await _known(site)
    await _keep_alive(site, user)
    assert await user.value(dict) == {}


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_it_shows_what_others_wrote_meanwhile(site: Site) -> None:
    user, other = await _known(site), site.visitor()
    other.driver.jar = user.jar.copy()
    held: list[Any] = []
    block = import_module(f"samesession.{site.framework}").saving

    def flask(session: Any, web: Any) -> str:
        held.append(session["cart"])
        driver: Any = other.driver
        site.actions.append(lambda session, web: str(session.update(b=1)))
        driver.send("GET", f"/visit/{len(site.actions) - 1}")
        with block():
            session.modified = True
        held.extend((dict(session), session["cart"]))
        session["cart"].append("jam")
        return ""

    async def quart(session: Any, web: Any) -> str:
        held.append(session["cart"])
        await other.put(b=1)
        async with block():
            session.modified = True
        held.extend((dict(session), session["cart"]))
        session["cart"].append("jam")
        return ""

    await user.respond(flask if site.framework == "flask" else quart)
    assert held[1]["b"] == 1
    assert held[0] is held[2]
    assert await user.value(dict) == {**STORED, "cart": ["tea", "jam"], "b": 1}


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem", "sqlite")
async def test_a_session_that_blocks_keep_alive_stays_in_its_owners_list(
    new_site: NewSite,
) -> None:
    """Though no request of it comes for longer than a note of the list lives."""
    site = new_site(PERMANENT_SESSION_LIFETIME=100)
    user = site.visitor()
    await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    block = import_module(f"samesession.{site.framework}").saving
    administration = site.app.session_interface.app_sessions.administration
    listed: list[int] = []

    def flask(session: Any, web: Any) -> str:
        for _ in range(6):
            site.clock.advance(80)
            with block():
                session.modified = True
        run(administration.purge())
        listed.append(len(run(administration.sessions_of("ann"))))
        return ""

    async def quart(session: Any, web: Any) -> str:
        for _ in range(6):
            site.clock.advance(80)
            async with block():
                session.modified = True
        await arun(administration.purge())
        listed.append(len(await arun(administration.sessions_of("ann"))))
        return ""

    await user.respond(flask if site.framework == "flask" else quart)
    assert listed == [1]


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_a_session_that_ended_meanwhile_is_empty_from_then_on(
    site: Site, backend: Backend
) -> None:
    gone: list[str] = []

    def note(_: Any, reason: str, **__: Any) -> None:
        gone.append(reason)

    user, other = await _known(site), site.visitor()
    other.driver.jar = user.jar.copy()

    def flask(session: Any, web: Any) -> Any:
        driver: Any = other.driver
        site.actions.append(lambda session, web: str(session.clear()))
        driver.send("GET", f"/visit/{len(site.actions) - 1}")
        return Steps(site, Block(_yes), Block(_yes), _set_a).view(session, web)

    async def quart(session: Any, web: Any) -> Any:
        await other.visit(lambda s: s.clear())
        return await Steps(site, Block(_yes), Block(_yes), _set_a).view(session, web)

    with signals.session_gone.connected_to(note, site.app):
        answer = await user.respond(flask if site.framework == "flask" else quart)
    assert answer.status == 200
    assert "it ended while the request ran" in gone
    assert ("session" in user.jar, backend.records()) == (False, {})


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_a_session_that_was_taken_over_meanwhile_is_not_shown(site: Site) -> None:
    user, other = await _known(site), site.visitor()
    other.driver.jar = user.jar.copy()
    steps = Steps(site, Block(_yes), _set_a)

    def flask(session: Any, web: Any) -> Any:
        driver: Any = other.driver
        site.actions.append(lambda session, web: str(session.regenerate()))
        driver.send("GET", f"/visit/{len(site.actions) - 1}")
        return steps.view(session, web)

    async def quart(session: Any, web: Any) -> Any:
        await other.visit(lambda s: s.regenerate())
        return await steps.view(session, web)

    assert (await user.respond(flask if site.framework == "flask" else quart)).status == 200
    assert steps.shown[0] == {}
    assert await other.value(dict) == STORED


@pytest.mark.stores("memory", "filesystem")
async def test_a_stream_keeps_its_session_alive(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=IDLE, SESSION_TOUCH_INTERVAL=0)
    user = await _known(site)
    caught: list[BaseException] = []

    def do(session: Any) -> None:
        site.clock.advance(60)
        session.modified = True

    for _ in range(3):
        await user.respond(streamed(site, do, caught))
        site.clock.advance(30)
    site.clock.advance(60)
    assert (caught, await user.value(dict)) == ([], STORED)


@pytest.mark.needs("quart")
@pytest.mark.stores("memory", "filesystem")
@pytest.mark.parametrize("alive", [True, False])
async def test_a_socket_keeps_its_session_alive(new_site: NewSite, alive: bool) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=IDLE, SESSION_TOUCH_INTERVAL=0)
    work = saving(site, _yes if alive else dict)

    async def socket() -> None:
        for _ in range(4):
            await site.web.websocket.receive()
            site.clock.advance(60)
            await work()
            await site.web.websocket.send("done")

    site.app.websocket("/socket")(socket)
    user = await _known(site)
    driver: Any = user.driver
    async with driver.websocket("/socket") as connection:
        for _ in range(4):
            await connection.send("work")
            assert await connection.receive() == "done"
    assert await user.value(dict) == (STORED if alive else {})
