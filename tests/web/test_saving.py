"""A session saved before its response is made, or while that is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from samesession import NotSupported, ReadOnlySession, StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio

Do = Callable[[Any], Any]


def saving(site: Site, do: Do) -> Any:
    """Give a view's work: `do` in a block that saves the session at its end."""
    block = import_module(f"samesession.{site.framework}").saving

    def sync() -> None:
        with block() as session:
            do(session)

    async def coroutine() -> None:
        async with block() as session:
            do(session)

    return sync if site.framework == "flask" else coroutine


def streamed(site: Site, do: Do, caught: list[BaseException]) -> Any:
    """Give a view whose body, while it is sent, does something in a block that saves."""
    return streamed_work(site, saving(site, do), caught)


def streamed_work(site: Site, work: Any, caught: list[BaseException]) -> Any:
    """Give a view whose body does some work while it is sent."""

    def flask(session: Any, web: Any) -> Any:
        def body() -> Iterator[str]:
            try:
                work()
            except Exception as error:  # which one is what the test asks
                caught.append(error)
            yield "done"

        return web.Response(web.stream_with_context(body()))

    def quart(session: Any, web: Any) -> Any:
        async def body() -> AsyncIterator[bytes]:
            try:
                await work()
            except Exception as error:
                caught.append(error)
            yield b"done"

        return web.Response(web.stream_with_context(body)())

    return flask if site.framework == "flask" else quart


async def test_a_block_saves_while_the_view_still_runs(site: Site, backend: Backend) -> None:
    user = site.visitor()
    await user.put(a=1)
    (before,) = backend.records().values()
    seen: list[bytes] = []

    def flask(session: Any, web: Any) -> str:
        saving(site, lambda session: session.update(b=2))()
        seen.extend(backend.records().values())
        session["c"] = 3
        return ""

    async def quart(session: Any, web: Any) -> str:
        await saving(site, lambda session: session.update(b=2))()
        seen.extend(backend.records().values())
        session["c"] = 3
        return ""

    answer = await user.respond(flask if site.framework == "flask" else quart)
    assert (answer.status, len(answer.set_cookies)) == (200, 1)
    assert len(seen) == 1
    assert seen[0] != before
    assert await user.value(dict) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("known", [True, False], ids=["live", "new"])
async def test_the_cookie_of_a_session_saved_early_goes_out_with_the_response(
    site: Site, known: bool
) -> None:
    user = site.visitor()
    if known:
        await user.put(a=1)
    view = saving(site, lambda session: (session.update(a=2), session.regenerate()))
    answer = await user.respond(lambda session, web: view() or "")
    assert len(answer.set_cookies) == 1
    assert await user.value(dict) == {"a": 2}


async def test_a_session_deleted_early_takes_its_cookie_along(site: Site, backend: Backend) -> None:
    user = site.visitor()
    await user.put(a=1)
    view = saving(site, lambda session: session.clear())
    await user.respond(lambda session, web: view() or "")
    assert "session" not in user.jar
    assert backend.records() == {}


async def test_a_stream_saves_what_it_writes_in_a_block(site: Site) -> None:
    user, caught = site.visitor(), list[BaseException]()
    await user.put(list=[])
    answer = await user.respond(streamed(site, lambda session: session["list"].append(1), caught))
    assert (answer.text, caught) == ("done", [])
    assert await user.value(dict) == {"list": [1]}


@pytest.mark.parametrize(
    ("known", "do"),
    [(False, lambda s: s.update(a=2)), (True, lambda s: s.regenerate())],
    ids=["beginning", "regenerating"],
)
async def test_a_stream_cannot_send_a_cookie(site: Site, known: bool, do: Do) -> None:
    user, caught = site.visitor(), list[BaseException]()
    if known:
        await user.put(a=1)
    await user.respond(streamed(site, do, caught))
    (error,) = caught
    assert isinstance(error, ReadOnlySession)
    assert await user.value(dict) == ({"a": 1} if known else {})


