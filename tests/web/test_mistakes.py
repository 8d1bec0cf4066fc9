"""What people write by mistake, and that each is told what to write instead."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from samesession import ConfigError, Session
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory")]

OTHER = {"flask": "quart", "quart": "flask"}


class FastAPI:
    """An application of another framework."""


class Wrapped:
    """What servers and extensions put around an application."""

    def __init__(self, app: object) -> None:
        self.inner_app = app


def names_in(place: Path) -> list[str]:
    return [each.name for each in place.iterdir()]


def application(framework: str, **settings: Any) -> Any:
    app = getattr(import_module(framework), framework.capitalize())("app")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE="memory", **settings)
    return app


def factory() -> None:
    """Stand for a function that makes an application."""


# --- Session(...) --------------------------------------------------------------------------


NOT_THE_APPLICATION: dict[str, tuple[Any, str]] = {
    "a blueprint": (lambda web, app: web.Blueprint("shop", "app"), "registered with"),
    "a factory": (lambda web, app: factory, r"Session\(create_app\(\)\)"),
    "a partial factory": (lambda web, app: functools.partial(factory), r"create_app\(\)"),
    "a lambda": (lambda web, app: lambda: app, r"create_app\(\)"),
    "its class": (lambda web, app: type(app), r"an object of it: \w+\(__name__\)"),
    "its method": (lambda web, app: app.make_response, "the application, not its method"),
    "a test client": (lambda web, app: app.test_client(), "its attribute 'app(lication)?'"),
    "middleware": (lambda web, app: Wrapped(app), "its attribute 'inner_app'"),
    "a module": (lambda web, app: _module(app), "its attribute 'app'"),
    "its name": (lambda web, app: "app", "not its name"),
    "its settings": (lambda web, app: app.config, "app.config"),
    "a dict": (lambda web, app: {"SESSION_TYPE": "redis"}, "app.config"),
    "a store": (lambda web, app: MemoryStore(), r"Session\(app, store="),
    "another framework": (lambda web, app: FastAPI(), "not a FastAPI"),
    "nothing": (lambda web, app: 5, "not an? int"),
    "no application": (lambda web, app: web.current_app, "no application is active"),
}


def _module(app: Any) -> ModuleType:
    module = ModuleType("application")
    module.app = app  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("given", NOT_THE_APPLICATION)
async def test_what_is_no_application_is_told_what_to_give(framework: str, given: str) -> None:
    make, advice = NOT_THE_APPLICATION[given]
    wrong = make(import_module(framework), application(framework))
    with pytest.raises(TypeError, match=rf"^Session\(\) takes a Flask or a Quart.*{advice}"):
        Session(wrong)
    with pytest.raises(TypeError, match=advice):
        Session().init_app(wrong)


async def test_none_that_is_given_late_is_no_application(framework: str) -> None:
    with pytest.raises(TypeError, match="not a NoneType"):
        Session().init_app(None)  # type: ignore[arg-type]


async def test_the_active_application_is_the_application(framework: str) -> None:
    app = application(framework)
    context = app.app_context()
    if framework == "flask":
        with context:
            Session(import_module(framework).current_app)
    else:
        async with context:
            Session(import_module(framework).current_app)
    assert type(app.session_interface).__name__.endswith("SessionInterface")
    assert app.session_interface.app_sessions.location.startswith("the memory")


@pytest.mark.needs("flask", "quart")
async def test_the_others_init_app_is_told_to_be_session(framework: str) -> None:
    module = import_module(f"samesession.{OTHER[framework]}")
    with pytest.raises(TypeError, match=rf"{framework.capitalize()}.*: write Session\(app\)"):
        module.init_app(application(framework))


@pytest.mark.parametrize("by", ["Session", "init_app", "another"])
async def test_the_second_time_is_told_to_be_one_too_many(framework: str, by: str) -> None:
    app = application(framework)
    sessions = Session(app)
    before = app.session_interface
    again: dict[str, Any] = {
        "Session": lambda: Session(app, store=MemoryStore()),
        "init_app": lambda: sessions.init_app(app),
        "another": lambda: Session().init_app(app),
    }
    with pytest.raises(ConfigError, match=r"has sessions already: call Session\(app\) once"):
        again[by]()
    assert app.session_interface is before


async def test_a_first_time_that_failed_is_none(framework: str) -> None:
    app = application(framework, SESSION_REDIS_URL="redis://127.0.0.1")
    with pytest.raises(ConfigError, match="SESSION_REDIS"):
        Session(app)
    del app.config["SESSION_REDIS_URL"]
    Session(app)


TOO_LATE = r"already serves requests: call Session\(app\) where it is created"


async def test_in_a_request_it_is_too_late(framework: str) -> None:
    app = application(framework)
    site = Site(framework, {}, clock=Clock(), app=app, init=False)
    failing_view(site, lambda: Session(app))
    assert re.search(TOO_LATE, str(await failure(site)))


async def test_in_a_request_of_another_application_it_is_not(framework: str) -> None:
    site = Site(framework, {}, clock=Clock(), app=application(framework), init=False)
    made = application(framework)
    failing_view(site, lambda: Session(made))
    assert (await site.user().get("/")).status == 200
    assert hasattr(made.session_interface, "app_sessions")


async def test_after_the_first_request_it_is_too_late(framework: str) -> None:
    app = application(framework)
    if framework == "quart":
        await app.startup()  # it does not keep in mind whether it has served one
    else:
        assert app.test_client().get("/").status_code == 404
    with pytest.raises(ConfigError, match=TOO_LATE):
        Session(app)


@pytest.mark.parametrize(
    ("store", "advice"),
    [
        ("redis", 'SESSION_TYPE = "redis"'),
        (MemoryStore, r"the class MemoryStore, .*MemoryStore\("),
        (object(), "FromSync or FromAsync"),
        ({}, "FromSync or FromAsync"),
    ],
)
async def test_what_is_no_store_is_told_what_to_write(
    framework: str, store: Any, advice: str
) -> None:
    with pytest.raises(ConfigError, match=advice):
        Session(application(framework), store=store)


# --- without Session(app), and elsewhere than in a request -----------------------------------


def actions(framework: str) -> dict[str, Any]:
    """Give what samesession.flask or samesession.quart offers, each as a call."""
    module = import_module(f"samesession.{framework}")
    return {
        "bind": lambda: module.session.bind("ann"),
        "read": lambda: module.session["user"],
        "write": lambda: module.session.update(user="ann"),
        "sessions_of": lambda: module.sessions_of("ann"),
        "sessions_page": lambda: module.sessions_page("ann"),
        "revoke": lambda: module.revoke("x" * 22),
        "revoke_all": lambda: module.revoke_all("ann"),
        "revoke_everyone": module.revoke_everyone,
        "purge": module.purge,
        "ping": module.ping,
        "saving": module.saving,
    }


ACTIONS = (
    "bind", "read", "write", "sessions_of", "sessions_page",
    "revoke", "revoke_all", "revoke_everyone", "purge", "ping", "saving",
)  # fmt: skip


async def done(result: Any) -> None:
    """Have an action done, whichever colour it has."""
    if isinstance(result, AbstractContextManager):
        with result:
            pass
    elif isinstance(result, AbstractAsyncContextManager):
        async with result:
            pass
    elif asyncio.iscoroutine(result):
        await result


def failing_view(site: Site, action: Any) -> None:
    """Serve `/` by an action that is to fail."""
    if site.framework == "quart":

        async def act() -> str:
            await done(action())
            return "done"
    else:

        def act() -> str:  # type: ignore[misc]  # the other colour
            result = action()
            if isinstance(result, AbstractContextManager):
                with result:
                    pass
            return "done"

    site.app.add_url_rule("/", "root", act)


async def failure(site: Site) -> BaseException:
    assert (await site.user().get("/")).status == 500
    return site.errors[-1]


@pytest.mark.parametrize("name", ACTIONS)
async def test_without_session_app_each_action_says_that_it_is_missing(
    framework: str, name: str
) -> None:
    site = Site(framework, {}, clock=Clock(), init=False)
    failing_view(site, actions(framework)[name])
    error = await failure(site)
    assert isinstance(error, ConfigError)
    assert "does not use samesession: call Session(app) where it is created" in str(error)


async def test_another_extensions_interface_is_named(framework: str) -> None:
    site = Site(framework, {"SESSION_TYPE": "memory"}, clock=Clock())
    kind = import_module(f"{framework}.sessions").SecureCookieSessionInterface
    site.app.session_interface = type("OtherInterface", (kind,), {})()
    failing_view(site, actions(framework)["bind"])
    assert "OtherInterface" in str(await failure(site))


@pytest.mark.needs("flask", "quart")
@pytest.mark.parametrize("name", ACTIONS)
async def test_the_other_frameworks_action_names_the_right_module(
    framework: str, name: str
) -> None:
    site = Site(framework, {"SESSION_TYPE": "memory"}, clock=Clock())
    failing_view(site, actions(OTHER[framework])[name])
    error = await failure(site)
    assert isinstance(error, RuntimeError)
    assert str(error) == (
        f"this is a {framework.capitalize()} application: import from samesession.{framework}, "
        f"not from samesession.{OTHER[framework]}"
    )


@pytest.mark.parametrize("name", ACTIONS)
async def test_outside_of_an_application_each_action_says_how_to_be_inside(
    framework: str, name: str
) -> None:
    with pytest.raises(RuntimeError) as caught:
        await done(actions(framework)[name]())
    needs_request = name in ("bind", "read", "write", "saving")
    wanted = "stream_with_context" if needs_request else "app.app_context()"
    assert wanted in str(caught.value)


@pytest.mark.parametrize("name", ["bind", "read", "write", "saving"])
async def test_in_an_application_without_a_request_an_action_says_how_to_have_one(
    framework: str, name: str
) -> None:
    """As in a task of Quart's `add_background_task`, which has no request from Quart 0.23 on."""
    context = Site(framework, {"SESSION_TYPE": "memory"}, clock=Clock()).app.app_context()

    async def refused() -> str:
        with pytest.raises(RuntimeError) as caught:
            await done(actions(framework)[name]())
        return str(caught.value)

    if framework == "flask":
        with context:
            told = await refused()
    else:
        async with context:
            told = await refused()
    assert told.startswith("no request is active here")
    assert f"{framework}.copy_current_request_context" in told


