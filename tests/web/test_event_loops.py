"""An application that does not run on asyncio is told so at its start, not at each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from samesession import ConfigError, Session
from tests.support.site import SECRET_KEY

pytestmark = pytest.mark.needs("quart")


def _class(name: str, *bases: type[Any], module: str) -> type[Any]:
    return type(name, bases, {"__module__": module})


def _quart() -> type[Any]:
    found: type[Any] = import_module("quart").Quart
    return found


def _quart_trio() -> type[Any]:
    """Give a class that is what quart-trio has, as far as it shows."""
    base = _class("QuartTrio", _quart(), module="quart_trio.app")
    base.asgi_http_class = _class("TrioASGIHTTPConnection", module="quart_trio.asgi")
    return base


def _part(name: str, module: str) -> Callable[[], type[Any]]:
    def make() -> type[Any]:
        kind = _class("Own", _quart(), module="own")
        setattr(kind, name, _class("Part", module=module))
        return kind

    return make


REFUSED: dict[str, Callable[[], type[Any]]] = {
    "QuartTrio": _quart_trio,
    "derived from it": lambda: _class("Own", _quart_trio(), module="own"),
    "its connections": _part("asgi_http_class", "quart_trio.asgi"),
    "its sockets": _part("asgi_websocket_class", "quart_trio.asgi"),
    "its lifespan": _part("asgi_lifespan_class", "quart_trio.asgi"),
    "trio's events": _part("event_class", "trio"),
    "trio's locks": _part("lock_class", "trio._sync"),
}


@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("store_type", ["memory", "cookie"])
def test_an_application_for_trio_is_refused(kind: Callable[[], type[Any]], store_type: str) -> None:
    app = kind()("refused")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE=store_type)
    before = app.session_interface
    with pytest.raises(ConfigError, match=r"runs on trio.*asyncio.*create .* a quart\.Quart"):
        Session(app)
    assert app.session_interface is before
    assert app.before_serving_funcs == []


def _application() -> Any:
    app = _quart()("own")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE="memory")
    Session(app)
    return app


def test_a_server_without_asyncio_ends_at_its_start() -> None:
    starting = _application().startup()
    try:
        with pytest.raises(ConfigError, match=r"does not run .* on asyncio.*worker"):
            starting.send(None)
    finally:
        starting.close()


def test_a_loop_of_asyncio_whose_tasks_are_anothers_ends_at_its_start() -> None:
    """As trio's guest mode, which runs its own tasks in asyncio's callbacks."""

    async def host() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        caught: list[BaseException] = []
        starting = _application().startup()

        def step() -> None:
            try:
                starting.send(None)
            except BaseException as error:
                caught.append(error)
            ended.set()

        _ = loop.call_soon(step)
        await ended.wait()
        starting.close()
        assert [type(error) for error in caught] == [ConfigError]

    asyncio.run(host())


def test_asyncio_is_fine() -> None:
    async def serve() -> None:
        app = _application()
        await app.startup()
        await app.shutdown()

    asyncio.run(serve())
