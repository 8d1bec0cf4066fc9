"""What a real error tracker takes along when it records the locals of each frame.

The frames of the library hold neither a user's data nor a cookie nor a key, whatever
raises and wherever; those of the application are its own affair.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from samesession import ServerSession, StoreUnavailable
from samesession.core.account import Account
from samesession.core.request_state import Mode, SessionState, state_of
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket
from tests.support.tracker import Collector, held_by_frames, track, tracking

KEY_CANARY = "canary-in-the-secret-key-0123456789"
DATA_CANARY = "canary-in-the-data"
OWN = "what the application holds"

Act = Callable[[Any], Any]


@pytest.fixture
def tracker(framework: str) -> Iterator[Collector]:
    with tracking(framework) as collector:
        yield collector


async def known(site: Site) -> Visitor:
    """Give a visitor whose session holds the canary."""
    visitor = site.visitor()
    await visitor.put(a=DATA_CANARY, nested={"deep": [DATA_CANARY]})
    return visitor


def nothing_is_shown(tracker: Collector, *visitors: Visitor, through: str = "samesession") -> None:
    """Assert that there were frames of ours, with nothing in them."""
    assert tracker.events
    ours = tracker.locals_of("samesession")
    assert any(through in name for name, _ in ours), ours
    shown = repr(ours)
    cookies = [visitor.jar["session"] for visitor in visitors if "session" in visitor.jar]
    secrets = [part for cookie in cookies for part in cookie.split(".")[1:] if len(part) > 5]
    for word in (DATA_CANARY, KEY_CANARY, *secrets):
        assert word not in shown


def fail(data: dict[str, Any]) -> None:
    data["b"] = DATA_CANARY
    raise ValueError("on purpose")


class Unfit:
    """What no session keeps, with a repr that says too much."""

    def __repr__(self) -> str:
        return DATA_CANARY

    def __eq__(self, other: object) -> bool:
        raise ValueError("on purpose")

    def __ror__(self, other: object) -> Any:
        raise ValueError("on purpose")

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: Any) -> Any:
        raise ValueError("on purpose")


def lending(session: Any) -> Any:
    """Give the session itself, not the proxy that stands in the application's frame."""
    return session._get_current_object()


IN_A_VIEW: dict[str, Act] = {
    "missing": lambda s: s["missing"],
    "no key": lambda s: s[Unfit()],
    "get": lambda s: s.get([DATA_CANARY]),
    "in": lambda s: Unfit() in s,
    "deleted": lambda s: s.pop("missing"),
    "del": lambda s: s.__delitem__("missing"),
    "popped": lambda s: [s.popitem() for _ in range(9)],
    "set": lambda s: s.__setitem__(5, DATA_CANARY),
    "default": lambda s: s.setdefault(5, DATA_CANARY),
    "updated": lambda s: s.update({5: DATA_CANARY}),
    "updated by": lambda s: s.update([DATA_CANARY]),
    "named": lambda s: s.update(5, a=DATA_CANARY),
    "or": lambda s: lending(s) | Unfit(),
    "ror": lambda s: 5 | lending(s),
    "ior": lambda s: lending(s).__ior__([DATA_CANARY]),
    "equal": lambda s: lending(s) == {"a": Unfit(), "nested": 1},
    "pickled": lambda s: pickle.dumps(lending(s)),
    "deep copy": lambda s: (s.update(b=Unfit()), copy.deepcopy(lending(s))),
    "bound": lambda s: s.bind(5),
    "bound to": lambda s: s.bind({"name": DATA_CANARY}),
    "atomically": lambda s: s.update_atomically(fail),
    "unfit before": lambda s: (s.update(b=Unfit()), s.update_atomically(dict)),
    "unfit after": lambda s: s.update_atomically(lambda data: data.update(b=Unfit())),
    "unfit key": lambda s: s.update_atomically(lambda data: data.update({5: DATA_CANARY})),
}