def _answering(framework: str, body: Any) -> Any:
    async def coroutine() -> Any:
        return body()

    return coroutine if framework == "quart" else body


async def test_saving_in_a_stream_without_its_context_names_what_keeps_it(framework: str) -> None:
    site = Site(framework, {"SESSION_TYPE": "memory"}, clock=Clock())
    saving = import_module(f"samesession.{framework}").saving
    told: list[str] = []

    async def body() -> Any:
        try:
            async with saving():
                pass
        except RuntimeError as error:
            told.append(str(error))
        yield b"x"

    def sync_body() -> Iterator[bytes]:
        try:
            with saving():
                pass
        except RuntimeError as error:
            told.append(str(error))
        yield b"x"

    made = body if framework == "quart" else sync_body
    site.app.add_url_rule("/", "root", _answering(framework, made))
    assert (await site.user().get("/")).text == "x"
    (only,) = told
    assert only == (
        "no request is active here: in a streamed body wrap the generator in "
        f"{framework}.stream_with_context, in a thread or task use "
        f"{framework}.copy_current_request_context"
    )


# --- SESSION_TYPE ------------------------------------------------------------------------------


COMMANDS = (["list", "ann"], ["revoke", "--owner", "ann"], ["revoke", "--all", "--yes"], ["purge"])


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("args", COMMANDS)
async def test_a_command_cannot_reach_another_process_memory(
    framework: str, args: list[str], given: bool
) -> None:
    app = application(framework)
    Session(app, store=MemoryStore() if given else None)
    invoke = app.test_cli_runner().invoke
    _ = await asyncio.to_thread(invoke, args=["sessions", *args])  # the first serves nothing
    told = await asyncio.to_thread(invoke, args=["sessions", *args])
    assert told.exit_code == 2
    assert "in the memory of the process that serves them" in told.output
    assert "filesystem" in told.output
    assert not {"ended", "deleted"} & set(told.output.split())


