"""`flask sessions ...` and `quart sessions ...`, each by its framework's own runner."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from samesession import StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.many import fill
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio


async def invoke(site: Site, *args: str, answer: str = "") -> Any:
    """Run a command as a shell would, and answer what it asks."""
    runner = site.app.test_cli_runner()
    # In a thread: a command has no event loop yet.
    done = await asyncio.to_thread(runner.invoke, args=["sessions", *args], input=answer)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


async def command(site: Site, *args: str) -> tuple[int, str]:
    """Run a command; give its exit code and its output, or what it complains of."""
    done = await invoke(site, *args)
    return done.exit_code, done.stdout or done.stderr


async def document(site: Site, *args: str, code: int = 0) -> Any:
    """Run a command with --json; give the one object that it writes."""
    done = await invoke(site, *args, "--json")
    assert done.exit_code == code, done.output
    (line,) = done.stdout.splitlines()
    return json.loads(line)


async def _login(site: Site, owner: str) -> Visitor:
    user = site.visitor()
    await user.visit(lambda session: (session.update(name=owner), session.bind(owner)))
    return user


async def _sid(user: Visitor) -> str:
    return str(await user.value(lambda session: session.sid))


@pytest.mark.owners
async def test_list_shows_a_users_sessions_the_oldest_first(site: Site) -> None:
    site.clock.now = 1_800_000_000
    first = await _login(site, "ann")
    await _login(site, "ben")
    site.clock.advance(60)
    second = await _login(site, "ann")
    code, said = await command(site, "list", "ann")
    assert code == 0
    head, *rows = said.splitlines()
    assert head.startswith("SID                     CREATED               LAST SEEN")
    assert [row[:44] for row in rows] == [
        f"{await _sid(first)}  2027-01-15 08:00:00Z",
        f"{await _sid(second)}  2027-01-15 08:01:00Z",
    ]
    done = await invoke(site, "list", "nobody")
    assert (done.exit_code, done.stdout) == (0, "no live sessions\n")


async def test_revoke_ends_one_session(site: Site) -> None:
    user, other = await _login(site, "ann"), await _login(site, "ann")
    sid = await _sid(user)
    assert await command(site, "revoke", sid) == (0, "1 session ended\n")
    assert await command(site, "revoke", sid) == (1, "0 sessions ended\n")
    assert await user.value(dict) == {}
    assert await other.value(dict) == {"name": "ann"}


@pytest.mark.stores("filesystem", "redis")
async def test_a_sid_that_begins_like_an_option_is_none(site: Site) -> None:
    sid = "-r" + "A" * 20
    assert await command(site, "revoke", sid) == (1, "0 sessions ended\n")


@pytest.mark.owners
async def test_revoke_ends_all_sessions_of_an_owner(site: Site) -> None:
    users = [await _login(site, "ann") for _ in range(2)]
    ben = await _login(site, "ben")
    assert await command(site, "revoke", "--owner", "ann") == (0, "2 sessions ended\n")
    assert [await user.value(dict) for user in users] == [{}, {}]
    assert await command(site, "revoke", "--owner=ben") == (0, "1 session ended\n")
    assert await ben.value(dict) == {}
    assert await command(site, "revoke", "--owner=ben") == (1, "0 sessions ended\n")
    assert await document(site, "revoke", "--owner=ben", code=1) == {"ended": 0}
    await _login(site, "ben")
    assert await document(site, "revoke", "--owner=ben") == {"ended": 1}


@pytest.mark.purges
@pytest.mark.stores("filesystem", "memory")
async def test_purge_deletes_what_has_expired(new_site: NewSite, backend: Backend) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=60)
    await _login(site, "ann")
    site.clock.advance(61)
    for owner in ("ann", "ben"):
        await _login(site, owner)
    assert await command(site, "purge") == (0, "1 expired session deleted\n")
    assert len(backend.records()) == 2
    assert await command(site, "purge") == (0, "0 expired sessions deleted\n")
    site.clock.advance(61)
    assert await document(site, "purge") == {"deleted": 2, "expires_by_itself": False}
    assert backend.records() == {}


@pytest.mark.stores("sqlalchemy-sqlite", "filesystem", "redis", "memory", "cookie")
async def test_init_makes_what_a_store_needs_or_says_that_it_needs_nothing(site: Site) -> None:
    is_sql = site.app.config["SESSION_TYPE"] == "sqlalchemy"
    code, said = await command(site, "init")
    assert code == 0
    if is_sql:
        assert said == "everything that sessions need exists\n"
    else:
        assert said.startswith("nothing to do: ")
        assert said.endswith(" needs neither tables nor indexes\n")
    assert await document(site, "init") == {"needed": is_sql}


@pytest.mark.stores("redis")
async def test_purge_says_which_store_deletes_by_itself_what_has_expired(site: Site) -> None:
    await _login(site, "ann")
    told = "nothing to do: redis deletes expired sessions itself\n"
    assert await command(site, "purge") == (0, told)
    assert await document(site, "purge") == {"deleted": 0, "expires_by_itself": True}


@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    "args",
    [
        [],
        ["A" * 22, "--owner", "ann"],
        ["A" * 22, "--all"],
        ["--owner", "ann", "--all"],
        ["--yes"],
    ],
    ids=["neither", "both", "all and a sid", "all and an owner", "yes"],
)
async def test_revoke_takes_either_a_sid_or_an_owner_or_all(site: Site, args: list[str]) -> None:
    code, said = await command(site, "revoke", *args)
    assert code == 2
    assert said.endswith("Error: give a session's sid, or --owner and a user, or --all\n")


@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["show"], "Missing argument 'SID'"),
        (["list", "ann", "ben"], "unexpected extra argument"),
        (["revoke", "--al"], "'--al' is neither an option nor a sid"),
        (["expire"], "No such command 'expire'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_wrong_usage_is_explained(site: Site, args: list[str], complaint: str) -> None:
    code, said = await command(site, *args)
    assert code == 2
    assert complaint in said


@pytest.mark.stores("memory")
async def test_help_names_the_commands(site: Site) -> None:
    code, said = await command(site, "--help")
    assert code == 0
    for name in ("doctor", "init", "list", "purge", "revoke", "show", "stats"):
        assert f"  {name} " in said


@pytest.mark.stores("cookie")
@pytest.mark.parametrize("args", [["list", "ann"], ["revoke", "A" * 22], ["purge"]])
async def test_sessions_in_the_cookie_cannot_be_administered(site: Site, args: list[str]) -> None:
    code, said = await command(site, *args)
    assert code == 2
    assert said == (
        "Error: with SESSION_TYPE 'cookie' the browser keeps the session, so it can be neither "
        'listed nor revoked: choose a server-side store, such as "filesystem"\n'
    )


@pytest.mark.stores("memory")
async def test_a_wrong_setting_is_told_in_a_line(site: Site) -> None:
    site.app.config["SESSION_COOKIE_SAMESITE"] = "Sometimes"
    for args in (["list", "ann"], ["init"]):
        code, said = await command(site, *args)
        assert code == 2
        assert said.startswith("Error: SESSION_COOKIE_SAMESITE")


@pytest.mark.owners
async def test_an_outage_is_told_in_a_line(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    failure: Any = StoreUnavailable("the store is down")
    for name in ("owned", "owned_page", "load", "load_many", "load_dated"):
        spy.fail(name, failure)
    for args in (["list", "ann"], ["revoke", "A" * 22], ["revoke", "--owner", "ann"]):
        assert await command(site, *args) == (3, "Error: the store is down\n")


# --- everyone's ----------------------------------------------------------------------------


@pytest.mark.lists
async def test_revoke_all_asks_and_then_ends_everyones_sessions_but_another_applications(
    new_site: NewSite, backend: Backend
) -> None:
    site, other = new_site(), new_site(SESSION_KEY_PREFIX="other:")
    users = [await _login(site, "ann"), await _login(site, "ben")]
    theirs = await _login(other, "ann")
    done = await invoke(site, "revoke", "--all", answer="n\n")
    assert done.exit_code == 1
    assert "End every session in " in done.output
    assert "with keys that begin with 'session:'? [y/N]" in done.output
    done = await invoke(site, "revoke", "--all")  # nobody is there to answer
    assert done.exit_code == 1
    assert [await user.value(dict) for user in users] == [{"name": "ann"}, {"name": "ben"}]
    done = await invoke(site, "revoke", "--all", answer="y\n")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "2 sessions ended")
    assert [await user.value(dict) for user in users] == [{}, {}]
    assert await theirs.value(dict) == {"name": "ann"}
    assert await command(site, "revoke", "--all", "--yes") == (1, "0 sessions ended\n")
    await _login(site, "ann")
    assert await command(site, "revoke", "--all", "--yes") == (0, "1 session ended\n")


@pytest.mark.stores("memcached")
async def test_revoke_all_says_what_to_do_where_a_store_cannot_list(site: Site) -> None:
    code, said = await command(site, "revoke", "--all", "--yes")
    assert code == 2
    assert said.endswith("give the application a new SECRET_KEY, and no SECRET_KEY_FALLBACKS\n")


@pytest.mark.owners
async def test_many_sessions_are_ended_by_a_command(site: Site, backend: Backend) -> None:
    _ = await _login(site, "ben")  # so that the memory of this process is one that serves
    fill(site, backend, "ann", 450)
    assert await command(site, "revoke", "--owner", "ann") == (0, "450 sessions ended\n")


# --- where, and what is not said ------------------------------------------------------------


@pytest.mark.owners
async def test_commands_say_where_they_worked(site: Site, backend: Backend) -> None:
    user = await _login(site, "ann")
    place = {
        "filesystem": f"the directory {backend.directory}",
        "memory": "the memory of this process",
        "redis": "redis://127.0.0.1:",
        "sqlite": f"the file {backend.directory}/sessions.db",
        "sqlalchemy-sqlite": f"the table samesession of sqlite:///{backend.directory}/sessions.db",
        "cluster": "redis+cluster://127.0.0.1:",
    }.get(backend.name, "")
    for args in (["list", "ann"], ["revoke", await _sid(user)], ["revoke", "A" * 22], ["purge"]):
        done = await invoke(site, *args)
        assert done.stderr.startswith(f"in {place}")
        assert done.stderr.endswith(", with keys that begin with 'session:'\n")
        assert place not in done.stdout or not place


@pytest.mark.stores("filesystem", "sqlite")
async def test_a_command_that_finds_nothing_makes_no_directory(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site()
    for args in (["list", "ann"], ["purge"], ["revoke", "A" * 22], ["revoke", "--all", "--yes"]):
        done = await invoke(site, *args)
        assert str(backend.directory) in done.stderr
        assert done.exit_code == (1 if args[0] == "revoke" else 0)
        assert not backend.directory.exists()


async def test_a_cookie_that_is_given_for_a_sid_is_not_repeated(site: Site) -> None:
    user = await _login(site, "ann")
    cookie = user.jar["session"]
    for given in (cookie, f"session={cookie}", "--" + cookie):
        done = await invoke(site, "revoke", given)
        assert done.exit_code == 2
        assert "the argument is neither an option nor a sid" in done.output
        assert cookie.split(".")[1] not in done.output
    for args in ([cookie], [f"--{cookie}"], ["list", "ann", cookie], ["purge", f"--x={cookie}"]):
        done = await invoke(site, *args)  # of which click complains
        assert done.exit_code == 2
        assert cookie.split(".")[1] not in done.output
    assert await user.value(dict) == {"name": "ann"}


@pytest.mark.owners
@pytest.mark.parametrize("owner", ["", "\udcff", "secret\udcff", "secret" * 200], ids=ascii)
async def test_what_cannot_name_a_user_is_wrong_usage_and_not_repeated(
    new_site: NewSite, backend: Backend, owner: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    for args in (["list", owner], ["revoke", "--owner", owner]):
        done = await invoke(site, *args)
        assert done.exit_code == 2
        assert "a user is named by 1 to 1024 bytes of UTF-8" in done.output
        assert "secret" not in done.output
    assert spy.calls == []
