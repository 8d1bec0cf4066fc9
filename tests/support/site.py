"""One application under test, whichever framework it has.

A view is written once, as a plain function of the session and of the
framework's module (`web.request`, `web.flash`, ...). What Quart makes a
coroutine of is passed through `wait`, which makes the view a generator:

    @site.view("/greet")
    def greet(session: ServerSession, web: Any) -> Steps[str]:
        return (yield from wait(web.render_template_string("hi {{ session.user }}")))
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from samesession import Session
from samesession.app_sessions import AppSessions
from samesession.core.store import Openable, Store
from samesession.core.token import Entropy as EntropySource
from samesession.run.aio import arun
from samesession.run.sync import run

from .browser import Answer, Jar
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
        store: Store | Openable | None = None,
        app: Any = None,
        init: bool = True,
    ) -> None:
        """`app`: one made already. Without `init` it gets no sessions of ours yet."""
        self.framework = framework
        self.web = import_module(framework)
        self.clock = clock
        self._entropy = entropy
        self._store = store
        self.actions: list[View] = []
        self._actions_served = False
        made = getattr(self.web, framework.capitalize())
        self.app = made(f"{framework}_site", static_folder=None) if app is None else app
        self.app.config.update({"SECRET_KEY": SECRET_KEY, **settings})
        self.errors: list[BaseException] = []
        self._watch_errors()
        if init:
            self.init()

    def init(self) -> None:
        if self._entropy is None:
            Session(self.app, store=self._store, clock=self.clock)
            return
        # As `Session` does, but that tokens are known.
        shim: Any = import_module(f"samesession.{self.framework}.interface")
        framework = getattr(shim, self.framework.upper())
        parts: dict[str, Any] = {"store": self._store, "clock": self.clock}
        shim.install(self.app, AppSessions(self.app, framework, **parts, entropy=self._entropy))

    def _watch_errors(self) -> None:
        """Collect what ends a request with status 500, as the application's own signal tells."""

        def sync(_: Any, exception: BaseException, **__: Any) -> None:
            self.errors.append(exception)

        async def coroutine(_: Any, exception: BaseException, **__: Any) -> None:
            self.errors.append(exception)

        # Kept here alone: a signal that held it would keep each test's application for ever.
        self._watcher = sync if self.framework == "flask" else coroutine
        self.web.got_request_exception.connect(self._watcher, self.app)

    @property
    def session(self) -> Any:
        return self.web.session

    def user(self) -> Driver:
        """Give a new browser."""
        driver = FlaskDriver if self.framework == "flask" else QuartDriver
        return driver(self.app, Jar(self.clock))

    def visitor(self) -> Visitor:
        """Give a new browser whose requests are each a function of the session."""
        if not self._actions_served:
            self._actions_served = True
            self.app.add_url_rule("/visit/<int:turn>", "visit", self.bind(self._act))
        return Visitor(self)

    def _act(self, session: Any, web: Any, turn: int) -> Any:
        return self.actions[turn](session, web)

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
        if not hasattr(interface, "app_sessions"):
            return
        if self.framework == "flask":
            run(interface.app_sessions.shut())
        else:
            await arun(interface.app_sessions.shut())


class Visitor:
    """A browser whose requests say themselves what their view does."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.driver = site.user()
        self.result: Any = None

    @property
    def jar(self) -> Jar:
        return self.driver.jar

    async def visit(self, func: View, **options: Any) -> Answer:
        """Have `func(session)` run in a view; what it gives is the `result`."""

        def act(session: Any, web: Any) -> str:
            self.result = func(session)
            return "visited"

        return await self.respond(act, **options)

    async def respond(self, func: View, **options: Any) -> Answer:
        """Have `func(session, web)` be the view itself."""
        self.site.actions.append(func)
        return await self.driver.get(f"/visit/{len(self.site.actions) - 1}", **options)

    async def failure(self, func: View, **options: Any) -> BaseException:
        """Give the error with which a request for `func(session)` ends."""
        answer = await self.visit(func, **options)
        assert answer.status == 500
        return self.site.errors[-1]

    async def value(self, func: View) -> Any:
        """Give what `func(session)` gives in a view that succeeds."""
        answer = await self.visit(func)
        assert answer.status == 200, answer.text
        return self.result

    async def put_permanent(self, **values: Any) -> Answer:
        """Set keys of a session that outlives the browser."""
        return await self.visit(lambda session: session.update(values, _permanent=True))

    async def put(self, **values: Any) -> Answer:
        """Set keys of the session."""
        return await self.visit(lambda session: session.update(values))


def start(site: Site) -> None:
    """Have an application start, and end, as a server does."""
    if site.framework == "flask":
        run(site.app.session_interface.app_sessions.shut())
        return

    async def serve() -> None:
        async with site.app.test_app():
            pass

    asyncio.run(serve())


def init_db(site: Site) -> str:
    """Run the command that makes what sessions need; give where it says that it did."""
    result = site.app.test_cli_runner().invoke(args=["sessions", "init"])
    assert (result.exit_code, result.stdout) == (0, "everything that sessions need exists\n")
    where: str = result.stderr
    return where


def _unwrapped(func: View) -> View:
    # Quart looks behind `functools.wraps` when it asks whether a view is a coroutine.
    del func.__wrapped__  # type: ignore[attr-defined]
    return func
