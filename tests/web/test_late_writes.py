"""Writes to a session whose response is made: never lost without a word."""

from __future__ import annotations

import asyncio
import gc
import inspect
import linecache
import threading
import warnings
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest

from samesession import NotSupported, ReadOnlySession, StoreUnavailable, UnsavedWriteWarning
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.spy import PATIENCE
from tests.support.streams import Reading, streaming

pytestmark = pytest.mark.asyncio

Do = Callable[[Any], Any]  # Any: the session is a proxy

FLASK = ("teardown", "closed", "copied", "thread", "held")
QUART = ("teardown", "task", "background", "copied", "held")
WAYS = [
    *(pytest.param(way, marks=pytest.mark.needs("flask"), id=f"flask-{way}") for way in FLASK),
    *(pytest.param(way, marks=pytest.mark.needs("quart"), id=f"quart-{way}") for way in QUART),
]


class Late:
    """Does something to a request's session when its response is made."""

    def __init__(self, site: Site, way: str) -> None:
        self.site = site
        self.way = way
        self._answered = asyncio.Event()
        self._left: list[Callable[[], Any]] = []
        self._caught: list[BaseException] = []
        if way == "teardown":
            site.app.teardown_request(self._torn_down_async if self._awaits else self._torn_down)

    @property
    def _awaits(self) -> bool:
        return self.site.framework == "quart"

    async def does(
        self,
        visitor: Visitor,
        do: Do,
        *,
        saving: bool = False,
        first: Do | None = None,
        before: Do | None = None,
    ) -> list[BaseException]:
        """Have a request do it, `first` in the view, `before` it; give what it raised."""
        work = self._work(do, before, saving=saving)

        def view(session: Any, web: Any) -> Any:
            if first is not None:
                first(session)
            response = web.Response(b"done")
            self._arrange(work, session, web, response)
            return response

        answer = await visitor.respond(view)
        assert (answer.status, answer.text) == (200, "done")
        self._answered.set()
        for done in [self._left.pop() for _ in range(len(self._left))]:
            result = done()
            if inspect.isawaitable(result):
                await asyncio.wait_for(result, PATIENCE)
                await asyncio.sleep(0)  # from 3.12 on what wakes this task holds the other
        return self._caught

    def _work(self, do: Do, before: Do | None, *, saving: bool) -> Callable[[Any], Any]:
        block = import_module(f"samesession.{self.site.framework}").saving

        def sync(session: Any) -> None:
            try:
                if before is not None:
                    before(session)
                if saving:
                    with block() as same:
                        do(same)
                else:
                    do(session)
            except Exception as error:
                self._caught.append(error)

        async def coroutine(session: Any) -> None:
            try:
                if before is not None:
                    before(session)
                if saving:
                    async with block() as same:
                        do(same)
                else:
                    do(session)
            except Exception as error:
                self._caught.append(error)

        return coroutine if self._awaits else sync

    def _arrange(self, work: Callable[[Any], Any], session: Any, web: Any, response: Any) -> None:
        def sync() -> None:
            work(session)

        async def coroutine() -> None:
            await work(session)

        async def when_answered() -> None:
            await self._answered.wait()
            await work(session)

        copied = web.copy_current_request_context
        match self.way:
            case "teardown":
                self._left.append(lambda: None)
                self._torn = coroutine if self._awaits else sync
            case "closed":
                response.call_on_close(copied(sync))
            case "copied":
                self._left.append(copied(coroutine if self._awaits else sync))
            case "thread":
                self._left.append(_in_thread(copied(sync)))
            case "task":
                task = asyncio.create_task(when_answered())
                self._left.append(lambda: task)
            case "background":
                # Quart 0.23 begins such a task without the request.
                web.current_app.add_background_task(copied(when_answered))
                (task,) = web.current_app.background_tasks
                self._left.append(lambda: task)
            case "held":
                held = session._get_current_object()
                context = (
                    copied(lambda: work(held)) if not self._awaits else copied(_of(work, held))
                )
                self._left.append(context)

    _torn: Callable[[], Any] | None = None

    def _torn_down(self, _: BaseException | None) -> None:
        torn, self._torn = self._torn, None
        if torn is not None:
            torn()

    async def _torn_down_async(self, _: BaseException | None) -> None:
        torn, self._torn = self._torn, None
        if torn is not None:
            await torn()


