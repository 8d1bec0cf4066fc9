"""How often a request asks the store, by the store's calls and by Redis's commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.server import Valkey
from tests.support.site import Site, Visitor
from tests.support.spy import SpyStore

pytestmark = pytest.mark.asyncio


def _nothing(_: object) -> None:
    return None


def _nested(session: Any) -> None:
    session["a"].append(2)


# SET IFEQ behind a word: two commands, sent and answered in one go.
REPLACED = {"getex": 1, "ping": 1, "set": 1}
# What ends a session for who has it open is one script, which tells other processes as well.
ENDED = {"getex": 1, "evalsha": 1}

# What a request of a live session does, the store's calls, and Redis's commands.
DEEDS: dict[str, tuple[Callable[[Any], Any], list[str], dict[str, int]]] = {
    "nothing": (_nothing, ["load"], {"getex": 1}),
    "read": (dict, ["load"], {"getex": 1}),
    "write": (lambda s: s.update(b=1), ["load", "commit"], REPLACED),
    "write the same": (lambda s: s.update(a=[1]), ["load"], {"getex": 1}),
    "nested": (_nested, ["load", "commit"], REPLACED),
    "regenerate": (
        lambda s: s.regenerate(),
        ["load", "commit"],
        ENDED,
    ),
    "clear": (lambda s: s.clear(), ["load", "remove"], ENDED),
    "modified": (lambda s: setattr(s, "modified", True), ["load"], {"getex": 1}),
}
# The commands that the script runs inside the server are no round trips.
INSIDE = {"set", "get", "getrange", "del", "publish"}


def _spied(new_site: NewSite, backend: Backend, **settings: Any) -> tuple[Site, SpyStore]:
    spy = backend.spy()
    return new_site(options={"store": spy}, **settings), spy


async def _begun(site: Site) -> Visitor:
    user = site.visitor()
    await user.put(a=[1])
    return user


@pytest.mark.parametrize("name", DEEDS)
async def test_a_live_session_costs_one_call_and_one_more_when_changed(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    action, calls, _ = DEEDS[name]
    site, spy = _spied(new_site, backend)
    user = await _begun(site)
    spy.reset()
    assert (await user.visit(action)).status == 200
    assert spy.names == calls


@pytest.mark.stores("redis")
@pytest.mark.parametrize("name", DEEDS)
async def test_a_call_is_one_command(site: Site, valkey: Valkey, name: str) -> None:
    action, _, commands = DEEDS[name]
    user = await _begun(site)
    await user.visit(lambda session: session.update(warm=1))
    await user.visit(lambda session: session.pop("warm"))
    valkey.reset_commands()
    assert (await user.visit(action)).status == 200
    found = valkey.commands()
    inside = INSIDE if "evalsha" in found else ()
    assert {key: count for key, count in found.items() if key not in inside} == commands


@pytest.mark.stores("redis")
async def test_redis_hears_nothing_of_anonymous_requests(site: Site, valkey: Valkey) -> None:
    user = site.visitor()
    valkey.reset_commands()
    await user.visit(dict)
    user.jar["session"] = "forged.forged.forged"
    await user.visit(dict)
    assert valkey.commands() == {}


@pytest.mark.stores("redis")
async def test_a_new_session_is_one_set_command(site: Site, valkey: Valkey) -> None:
    valkey.reset_commands()
    await _begun(site)
    assert valkey.commands() == {"set": 1}


@pytest.mark.stores("redis")
async def test_two_lifetimes_still_load_in_one_command(new_site: NewSite, valkey: Valkey) -> None:
    user = await _begun(new_site(SESSION_BROWSER_LIFETIME=60))
    await user.value(dict)
    valkey.reset_commands()
    assert await user.value(dict) == {"a": [1]}
    assert {k: v for k, v in valkey.commands().items() if k in ("evalsha", "eval", "getex")} == {
        "evalsha": 1
    }


@pytest.mark.parametrize("touch", [_nothing, dict, len, lambda s: s.clear(), lambda s: s.new])
async def test_no_cookie_and_nothing_written_costs_nothing(
    new_site: NewSite, backend: Backend, touch: Callable[[Any], Any]
) -> None:
    site, spy = _spied(new_site, backend)
    await site.visitor().visit(touch)
    assert spy.calls == []


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "A" * 22 + "." + "A" * 43 + "." + "A" * 43])
async def test_a_forged_cookie_costs_nothing(
    new_site: NewSite, backend: Backend, cookie: str
) -> None:
    site, spy = _spied(new_site, backend)
    user = site.visitor()
    user.jar["session"] = cookie
    assert await user.value(dict) == {}
    assert spy.calls == []


async def test_the_first_write_costs_one_call(new_site: NewSite, backend: Backend) -> None:
    site, spy = _spied(new_site, backend)
    await _begun(site)
    assert spy.names == ["create"]


@pytest.mark.owners
async def test_a_login_costs_the_owner_index_once(new_site: NewSite, backend: Backend) -> None:
    site, spy = _spied(new_site, backend)
    user = await _begun(site)
    spy.reset()
    await user.visit(lambda session: session.bind("ann"))
    assert spy.names == ["load", "enlist", "commit"]
    spy.reset()
    await user.visit(lambda session: session.update(b=1))
    assert spy.names == ["load", "commit"]
    spy.reset()
    await user.visit(lambda session: session.clear())
    assert spy.names == ["load", "remove", "delist"]


async def test_exempt_paths_cost_nothing(new_site: NewSite, backend: Backend) -> None:
    site, spy = _spied(new_site, backend, SESSION_EXEMPT=["/health", "/api/"])
    for path in ("/health", "/health/deep", "/healthy", "/api", "/api/x"):
        site.view(path)(lambda session, _: str(session.get("a")))
    user = await _begun(site)
    for path, exempt in {
        "/health": True,
        "/health/deep": True,
        "/healthy": False,
        "/api": False,
        "/api/x": True,
    }.items():
        spy.reset()
        answer = await user.driver.get(path)
        assert answer.text == ("None" if exempt else "[1]"), path
        assert spy.names == ([] if exempt else ["load"]), path
        assert answer.vary == (None if exempt else "Cookie"), path
