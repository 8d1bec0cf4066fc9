"""The whole site: Flask below `/flask`, Quart below `/quart`, and a start page at `/`."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from hypercorn.middleware import AsyncioWSGIMiddleware
from quart import Quart, redirect, render_template, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException

from examples.devices.accounts import Accounts
from examples.devices.flask_app import create_app as create_flask
from examples.devices.forms import is_from_another_site
from examples.devices.one_chunk import with_a_chunk
from examples.devices.pages import HEADERS, SETTINGS
from examples.devices.quart_app import create_app as create_quart
from examples.devices.stores import Switch
from samesession import Session
from samesession.quart import no_session, session

# ASGI's events are dicts of several shapes.
Scope: TypeAlias = dict[str, Any]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

HALVES = {"Flask": "/flask", "Quart": "/quart"}


def create_site(settings: Mapping[str, Any], store: Switch) -> AsgiApp:
    """Put the three applications together; `settings` are the same for all of them.

    They share sessions because SECRET_KEY, SESSION_KEY_PREFIX, the store, and the cookie's name and
    path are the same.
    """
    accounts = Accounts()
    common = {
        **SETTINGS,
        **settings,
        "SESSION_COOKIE_PATH": "/",
        "SESSION_TOUCH_INTERVAL": 0,  # "last seen" is exact, but each page is a write
    }
    flask_app = create_flask(common, accounts)
    quart_app = create_quart(common, accounts)
    around = create_around(common, accounts, store)
    for app in (flask_app, quart_app, around):
        app.jinja_env.globals.update(halves=HALVES, store=store)
    # Only the application at "/" hears when the server starts and stops.
    around.before_serving(quart_app.startup)
    around.after_serving(quart_app.shutdown)
    wsgi = AsyncioWSGIMiddleware(cast("Any", with_a_chunk(flask_app)))
    return mounted({"/flask": wsgi, "/quart": cast("AsgiApp", quart_app)}, cast("AsgiApp", around))


def create_around(settings: Mapping[str, Any], accounts: Accounts, store: Switch) -> Quart:
    """Create the application for the start page and for the switch of the store."""
    app = Quart(__name__, template_folder="templates", static_folder="../shared/static")
    app.config.update(settings)
    Session(app)
    app.jinja_env.globals.update(
        framework="the overview", account=lambda: accounts.find(session.info.owner)
    )

    @app.get("/")
    async def index() -> ResponseReturnValue:
        return await render_template("overview.html")

    # This page works without a session, because sessions are out of reach while the store is down.
    @app.post("/store/<any(start, stop):wish>")
    @no_session
    async def turn(wish: str) -> ResponseReturnValue:
        if is_from_another_site(request):
            raise Forbidden
        await to_thread(store.turn, on=wish == "start")
        half = (await request.form).get("half", "")
        return redirect(f"{HALVES.get(half, '')}/", code=303)

    @app.after_request
    async def add_headers(response: Any) -> Any:  # Quart's or Werkzeug's
        response.headers.update(HEADERS)
        return response

    @app.errorhandler(HTTPException)
    async def failed(error: HTTPException) -> ResponseReturnValue:
        page = await render_template("error.html", error=error)
        return page, error.code or 500, error.get_headers()

    return app


def mounted(mounts: Mapping[str, AsgiApp], rest: AsgiApp) -> AsgiApp:
    """Route each request to the application that is mounted at the start of its path."""

    async def asgi_app(scope: Scope, receive: object, send: object) -> None:
        path = scope.get("path", "")
        for prefix, app in mounts.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                whole = f"{prefix}/" if path == prefix else path
                # Both frameworks put the root path in front of every URL they generate.
                await app({**scope, "path": whole, "root_path": prefix}, receive, send)
                return
        await rest(scope, receive, send)

    return asgi_app
