"""The audit: a line of JSON for what happens to an account's sessions, and nothing secret in it."""

from __future__ import annotations

import gc
import json
import logging
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest

from samesession import ConfigError, Session, audit
from samesession.run import sync
from samesession.signals import session_bound
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES, Backend
from tests.support.many import fill
from tests.support.site import SECRET_KEY, Site, Visitor
from tests.web.test_administration import administer
from tests.web.test_cli import command
from tests.web.test_events import _done as done_over_a_socket
from tests.web.test_noise import SENT
from tests.web.test_outside import do
from tests.web.test_saving import saving

pytestmark = pytest.mark.asyncio

MAX_LINE = 8192  # bytes
MANY, A_BATCH = 500, 200
EVIL = 'ann"}\n{"event": "session_bound"}\r\x85\u2028\u2029\x1b[31m\x7f\u202e%s{0}\\'


class Lines(logging.Handler):
    """Keep the lines of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.raw: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.raw.append(self.format(record))

    @property
    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw]

    @property
    def events(self) -> list[tuple[str, Any]]:
        return [(each["event"], each["owner"]) for each in self.read]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Give what the audit's own logger is given."""
    logger, handler = logging.getLogger(audit.LOGGER), Lines()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.level, logger.propagate = before
    logger.disabled = False


async def _login(site: Site, owner: str) -> Visitor:
    user = site.visitor()
    await user.visit(lambda session: (session.update(name="her data"), session.bind(owner)))
    return user


async def _sid(user: Visitor) -> str:
    return str(await user.value(lambda session: session.sid))