@pytest.mark.stores("cookie")
@pytest.mark.parametrize("args", COMMANDS)
async def test_a_command_cannot_reach_a_browsers_cookie(framework: str, args: list[str]) -> None:
    app = application(framework)
    app.config["SESSION_TYPE"] = "cookie"
    Session(app)
    told = await asyncio.to_thread(app.test_cli_runner().invoke, args=["sessions", *args])
    assert told.exit_code == 2
    assert "the browser keeps the session" in told.output
    assert "choose a server-side store" in told.output


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/hypercorn", "app:app"])
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)


def several_by_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/gunicorn", "-w", "4", "app:app"])


def several_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/uvicorn", "app:app"])
    monkeypatch.setenv("WEB_CONCURRENCY", "3")


def several_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    process = SimpleNamespace(name="SpawnProcess-2")
    monkeypatch.setattr(multiprocessing.process, "current_process", lambda: process)


def several_by_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samesession.worker_processes.process_id", lambda: os.getpid() + 1)


SEVERAL = (several_by_argument, several_by_environment, several_by_number, several_by_fork)


async def errors_of_two_requests(site: Site, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    for _ in range(2):
        assert (await site.visitor().put(user="ann")).status == 200
    return [record.getMessage() for record in caplog.records if record.name == "samesession"]


@pytest.mark.parametrize("happens", SEVERAL)
async def test_memory_under_several_workers_is_one_error_in_the_log(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, happens: Any
) -> None:
    alone(monkeypatch)
    happens(monkeypatch)
    _ = (
        site.app.session_interface.app_sessions.administration
    )  # as a task does before the first request
    (told,) = await errors_of_two_requests(site, caplog)
    assert told.startswith("this server runs several processes, and each keeps its own sessions in")
    assert 'SESSION_TYPE = "filesystem"' in told


async def test_a_wsgi_server_says_itself_that_it_has_several_processes(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alone(monkeypatch)
    site = new_site(options={"framework": "flask"})
    inner = site.app.wsgi_app
    site.app.wsgi_app = lambda environ, start: inner({**environ, "wsgi.multiprocess": True}, start)
    (told,) = await errors_of_two_requests(site, caplog)
    assert told.startswith("this server runs several processes")


@pytest.mark.stores("filesystem", "memory", "redis", "sqlite", "cookie")
async def test_several_workers_are_well_with_every_other_store_and_one_with_memory(
    site: Site,
    store_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    alone(monkeypatch)
    if store_name != "memory":
        several_by_argument(monkeypatch)
    assert await errors_of_two_requests(site, caplog) == []


async def test_files_without_their_locks_are_told_which_system_has_them(
    framework: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("samesession.stores.")]:
        parent, _, leaf = name.rpartition(".")
        # So that the package has the old one again afterwards, whatever is imported here.
        monkeypatch.setattr(sys.modules[parent], leaf, sys.modules[name], raising=False)
    for name in [name for name in sys.modules if name.startswith("samesession.stores.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for settings in ({}, {"SESSION_TYPE": "filesystem"}):
        app = application(framework)
        del app.config["SESSION_TYPE"]
        app.config.update(settings)
        with pytest.raises(
            ConfigError, match=r"'filesystem'.* needs Linux or macOS: write SESSION_TYPE = 'sqlite'"
        ) as told:
            Session(app)
        assert "None" not in str(told.value)


# --- directories -------------------------------------------------------------------------------


def kept_in(directory: Path | str, store_name: str) -> dict[str, Any]:
    """Give the setting that has a store keep its files in a directory."""
    if store_name == "sqlite":
        kind = type(directory)
        return {"SESSION_SQLITE_FILE": kind(f"{directory}/sessions.db")}
    return {"SESSION_FILE_DIR": directory}


@pytest.mark.stores("filesystem", "sqlite")
async def test_no_directory_is_made_before_the_first_session(
    new_site: NewSite, store_name: str, tmp_path: Path
) -> None:
    site = new_site(**kept_in(str(tmp_path / "a" / "b"), store_name))
    visitor = site.visitor()
    assert not await visitor.value(lambda session: "user" in session)
    assert names_in(tmp_path) == []
    assert (await visitor.put(user="ann")).status == 200
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.stores("filesystem", "sqlite")
@pytest.mark.parametrize("written", ["~/sessions", Path("~/sessions")])
async def test_a_tilde_is_the_home_directory(
    new_site: NewSite,
    *,
    store_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: Any,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    site = new_site(**kept_in(written, store_name))
    assert (await site.visitor().put(user="ann")).status == 200
    assert (tmp_path / "home" / "sessions").is_dir()
    assert names_in(tmp_path / "here") == []


@pytest.mark.stores("filesystem", "sqlite")
async def test_the_home_of_nobody_is_told(new_site: NewSite, store_name: str) -> None:
    with pytest.raises(ConfigError, match=r"SESSION_\w+ .*no user 'nobody-of-this-name'"):
        new_site(**kept_in("~nobody-of-this-name/sessions", store_name))


@pytest.mark.stores("sqlalchemy-sqlite")
async def test_a_tilde_in_the_url_of_an_sqlite_file_is_the_home_directory(
    new_site: NewSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    site = new_site(SESSION_SQLALCHEMY="sqlite:///~/sessions.db")
    assert str(tmp_path / "sessions.db") in site.app.session_interface.app_sessions.location