@pytest.mark.asyncio
@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize("name", IN_A_VIEW)
async def test_what_raises_in_a_view(new_site: NewSite, tracker: Collector, name: str) -> None:
    site = new_site(SECRET_KEY=KEY_CANARY)
    visitor = await known(site)

    def act(session: Any) -> None:
        own = OWN
        IN_A_VIEW[name](session)
        raise AssertionError(own)

    assert (await visitor.visit(act)).status == 500
    assert DATA_CANARY not in held_by_frames(site.errors[-1], "samesession")
    module = "account" if name.startswith("bound") else "session"
    nothing_is_shown(tracker, visitor, through=f"samesession.core.{module}")
    assert OWN in repr(tracker.locals_of("tests"))


OFFERED = sorted(
    name
    for name, member in {**vars(Account), **vars(ServerSession)}.items()
    if (callable(member) or isinstance(member, property))
    and (not name.startswith("_") or name.endswith("__"))
    and name not in ("__init__", "__repr__", "__sentry_repr__")
)
HARMLESS = ("accessed", "modified")  # raise in no state


@pytest.mark.parametrize("name", [each for each in OFFERED if each not in HARMLESS])
def test_nothing_that_a_session_offers_shows_what_it_holds(name: str) -> None:
    """Of a session that the store failed to give, which raises whatever is done to it."""
    failure = StoreUnavailable("the store is down")
    session = ServerSession({"a": DATA_CANARY}, state=SessionState(mode=Mode.BROKEN), bindable=True)
    state_of(session).failure = failure
    member = getattr(ServerSession, name)
    function: Any = member.fget if isinstance(member, property) else member
    needed = [
        DATA_CANARY
        for each in list(inspect.signature(function).parameters.values())[1:]
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    with pytest.raises((StoreUnavailable, TypeError, ValueError, KeyError)) as caught:
        function(session, *needed)
    held = held_by_frames(caught.value, "samesession")
    assert ": " in held
    assert DATA_CANARY not in held


@pytest.mark.asyncio
@pytest.mark.stores("memory")
@pytest.mark.parametrize("name", ["set", "regenerate", "bind", "clear", "update", "permanent"])
async def test_what_raises_on_an_exempt_path(
    new_site: NewSite, tracker: Collector, name: str
) -> None:
    site = new_site(SESSION_EXEMPT=["/visit"], SECRET_KEY=KEY_CANARY)
    acts: dict[str, Act] = {
        "set": lambda s: s.__setitem__("a", DATA_CANARY),
        "regenerate": lambda s: s.regenerate(),
        "bind": lambda s: s.bind("ann"),
        "clear": lambda s: s.clear(),
        "update": lambda s: s.update(a=DATA_CANARY),
        "permanent": lambda s: s.update(_permanent=True),
    }
    visitor = site.visitor()
    assert (await visitor.visit(acts[name])).status == 500
    nothing_is_shown(tracker, visitor)


UNSAVED: dict[str, Act] = {
    "unfit": lambda s: s.update(b=Unfit()),
    "unfit within": lambda s: s["nested"]["deep"].append(Unfit()),
    "too large": lambda s: s.update(b="x" * 2_000_000),
}


@pytest.mark.asyncio
@pytest.mark.stores("memory", "redis", "cookie")
@pytest.mark.parametrize("name", UNSAVED)
async def test_what_cannot_be_saved(new_site: NewSite, tracker: Collector, name: str) -> None:
    site = new_site(SECRET_KEY=KEY_CANARY)
    visitor = await known(site)
    assert (await visitor.visit(UNSAVED[name])).status == 500
    assert DATA_CANARY not in held_by_frames(site.errors[-1], "samesession")
    nothing_is_shown(tracker, visitor, through="save_session")


@pytest.mark.asyncio
@pytest.mark.stores("memory")
@pytest.mark.parametrize("name", [*UNSAVED, "down"])
async def test_what_a_block_cannot_save(
    new_site: NewSite, backend: Backend, tracker: Collector, name: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SECRET_KEY=KEY_CANARY)
    visitor = await known(site)
    block = import_module(f"samesession.{site.framework}").saving
    act = UNSAVED.get(name, lambda session: session.update(b=DATA_CANARY))
    if name == "down":
        spy.fail("commit", StoreUnavailable("the store is down"))

    def flask(session: Any, web: Any) -> str:
        try:
            with block():
                act(session)
        except StoreUnavailable as error:
            raise ValueError from error
        return ""

    async def quart(session: Any, web: Any) -> str:
        try:
            async with block():
                act(session)
        except StoreUnavailable as error:
            raise ValueError from error
        return ""

    await visitor.respond(flask if site.framework == "flask" else quart)
    nothing_is_shown(tracker, visitor, through="saving")


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["load", "create", "commit", "remove"])
async def test_a_store_that_is_down(
    new_site: NewSite, backend: Backend, tracker: Collector, method: str
) -> None:
    """Both the line in the log and an application's handler that raises."""
    spy = backend.spy()
    site = new_site(options={"store": spy}, SECRET_KEY=KEY_CANARY)

    @site.errorhandler(StoreUnavailable)
    def unavailable(session: Any, web: Any, error: BaseException) -> str:
        raise ValueError from error

    visitor, other = await known(site), site.visitor()
    spy.fail(method, StoreUnavailable("the store is down"))
    acts: dict[str, Act] = {"remove": lambda s: s.clear()}
    act = acts.get(method, lambda session: session.update(b=DATA_CANARY))
    await (other if method == "create" else visitor).visit(act)
    nothing_is_shown(tracker, visitor)


