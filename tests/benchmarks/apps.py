"""One small site, written for each framework, with sessions or without any.

/none          touches no session        /read      reads one key      /cart   reads a list
/write         counts up                 /login/2   begins a session of 2 kB
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .data import SIZES, USER, session_of

SECRET_KEY = "a secret key of the benchmarks, long enough"
PAYLOADS = {f"{size:g}": session_of(size) for size in SIZES}

# Any, throughout: the frameworks' sessions and applications have no common type.
Session = Any


def none(_: Session) -> str:
    return USER


def read(session: Session) -> str:
    return USER if session is None else str(session["user"])


def cart(session: Session) -> str:
    return USER if session is None or session["cart"] else ""


def write(session: Session) -> str:
    if session is not None:
        session["counter"] = session["counter"] + 1
    return USER


def login(session: Session, size: str) -> str:
    if session is not None:
        session.update(PAYLOADS[size])
    return USER


def flask_app(*, sessions: bool) -> Any:
    """Make the site for Flask; without `sessions` its views touch none."""
    import flask

    app = flask.Flask("benchmark", static_folder=None)
    opened = (lambda: flask.session) if sessions else (lambda: None)
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.add_url_rule("/none", "none", lambda: none(opened()))
    app.add_url_rule("/read", "read", lambda: read(opened()))
    app.add_url_rule("/cart", "cart", lambda: cart(opened()))
    app.add_url_rule("/write", "write", lambda: write(opened()))
    app.add_url_rule("/login/<size>", "login", lambda size: login(opened(), size))
    if sessions:
        app.config["SECRET_KEY"] = SECRET_KEY
    return app


def quart_app(*, sessions: bool) -> Any:
    """Make the site for Quart; without `sessions` its views touch none."""
    import quart

    app = quart.Quart("benchmark", static_folder=None)
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    opened = (lambda: quart.session) if sessions else (lambda: None)

    async def login_view(size: str) -> str:
        return login(opened(), size)

    for view in (none, read, cart, write):
        app.add_url_rule(f"/{view.__name__}", view.__name__, _coroutine(view, opened))
    app.add_url_rule("/login/<size>", "login", login_view)
    if sessions:
        app.config["SECRET_KEY"] = SECRET_KEY
    return app


def _coroutine(view: Callable[[Session], str], opened: Callable[[], Session]) -> Any:
    async def act() -> str:
        return view(opened())

    return act


def starlette_app(*, middleware: list[Any]) -> Any:
    """Make the site for Starlette; without middleware its views touch no session."""
    # Installed for the benchmarks alone, so no type checker knows it.
    from importlib import import_module

    responses: Any = import_module("starlette.responses")
    routing: Any = import_module("starlette.routing")
    applications: Any = import_module("starlette.applications")

    def route(view: Callable[..., str], path: str, *names: str) -> Any:
        async def act(request: Any) -> Any:
            session = request.session if middleware and view is not none else None
            arguments = [request.path_params[name] for name in names]
            return responses.PlainTextResponse(view(session, *arguments))

        return routing.Route(path, act)

    routes = [route(view, f"/{view.__name__}") for view in (none, read, cart, write)]
    routes.append(route(login, "/login/{size}", "size"))
    return applications.Starlette(routes=routes, middleware=middleware)