def _of(work: Callable[[Any], Awaitable[None]], held: Any) -> Callable[[], Awaitable[None]]:
    async def coroutine() -> None:
        await work(held)

    return coroutine


def _in_thread(work: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(PATIENCE)

    return run


async def known(site: Site, **values: Any) -> Visitor:
    visitor = site.visitor()
    await visitor.put(**values)
    return visitor


def write(session: Any) -> None:
    session["a"] = 2  # the write


def flash(session: Any) -> None:
    session.setdefault("_flashes", []).append(("message", "hi"))  # the write


def place_of(warning: warnings.WarningMessage) -> str:
    return linecache.getline(warning.filename, warning.lineno).strip()


@pytest.mark.parametrize("way", WAYS)
async def test_a_write_that_is_not_saved_is_warned_of_where_it_is_made(
    site: Site, way: str
) -> None:
    late, user = Late(site, way), await known(site, a=1)
    with pytest.warns(UnsavedWriteWarning) as told:
        assert await late.does(user, write) == []
    (warning,) = told
    assert place_of(warning) == 'session["a"] = 2  # the write'
    assert f"samesession.{site.framework}.saving()" in str(warning.message)
    assert await user.value(dict) == {"a": 1}


@pytest.mark.parametrize("way", WAYS)
async def test_a_write_in_a_block_is_kept(site: Site, way: str) -> None:
    late, user = Late(site, way), await known(site, a=1, list=[])

    def both(session: Any) -> None:
        write(session)
        session["list"].append(1)

    assert await late.does(user, both, saving=True) == []
    assert await user.value(dict) == {"a": 2, "list": [1]}


@pytest.mark.parametrize("way", WAYS)
async def test_a_session_cannot_begin_in_a_block(site: Site, backend: Backend, way: str) -> None:
    late, user = Late(site, way), site.visitor()
    (error,) = await late.does(user, write, saving=True)
    assert isinstance(error, ReadOnlySession)
    assert backend.records() == {}
    assert await user.value(dict) == {}


@pytest.mark.parametrize("ended", [True, False], ids=["ended in the view", "never begun"])
@pytest.mark.stores("memory", "filesystem")
async def test_nor_can_it_outside_of_one(site: Site, backend: Backend, ended: bool) -> None:
    late, user = Late(site, "copied"), site.visitor()
    if ended:
        await user.put(a=1)
    with pytest.warns(UnsavedWriteWarning, match="begin the session in the view"):
        await late.does(user, write, first=lambda s: s.clear() if ended else None)
    assert backend.records() == {}


@pytest.mark.stores("memory", "filesystem")
async def test_a_block_saves_what_was_written_before_it_too(site: Site) -> None:
    late, user = Late(site, "copied"), await known(site, a=1, list=[])
    with pytest.warns(UnsavedWriteWarning) as told:
        assert await late.does(user, append, saving=True, before=write) == []
    assert len(told) == 1
    assert await user.value(dict) == {"a": 2, "list": [1]}


NEW_SECRETS: dict[str, Do] = {
    "regenerate": lambda s: s.regenerate(),
    "bind": lambda s: s.bind("ann"),
    "unbind": lambda s: s.unbind(),
    "confirm": lambda s: s.confirm(),
}
OF_OWNERS = [pytest.param(name, marks=pytest.mark.owners) for name in ("bind", "unbind", "confirm")]


@pytest.mark.parametrize("saving", [True, False], ids=["in a block", "outside"])
@pytest.mark.parametrize("name", ["regenerate", *OF_OWNERS])
async def test_a_session_gets_no_new_secret(site: Site, name: str, saving: bool) -> None:
    late, user = Late(site, "copied"), await known(site, a=1)
    owner = "ann" if name == "confirm" else None
    if owner is not None:
        await user.visit(lambda s: s.bind(owner))
    (error,) = await late.does(user, NEW_SECRETS[name], saving=saving)
    assert isinstance(error, ReadOnlySession)
    assert await user.value(lambda s: (dict(s), s.info.owner)) == ({"a": 1}, owner)


def end(session: Any) -> None:
    session.end()


async def test_an_end_in_a_block_is_kept(site: Site, backend: Backend) -> None:
    late, user = Late(site, "copied"), await known(site, a=1)
    assert await late.does(user, end, saving=True) == []
    assert backend.records() == {}


async def test_an_end_outside_of_one_is_an_error_and_not_lost_in_silence(site: Site) -> None:
    late, user = Late(site, "copied"), await known(site, a=1)
    (error,) = await late.does(user, end)
    assert isinstance(error, ReadOnlySession)
    assert "in a block of" in str(error)
    assert await user.value(dict) == {"a": 1}


WRITES: dict[str, Do] = {
    "clear": lambda s: s.clear(),
    "pop": lambda s: s.pop("a"),
    "delete": lambda s: s.__delitem__("a"),
    "update": lambda s: s.update(b=2),
    "permanent": lambda s: setattr(s, "permanent", True),
    "modified": lambda s: setattr(s, "modified", True),
    "atomically": lambda s: s.update_atomically(lambda data: data.update(b=2)),
    "flash": flash,
}


@pytest.mark.stores("memory")
@pytest.mark.parametrize("name", WRITES)
async def test_every_kind_of_write_is_warned_of(site: Site, name: str) -> None:
    late, user = Late(site, "copied"), await known(site, a=1)
    with pytest.warns(UnsavedWriteWarning) as told:
        assert await late.does(user, WRITES[name]) == []
    assert {warning.filename for warning in told} == {__file__}
    assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("memory")
async def test_what_a_framework_writes_is_warned_of_where_it_is_called(site: Site) -> None:
    late, user = Late(site, "copied"), await known(site, a=1)
    site.app.jinja_env.globals["token"] = lambda: site.session.update(token=1)

    def rendered(session: Any) -> None:
        environment = site.app.jinja_env.overlay(enable_async=False)
        environment.from_string("{{ token() }}").render()

    def flashed(session: Any) -> None:
        flashed = site.web.flash("hi")
        if inspect.iscoroutine(flashed):
            with pytest.raises(StopIteration):
                flashed.send(None)

    for do, line in ((rendered, "lambda: site.session.update(token=1)"), (flashed, "flashed")):
        with pytest.warns(UnsavedWriteWarning) as told:
            assert await late.does(user, do) == []
        assert line in place_of(told[0])


READS: dict[str, Do] = {
    "get": lambda s: s.get("a"),
    "pop nothing": lambda s: s.pop("missing", None),
    "nested": lambda s: s["list"],
    "all": dict,
    "items": lambda s: list(s.items()),
    "info": lambda s: s.info,
    "no longer modified": lambda s: setattr(s, "modified", False),
}


@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize("name", READS)
async def test_a_read_is_not_warned_of(site: Site, name: str) -> None:
    late = Late(site, "copied")
    for user in (await known(site, a=1, list=[1]), await known(site, list=[])):
        assert await late.does(user, READS[name], first=lambda s: s.update(b=1)) == []
    del user
    gc.collect()


@pytest.mark.stores("memory", "cookie")
async def test_a_session_without_a_server_side_store_is_told_of_one(site: Site) -> None:
    if site.app.config["SESSION_TYPE"] != "cookie":
        return
    late, user = Late(site, "copied"), site.visitor()
    await user.put(a=1)
    with pytest.warns(UnsavedWriteWarning, match="server-side store"):
        await late.does(user, write)
    (error,) = await late.does(user, write, saving=True)
    assert isinstance(error, NotSupported)
    assert await user.value(dict) == {"a": 1}


# --- changes nested in values ------------------------------------------------------------------


def append(session: Any) -> None:
    session["list"].append(1)  # the write


@pytest.mark.stores("memory", "filesystem", "redis", "cookie")
@pytest.mark.parametrize("way", WAYS)
async def test_a_nested_change_is_warned_of_when_the_session_goes(site: Site, way: str) -> None:
    late, user = Late(site, way), await known(site, list=[])
    with pytest.warns(UnsavedWriteWarning) as told:  # noqa: PT031  # either may be what tells
        assert await late.does(user, append) == []
        gc.collect()
    (warning,) = told
    assert place_of(warning) == 'session["list"].append(1)  # the write'
    assert f"samesession.{site.framework}.saving()" in str(warning.message)
    assert await user.value(dict) == {"list": []}


@pytest.mark.stores("memory", "filesystem")
async def test_a_nested_change_that_a_block_saves_is_not_warned_of(site: Site) -> None:
    late, user = Late(site, "copied"), await known(site, list=[])
    assert await late.does(user, append, saving=True) == []
    gc.collect()
    assert await user.value(dict) == {"list": [1]}


@pytest.mark.stores("memory", "filesystem")
async def test_a_nested_change_after_a_block_is_warned_of(site: Site) -> None:
    late, user = Late(site, "copied"), await known(site, list=[])
    taken: list[Any] = []

    def take(session: Any) -> None:
        taken.append(session["list"])
        taken[0].append(1)

    held: list[Any] = []
    assert (
        await late.does(
            user, take, saving=True, first=lambda s: held.append(s._get_current_object())
        )
        == []
    )
    taken[0].append(2)
    with pytest.warns(UnsavedWriteWarning):  # noqa: PT031  # as above
        del held[:]
        gc.collect()
    assert await user.value(dict) == {"list": [1]}


# --- the edges of a response -------------------------------------------------------------------


async def test_what_is_done_before_the_response_is_made_is_saved(site: Site) -> None:
    def view(session: Any, web: Any) -> str:
        session["view"] = True

        def after(response: Any) -> Any:
            session["after this"] = True
            return response

        web.after_this_request(after)
        return ""

    site.after_request(lambda session, web, response: session.update(after=True) or response)
    user = site.visitor()
    await user.respond(view)
    assert await user.value(dict) == {"view": True, "after this": True, "after": True}


async def test_what_is_written_while_the_response_waits_for_its_save_is_saved(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user, held = await known(site, a=1), list[Any]()

    def view(session: Any, web: Any) -> str:
        held.append(session._get_current_object())
        session["b"] = 1
        return ""

    site.actions.append(view)
    gate = spy.pause("commit", after=True)
    request = user.driver.start("GET", f"/visit/{len(site.actions) - 1}")
    await gate.reached()
    held[0]["c"] = 1
    gate.open()
    assert (await request).status == 200
    assert await user.value(dict) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.stores("memory", "filesystem")
async def test_a_write_after_a_stream_is_warned_of(site: Site) -> None:
    user, held = await known(site, a=1), list[Any]()
    view = streaming(site, lambda s: s.update(b=1), lambda s: held.append(s._get_current_object()))
    reading = await Reading.of(user, view)
    await reading.rest()
    with pytest.warns(UnsavedWriteWarning):
        write(held[0])
    assert await user.value(dict) == {"a": 1, "b": 1}


async def _torn_down_before_its_body(site: Site) -> tuple[Visitor, Reading]:
    """Have a request whose context is torn down, and writes then, before its body is made."""
    late, user = Late(site, "teardown"), await known(site, a=1)
    work = late._work(write, None, saving=False)
    late._torn = lambda: work(site.session)
    return user, await Reading.of(user, streaming(site, lambda _: "text"))


@pytest.mark.stores("memory", "filesystem")
async def test_what_is_written_before_a_body_is_sent_is_saved_with_it(site: Site) -> None:
    user, reading = await _torn_down_before_its_body(site)
    assert await reading.rest() == "text"
    assert await user.value(dict) == {"a": 2}


@pytest.mark.stores("memory", "filesystem")
async def test_what_is_written_before_a_body_that_is_not_sent_is_saved_or_warned_of(
    site: Site,
) -> None:
    user, reading = await _torn_down_before_its_body(site)
    if site.framework == "flask":
        await reading.leave()  # a server closes the body in any case
        assert await user.value(dict) == {"a": 2}
    else:
        with pytest.warns(UnsavedWriteWarning, match="never sent"):  # noqa: PT031  # as above
            await reading.leave()
            del reading
            gc.collect()
        assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("memory")
async def test_a_session_whose_save_failed_keeps_nothing_more(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user, left = await known(site, a=1), list[Any]()
    block = import_module(f"samesession.{site.framework}").saving

    def sync() -> None:
        with block() as session:
            write(session)

    async def coroutine() -> None:
        async with block() as session:
            write(session)

    def view(session: Any, web: Any) -> str:
        work = coroutine if site.framework == "quart" else sync
        left.append(web.copy_current_request_context(work))
        session["b"] = 1
        return ""

    spy.fail("commit", StoreUnavailable("on purpose"))
    assert (await user.respond(view)).status == 503
    spy.mend()

    async def go_on() -> None:
        done = left.pop()()
        await (done if site.framework == "quart" else asyncio.sleep(0))

    with pytest.raises(StoreUnavailable):
        await go_on()
    assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("memory")
async def test_a_write_on_a_static_file_is_dropped_with_a_warning(new_site: NewSite) -> None:
    site = new_site()
    site.app.add_url_rule("/static", "static", site.bind(lambda session, web: "a file"))
    site.app.teardown_request(site.bind(lambda session, web, exc: session.update(late=1)))
    with pytest.warns(UnsavedWriteWarning, match="static files are exempt"):
        await site.user().get("/static")


@pytest.mark.needs("quart")
async def test_a_write_after_a_socket_has_closed_is_warned_of(site: Site) -> None:
    held: list[Any] = []

    async def socket() -> None:
        held.append(site.session._get_current_object())
        site.session["b"] = 1
        await site.web.websocket.send("done")

    site.app.websocket("/socket")(socket)
    user = await known(site, a=1)
    driver: Any = user.driver
    async with driver.websocket("/socket") as connection:
        await connection.receive()
        await asyncio.wait_for(asyncio.shield(connection._task), PATIENCE)
    with pytest.warns(UnsavedWriteWarning):
        write(held[0])
    assert await user.value(dict) == {"a": 1, "b": 1}


@pytest.mark.stores("memory")
async def test_a_context_without_a_response_is_not_late(site: Site) -> None:
    context = site.app.test_request_context("/")
    if site.framework == "flask":
        with context:
            site.session["list"] = []
            append(site.session)
    else:
        async with context:
            site.session["list"] = []
            append(site.session)
    del context
    gc.collect()


# --- what a test looks at --------------------------------------------------------------------


async def test_a_test_may_take_flashed_messages_in_the_context_that_its_client_keeps(
    new_site: NewSite,
) -> None:
    """As applications' tests do. They were saved to be shown next, and no write is lost."""
    site = new_site()

    def view(session: Any, web: Any) -> str:
        session["_flashes"] = [("message", "hello")]  # as `flash` does, which Quart awaits
        return "flashed"

    site.view("/flashes")(view)
    framework: Any = import_module(site.framework)
    client = site.app.test_client()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if site.framework == "flask":
            with client:
                client.get("/flashes")
                assert framework.get_flashed_messages() == ["hello"]
        else:
            async with client:
                await client.get("/flashes")
                assert framework.get_flashed_messages() == ["hello"]


async def test_messages_taken_out_late_by_the_application_are_told_of(new_site: NewSite) -> None:
    """The browser is shown them once more."""
    site = new_site()
    way = Late(site, "teardown")

    def write(session: Any) -> None:
        session["_flashes"] = [("message", "hello")]

    with pytest.warns(UnsavedWriteWarning):
        assert (
            await way.does(site.visitor(), lambda session: session.pop("_flashes"), first=write)
            == []
        )