@pytest.mark.asyncio
@pytest.mark.stores("memory")
@pytest.mark.parametrize("where", ["before", "after", "template", "predicate"])
async def test_what_raises_elsewhere_in_a_request(
    new_site: NewSite, tracker: Collector, where: str
) -> None:
    failing = False

    def predicate(request: Any) -> bool:
        if failing and where == "predicate":
            raise ValueError("on purpose")
        return False

    site = new_site(SECRET_KEY=KEY_CANARY, SESSION_EXEMPT=predicate)

    def miss(session: Any, web: Any, *args: Any) -> Any:
        if failing:
            session.pop("missing")
        return args[0] if args else None

    if where == "before":
        site.before_request(miss)
    elif where == "after":
        site.after_request(miss)
    visitor = await known(site)
    failing = where != "template"

    def template(session: Any, web: Any) -> Any:
        return web.render_template_string("{{ session.pop('missing') if fail }}", fail=True)

    if (where, site.framework) == ("predicate", "quart"):
        # Quart opens the session outside of what handles errors, each release in its own way.
        headers = {"Cookie": visitor.jar.header() or ""}
        with pytest.raises(ValueError, match="on purpose") as caught:
            await site.app.test_request_context("/visit", headers=headers).push()
        track(caught.value)
    else:
        view = template if where == "template" else lambda session, web: ""
        assert (await visitor.respond(view)).status == 500
    nothing_is_shown(tracker, visitor)


@pytest.mark.needs("quart")
@pytest.mark.asyncio
@pytest.mark.stores("memory")
@pytest.mark.parametrize("name", ["missing", "unfit", "left"])
async def test_what_raises_in_a_socket(site: Site, tracker: Collector, name: str) -> None:
    async def socket() -> None:
        session = site.session
        if name == "missing":
            session.pop("missing")
        session["b"] = Unfit()
        await site.web.websocket.send("written")
        if name == "left":
            await site.web.websocket.receive()

    site.app.websocket("/socket")(socket)
    visitor = await known(site)
    connection = Socket(visitor)
    if name != "missing":
        await connection.said()
    if name == "left":
        connection.leave()
    await connection.over()
    nothing_is_shown(tracker, visitor)


@pytest.mark.asyncio
@pytest.mark.stores("memory")
async def test_a_command_that_fails(
    new_site: NewSite, backend: Backend, tracker: Collector
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SECRET_KEY=KEY_CANARY)
    visitor = await known(site)
    sid = await visitor.value(lambda session: session.sid)
    spy.fail("remove", ValueError("on purpose"))
    runner = site.app.test_cli_runner()
    done = await asyncio.to_thread(runner.invoke, args=["sessions", "revoke", sid])
    assert done.exception is not None
    track(done.exception)
    nothing_is_shown(tracker, visitor)
