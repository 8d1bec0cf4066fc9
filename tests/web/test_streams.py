"""What a streamed body does to the session: saved after each chunk, and at its end."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from traceback import format_exception
from typing import Any

import pytest

from samesession import ReadOnlySession, StoreUnavailable
from samesession.core.steps import Steps, wait
from samesession.signals import session_unsaved
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.streams import Reading, streaming
from tests.web.test_saving import streamed

pytestmark = pytest.mark.asyncio


async def known(site: Site, **values: Any) -> Visitor:
    visitor = site.visitor()
    await visitor.put(**values)
    return visitor


def count(session: Any) -> None:
    session["list"].append(len(session["list"]))


def csrf_token(session: Any) -> str:
    """Do what Flask-WTF's `csrf_token()` does to the session."""
    if "csrf_token" not in session:
        session["csrf_token"] = "a token"
    return str(session["csrf_token"])


def heard_by(site: Site) -> list[tuple[Any, str]]:
    """Note what is signalled as unsaved."""
    heard: list[tuple[Any, str]] = []

    def hear(_: Any, *, sid: Any, reason: str, **__: Any) -> None:
        heard.append((sid, reason))

    session_unsaved.connect(hear, site.app)
    site.app.hear = hear  # signals hold their receivers weakly
    return heard


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


# --- what is saved, and when ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "after"),
    [
        (lambda s: s.update(a=2), {"a": 2, "list": []}),
        (count, {"a": 1, "list": [0]}),
        (lambda s: s.pop("a"), {"list": []}),
        (lambda s: s.update_atomically(lambda data: data.update(a=2)), {"a": 2, "list": []}),
        (lambda s: setattr(s, "permanent", True), {"a": 1, "list": [], "_permanent": True}),
        (lambda s: s.clear(), {}),
    ],
    ids=["assigned", "nested", "popped", "atomically", "permanent", "cleared"],
)
async def test_what_a_chunk_did_is_saved_before_it_is_sent(
    site: Site, do: Callable[[Any], Any], after: dict[str, Any]
) -> None:
    user = await known(site, a=1, list=[])
    reading = await Reading.of(user, streaming(site, lambda s: do(s) and None, lambda _: "end"))
    assert await reading.chunk() == "."
    assert await user.value(dict) == after
    assert await reading.rest() == "end"
    assert await user.value(dict) == after


