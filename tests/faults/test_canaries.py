"""What must never be seen: canaries in the secret key, the data and the cookie.

Traceback locals are those of the library's own frames: what a view itself holds
or passes stands in the view's frame, as with any dict.
"""

from __future__ import annotations

import base64
import errno
import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from samesession import ConfigError, Session, StoreUnavailable, audit, signals
from samesession.core.request_state import state_of
from samesession.core.unsaved_changes import Draft, Journal
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.server import Valkey
from tests.support.site import Site, Visitor

from .proxy import Fault, proxied

KEY_CANARY = "canary-in-the-secret-key-0123456789"
DATA_CANARY = "canary-in-the-data"
EVERY_EVENT = [name for name in dir(signals) if name.startswith("session_")]


@dataclass
class Watch:
    """Collects what anybody could read of a run, and what must not be in it."""

    caplog: pytest.LogCaptureFixture
    cookies: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def look_at(self, error: BaseException) -> None:
        """Take an error's text and, of the library's frames, every local."""
        told: BaseException | None = error
        known: set[int] = set()
        while told is not None and id(told) not in known:
            known.add(id(told))
            self.seen.append(f"{told!r} {told} {vars(told)!r}")
            self.seen.extend(_our_locals(told))
            # As tracebacks are printed: a suppressed context is not.
            told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)

    def expect_nothing(self) -> None:
        everything = "\n".join([self.caplog.text, *self.seen])
        forbidden = {KEY_CANARY, DATA_CANARY}
        for cookie in self.cookies:
            _sid, *secret_parts = cookie.split(".")
            forbidden |= {cookie, *secret_parts}
        assert [word for word in forbidden if word in everything] == []


def _our_locals(error: BaseException) -> Iterator[str]:
    summary = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), capture_locals=True
    )
    for frame in summary:
        if "/samesession/" in frame.filename:
            for name, value in (frame.locals or {}).items():
                yield f"{frame.filename}:{frame.lineno} {name} = {value}"


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture) -> Watch:
    caplog.set_level(logging.DEBUG)
    # The tools that the tests stand on log what they send; what is looked at is ours.
    for name in ("asyncio", "redis", "quart.serving"):
        caplog.set_level(logging.INFO, logger=name)
    return Watch(caplog)


async def settle(site: Site) -> Visitor:
    """Give a visitor whose session holds the canary."""
    visitor = site.visitor()
    await visitor.put(a=DATA_CANARY)
    return visitor


METHODS = ("load", "create", "commit", "remove")


@pytest.mark.asyncio
@pytest.mark.parametrize("method", [*METHODS, pytest.param("enlist", marks=pytest.mark.owners)])
async def test_a_store_that_fails_shows_no_canary(
    new_site: NewSite, backend: Backend, watch: Watch, method: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SECRET_KEY=KEY_CANARY)
    watched(site, watch)
    visitor = await settle(site)
    watch.cookies.add(visitor.jar["session"])
    spy.fail(method, StoreUnavailable("the store is down"))

    def use(session: Any) -> None:
        session.bind("alice") if method == "enlist" else session.update(b=DATA_CANARY)

    action = {"remove": lambda session: session.clear()}.get(method, use)
    who = site.visitor() if method == "create" else visitor
    assert (await who.visit(action)).status == 503
    assert watch.seen, "the error was not looked at"
    watch.expect_nothing()


def watched(site: Site, watch: Watch) -> None:
    """Look at every 503 as an error handler of the application sees it."""

    @site.errorhandler(StoreUnavailable)
    def unavailable(session: Any, web: Any, error: BaseException) -> tuple[str, int]:
        watch.look_at(error)
        return "unavailable", 503


