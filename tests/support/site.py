"""One application under test, whichever framework it has.

A view is written once, as a plain function of the session and of the
framework's module (`web.request`, `web.flash`, ...). What Quart makes a
coroutine of is passed through `wait`, which makes the view a generator:

    @site.view("/greet")
    def greet(session: ServerSession, web: Any) -> Steps[str]:
        return (yield from wait(web.render_template_string("hi {{ session.user }}")))
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from samesession import Session
from samesession.core.store import Store, TwoFaced
from samesession.core.token import Entropy as EntropySource
from samesession.drive import arun, run

from .browser import Jar
from .clock import Clock
from .drivers import Driver, FlaskDriver, QuartDriver

SECRET_KEY = "a secret key of the tests, long enough"

# Any, throughout: what the two frameworks have in common has no common type.
View = Callable[..., Any]


class Site:
    """An application with its sessions, and browsers at it."""

    def __init__(
        self,
        framework: str,
        settings: dict[str, Any],
        *,
        clock: Clock,
        entropy: EntropySource | None = None,
        store: Store | TwoFaced | None = None,
        app: Any = None,
        init: bool = True,
    ) -> None:
        """`app`: one made already. Without `init` it gets no sessions of ours yet."""
        self.framework = framework
        self.web = import_module(framework)
        self.clock = clock
        self._entropy = entropy
        self._store = store
        made = getattr(self.web, framework.capitalize())
        self.app = made(f"{framework}_site", static_folder=None) if app is None else app
        self.app.config.update({"SECRET_KEY": SECRET_KEY, **settings})
        if init:
            self.init()

    def init(self) -> None:
        Session(self.app, store=self._store, clock=self.clock, entropy=self._entropy)

    @property
    def session(self) -> Any:
        return self.web.session

    def user(self) -> Driver:
        """Give a new browser."""
        driver = FlaskDriver if self.framework == "flask" else QuartDriver
        return driver(self.app, Jar(self.clock))

    def view(
        self, path: str, *, methods: Sequence[str] = ("GET", "POST"), on: Any = None, **options: Any
    ) -> Callable[[View], View]:
        """Serve a path by a function of the session and the framework; `on`: a blueprint."""

        def install(func: View) -> View:
            (on or self.app).add_url_rule(
                path, path.strip("/") or "root", self.bind(func), methods=methods, **options
            )
            return func

        return install

    def bind(self, func: View) -> View:
        """Make a function of the session and the framework one that the framework calls."""
        if self.framework == "flask":

            @functools.wraps(func)
            def sync(*args: Any, **kwargs: Any) -> Any:
                result = func(self.session, self.web, *args, **kwargs)
                return run(result) if inspect.isgenerator(result) else result

            return _unwrapped(sync)

        @functools.wraps(func)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            result = func(self.session, self.web, *args, **kwargs)
            if inspect.isgenerator(result):
                return await arun(result)
            return await result if inspect.isawaitable(result) else result

        return _unwrapped(coroutine)

    def after_request(self, func: View) -> View:
        """Run a function of the session, the framework and the response after each request."""
        self.app.after_request(self.bind(func))
        return func

    def before_request(self, func: View) -> View:
        self.app.before_request(self.bind(func))
        return func

    def errorhandler(self, what: int | type[Exception]) -> Callable[[View], View]:
        def install(func: View) -> View:
            self.app.register_error_handler(what, self.bind(func))
            return func

        return install

    async def close(self) -> None:
        """Let go of connections, as the server does when it ends."""
        interface = self.app.session_interface
        if not hasattr(interface, "site"):
            return
        if self.framework == "flask":
            run(interface.site.shut())
        else:
            await arun(interface.site.shut())


def _unwrapped(func: View) -> View:
    # Quart looks behind `functools.wraps` when it asks whether a view is a coroutine.
    del func.__wrapped__  # type: ignore[attr-defined]
    return func
