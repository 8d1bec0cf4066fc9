"""What happens to sessions is signalled once, by the application, without a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from samesession import signals
from samesession.core.events import Event
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES, Backend
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer
from tests.web.test_saving import saving

pytestmark = pytest.mark.asyncio

Heard = list[tuple[str, Any, Any, Any]]  # name, sender, sid, reason
Owners = list[tuple[str, Any]]
SIGNALS = [name for name in dir(signals) if name.startswith("session_")]
SECRET_VALUE = "what the session holds"


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Note every signal, whoever sends it."""
    noted: Heard = []
    receivers: dict[str, Callable[..., None]] = {}
    for name in SIGNALS:

        def receive(
            sender: Any, *, sid: Any, owner: Any, label: Any, reason: Any, name: str = name
        ) -> None:
            noted.append((name, sender, sid, reason))

        receivers[name] = receive
        getattr(signals, name).connect(receive)
    yield noted
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


@pytest.fixture
def owners() -> Iterator[Owners]:
    """Note whose each signal's session was."""
    noted: Owners = []
    receivers: dict[str, Callable[..., None]] = {}
    for name in SIGNALS:

        def receive(sender: Any, *, owner: Any, name: str = name, **_: Any) -> None:
            noted.append((name, owner))

        receivers[name] = receive
        getattr(signals, name).connect(receive)
    yield noted
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


async def _known(site: Site, owner: str | None = None) -> Visitor:
    """Give a user with a session."""
    user = site.visitor()

    def begin(session: Any) -> None:
        session["a"] = SECRET_VALUE
        if owner is not None:
            session.bind(owner)

    await user.visit(begin)
    return user


async def _sid(user: Visitor) -> str:
    sid = await user.value(lambda session: session.sid)
    assert isinstance(sid, str)
    return sid


async def test_there_is_a_signal_for_each_event() -> None:
    assert len(SIGNALS) == len(Event)


async def test_a_read_signals_nothing(site: Site, heard: Heard) -> None:
    user = await _known(site)
    heard.clear()
    await user.value(dict)
    await site.visitor().value(dict)
    assert heard == []


async def test_a_write_to_an_existing_session_signals_nothing(site: Site, heard: Heard) -> None:
    user = await _known(site)
    heard.clear()
    await user.put(a=2)
    assert heard == []


async def test_a_session_is_created(site: Site, heard: Heard) -> None:
    user = await _known(site)
    assert heard == [("session_created", site.app, await _sid(user), "")]


@pytest.mark.owners
async def test_a_new_session_is_created_and_bound(site: Site, heard: Heard) -> None:
    user = await _known(site, "ann")
    sid = await _sid(user)
    assert heard == [
        ("session_created", site.app, sid, ""),
        ("session_bound", site.app, sid, ""),
    ]


@pytest.mark.owners
async def test_a_known_session_is_regenerated_and_bound(site: Site, heard: Heard) -> None:
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    await user.visit(lambda session: session.bind("ann"))
    assert heard == [
        ("session_regenerated", site.app, sid, ""),
        ("session_bound", site.app, sid, ""),
    ]


async def test_a_session_is_regenerated(site: Site, heard: Heard) -> None:
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    await user.visit(lambda session: session.regenerate())
    assert heard == [("session_regenerated", site.app, sid, "")]


async def test_an_emptied_session_has_ended(site: Site, heard: Heard) -> None:
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    await user.visit(lambda session: session.clear())
    assert heard == [("session_ended", site.app, sid, "the session was emptied")]


async def test_a_session_is_revoked_and_then_missing(site: Site, heard: Heard) -> None:
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    await administer(site, "revoke", sid)
    await administer(site, "revoke", sid)  # there is none: nothing to tell
    assert heard == [("session_revoked", site.app, sid, "")]
    heard.clear()
    await user.visit(lambda _: None)
    assert heard == [("session_expired", site.app, sid, "no such session is stored")]


@pytest.mark.owners
async def test_all_sessions_of_an_owner_are_revoked_each_for_itself(
    site: Site, heard: Heard
) -> None:
    sids = {await _sid(await _known(site, "ann")) for _ in range(2)}
    heard.clear()
    await administer(site, "revoke_all", "ann")
    assert {sid for _, _, sid, _ in heard} == sids
    assert {(name, reason) for name, _, _, reason in heard} == {("session_revoked", "")}
    assert len(heard) == 2


async def test_a_session_past_its_absolute_timeout_has_expired(
    new_site: NewSite, heard: Heard
) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=60)
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    site.clock.advance(61)
    await user.visit(lambda _: None)
    assert heard == [("session_expired", site.app, sid, "it has expired")]


@pytest.mark.stores(*ALL_STORES)
async def test_a_forged_cookie_is_rejected(site: Site, heard: Heard) -> None:
    user = site.visitor()
    user.jar["session"] = "AAAAAAAAAAAAAAAAAAAAAA.forged.x"
    await user.visit(lambda _: None)
    ((name, sender, sid, reason),) = heard
    assert (name, sender, sid) == ("session_rejected", site.app, None)
    assert "forged" not in reason
    assert "cookie" in reason


