"""Receivers of signals: whatever they do, a session is saved, or not, as if nobody listened."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from samesession import StoreUnavailable, signals
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer
from tests.web.test_cli import command
from tests.web.test_saving import saving

pytestmark = pytest.mark.asyncio

SIGNALS = [getattr(signals, name) for name in dir(signals) if name.startswith("session_")]
TIMEOUT = 0.2  # seconds that the store has
ON_PURPOSE = "raised on purpose"
FAILED = "a receiver of {} failed; it changes nothing else"

Receiver = Callable[..., Any]


@contextmanager
def connected(site: Site, *receivers: Receiver) -> Iterator[None]:
    """Have receivers called for all that happens to a site's sessions."""
    for signal in SIGNALS:
        for receiver in receivers:
            signal.connect(receiver, sender=site.app)
    try:
        yield
    finally:
        for signal in SIGNALS:
            for receiver in receivers:
                signal.disconnect(receiver, sender=site.app)


def plain(sender: Any, **_: Any) -> None:
    raise ValueError(ON_PURPOSE)


async def coroutine(sender: Any, **_: Any) -> None:
    await asyncio.sleep(0)
    raise ValueError(ON_PURPOSE)


def handing_on(sender: Any, **_: Any) -> Any:
    return coroutine(sender)


def out_of_things(sender: Any, **_: Any) -> None:
    next(iter(()))


class Callee:
    async def __call__(self, sender: Any, **_: Any) -> None:
        await coroutine(sender)


KINDS: dict[str, Receiver] = {
    "plain": plain,
    "coroutine": coroutine,
    "partial coroutine": functools.partial(coroutine),
    "awaitable": handing_on,
    "callee": Callee(),
    "StopIteration": out_of_things,
    "wrong parameters": lambda sender: None,
}