async def test_a_block_in_a_block_of_a_stream_cannot_send_a_cookie_either(site: Site) -> None:
    user, caught = site.visitor(), list[BaseException]()
    await user.put(list=[])
    inner = saving(site, lambda session: session["list"].append(1))
    rekeying = saving(site, lambda session: session.regenerate())
    block = import_module(f"samesession.{site.framework}").saving

    def sync() -> None:
        with block() as session:
            inner()
            session["outer"] = 2  # lost with the error that follows
            rekeying()

    async def coroutine() -> None:
        async with block() as session:
            await inner()
            session["outer"] = 2
            await rekeying()

    work = sync if site.framework == "flask" else coroutine
    await user.respond(streamed_work(site, work, caught))
    assert [type(error) for error in caught] == [ReadOnlySession]
    assert await user.value(dict) == {"list": [1]}


async def test_a_stream_saves_what_it_writes_when_its_last_block_is_over(site: Site) -> None:
    user, caught = site.visitor(), list[BaseException]()
    await user.put(list=[])
    inner = saving(site, lambda session: session["list"].append(1))
    block = import_module(f"samesession.{site.framework}").saving

    def sync() -> None:
        with block() as session:
            inner()
            session["outer"] = 2
        site.session["late"] = 1

    async def coroutine() -> None:
        async with block() as session:
            await inner()
            session["outer"] = 2
        site.session["late"] = 1

    work = sync if site.framework == "flask" else coroutine
    await user.respond(streamed_work(site, work, caught))
    assert caught == []
    assert await user.value(dict) == {"list": [1], "outer": 2, "late": 1}


@pytest.mark.parametrize(
    ("known", "do"),
    [(False, lambda s: s.update(a=2)), (True, lambda s: s.regenerate())],
    ids=["beginning", "regenerating"],
)
async def test_what_goes_on_after_the_response_cannot_send_a_cookie(
    site: Site, known: bool, do: Do
) -> None:
    user, left = site.visitor(), list[Any]()
    if known:
        await user.put(a=1)
    work = saving(site, do)

    def view(session: Any, web: Any) -> str:
        _ = session.get("a")
        left.append(web.copy_current_request_context(work))
        return ""

    assert (await user.respond(view)).status == 200

    async def go_on() -> None:
        done = left[0]()
        await (done if site.framework == "quart" else asyncio.sleep(0))

    with pytest.raises(ReadOnlySession):
        await go_on()
    assert await user.value(dict) == ({"a": 1} if known else {})


@pytest.mark.stores("cookie")
async def test_a_stream_cannot_write_to_a_session_that_the_browser_keeps(site: Site) -> None:
    user, caught = site.visitor(), list[BaseException]()
    await user.put(a=1)
    await user.respond(streamed(site, lambda session: session.update(a=2), caught))
    assert [type(error) for error in caught] == [NotSupported]
    assert await user.value(dict) == {"a": 1}


async def test_a_block_whose_save_fails_raises_and_is_tried_again_with_the_response(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})

    @site.errorhandler(StoreUnavailable)
    def unavailable(session: Any, web: Any, error: Exception) -> tuple[str, int]:
        spy.mend()
        return "try again", 503

    user = site.visitor()
    await user.put(a=1)
    spy.fail("commit", StoreUnavailable("on purpose"))
    view = saving(site, lambda session: session.update(b=2))
    answer = await user.respond(lambda session, web: view() or "")
    assert (answer.status, answer.text) == (503, "try again")
    assert await user.value(dict) == {"a": 1, "b": 2}


@pytest.mark.needs("quart")
async def test_a_socket_saves_while_it_is_open(site: Site) -> None:
    work = saving(site, lambda session: session["list"].append(1))

    async def socket() -> None:
        await work()
        await site.web.websocket.send("saved")
        await site.web.websocket.receive()

    site.app.websocket("/socket")(socket)
    user: Visitor = site.visitor()
    await user.put(list=[])
    driver: Any = user.driver
    async with driver.websocket("/socket") as connection:
        assert await connection.receive() == "saved"
        assert await user.value(dict) == {"list": [1]}
        await connection.send("bye")
    assert await user.value(dict) == {"list": [1]}
