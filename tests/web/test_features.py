"""What applications do with a session: flashes, templates, hooks, files, streams, blueprints."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from markupsafe import Markup

from samesession import Session
from samesession.core.steps import Steps, wait
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES, Backend
from tests.support.browser import Jar
from tests.support.site import SECRET_KEY, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "filesystem", "cookie")]


@pytest.mark.stores(*ALL_STORES)
async def test_flashes_are_shown_once(site: Site) -> None:
    @site.view("/flash")
    def flash(session: Any, web: Any) -> Steps[str]:
        yield from wait(web.flash("saved", "info"))
        yield from wait(web.flash(Markup("<b>bold</b>"), "html"))
        return "ok"

    @site.view("/show")
    def show(session: Any, web: Any) -> Steps[Any]:
        template = (
            "{% for c, m in get_flashed_messages(with_categories=true) %}{{ c }}={{ m }};"
            "{% endfor %}"
        )
        return (yield from wait(web.render_template_string(template)))

    user = site.user()
    await user.get("/flash")
    await user.get("/flash")
    once = "info=saved;html=<b>bold</b>;"
    assert (await user.get("/show")).text == once * 2
    assert (await user.get("/show")).text == ""


@pytest.mark.stores(*ALL_STORES)
async def test_flashed_messages_keep_their_types(site: Site) -> None:
    user = site.visitor()

    def flash(session: Any, web: Any) -> Steps[str]:
        yield from wait(web.flash(Markup("<i>")))
        return "ok"

    def take(session: Any, web: Any) -> str:
        (message,) = web.get_flashed_messages()
        return type(message).__name__

    await user.respond(flash)
    assert (await user.respond(take)).text == "Markup"
    assert await user.value(dict) == {}


async def test_templates_see_the_session(site: Site) -> None:
    def view(session: Any, web: Any) -> Steps[Any]:
        template = "{% if session.name %}hi {{ session.name }}{% else %}who?{% endif %}"
        return (yield from wait(web.render_template_string(template)))

    user = site.visitor()
    assert (await user.respond(view)).text == "who?"
    await user.put(name="<ann>")
    answer = await user.respond(view)
    assert (answer.text, answer.vary) == ("hi &lt;ann&gt;", "Cookie")


async def test_error_handlers_write_to_the_session(site: Site) -> None:
    @site.errorhandler(404)
    def not_found(session: Any, web: Any, error: Exception) -> tuple[str, int]:
        session["missed"] = session.get("missed", 0) + 1
        return "not here", 404

    @site.errorhandler(ZeroDivisionError)
    def broken(session: Any, web: Any, error: Exception) -> tuple[str, int]:
        session["error"] = "division"
        return "broken", 500

    user = site.visitor()
    assert (await user.driver.get("/nowhere")).status == 404
    assert (await user.driver.get("/nowhere")).status == 404
    assert (await user.visit(lambda _: 1 // 0)).text == "broken"
    assert await user.value(dict) == {"missed": 2, "error": "division"}


async def test_what_a_failing_view_wrote_is_saved_as_in_flask(site: Site) -> None:
    user = site.visitor()

    def fail(session: Any) -> None:
        session["tried"] = True
        raise RuntimeError("on purpose")

    assert isinstance(await user.failure(fail), RuntimeError)
    assert await user.value(dict) == {"tried": True}


async def test_hooks_read_and_write_the_session(site: Site) -> None:
    @site.before_request
    def before(session: Any, web: Any) -> None:
        session["before"] = session.get("before", 0) + 1

    @site.after_request
    def after(session: Any, web: Any, response: Any) -> Any:
        session["after"] = session.get("after", 0) + 1
        response.headers["X-Seen"] = str(session["before"])
        return response

    user = site.visitor()
    assert (await user.visit(lambda _: None)).header("X-Seen") == "1"
    assert (await user.visit(lambda _: None)).header("X-Seen") == "2"
    assert await user.value(dict) == {"before": 3, "after": 2}


async def test_a_sent_file_carries_the_session(site: Site) -> None:
    def view(session: Any, web: Any) -> Steps[Any]:
        session["fetched"] = True
        return (yield from wait(web.send_file(io.BytesIO(b"data"), mimetype="text/plain")))

    user = site.visitor()
    answer = await user.respond(view)
    assert (answer.status, answer.body, len(answer.set_cookies)) == (200, b"data", 1)
    assert answer.cache_control is not None
    assert "private" in answer.cache_control
    assert await user.value(dict) == {"fetched": True}


async def test_a_stream_reads_the_session(site: Site) -> None:
    def flask(session: Any, web: Any) -> Any:
        def body() -> Iterator[str]:
            yield "hi "
            yield session["name"]

        return web.Response(web.stream_with_context(body()))

    def quart(session: Any, web: Any) -> Any:
        async def body() -> AsyncIterator[bytes]:
            yield b"hi "
            yield session["name"].encode()

        _ = session["name"]
        return web.Response(web.stream_with_context(body)())

    user = site.visitor()
    await user.put(name="ann")
    answer = await user.respond(flask if site.framework == "flask" else quart)
    assert answer.text == "hi ann"


async def test_blueprints_share_the_session(site: Site) -> None:
    shop = site.web.Blueprint("shop", "shop", url_prefix="/shop")

    def add(session: Any, web: Any) -> str:
        session.setdefault("cart", []).append(web.request.args["item"])
        return "added"

    def hook(session: Any, web: Any) -> None:
        session["visits"] = session.get("visits", 0) + 1

    site.view("/add", on=shop)(add)
    shop.before_request(site.bind(hook))
    site.app.register_blueprint(shop)
    user = site.visitor()
    await user.visit(lambda _: None)
    await user.driver.get("/shop/add?item=tea")
    await user.driver.get("/shop/add?item=jam")
    assert await user.value(dict) == {"visits": 2, "cart": ["tea", "jam"]}


async def test_several_apps_in_one_process_keep_apart(new_site: NewSite) -> None:
    # One browser, one host: the cookie's name and the key's prefix keep them apart.
    shop = new_site(SESSION_COOKIE_NAME="shop", SESSION_KEY_PREFIX="shop:").visitor()
    blog = new_site(SESSION_COOKIE_NAME="blog", SESSION_KEY_PREFIX="blog:").visitor()
    blog.driver.jar = shop.driver.jar
    await shop.put(cart=1)
    await blog.put(post=2)
    assert await shop.value(dict) == {"cart": 1}
    assert await blog.value(dict) == {"post": 2}
    assert set(shop.jar.cookies) == {"shop", "blog"}


async def test_an_app_factory_inits_each_app(new_site: NewSite, backend: Backend) -> None:
    sessions = Session(store=backend.given)
    made = [new_site(options={"init": False}) for _ in range(2)]
    for site in made:
        sessions.init_app(site.app)
    first, second = (site.visitor() for site in made)
    await first.put(a=1)
    second.driver.jar = Jar(first.jar.now, dict(first.jar.cookies))
    # The same settings and store: the session is the same one.
    assert await second.value(dict) == {"a": 1}


async def test_settings_may_change_until_the_first_request(site: Site) -> None:
    site.app.config["SESSION_COOKIE_NAME"] = "late"
    site.app.config["PERMANENT_SESSION_LIFETIME"] = 60
    user = site.visitor()
    await user.put(a=1)
    assert list(user.jar.cookies) == ["late"]
    site.clock.advance(62)
    assert await user.value(dict) == {}


async def test_only_framework_settings_change_after_the_first_request(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    site.app.config["SESSION_COOKIE_NAME"] = "late"
    site.app.config["SESSION_PERMANENT"] = True
    await user.put(b=1)
    assert list(user.jar.cookies) == ["session", "late"]
    assert await user.value(lambda session: (dict(session), session.permanent)) == ({"b": 1}, False)


@pytest.mark.stores("memory")
async def test_a_store_object_takes_the_place_of_the_type(
    new_site: NewSite, backend: Backend
) -> None:
    store = MemoryStore(clock=backend.clock)
    user = new_site(options={"store": store}, SESSION_TYPE="filesystem").visitor()
    await user.put(a=1)
    assert len(store._records) == 1
    assert not backend.directory.exists()


@pytest.mark.stores("filesystem")
async def test_a_file_store_object(new_site: NewSite, backend: Backend) -> None:
    store = FileStore(backend.directory, clock=backend.clock)
    user = new_site(options={"store": store}, SESSION_TYPE="memory").visitor()
    await user.put(a=1)
    assert len(backend.records()) == 1


@pytest.mark.stores("memory")
async def test_the_memory_store_by_its_name(new_site: NewSite) -> None:
    first = new_site(options={"store": None}).visitor()
    await first.put(a=1)
    assert await first.value(dict) == {"a": 1}


@pytest.mark.stores(*ALL_STORES)
async def test_session_transaction_reads_and_writes(site: Site) -> None:
    site.view("/read")(lambda session, _: str(dict(session)))
    client = site.app.test_client()
    if site.framework == "flask":
        with client.session_transaction() as session:
            session["a"] = [1]
        assert client.get("/read").text == "{'a': [1]}"
        with client.session_transaction() as session:
            session["a"].append(2)
        with client.session_transaction() as session:
            assert session["a"] == [1, 2]
            session.clear()
        assert client.get("/read").text == "{}"
        return
    async with client.session_transaction() as session:
        session["a"] = [1]
    assert await (await client.get("/read")).get_data() == b"{'a': [1]}"
    async with client.session_transaction() as session:
        session["a"].append(2)
    async with client.session_transaction() as session:
        assert session["a"] == [1, 2]
        session.clear()
    assert await (await client.get("/read")).get_data() == b"{}"


async def test_a_redirect_carries_the_session(site: Site) -> None:
    def view(session: Any, web: Any) -> Any:
        session["name"] = "ann"
        return web.redirect("/elsewhere")

    user = site.visitor()
    answer = await user.respond(view)
    assert (answer.status, len(answer.set_cookies)) == (302, 1)
    assert await user.value(dict) == {"name": "ann"}


async def test_session_without_an_app_of_either_kind_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="takes a Flask or a Quart"):
        Session(object())  # type: ignore[arg-type]


async def test_the_key_of_the_tests_is_no_default(site: Site) -> None:
    assert site.app.config["SECRET_KEY"] == SECRET_KEY