@pytest.mark.owners
async def test_a_line_says_when_what_whose_and_why(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann = await _login(site, "ann")
    sid = await _sid(ann)
    lines.raw.clear()
    site.clock.now = 1_800_000_000.25
    await ann.visit(lambda session: session.clear())
    (written,) = lines.raw
    assert written == (
        '{"time": "2027-01-15T08:00:00.250000+00:00", "event": "session_ended", '
        f'"sid": "{sid}", "owner": "ann", "label": null, "reason": "the session was emptied"}}'
    )
    (line,) = lines.read
    assert datetime.fromisoformat(line["time"]) == datetime(2027, 1, 15, 8, 0, 0, 250_000, UTC)


@pytest.mark.owners
async def test_the_life_of_a_login(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann = await _login(site, "ann")
    await ann.visit(lambda session: session.regenerate())
    other = await _login(site, "ann")
    await administer(site, "revoke", await _sid(ann))
    await ann.visit(lambda _: None)
    await other.put(a=1)
    await other.visit(lambda session: session.clear())
    assert lines.events == [
        ("session_created", "ann"),
        ("session_bound", "ann"),
        ("session_regenerated", "ann"),
        ("session_created", "ann"),
        ("session_bound", "ann"),
        ("session_revoked", "ann"),
        ("session_expired", None),
        ("session_ended", "ann"),
    ]


async def test_what_happens_to_nobodys_session_is_written_where_that_is_asked(
    site: Site, lines: Lines
) -> None:
    everything, logger = Lines(), logging.getLogger(f"tests.{site.framework}")
    logger.addHandler(everything)
    logger.setLevel(logging.INFO)
    audit.install(site.app)
    audit.install(site.app, logger, anonymous=True)
    user = site.visitor()
    await user.put(a=1)
    sid = await _sid(user)
    await administer(site, "revoke", sid)
    logger.removeHandler(everything)
    assert [each["sid"] for each in everything.read] == [sid, sid]
    assert everything.events == [("session_created", None), ("session_revoked", None)]
    assert lines.events == [("session_revoked", None)]


@pytest.mark.parametrize("sent", SENT)
async def test_a_visitor_without_an_account_writes_one_line_a_request(
    site: Site, lines: Lines, sent: str
) -> None:
    values = await SENT[sent](site)
    audit.install(site.app)

    def much(session: Any) -> None:
        session.update(a=1)
        session.regenerate()

    for act in (lambda _: None, much, lambda session: session.clear()):
        lines.raw.clear()
        header = "; ".join(f"session={value}" for value in values)
        user = site.visitor()
        assert (await user.visit(act, cookie=header.encode("ascii"))).status == 200
        assert len(lines.raw) <= 1
        assert all(value not in line for value in values if len(value) > 6 for line in lines.raw)


@pytest.mark.stores(*ALL_STORES)
async def test_a_forged_cookie_is_one_line(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    await site.visitor().visit(lambda _: None, cookie=b'session="x\\012{"')
    (line,) = lines.read
    assert (line["event"], line["sid"], line["owner"]) == ("session_rejected", None, None)
    assert "cookie is not one of ours" in line["reason"]


@pytest.mark.owners
async def test_text_of_the_application_forges_no_line(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    await site.visitor().visit(lambda session: session.bind(EVIL, label=EVIL))
    assert lines.events == [("session_created", EVIL), ("session_bound", EVIL)]
    assert {line["label"] for line in lines.read} == {EVIL}
    for line in lines.raw:
        assert line.isascii()
        assert line.isprintable()
        assert len(line.splitlines()) == 1


@pytest.mark.owners
@pytest.mark.stores("memory")
@pytest.mark.parametrize("owner", ["\x01" * 1024, "\x7f" * 1024, "\U0001f600" * 256, '"' * 1024])
async def test_a_line_has_a_bounded_length(site: Site, lines: Lines, owner: str) -> None:
    audit.install(site.app)
    await site.visitor().visit(lambda session: session.bind(owner, owner[: len(owner) // 4]))
    assert len(lines.raw) == 2
    assert all(len(line) < MAX_LINE for line in lines.raw)
    assert lines.read[0]["owner"] == owner
    assert lines.read[0]["label"] == owner[: len(owner) // 4]


@pytest.mark.owners
async def test_no_line_is_in_the_ordinary_log(
    site: Site, lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    audit.install(site.app)
    await _login(site, "the-owner-ann")
    assert len(lines.raw) == 2
    assert "session-bound" in caplog.text
    assert "the-owner-ann" not in caplog.text


@pytest.mark.owners
async def test_the_events_are_chosen(site: Site, lines: Lines) -> None:
    audit.install(site.app, events=["session_ended", "session_bound"])
    ann = await _login(site, "ann")
    await ann.visit(lambda session: session.regenerate())
    await ann.visit(lambda session: session.clear())
    assert lines.events == [("session_bound", "ann"), ("session_ended", "ann")]


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem")
async def test_each_application_writes_its_own(new_site: NewSite, lines: Lines) -> None:
    site, other, third = new_site(), new_site(), new_site()
    theirs, logger = Lines(), logging.getLogger("tests.theirs")
    logger.addHandler(theirs)
    logger.setLevel(logging.INFO)
    audit.install(site.app)
    audit.install(other.app, logger)
    for each, owner in ((site, "ann"), (other, "ben"), (third, "cid")):
        await _login(each, owner)
    logger.removeHandler(theirs)
    assert {owner for _, owner in lines.events} == {"ann"}
    assert {owner for _, owner in theirs.events} == {"ben"}


@pytest.mark.owners
async def test_a_proxy_stands_for_its_application(site: Site, lines: Lines) -> None:
    async with _context(site):
        audit.install(site.web.current_app)
    await _login(site, "ann")
    assert len(lines.raw) == 2


@pytest.mark.owners
async def test_what_erases_an_owner_is_written(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    await _login(site, "ann")
    lines.raw.clear()
    assert await administer(site, "erase_owner", "ann") == 1
    assert lines.events == [("session_revoked", "ann")]


@pytest.mark.owners
async def test_the_life_of_an_account(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann = site.visitor()
    await ann.visit(lambda session: (session.update(a=1), session.bind("ann", "Firefox")))
    for act in (
        lambda session: session.confirm(),
        lambda session: session.unbind(),
        lambda session: session.bind("ann", "Firefox"),
        lambda session: session.end(),
    ):
        lines.raw.clear()
        await ann.visit(act)
        told = {(each["owner"], each["label"]) for each in lines.read}
        assert told == {("ann", "Firefox")}
        assert lines.read[-1]["event"] in {
            f"session_{each}" for each in ("confirmed", "unbound", "bound", "ended")
        }
    assert lines.read[-1]["reason"] == "the application ended the session"


@pytest.mark.stores("memory")
async def test_an_audit_goes_with_its_application(framework: str, lines: Lines) -> None:
    web = import_module(framework)
    app = getattr(web, framework.capitalize())("audited")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE="memory")
    Session(app)
    gc.collect()
    before = len(session_bound.receivers)
    audit.install(app)
    assert len(session_bound.receivers) == before + 1
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None
    assert len(session_bound.receivers) == before


class _context:  # noqa: N801  # reads as the function that it stands for
    """An application's context, of either framework."""

    def __init__(self, site: Site) -> None:
        self._site, self._context = site, site.app.app_context()

    async def __aenter__(self) -> None:
        if self._site.framework == "flask":
            self._context.__enter__()
        else:
            await self._context.__aenter__()

    async def __aexit__(self, *raised: object) -> None:
        if self._site.framework == "flask":
            self._context.__exit__(*raised)
        else:
            await self._context.__aexit__(*raised)


# --- where events happen ------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.stores("filesystem", "redis")
async def test_what_a_command_ends_is_written(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann, ben = await _login(site, "ann"), await _login(site, "ben")
    sid = await _sid(ann)
    lines.raw.clear()
    await command(site, "revoke", sid)
    await command(site, "revoke", "--owner", "ben")
    assert lines.events == [("session_revoked", "ann"), ("session_revoked", "ben")]
    assert await ben.value(dict) == {}


@pytest.mark.owners
async def test_what_a_job_ends_is_written(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    sid = await _sid(await _login(site, "ann"))
    lines.raw.clear()
    await do(site, sid, lambda session: session.update(a=1))
    assert lines.raw == []
    await do(site, sid, lambda session: session.clear())
    assert [(each["event"], each["sid"], each["owner"]) for each in lines.read] == [
        ("session_ended", sid, "ann")
    ]


@pytest.mark.owners
async def test_what_a_block_saves_is_written_once(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann = await _login(site, "ann")
    lines.raw.clear()

    regenerate = saving(site, lambda session: session.regenerate())
    change = saving(site, lambda session: session.update(b=1))

    def flask(session: Any, web: Any) -> str:
        regenerate()
        change()
        return ""

    async def quart(session: Any, web: Any) -> str:
        await regenerate()
        await change()
        return ""

    answer = await ann.respond(flask if site.framework == "flask" else quart)
    assert answer.status == 200
    assert lines.events == [("session_regenerated", "ann")]


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem", "redis")
async def test_a_logout_over_a_socket_is_written(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann = await _login(site, "ann")
    lines.raw.clear()
    await done_over_a_socket(site, ann, lambda session: session.clear())
    (line,) = lines.read
    assert (line["event"], line["owner"]) == ("session_ended", "ann")
    assert "WebSocket" in line["reason"]


@pytest.mark.owners
async def test_a_streamed_body_that_ends_a_session_is_written(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    ann = await _login(site, "ann")
    lines.raw.clear()

    def flask(session: Any, web: Any) -> Any:
        def body() -> Iterator[str]:
            yield "a"
            session.clear()

        return web.Response(web.stream_with_context(body()))

    async def quart(session: Any, web: Any) -> Any:
        async def body() -> Any:
            yield "a"
            session.clear()

        return web.Response(web.stream_with_context(body)())

    answer = await ann.respond(flask if site.framework == "flask" else quart)
    assert answer.status == 200
    assert [event for event, _ in lines.events] == ["session_ended"]
    assert lines.events == [("session_ended", "ann")]


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem", "redis", "sqlite")
async def test_what_ends_with_many_others_is_written_as_it_ends(
    site: Site, backend: Backend, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[int] = []

    def afterwards(work: Any) -> None:
        real(work)
        waiting.append(len(sync.LEFT.get() or ()))

    real = sync.afterwards
    monkeypatch.setattr("samesession.signals.afterwards", afterwards)
    audit.install(site.app)
    sids = fill(site, backend, "ann", MANY)
    assert await administer(site, "revoke_all", "ann") == MANY
    assert sorted(line["sid"] for line in lines.read) == sorted(sids)
    assert {*lines.events} == {("session_revoked", "ann")}
    assert max(waiting) <= A_BATCH


# --- what goes wrong ----------------------------------------------------------------------


class Broken(logging.Handler):
    """A handler that cannot write, and says so."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("No space left on device")


@pytest.mark.owners
async def test_an_audit_that_cannot_be_written_changes_no_save_and_is_told(
    site: Site, lines: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    broken, logger = Broken(), logging.getLogger(audit.LOGGER)
    audit.install(site.app)
    logger.addHandler(broken)
    ann = await _login(site, "the-owner-ann")
    await ann.put(a=2)
    logger.removeHandler(broken)
    assert await ann.value(lambda session: (session["a"], session["name"])) == (2, "her data")
    assert len([line for line in caplog.messages if "changes nothing else" in line]) == 2
    assert "No space left on device" in caplog.text
    assert "the-owner-ann" not in caplog.text


@pytest.mark.owners
@pytest.mark.stores("memory")
@pytest.mark.parametrize("lack", ["has no handler", "is above level INFO", "is disabled"])
async def test_lines_that_nothing_keeps_are_told_once(
    site: Site, lines: Lines, caplog: pytest.LogCaptureFixture, lack: str
) -> None:
    logger = logging.getLogger(audit.LOGGER)
    audit.install(site.app)
    {
        "has no handler": lambda: logger.removeHandler(lines),
        "is above level INFO": lambda: logger.setLevel(logging.WARNING),
        "is disabled": lambda: setattr(logger, "disabled", True),
    }[lack]()
    for owner in ("ann", "ben"):
        await _login(site, owner)
    (said,) = [line for line in caplog.messages if "nothing keeps the audit" in line]
    assert lack in said
    assert "addHandler" in said


@pytest.mark.stores("memory")
async def test_an_audit_is_installed_once(site: Site, lines: Lines) -> None:
    audit.install(site.app)
    with pytest.raises(ConfigError, match="once"):
        audit.install(site.app)


@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"events": ["bound"]}, ConfigError, "session_bound"),
        ({"events": [None]}, ConfigError, "session_bound"),
        ({"events": [["session_bound"]]}, ConfigError, "session_bound"),
        ({"events": []}, ConfigError, "session_bound"),
        ({"events": "session_bound"}, TypeError, "list"),
        ({"events": None}, TypeError, "list"),
        ({"logger": "audit"}, TypeError, "getLogger"),
    ],
)
async def test_a_wrong_argument_is_told(
    site: Site, wrong: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        audit.install(site.app, **wrong)
    audit.install(site.app, logging.getLogger("tests.wrong"))  # nothing was begun


@pytest.mark.stores("memory")
async def test_an_application_without_sessions_is_told(new_site: NewSite) -> None:
    site = new_site(options={"init": False})
    with pytest.raises(ConfigError, match=r"Session\(app\)"):
        audit.install(site.app)
    with pytest.raises(TypeError, match=r"audit.install\(app\)"):
        audit.install("app")