NETWORKS = {
    "killed": None,
    "cut": Fault(reply_bytes=0),
    "hole": Fault(hole=True),
    "garbage": Fault(garbage=b"canary-in-the-data\r\n"),
    "refused": Fault(garbage=b"-ERR unknown canary-in-the-data\r\n"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", NETWORKS.values(), ids=NETWORKS)
async def test_a_redis_that_fails_shows_no_canary(
    framework: str, own_valkey: Valkey, clock: Clock, watch: Watch, fault: Fault | None
) -> None:
    with proxied(own_valkey.port) as proxy:
        settings = {
            "SECRET_KEY": KEY_CANARY,
            "SESSION_TYPE": "redis",
            "SESSION_REDIS": proxy.url,
            "SESSION_STORE_TIMEOUT": 0.3,
        }
        site = Site(framework, settings, clock=clock)
        watched(site, watch)
        visitor = await settle(site)
        watch.cookies.add(visitor.jar["session"])

        def fail(session: Any) -> None:
            session["b"] = DATA_CANARY
            if fault is None:
                own_valkey.kill()
            else:
                proxy.inflict(fault)

        assert (await visitor.visit(fail)).status == 503
        assert (await visitor.visit(lambda session: session.get("a"))).status == 503
        await site.close()
    assert "StoreUnavailable" in "".join(watch.seen)
    watch.expect_nothing()


@pytest.mark.asyncio
@pytest.mark.stores("filesystem")
async def test_files_that_fail_show_no_canary(
    new_site: NewSite, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    site = new_site(SECRET_KEY=KEY_CANARY)
    watched(site, watch)
    visitor = await settle(site)
    watch.cookies.add(visitor.jar["session"])
    with monkeypatch.context() as patch:
        # Only what a store writes goes this way: the frameworks write to no descriptor.
        patch.setattr("samesession.stores.filesystem.versions.os.pwrite", refuse)
        assert (await visitor.put(b=DATA_CANARY)).status == 503
    assert "ENOSPC" in "".join(watch.seen)
    watch.expect_nothing()


@pytest.mark.asyncio
async def test_a_failing_error_of_each_kind_shows_no_canary(
    new_site: NewSite, backend: Backend, watch: Watch
) -> None:
    site = new_site(SECRET_KEY=KEY_CANARY, SESSION_MAX_BYTES=1024)
    visitor = await settle(site)
    watch.cookies.add(visitor.jar["session"])
    for change in (
        lambda session: session.update(b=[DATA_CANARY, object()]),
        lambda session: session.update(b=DATA_CANARY * 100),
        lambda session: session.update(b=DATA_CANARY + "\ud800"),
        lambda session: session.update(b={object(): DATA_CANARY}),
    ):
        watch.look_at(await visitor.failure(change))
    assert "session['b'][1]" in "".join(watch.seen)
    watch.expect_nothing()


@pytest.mark.asyncio
async def test_a_damaged_a_forged_and_a_vanished_record_show_no_canary(
    new_site: NewSite, backend: Backend, watch: Watch
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SECRET_KEY=KEY_CANARY)
    visitor = await settle(site)
    cookie = visitor.jar["session"]
    watch.cookies.add(cookie)
    sid, secret, signature = cookie.split(".")
    forged = [
        f"{sid}.{secret[:-1]}A.{signature}",
        f"{sid}.{secret}.{signature[:-1]}A",
        f"{sid}.{'A' * 43}.{signature}",
        f"{cookie}; session={cookie[::-1]}",
    ]
    for value in forged:
        await visitor.visit(lambda session: session.get("a"), cookie=f"session={value}".encode())
    other = await settle(new_site(options={"store": spy}, SECRET_KEY=KEY_CANARY))
    watch.cookies.add(other.jar["session"])
    both = f"session={cookie}; session={other.jar['session']}".encode()
    await visitor.visit(lambda session: session.get("a"), cookie=both)
    (slot, *_rest) = backend.records()

    def lose(session: Any) -> Any:
        session["b"] = DATA_CANARY

    site.actions.append(lambda session, web: lose(session) or "")
    gate = spy.pause("commit")
    slow = visitor.driver.start("GET", f"/visit/{len(site.actions) - 1}")
    await gate.reached()
    await visitor.visit(lambda session: session.clear(), cookie=f"session={cookie}".encode())
    gate.open()
    await slow
    assert slot
    assert "session-gone" in watch.caplog.text
    assert "session-rejected" in watch.caplog.text
    watch.expect_nothing()


@pytest.mark.asyncio
@pytest.mark.owners
async def test_an_audit_shows_no_canary(new_site: NewSite, backend: Backend, watch: Watch) -> None:
    site = new_site(SECRET_KEY=KEY_CANARY, SESSION_ABSOLUTE_LIFETIME=60)
    written = logging.getLogger("tests.audit")  # whose lines `watch` sees, too
    audit.install(site.app, written, events=EVERY_EVENT, anonymous=True)
    visitor = await settle(site)
    cookies = [visitor.jar["session"]]
    for change in (
        lambda session: session.bind("ann"),
        lambda session: session.regenerate(),
        lambda session: session.update(b=DATA_CANARY),
    ):
        await visitor.visit(change)
        cookies.append(visitor.jar["session"])
    watch.cookies.update(cookies)
    old, forged = site.visitor(), site.visitor()
    old.jar["session"] = cookies[0]
    forged.jar["session"] = cookies[-1][:-2] + "AA"
    for each in (old, forged):
        await each.visit(lambda session: session.update(c=DATA_CANARY))
        watch.cookies.add(each.jar["session"])
    two = "; ".join(f"session={value}" for value in (cookies[-1], old.jar["session"]))
    await site.visitor().visit(lambda _: None, cookie=two.encode("ascii"))
    (slot, *_rest) = backend.records()
    backend.part.plant(slot, backend.records()[slot][:-1])
    for each in (visitor, old, forged):
        await each.visit(lambda session: session.get("a"))
    await old.visit(lambda session: session.clear())
    site.clock.advance(61)
    for each in (visitor, forged):
        await each.visit(lambda session: session.get("a"))
    lines = [each.getMessage() for each in watch.caplog.records if each.name == "tests.audit"]
    told = {json.loads(line)["event"] for line in lines}
    assert told >= {f"session_{each}" for each in ("created", "bound", "regenerated", "rejected")}
    watch.expect_nothing()


@pytest.mark.asyncio
async def test_no_repr_shows_a_canary(new_site: NewSite, watch: Watch) -> None:
    site = new_site(
        SECRET_KEY=KEY_CANARY, SESSION_ENCRYPT=True, SESSION_ENCRYPTION_KEYS=[KEY_CANARY]
    )
    visitor = await settle(site)
    watch.cookies.add(visitor.jar["session"])

    def look(session: Any) -> None:
        state = state_of(session)
        loaded: Any = state.loaded
        ours = site.app.session_interface.app_sessions
        parts = (session, state, loaded, loaded.record, loaded.signed, loaded.signed.token)
        flow = ours.flow
        whole = (ours, ours.config, flow, flow.store, flow._signer, session.info)
        draft = Draft(DATA_CANARY.encode(), permanent=False, data={"a": DATA_CANARY})
        taken = Journal(permanent_by_default=False).take(draft, replace_secret=False, base=None)
        saving = (flow._filing, flow._filing._records, state_of(session).journal, taken, draft)
        encryption: Any = flow._filing._records.encryption
        encrypting = (ours.config.encryption, encryption, encryption.cipher)
        watch.seen.extend(f"{each!r} {each}" for each in (*parts, *whole, *saving, *encrypting))

    assert (await visitor.visit(look)).status == 200
    assert watch.seen
    watch.expect_nothing()


@pytest.mark.parametrize(
    "wrong",
    [
        {"SESSION_TYPE": "nonsense"},
        {"SECRET_KEY_FALLBACKS": ["short"]},
        {"SECRET_KEY_FALLBACKS": KEY_CANARY},
        {"SESSION_COOKIE_NAME": "__Host-session"},
        {"SESSION_STORE_TIMEOUT": "soon"},
        {"SESSION_ENCRYPTION_KEYS": KEY_CANARY, "SESSION_ENCRYPT": True},
        {"SESSION_ENCRYPTION_KEYS": [KEY_CANARY], "SESSION_ENCRYPT": False},
    ],
    ids=str,
)
def test_a_wrong_setting_shows_no_canary(
    framework: str, wrong: dict[str, Any], watch: Watch
) -> None:
    site = Site(framework, {"SECRET_KEY": KEY_CANARY, **wrong}, clock=lambda: 0.0, init=False)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        Session(site.app)
    watch.look_at(caught.value)
    watch.expect_nothing()


@pytest.mark.asyncio
async def test_a_store_holds_nothing_that_makes_a_cookie(
    new_site: NewSite, backend: Backend
) -> None:
    visitor = await settle(new_site(SECRET_KEY=KEY_CANARY))
    await visitor.visit(lambda session: session.bind("alice"))
    _sid, secret, signature = visitor.jar["session"].split(".")
    dump = backend.part.dump()
    assert b"".join(backend.records().values()) in dump or DATA_CANARY.encode() in dump
    for word in (secret, signature, KEY_CANARY):
        assert word.encode() not in dump
        assert base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)) not in dump


# --- forged log lines ----------------------------------------------------------------------

FORGERIES = (
    rb'"x\012CRITICAL:samesession:all is lost"',
    rb'"x\015\012CRITICAL:samesession:all is lost"',
    b"x\x85CRITICAL:samesession:all is lost",
    b"\x1b[31mCRITICAL",
    b"%s%s%s%n",
    b"{0.__class__}",
    b"x" * 60_000,
    rb'"\000\001\002"',
)


@pytest.mark.asyncio
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_cookie_bytes_never_reach_a_log(
    new_site: NewSite, watch: Watch, forgery: bytes
) -> None:
    visitor = new_site().visitor()
    answer = await visitor.visit(lambda session: session.get("a"), cookie=b"session=" + forgery)
    assert answer.status == 200
    messages = [each.getMessage() for each in watch.caplog.records if each.name == "samesession"]
    assert messages == ["session-rejected: the cookie is not one of ours"]
    assert all(message.isprintable() for message in messages)


def test_the_watch_itself_sees_a_leak(watch: Watch) -> None:
    def leak(hidden: str) -> None:
        raise ConfigError(hidden)

    with pytest.raises(ConfigError) as caught:
        leak(DATA_CANARY)
    watch.look_at(caught.value)
    with pytest.raises(AssertionError):
        watch.expect_nothing()
