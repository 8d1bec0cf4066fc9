"""The commands that list, show and sum up sessions, by each framework's own runner."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.many import fill
from tests.support.site import Site, Visitor
from tests.web.test_cli import command, document, invoke

pytestmark = pytest.mark.asyncio

NOW = 1_800_000_000
LONG = "A" * 22  # a sid that nobody has


async def logged_in(site: Site, owner: str | None, label: str | None = None, **data: Any) -> str:
    user = site.visitor()

    def login(session: Any) -> None:
        session.update(data or {"name": owner})
        if owner is not None:
            session.bind(owner, label)

    await user.visit(login)
    return str(await user.value(lambda session: session.sid))


async def lines(site: Site, *args: str) -> list[dict[str, Any]]:
    done = await invoke(site, *args, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def when(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


# --- list ----------------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
async def test_list_tells_programs_what_is_known(new_site: NewSite) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=3600)
    site.clock.now = NOW
    sid = await logged_in(site, "ann", "Firefox on Linux")
    (found,) = await lines(site, "list", "ann")
    last_seen = found.pop("last_seen")
    assert last_seen is None or last_seen >= when(NOW)
    assert found == {
        "sid": sid,
        "owner": "ann",
        "label": "Firefox on Linux",
        "created": when(NOW),
        "authenticated": when(NOW),
        "expires": when(NOW + 3600),
        "device_bound": False,
    }
    assert await lines(site, "list", "nobody") == []


@pytest.mark.lists
async def test_list_without_a_user_lists_all(site: Site, backend: Backend) -> None:
    await site.visitor().visit(dict)  # so that the memory of this process is one that serves
    assert await command(site, "list") == (0, "no live sessions\n")
    sids = {await logged_in(site, owner) for owner in ("ann", "ben", None)}
    sids |= set(fill(site, backend, "cat", 450))
    found = await lines(site, "list")
    assert {each["sid"] for each in found} == sids
    assert len(found) == len(sids)
    assert {each["owner"] for each in found} == {"ann", "ben", "cat", None}
    code, said = await command(site, "list")
    head, *rows = said.splitlines()
    assert code == 0
    assert head.split() == ["SID", "CREATED", "LAST", "SEEN", "EXPIRES", "OWNER", "LABEL"]
    assert {row[:22] for row in rows} == sids


@pytest.mark.stores("memcached")
async def test_list_says_so_where_a_store_cannot_list(site: Site) -> None:
    for args in (["list"], ["stats"]):
        code, said = await command(site, *args)
        assert code == 2
        assert said.startswith("Error: this store cannot list its keys, so it cannot ")


@pytest.mark.stores("memory")
async def test_what_others_chose_does_nothing_to_a_terminal(site: Site) -> None:
    name = "\x1b]0;pwned\x07an\u202en\r\n\x9b2J"
    sid = await logged_in(site, name, "\x1b[2J", **{"ke\ny\x07": "va\x1bl"})
    for args in (["list"], ["list", name], ["show", sid], ["show", sid, "--values"]):
        done = await invoke(site, *args)
        assert done.exit_code == 0
        assert all(each.isprintable() for each in done.stdout.splitlines())
        assert "\\x1b]0;pwned\\x07an\\u202en\\r\\n\\x9b2J" in done.stdout
    found = await document(site, "show", sid, "--values")
    assert found["owner"] == name
    assert found["data"][0]["name"] == "ke\ny\x07"


# --- show ----------------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
async def test_show_tells_names_types_and_sizes_and_no_values(site: Site) -> None:
    site.clock.now = NOW
    secret = "hunter2hunter2"
    sid = await logged_in(site, "ann", "Chrome", user="ann", card=secret, cart=[1, 2], n=None)
    found = await document(site, "show", sid)
    assert found["data"] == [
        {"name": "user", "type": "str", "bytes": 4},
        {"name": "card", "type": "str", "bytes": 15},
        {"name": "cart", "type": "list", "bytes": 3},
        {"name": "n", "type": "NoneType", "bytes": 1},
    ]
    assert (found["sid"], found["owner"], found["label"]) == (sid, "ann", "Chrome")
    assert (found["created"], found["permanent"]) == (when(NOW), False)
    assert found["bytes"] > 80
    done = await invoke(site, "show", sid)
    assert done.exit_code == 0
    assert "owner          ann\n" in done.stdout
    assert "cart  list                  3\n" in done.stdout
    assert secret not in done.output
    assert done.stderr.startswith("in ")


@pytest.mark.stores("memory")
async def test_show_tells_values_where_it_is_asked_to(site: Site) -> None:
    sid = await logged_in(site, None, user="ann", at=datetime(2027, 1, 1, tzinfo=UTC))
    found = await document(site, "show", sid, "--values")
    assert [each["value"] for each in found["data"]] == [
        "'ann'",
        "datetime.datetime(2027, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)",
    ]
    done = await invoke(site, "show", "--values", sid)
    assert "user  str                   4  'ann'\n" in done.stdout


@pytest.mark.stores("memory", "filesystem")
async def test_show_restarts_no_timeout(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=60)
    sid = await logged_in(site, "ann")
    before = await document(site, "show", sid)
    site.clock.advance(30)
    assert (await document(site, "show", sid))["expires"] == before["expires"]
    site.clock.advance(31)
    done = await invoke(site, "show", sid)
    assert (done.exit_code, done.stdout) == (1, "")


@pytest.mark.stores("memory", "filesystem")
async def test_show_knows_no_session_that_is_over(new_site: NewSite) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=100)
    sid = await logged_in(site, "ann")
    site.clock.advance(99)
    assert (await document(site, "show", sid))["sid"] == sid
    site.clock.advance(1)
    done = await invoke(site, "show", sid)
    assert (done.exit_code, done.stdout) == (1, "")
    assert (await document(site, "stats"))["sessions"] == 0


@pytest.mark.stores("filesystem", "redis")
async def test_an_unknown_sid_is_none(site: Site) -> None:
    for sid in (LONG, "-r" + "A" * 20):
        for args in (["show", sid], ["show", sid, "--json"]):
            done = await invoke(site, *args)
            assert (done.exit_code, done.stdout) == (1, "")
            assert done.stderr.endswith("no live session has this sid\n")


async def test_a_cookie_that_is_given_for_a_sid_is_not_shown(site: Site) -> None:
    user: Visitor = site.visitor()
    await user.visit(lambda session: session.update(name="ann"))
    cookie = user.jar["session"]
    for args in ([cookie], ["--values", f"session={cookie}"], ["A" * 22, cookie]):
        done = await invoke(site, "show", *args)
        assert done.exit_code == 2
        assert cookie.split(".")[1] not in done.output


# --- stats ---------------------------------------------------------------------------------


@pytest.mark.lists
async def test_stats_sums_up_the_applications_sessions(new_site: NewSite, backend: Backend) -> None:
    site, other = new_site(), new_site(SESSION_KEY_PREFIX="other:")
    await site.visitor().visit(dict)
    code, said = await command(site, "stats")
    assert (code, said.splitlines()[1]) == (0, "no live sessions")
    empty = await document(site, "stats")
    assert (empty["sessions"], empty["owners"], empty["bytes"]["median"]) == (0, 0, None)
    for owner in ("ann", "ann", "ben", None):
        await logged_in(site, owner)
    await logged_in(other, "cat")
    fill(site, backend, "dan", 300)
    found = await document(site, "stats")
    assert {*found["store"]} == {"type", "place"}
    assert (found["sessions"], found["anonymous"], found["owners"]) == (304, 1, 3)
    sizes, ages = found["bytes"], found["age_seconds"]
    assert 64 < sizes["smallest"] <= sizes["median"] <= sizes["largest"] < 300
    assert 304 * sizes["smallest"] <= sizes["total"] <= 304 * sizes["largest"]
    assert ages["smallest"] in (0, 1)
    assert ages["largest"] in (299, 300, 301, 302)
    code, said = await command(site, "stats")
    assert code == 0
    assert "sessions    304, 1 of them without an owner\nowners      3\n" in said
    assert "SMALLEST" in said


@pytest.mark.stores("cookie")
@pytest.mark.parametrize("args", [["list"], ["show", LONG], ["stats"]])
async def test_sessions_in_the_cookie_cannot_be_looked_at(site: Site, args: list[str]) -> None:
    code, said = await command(site, *args)
    assert code == 2
    assert said.startswith("Error: with SESSION_TYPE 'cookie' the browser keeps the session")


async def test_what_is_in_the_memory_of_a_server_is_out_of_reach(new_site: NewSite) -> None:
    site = new_site(SESSION_TYPE="memory")
    for args in (["list"], ["show", LONG], ["stats"]):
        code, said = await command(site, *args)
        assert code == 2
        assert said.startswith("Error: sessions are in the memory of the process")