class Ear:
    """Notes what is told: the reasons of one's own events, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, Any]] = []

    def listen(self, sender: Any, *, sid: Any, reason: Any, **_: Any) -> None:
        self.heard.append((sid, reason))


async def request(user: Visitor, act: Callable[[Any], Any], **options: Any) -> Any:
    """Have `act(session)` run in a request that a server would run: for Flask, in a thread."""
    user.site.actions.append(lambda session, web: str(act(session)))
    return await user.driver.start("GET", f"/visit/{len(user.site.actions) - 1}", **options)


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if "a receiver of" in each.getMessage()]


# --- what a receiver raises ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.stores("memory")
async def test_a_save_stands_whatever_a_receiver_raises(
    site: Site, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    ear, user = Ear(), site.visitor()
    with connected(site, KINDS[kind], ear.listen):
        answer = await request(user, lambda session: session.update(a="kept"))
        assert (answer.status, len(answer.set_cookies)) == (200, 1)
        assert [reason for _, reason in ear.heard] == [""]
    assert await user.value(dict) == {"a": "kept"}
    (line,) = complaints(caplog)
    assert line.levelno == logging.ERROR
    assert line.getMessage() == FAILED.format("session-created")
    assert line.exc_info


async def _open(site: Site, user: Visitor, sid: str) -> None:
    await administer(site, "revoke", sid)
    assert (await request(user, dict)).text == "{}"


async def _close(site: Site, user: Visitor, sid: str) -> None:
    assert (await request(user, lambda session: session.regenerate())).status == 200
    assert await user.value(dict) == {"a": 1}


async def _block(site: Site, user: Visitor, sid: str) -> None:
    work = saving(site, lambda session: session.regenerate())

    def flask(session: Any, web: Any) -> str:
        work()
        return ""

    async def quart(session: Any, web: Any) -> str:
        await work()
        return ""

    view = flask if site.framework == "flask" else quart
    assert (await user.respond(view)).status == 200
    assert await user.value(dict) == {"a": 1}


async def _command(site: Site, user: Visitor, sid: str) -> None:
    assert await command(site, "revoke", sid) == (0, "1 session ended\n")


async def _revoke(site: Site, user: Visitor, sid: str) -> None:
    assert await administer(site, "revoke", sid) is True


async def _revoke_all(site: Site, user: Visitor, sid: str) -> None:
    await user.visit(lambda session: session.bind("ann"))
    assert await administer(site, "revoke_all", "ann") == 1


async def _transaction(site: Site, user: Visitor, sid: str) -> None:
    if site.framework == "flask":
        with site.app.test_client().session_transaction() as session:
            session["b"] = 2
    else:
        async with site.app.test_client().session_transaction() as session:
            session["b"] = 2


PLACES = {
    "open": _open,
    "close": _close,
    "saving": _block,
    "command": _command,
    "revoke": _revoke,
    "revoke_all": _revoke_all,
    "transaction": _transaction,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.stores("memory")
async def test_what_a_receiver_raises_stays_in_the_log_wherever_it_is_called(
    site: Site, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    user, ear = site.visitor(), Ear()
    await user.put(a=1)
    sid = await user.value(lambda session: session.sid)
    with connected(site, plain, ear.listen):
        await PLACES[place](site, user, sid)
    assert complaints(caplog)
    assert len(ear.heard) == len(complaints(caplog))


@pytest.mark.needs("quart")
@pytest.mark.stores("memory")
async def test_what_a_receiver_raises_as_a_socket_closes_stays_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async def socket() -> None:
        site.session.clear()
        await site.web.websocket.send("cleared")

    site.app.websocket("/socket")(socket)
    user: Visitor = site.visitor()
    await user.put(a=1)
    driver: Any = user.driver
    with connected(site, plain, coroutine):
        async with driver.websocket("/socket") as connection:
            assert await connection.receive() == "cleared"
            await asyncio.wait_for(asyncio.shield(connection._task), 5)
    assert len(complaints(caplog)) == 2
    assert await user.value(dict) == {}


@pytest.mark.stores("memory")
async def test_the_log_shows_nothing_of_what_a_failed_receiver_held(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def receiver(sender: Any, **_: Any) -> None:
        mine = dict(site.session)
        raise ValueError(len(mine))

    with connected(site, receiver):
        await request(site.visitor(), lambda session: session.update(a="canary"))
    (line,) = complaints(caplog)
    assert line.exc_info
    step, shown = line.exc_info[2], list[object]()
    while step is not None:
        shown.extend(step.tb_frame.f_locals.values())
        step = step.tb_next
    assert shown
    assert "canary" not in repr(shown)


@pytest.mark.owners
@pytest.mark.parametrize("receiver", [plain, coroutine], ids=["plain", "coroutine"])
async def test_the_log_shows_nobody_whose_session_a_failed_receiver_was_told_of(
    site: Site, caplog: pytest.LogCaptureFixture, receiver: Receiver
) -> None:
    with connected(site, receiver):
        await request(site.visitor(), lambda session: session.bind("the-owner-ann"))
    told = complaints(caplog)
    assert len(told) == 2
    for line in told:
        assert line.exc_info
        step, shown = line.exc_info[2], list[object]()
        while step is not None:
            shown.extend(step.tb_frame.f_locals.values())
            step = step.tb_next
        assert shown
        assert "the-owner-ann" not in repr(shown)
    assert "the-owner-ann" not in caplog.text


# --- coroutines ---------------------------------------------------------------------------


@pytest.mark.stores("memory")
async def test_a_coroutine_is_run_to_its_end(site: Site) -> None:
    ear, user = Ear(), site.visitor()

    async def receiver(sender: Any, **told: Any) -> None:
        await asyncio.sleep(0)
        ear.listen(sender, **told)

    with connected(site, receiver):
        await request(user, lambda session: session.update(a=1))
        assert ear.heard == [(await user.value(lambda session: session.sid), "")]


@pytest.mark.owners
@pytest.mark.stores("memory")
async def test_a_coroutine_is_told_whose_session_it_is(site: Site) -> None:
    whose: list[Any] = []

    async def receiver(sender: Any, *, owner: Any, **_: Any) -> None:
        await asyncio.sleep(0)
        whose.append(owner)

    with connected(site, receiver):
        await request(site.visitor(), lambda session: session.bind("ann"))
    assert whose == ["ann", "ann"]


@pytest.mark.needs("flask")
@pytest.mark.parametrize("receiver", [coroutine, handing_on])
@pytest.mark.stores("memory")
async def test_a_coroutine_that_flask_cannot_run_here_is_said_in_one_line(
    site: Site, caplog: pytest.LogCaptureFixture, receiver: Receiver
) -> None:
    user = site.visitor()
    with connected(site, receiver):
        await user.put(a=1)  # in the thread of an event loop that runs
    (line,) = complaints(caplog)
    assert line.exc_info
    assert "event loop" in str(line.exc_info[1])
    assert await user.value(dict) == {"a": 1}


# --- when they are called -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
@pytest.mark.stores("memory", "redis")
async def test_a_slow_receiver_takes_nothing_of_the_stores_time(
    new_site: NewSite, kind: str
) -> None:
    site = new_site(SESSION_STORE_TIMEOUT=TIMEOUT)
    ear, user = Ear(), site.visitor()

    def slow(sender: Any, **told: Any) -> None:
        time.sleep(2 * TIMEOUT)
        ear.listen(sender, **told)

    async def slow_coroutine(sender: Any, **told: Any) -> None:
        await asyncio.sleep(2 * TIMEOUT)
        ear.listen(sender, **told)

    with connected(site, slow if kind == "plain" else slow_coroutine):
        answer = await request(user, lambda session: session.update(a=1))
    assert (answer.status, len(ear.heard)) == (200, 1)
    assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("memory")
@pytest.mark.needs("quart")
async def test_a_receiver_that_blocks_does_not_hold_the_event_loop(site: Site) -> None:
    turned = asyncio.Event()
    loop = asyncio.get_running_loop()

    def blocking(sender: Any, **_: Any) -> None:
        asyncio.run_coroutine_threadsafe(_set(turned), loop).result(5)

    with connected(site, blocking):
        await request(site.visitor(), lambda session: session.update(a=1))
    assert turned.is_set()


async def _set(event: asyncio.Event) -> None:
    event.set()


@pytest.mark.owners
async def test_a_receiver_may_use_sessions_and_the_order_is_kept(site: Site) -> None:
    """A login that ends the user's other sessions, from the signal."""
    other, user, heard = site.visitor(), site.visitor(), list[str]()
    module = import_module(f"samesession.{site.framework}")

    def flask(sender: Any, *, sid: str, **_: Any) -> None:
        module.revoke_all("ann", keep=sid)

    async def quart(sender: Any, *, sid: str, **_: Any) -> None:
        await module.revoke_all("ann", keep=sid)

    def note(name: str) -> Receiver:
        return lambda sender, **_: heard.append(name)

    notes = {name: note(name) for name in ("created", "bound", "revoked")}
    await request(other, lambda session: session.bind("ann"))
    for name, receiver in notes.items():
        getattr(signals, f"session_{name}").connect(receiver, sender=site.app)
    ending = flask if site.framework == "flask" else quart
    signals.session_bound.connect(ending, sender=site.app)
    try:
        assert (await request(user, lambda session: session.bind("ann"))).status == 200
    finally:
        signals.session_bound.disconnect(ending)
        for name, receiver in notes.items():
            getattr(signals, f"session_{name}").disconnect(receiver)
    assert heard[0] == "created"
    assert sorted(heard[1:]) == ["bound", "revoked"]
    assert await other.value(lambda session: session.info.owner) is None
    assert await user.value(lambda session: session.info.owner) == "ann"