async def test_each_chunk_is_saved_by_itself_and_a_chunk_that_did_nothing_costs_nothing(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = await known(site, list=[], name="ann")
    spy.reset()
    parts = (count, lambda s: s["name"], count, lambda s: len(s["list"]))
    answer = await user.respond(streaming(site, *parts))
    assert (answer.status, answer.text) == (200, ".ann.2")
    assert spy.names == ["load", "commit", "commit"]
    assert await user.value(lambda s: s["list"]) == [0, 1]


async def test_a_value_that_the_view_took_is_still_watched(site: Site) -> None:
    taken: list[list[int]] = []
    user = await known(site, list=[])
    view = streaming(
        site, lambda _: taken[0].append(1), lambda _: ".", first=lambda s: taken.append(s["list"])
    )
    reading = await Reading.of(user, view)
    await reading.chunk()
    assert await user.value(dict) == {"list": [1]}
    await reading.rest()


async def test_a_session_that_the_view_begins_goes_on_in_the_stream(site: Site) -> None:
    user = site.visitor()
    answer = await user.respond(streaming(site, count, first=lambda s: s.update(list=[])))
    assert (answer.text, len(answer.set_cookies)) == (".", 1)
    assert await user.value(dict) == {"list": [0]}


async def test_a_login_in_the_view_stays_one(site: Site) -> None:
    user = await known(site, list=[])
    answer = await user.respond(streaming(site, count, first=lambda s: s.regenerate()))
    assert (answer.text, len(answer.set_cookies)) == (".", 1)
    assert await user.value(dict) == {"list": [0]}


async def test_what_comes_after_the_last_chunk_is_saved_before_the_end_is_sent(
    site: Site,
) -> None:
    user = await known(site, list=[])
    reading = await Reading.of(user, streaming(site, lambda _: ".", ends=count))
    assert await reading.chunk() == "."
    assert await user.value(dict) == {"list": []}
    assert await reading.chunk() is None
    assert await user.value(dict) == {"list": [0]}
    await reading.leave()


async def test_a_client_that_leaves_takes_nothing_along(site: Site) -> None:
    user = await known(site, list=[])
    reading = await Reading.of(user, streaming(site, count, lambda _: "not read", ends=count))
    assert await reading.chunk() == "."
    await reading.leave()
    assert await user.value(dict) == {"list": [0, 1]}


@pytest.mark.needs("quart")
async def test_a_generator_may_await_when_its_client_leaves(site: Site) -> None:
    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"."
            yield b"not read"
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            count(site.session)

    user = await known(site, list=[])
    within = site.web.stream_with_context
    reading = await Reading.of(user, lambda session, web: web.Response(within(body)()))
    assert await reading.chunk() == "."
    await reading.leave()
    assert await user.value(dict) == {"list": [0]}


async def test_a_body_that_fails_keeps_what_it_did_before(site: Site) -> None:
    def fail(session: Any) -> None:
        count(session)
        raise LookupError("on purpose")

    user = await known(site, list=[])
    reading = await Reading.of(user, streaming(site, count, fail))
    assert await reading.chunk() == "."
    # Quart 0.23 serves by a task group, which tells its errors together.
    with pytest.raises((LookupError, ExceptionGroup)) as told:
        await reading.rest()
    assert "on purpose" in "".join(format_exception(told.value))
    with suppress(LookupError, ExceptionGroup):  # Quart's server is told, too
        await reading.leave()
    assert await user.value(dict) == {"list": [0, 1]}


async def test_two_streams_at_once_keep_what_both_do(site: Site) -> None:
    user = await known(site)
    await user.put(begun=True)
    one = await Reading.of(user, streaming(site, lambda s: s.update(a=1), lambda _: "."))
    other = await Reading.of(user, streaming(site, lambda s: s.update(b=2), lambda _: "."))
    for reading in (one, other, one, other):
        await reading.chunk()
    assert await user.value(dict) == {"begun": True, "a": 1, "b": 2}
    await one.rest()
    await other.rest()


async def test_a_session_that_ended_meanwhile_stays_ended(site: Site, backend: Backend) -> None:
    user = await known(site, list=[])
    reading = await Reading.of(user, streaming(site, count, lambda s: s.update(a=1), csrf_token))
    await reading.chunk()
    await user.visit(lambda s: s.clear())
    assert await reading.rest() == ".a token"
    assert backend.records() == {}


async def test_a_block_in_a_stream_saves_once(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user, caught = await known(site, list=[]), list[BaseException]()
    spy.reset()
    answer = await user.respond(streamed(site, count, caught))
    assert (answer.text, caught) == ("done", [])
    assert spy.names == ["load", "commit"]


# --- pages ---------------------------------------------------------------------------------------

TEMPLATE = (
    "{% for text in get_flashed_messages() %}{{ text }};{% endfor %}"
    "{{ csrf_token() }};{{ session.name }}"
)


def template(session: Any, web: Any) -> Steps[Any]:
    body = yield from wait(web.stream_template_string(TEMPLATE))
    return web.Response(body)


@pytest.mark.parametrize("begun", [True, False], ids=["known", "begun in the view"])
async def test_a_streamed_template_shows_flashes_and_a_token_to_the_end(
    site: Site, begun: bool
) -> None:
    site.app.jinja_env.globals["csrf_token"] = lambda: csrf_token(site.session)
    user = await known(site, name="ann") if begun else site.visitor()

    def view(session: Any, web: Any) -> Any:
        session["name"] = "ann"
        return template(session, web)

    def flash(session: Any, web: Any) -> Steps[str]:
        yield from wait(web.flash("saved"))
        return ""

    await user.respond(flash)
    answer = await user.respond(view)
    assert (answer.status, answer.text) == (200, "saved;a token;ann")
    assert await user.value(dict) == {"name": "ann", "csrf_token": "a token"}
    assert (await user.respond(view)).text == "a token;ann"


async def test_flashes_that_were_all_make_room_for_a_token(site: Site) -> None:
    """The session is empty in between, and its record is needed again."""
    user = site.visitor()
    await user.put(_flashes=[("message", "saved")])
    view = streaming(site, lambda s: s.pop("_flashes")[0][1], lambda _: ";", csrf_token)
    answer = await user.respond(view)
    assert answer.text == "saved;a token"
    assert await user.value(dict) == {"csrf_token": "a token"}


async def test_flashes_that_were_all_leave_no_record(site: Site, backend: Backend) -> None:
    user = site.visitor()
    await user.put(_flashes=[("message", "saved")])
    answer = await user.respond(streaming(site, lambda s: s.pop("_flashes")[0][1], lambda _: "."))
    assert answer.text == "saved."
    assert backend.records() == {}


async def test_a_visitor_without_a_session_reads_no_flashes_and_gets_none(
    site: Site, backend: Backend
) -> None:
    user = site.visitor()
    parts = (
        lambda s: s.pop("_flashes", "none"),
        lambda s: s.get("a"),
        lambda s: s.clear(),
        lambda s: setattr(s, "permanent", True),
        lambda s: setattr(s, "modified", True),
        len,
    )
    answer = await user.respond(streaming(site, *parts))
    assert (answer.text, answer.set_cookies) == ("none....1", [])
    assert backend.records() == {}


@pytest.mark.needs("flask")
@pytest.mark.stores("memory")
async def test_a_decorated_generator_and_an_async_view_stream_alike(site: Site) -> None:
    async def decorated() -> Any:
        def body() -> Iterator[str]:
            count(site.session)
            yield "done"

        return site.web.Response(site.web.stream_with_context(body)())

    site.app.add_url_rule("/decorated", "decorated", decorated)
    user = await known(site, list=[])
    # Flask runs a coroutine in a thread without an event loop.
    answer = await user.driver.start("GET", "/decorated")
    assert answer.text == "done"
    assert await user.value(dict) == {"list": [0]}


async def test_a_generator_that_only_holds_the_session_is_saved(site: Site) -> None:
    """Without `stream_with_context`, and in Quart a plain generator in another thread."""

    def view(session: Any, web: Any) -> Any:
        held = session._get_current_object()

        def body() -> Iterator[str]:
            count(held)
            yield "done"

        return web.Response(body())

    user = await known(site, list=[])
    assert (await user.respond(view)).text == "done"
    assert await user.value(dict) == {"list": [0]}


# --- what cannot be done -------------------------------------------------------------------------


def catching(do: Callable[[Any], Any], caught: list[BaseException]) -> Callable[[Any], Any]:
    def part(session: Any) -> None:
        try:
            do(session)
        except ReadOnlySession as error:
            caught.append(error)

    return part


BEGINNINGS: dict[str, Callable[[Any], Any]] = {
    "assigned": lambda s: s.update(a=1),
    "token": csrf_token,
    "flash": lambda s: s.setdefault("_flashes", []).append(("message", "hi")),
    "regenerate": lambda s: s.regenerate(),
}


@pytest.mark.parametrize("name", BEGINNINGS)
async def test_a_stream_cannot_begin_a_session(site: Site, backend: Backend, name: str) -> None:
    user, caught = site.visitor(), list[BaseException]()
    answer = await user.respond(streaming(site, catching(BEGINNINGS[name], caught), lambda _: "."))
    assert answer.text == ".."
    assert [str(error).partition("do it")[2] for error in caught] == [
        " once in the view, before streaming"
    ]
    assert backend.records() == {}


NEW_SECRETS: dict[str, Callable[[Any], Any]] = {
    "regenerate": lambda s: s.regenerate(),
    "bind": lambda s: s.bind("ann"),
    "unbind": lambda s: s.unbind(),
    "written anew": lambda s: (s.clear(), s.update(a=2)),
    "begun anew": lambda s: (s.end(), s.update(a=2)),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(each, marks=[pytest.mark.owners] if "bind" in each else [])
        for each in NEW_SECRETS
    ],
)
async def test_a_stream_cannot_give_a_session_a_new_secret(site: Site, name: str) -> None:
    user, caught = await known(site, a=1), list[BaseException]()
    view = streaming(site, catching(NEW_SECRETS[name], caught), lambda s: s.get("b", "."))
    answer = await user.respond(view)
    assert answer.text == ".."
    assert ["once in the view, before streaming" in str(error) for error in caught] == [True]
    assert await user.value(dict) == ({} if "anew" in name else {"a": 1})


async def test_what_a_stream_cleared_cannot_begin_again_in_a_later_chunk(
    site: Site, backend: Backend
) -> None:
    user, caught = await known(site, a=1), list[BaseException]()
    view = streaming(
        site, lambda s: s.clear(), catching(csrf_token, caught), lambda s: s.clear(), lambda _: "."
    )
    assert (await user.respond(view)).text == "...."
    assert len(caught) == 1
    assert backend.records() == {}


@pytest.mark.stores("cookie")
@pytest.mark.parametrize("name", [*BEGINNINGS, "cleared", "nested"])
async def test_a_stream_keeps_nothing_where_the_browser_has_the_session(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    heard, caught = heard_by(site), list[BaseException]()
    user = site.visitor()
    do: Callable[[Any], Any] = {**BEGINNINGS, "cleared": lambda s: s.clear(), "nested": count}[name]
    view = streaming(site, catching(do, caught), lambda _: ".", first=lambda s: s.update(list=[]))
    assert (await user.respond(view)).text == ".."
    said = [str(error) for error in caught] if name != "nested" else errors(caplog)
    assert len(said) == 1
    if name == "nested":
        assert heard == [(None, "no session can keep it")]
        said = [str(record.exc_info) for record in caplog.records if record.exc_info]
    assert "once in the view, before streaming" in said[0]
    assert await user.value(dict) == {"list": []}


@pytest.mark.stores("cookie")
async def test_a_stream_reads_where_the_browser_has_the_session(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    user = site.visitor()
    await user.put(a=1)
    view = streaming(
        site, lambda s: s["list"], lambda s: s.get("a"), first=lambda s: s.update(list=[1])
    )
    assert (await user.respond(view)).text == "[1]1"
    assert errors(caplog) == []


# --- outages, and what cannot be stored ----------------------------------------------------------


async def test_a_save_that_fails_is_an_error_in_the_log_and_a_signal(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    heard = heard_by(site)
    user = await known(site, list=[])
    sid = await user.value(lambda s: s.sid)
    spy.fail("commit", StoreUnavailable("on purpose"))
    spy.reset()
    answer = await user.respond(streaming(site, count, count, count))
    assert (answer.status, answer.text) == (200, "...")
    assert errors(caplog) == ["the session store failed: on purpose"]
    assert heard == [(sid, "the store failed")]
    assert spy.counts["commit"] == 2  # each may take as long as its timeout
    spy.mend()
    assert await user.value(dict) == {"list": []}


@pytest.mark.stores("memory", "filesystem")
async def test_an_outage_that_passes_loses_nothing(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    heard = heard_by(site)
    user = await known(site, list=[])
    spy.fail("commit", StoreUnavailable("on purpose"))

    def mend(session: Any) -> None:
        spy.mend()
        site.clock.advance(10)

    reading = await Reading.of(user, streaming(site, count, mend, lambda _: "."))
    await reading.chunk()
    await reading.chunk()
    assert await user.value(dict) == {"list": [0]}
    assert await reading.rest() == "."
    assert errors(caplog) == ["the session store failed: on purpose"]
    assert heard == []


@pytest.mark.needs("quart")  # under Flask the store's own timeout bounds the wait
@pytest.mark.stores("memory")
async def test_a_store_that_stalls_is_given_up_in_time(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_STORE_TIMEOUT=0.2)
    user = await known(site, list=[])
    gates = [spy.pause("commit"), spy.pause("commit")]
    answer = await user.respond(streaming(site, count, count))
    assert answer.text == ".."
    assert errors(caplog) == [
        "the session store failed: the session store did not answer within 0.2 s"
    ]
    for gate in gates:
        gate.open()


@pytest.mark.stores("memory")
async def test_data_that_cannot_be_stored_is_told_once_and_kept_from_nobody_else(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    heard = heard_by(site)
    user = await known(site, a=1)
    answer = await user.respond(
        streaming(site, lambda s: s.update(bad=object()), lambda s: s.update(b=2), lambda _: ".")
    )
    assert (answer.status, answer.text) == (200, "...")
    assert errors(caplog) == ["the changes that a streamed body made to its session were not saved"]
    assert [reason for _, reason in heard] == ["no session can keep it"]
    assert await user.value(dict) == {"a": 1}


# --- what the response says ----------------------------------------------------------------------


@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize("begun", [True, False], ids=["known", "nobody"])
@pytest.mark.parametrize("said", [None, "Accept", "*"])
async def test_every_streamed_body_varies_by_cookie(
    site: Site, begun: bool, said: str | None
) -> None:
    def view(session: Any, web: Any) -> Any:
        response = streaming(site, lambda _: "text")(session, web)
        if said is not None:
            response.headers["Vary"] = said
        return response

    user = await known(site, a=1) if begun else site.visitor()
    answer = await user.respond(view)
    expected = {None: "Cookie", "Accept": "Accept, Cookie", "*": "*"}
    assert (answer.text, answer.vary) == ("text", expected[said])
    assert answer.set_cookies == []
    assert answer.cache_control is None


@pytest.mark.stores("memory")
async def test_files_and_bodies_that_are_all_there_do_not(site: Site, tmp_path: Any) -> None:
    (tmp_path / "file.txt").write_text("a file")

    def sent(session: Any, web: Any) -> Steps[Any]:
        return (yield from wait(web.send_file(tmp_path / "file.txt")))

    def from_memory(session: Any, web: Any) -> Steps[Any]:
        return (yield from wait(web.send_file(io.BytesIO(b"data"), mimetype="text/plain")))

    user = await known(site, a=1)
    whole: list[Any] = [lambda s, w: "text", lambda s, w: w.Response(b"text")]
    pages: list[Any] = [lambda s, w: w.abort(404), lambda s, w: w.redirect("/")]
    for view in (sent, from_memory, *whole, *pages):
        assert (await user.respond(view)).vary is None
    part = await user.respond(sent, headers={"Range": "bytes=2-5"})
    assert (part.vary, part.text) == (None, "file" if part.status == 206 else "a file")


@pytest.mark.stores("memory")
async def test_an_exempt_stream_has_no_session_to_vary_by(new_site: NewSite) -> None:
    site = new_site(SESSION_EXEMPT=["visit"])
    answer = await site.visitor().respond(streaming(site, len))
    assert (answer.text, answer.vary) == ("0", None)


async def test_a_head_request_streams_nothing(site: Site) -> None:
    user = await known(site, list=[])
    reading = await Reading.of(user, streaming(site, count), method="HEAD")
    if site.framework == "flask":
        assert await reading.rest() == ""
        assert await user.value(dict) == {"list": []}
    else:  # Quart leaves the body to the server
        await reading.rest()