async def test_a_replaced_secret_is_rejected(site: Site, heard: Heard) -> None:
    user = await _known(site)
    sid = await _sid(user)
    old = site.visitor()
    old.jar["session"] = user.jar["session"]
    await user.visit(lambda session: session.regenerate())
    heard.clear()
    await old.visit(lambda _: None)
    assert heard == [("session_rejected", site.app, sid, "the secret is not the session's")]


async def test_two_different_cookies_are_rejected(site: Site, heard: Heard) -> None:
    cookies = [(await _known(site)).jar["session"] for _ in range(2)]
    heard.clear()
    both = "; ".join(f"session={cookie}" for cookie in cookies)
    await site.visitor().visit(lambda _: None, cookie=both.encode())
    reason = "the request has two different session cookies"
    assert heard == [("session_rejected", site.app, None, reason)]


async def test_a_damaged_record_is_rejected(site: Site, backend: Backend, heard: Heard) -> None:
    user = await _known(site)
    ((name, record),) = backend.records().items()
    backend.part.plant(name, record[:-1])
    heard.clear()
    await user.visit(lambda _: None)
    ((name, sender, sid, reason),) = heard
    assert (name, sender, sid) == ("session_rejected", site.app, None)
    assert reason


async def _meanwhile(site: Site, user: Visitor, then: Callable[[], Any]) -> None:
    """Have a request for a write wait until `then` is done elsewhere."""
    spy = site.app.session_interface.app_sessions.flow.store
    gate = spy.pause("commit")
    site.actions.append(lambda session, _: str(session.update(late=1)))
    task = user.driver.start("GET", f"/visit/{len(site.actions) - 1}")
    try:
        await gate.reached()
        await then()
    finally:
        gate.open()
        answer = await task
    assert answer.status == 200


async def test_a_faster_request_is_a_conflict(
    new_site: NewSite, backend: Backend, heard: Heard
) -> None:
    site = new_site(options={"store": backend.spy()})
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    await _meanwhile(site, user, lambda: user.put(b=1))
    assert heard == [("session_conflict", site.app, sid, "another request was faster")]


async def test_a_session_that_ended_meanwhile_is_gone(
    new_site: NewSite, backend: Backend, heard: Heard
) -> None:
    site = new_site(options={"store": backend.spy()})
    user = await _known(site)
    sid = await _sid(user)
    heard.clear()
    await _meanwhile(site, user, lambda: administer(site, "revoke", sid))
    assert heard == [
        ("session_revoked", site.app, sid, ""),
        ("session_gone", site.app, sid, "it ended while the request ran"),
    ]


@pytest.mark.stores("memory")
async def test_each_application_is_the_sender_of_its_own(new_site: NewSite) -> None:
    site, other = new_site(), new_site()
    noted: list[Any] = []

    def receive(sender: Any, **_: Any) -> None:
        noted.append(sender)

    with signals.session_created.connected_to(receive, sender=site.app):
        await _known(site)
        await _known(other)
    assert noted == [site.app]


@pytest.mark.owners
async def test_neither_signals_nor_log_carry_a_secret(
    site: Site, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "samesession")
    user = await _known(site, "ann")
    cookies = [user.jar["session"]]
    old = site.visitor()
    old.jar["session"] = cookies[0]
    await user.visit(lambda session: session.regenerate())
    cookies.append(user.jar["session"])
    await old.visit(lambda _: None)
    sid = await _sid(user)
    await user.visit(lambda session: session.clear())
    old.jar["session"] = cookies[1]
    await old.visit(lambda _: None)
    await administer(site, "revoke", sid)
    assert {name for name, *_ in heard} == {
        f"session_{each}" for each in ("created", "bound", "regenerated", "rejected", "ended")
    } | {"session_expired"}
    told = repr([(sid, reason) for _, _, sid, reason in heard]) + caplog.text
    assert "session-regenerated" in caplog.text
    secrets = [part for cookie in cookies for part in cookie.split(".")[1:]]
    assert len(secrets) == 4
    for secret in (*secrets, SECRET_VALUE, "ann"):
        assert secret not in told


@pytest.mark.owners
async def test_a_signal_says_whose_session_it_is(site: Site, owners: Owners) -> None:
    user = await _known(site)
    await user.visit(lambda session: session.bind("ann"))
    await user.visit(lambda session: session.bind("ben"))
    await user.visit(lambda session: session.regenerate())
    old = site.visitor()
    old.jar["session"] = user.jar["session"]
    await user.visit(lambda session: session.regenerate())
    await old.visit(lambda _: None)
    await user.visit(lambda session: session.clear())
    await old.visit(lambda _: None)
    assert owners == [
        ("session_created", None),
        ("session_regenerated", "ann"),
        ("session_bound", "ann"),
        ("session_regenerated", "ben"),
        ("session_unbound", "ann"),
        ("session_bound", "ben"),
        ("session_regenerated", "ben"),
        ("session_regenerated", "ben"),
        ("session_rejected", "ben"),
        ("session_ended", "ben"),
        ("session_expired", None),  # nothing is left that says whose it was
    ]