async def test_what_happened_before_a_save_failed_is_sent(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user, ear = site.visitor(), Ear()
    await user.put(a=1)
    sid = await user.value(lambda session: session.sid)
    gate = spy.pause("commit")
    with connected(site, ear.listen):
        late = asyncio.create_task(request(user, lambda session: session.update(late=1)))
        await gate.reached()
        await user.put(b=1)
        second = spy.pause("commit")  # after the conflict
        gate.open()
        await second.reached()
        assert ear.heard == []
        spy.fail("commit", StoreUnavailable("the store is down"))
        second.open()
        assert (await late).status == 503
        assert ear.heard == [(sid, "another request was faster")]


@pytest.mark.needs("quart")
async def test_what_happened_before_a_client_hung_up_is_sent(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user, ear = site.visitor(), Ear()
    await user.put(a=1)
    sid = await user.value(lambda session: session.sid)
    gate = spy.pause("commit")
    with connected(site, ear.listen):
        late = asyncio.create_task(_sessions_end(site, user))
        await gate.reached()
        await user.put(b=1)
        second = spy.pause("commit")
        gate.open()
        await second.reached()
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        assert ear.heard == [(sid, "another request was faster")]


async def _sessions_end(site: Site, user: Visitor) -> None:
    """Change the user's session in a request that can be cancelled from here."""
    headers = {"Cookie": user.jar.header() or ""}
    async with site.app.test_request_context("/", headers=headers) as context:
        context.session["late"] = 1
        await site.app.session_interface.save_session(
            site.app, context.session, site.web.Response("")
        )
