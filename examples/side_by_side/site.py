"""The site: an overview at `/`, the Flask example below `/flask`, the Quart one below `/quart`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from hypercorn.middleware import AsyncioWSGIMiddleware
from quart import Quart, render_template
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from examples.login_flask.app import create_app as create_flask
from examples.login_quart.app import create_app as create_quart
from examples.side_by_side.one_chunk import with_a_chunk
from samesession import Session

# ASGI's own events are dicts of several shapes.
Scope: TypeAlias = dict[str, Any]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


def create_site(settings: Mapping[str, Any]) -> AsgiApp:
    """Put the three applications together; `settings` are the same for all of them.

    They share sessions because SECRET_KEY, SESSION_KEY_PREFIX, the store and the
    cookie's name and path are the same.
    """
    common = {**settings, "SESSION_COOKIE_PATH": "/", "HOME_URL": "/"}
    flask_app = create_flask({**common, "OTHER_NAME": "Quart", "OTHER_URL": "/quart/profile"})
    quart_app = create_quart({**common, "OTHER_NAME": "Flask", "OTHER_URL": "/flask/profile"})
    overview = create_overview(common)
    # Only the overview is told when the server starts and stops.
    overview.before_serving(quart_app.startup)
    overview.after_serving(quart_app.shutdown)
    wsgi = AsyncioWSGIMiddleware(cast("Any", with_a_chunk(flask_app)))
    return mounted(
        {"/flask": wsgi, "/quart": cast("AsgiApp", quart_app)}, cast("AsgiApp", overview)
    )


def create_overview(settings: Mapping[str, Any]) -> Quart:
    """Make the application for everything that belongs to neither half."""
    app = Quart(__name__, template_folder="../shared/templates", static_folder="../shared/static")
    app.config.update(settings)
    Session(app)
    app.jinja_env.globals["framework"] = "overview"

    @app.get("/")
    async def index() -> ResponseReturnValue:
        return await render_template("overview.html")

    @app.errorhandler(HTTPException)
    async def failed(error: HTTPException) -> ResponseReturnValue:
        page = await render_template("error.html", error=error)
        return page, error.code or 500, error.get_headers()

    return app


def mounted(mounts: Mapping[str, AsgiApp], rest: AsgiApp) -> AsgiApp:
    """Send each request to the application that is mounted at the beginning of its path."""

    async def asgi_app(scope: Scope, receive: object, send: object) -> None:
        path = scope.get("path", "")
        for prefix, app in mounts.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                whole = f"{prefix}/" if path == prefix else path
                # Both frameworks put the root path before every URL they generate.
                await app({**scope, "path": whole, "root_path": prefix}, receive, send)
                return
        await rest(scope, receive, send)

    return asgi_app