@pytest.mark.owners
async def test_a_signal_of_a_revocation_says_whose_session_it_was(
    site: Site, owners: Owners
) -> None:
    for name in ("ann", "ben", None):
        user = await _known(site, name)
        sid = await _sid(user)
        owners.clear()
        if name == "ben":
            await administer(site, "revoke_all", name)
        else:
            await administer(site, "revoke", sid)
        assert owners == [("session_revoked", name)]


@pytest.mark.owners
@pytest.mark.lists
async def test_whoever_ends_every_session_hears_whose_they_were(site: Site, owners: Owners) -> None:
    for name in ("ann", "ben", None):
        await _known(site, name)
    owners.clear()
    await administer(site, "revoke_everyone")
    assert sorted(owners, key=str) == sorted(
        (("session_revoked", name) for name in ("ann", "ben", None)), key=str
    )


@pytest.mark.owners
async def test_a_signal_of_the_absolute_timeout_says_whose_session_it_was(
    new_site: NewSite, owners: Owners
) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=60)
    user = await _known(site, "ann")
    owners.clear()
    site.clock.advance(61)
    await user.visit(lambda _: None)
    assert owners == [("session_expired", "ann")]


@pytest.mark.owners
@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda session: session.unbind(), ""),
        (
            lambda session: (session.clear(), session.update(a=1)),
            "it was emptied and written again",
        ),
        (lambda session: session.bind("ben"), "another user logged in"),
    ],
    ids=["unbind", "clear", "bind"],
)
async def test_a_session_that_is_not_an_owners_any_more_is_signalled_as_theirs(
    site: Site, act: Callable[[Any], Any], reason: str
) -> None:
    user = site.visitor()
    await user.visit(lambda session: (session.update(a=0), session.bind("ann", "Firefox")))
    sid, told = await _sid(user), list[tuple[Any, ...]]()

    def receive(_: Any, *, sid: Any, owner: Any, label: Any, reason: Any) -> None:
        told.append((sid, owner, label, reason))

    with signals.session_unbound.connected_to(receive, sender=site.app):
        await user.visit(act)
        await user.visit(act)  # it is not ann's any more
    assert told == [(sid, "ann", "Firefox", reason)]


@pytest.mark.owners
async def test_nothing_is_unbound_where_a_session_stays_its_owners(
    site: Site, owners: Owners
) -> None:
    user = await _known(site, "ann")
    owners.clear()
    await user.visit(lambda session: session.bind("ann", label="Firefox"))
    await user.visit(lambda session: session.confirm())
    assert owners == [
        ("session_regenerated", "ann"),
        ("session_bound", "ann"),
        ("session_regenerated", "ann"),
        ("session_confirmed", "ann"),
    ]


@pytest.mark.owners
async def test_a_session_that_is_bound_and_unbound_at_once_was_nobodys(
    site: Site, owners: Owners
) -> None:
    user = await _known(site)
    owners.clear()
    await user.visit(lambda session: (session.bind("ann"), session.unbind()))
    await user.visit(lambda session: (session.bind("ann"), session.confirm()))
    assert owners == [
        ("session_regenerated", None),
        ("session_regenerated", "ann"),
        ("session_bound", "ann"),  # which is a confirmation
    ]


@pytest.mark.owners
async def test_a_session_that_its_application_ends_says_how(site: Site, heard: Heard) -> None:
    user = await _known(site, "ann")
    sid = await _sid(user)
    heard.clear()
    await user.visit(lambda session: session.end())
    assert heard == [("session_ended", site.app, sid, "the application ended the session")]


@pytest.mark.owners
async def test_what_is_written_after_the_end_is_lost_as_its_owners(
    new_site: NewSite, backend: Backend, owners: Owners
) -> None:
    site = new_site(options={"store": backend.spy()})
    user = await _known(site, "ann")
    sid = await _sid(user)
    owners.clear()

    save = saving(site, lambda session: session.update(b=1))

    def sync(session: Any, web: Any) -> str:
        revoke(sid)
        save()
        session["c"] = 1
        return ""

    async def coroutine(session: Any, web: Any) -> str:
        await revoke(sid)
        await save()
        session["c"] = 1
        return ""

    revoke = import_module(f"samesession.{site.framework}").revoke
    answer = await user.respond(sync if site.framework == "flask" else coroutine)
    assert answer.status == 200
    assert owners == [
        ("session_revoked", "ann"),
        ("session_gone", "ann"),
        ("session_gone", "ann"),
    ]
