"""`sessions migrate`: another library's sessions come into any store, ahead of the deployment."""

from __future__ import annotations

import hashlib
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from samesession import StoreUnavailable
from samesession.core.steps import Steps
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.old_files import counter, old_file
from tests.support.site import Site
from tests.web.test_cli import command, document, invoke
from tests.web.test_cli_listing import lines

pytestmark = pytest.mark.asyncio

SID = "s3cret-id-of-the-old-library-0123456789abcd"
KEY = f"session:{SID}"
DATA = {"_permanent": True, "cart": ["a", "b"], "n": 5}


MIGRATE = {"SESSION_MIGRATE_FROM": ["flask-session"], "SESSION_COOKIE_NAME": "sid"}


@pytest_asyncio.fixture
async def site(new_site: NewSite) -> Site:
    """Give a site that reads the old sessions, too, and serves, if from memory."""
    site = new_site(**MIGRATE)
    _ = await site.visitor().visit(dict)
    return site


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a directory of old sessions."""
    directory = tmp_path / "flask_session"
    directory.mkdir()
    return directory


def args(old: Path, *more: str) -> tuple[str, ...]:
    return ("migrate", "--from", "flask-session", "--source", str(old), "--unsafe-pickle", *more)


def many(old: Path, sessions: int, *, begin: int = 0) -> None:
    for number in range(begin, begin + sessions):
        old_file(old, f"session:{number}", {"n": number})


def reasons(found: dict[str, Any]) -> dict[str, int]:
    return {each["reason"]: each["sessions"] for each in found["skipped"]}


def told(found: dict[str, Any]) -> dict[str, int]:
    """Give the outcomes that are not 0."""
    names = ("moved", "updated", "unchanged", "in_use", "ended")
    return {name: found[name] for name in names if found[name]}


@pytest.mark.lists
async def test_old_sessions_are_moved_once(site: Site, old: Path) -> None:
    many(old, 250)
    counter(old, 250)
    found = await document(site, *args(old))
    assert found == {
        "from": "flask-session",
        "source": f"the directory {old}",
        "dry_run": False,
        "read": 250,
        "moved": 250,
        "updated": 0,
        "unchanged": 0,
        "in_use": 0,
        "ended": 0,
        "skipped": [],
    }
    assert len(await lines(site, "list")) == 250
    assert told(await document(site, *args(old))) == {"unchanged": 250}
    many(old, 5, begin=250)
    assert told(await document(site, *args(old))) == {"unchanged": 250, "moved": 5}
    assert len(os.listdir(old)) == 255 + 2  # the old ones stay, and what counts them


@pytest.mark.stores("filesystem", "redis", "sqlite", "sqlalchemy-sqlite")
async def test_what_old_processes_wrote_meanwhile_is_moved_again(site: Site, old: Path) -> None:
    many(old, 3)
    _ = await command(site, *args(old))
    old_file(old, "session:1", {"n": 1, "cart": ["new"]})
    assert told(await document(site, *args(old, "--dry-run"))) == {"unchanged": 2, "updated": 1}
    assert told(await document(site, *args(old))) == {"unchanged": 2, "updated": 1}
    assert told(await document(site, *args(old))) == {"unchanged": 3}
    sizes = [(await document(site, "show", each["sid"])) for each in await lines(site, "list")]
    assert sorted(len(each["data"]) for each in sizes) == [1, 1, 2]


@pytest.mark.lists
async def test_a_dry_run_writes_nothing(site: Site, old: Path, backend: Backend) -> None:
    many(old, 3)
    before = backend.records()
    found = await document(site, *args(old, "--dry-run"))
    assert (found["dry_run"], found["read"], told(found)) == (True, 3, {"moved": 3})
    assert backend.records() == before
    code, said = await command(site, *args(old, "--dry-run"))
    assert code == 0
    assert said == f"3 old sessions in the directory {old}\n           3  would be moved\n"


@pytest.mark.stores("filesystem", "redis", "sqlite")
async def test_a_session_lives_no_longer_for_being_moved(site: Site, old: Path) -> None:
    now = site.clock.now = 1_800_000_000
    old_file(old, KEY, DATA, expires=now + 100)
    _ = await command(site, *args(old))
    (moved,) = await lines(site, "list")
    assert moved["expires"] == "2027-01-15T08:01:40+00:00"
    old_file(old, KEY, DATA, expires=now + 130)  # as what a server tells of its time
    assert told(await document(site, *args(old))) == {"unchanged": 1}
    old_file(old, KEY, DATA, expires=now + 1000)  # it was used
    assert told(await document(site, *args(old))) == {"updated": 1}
    site.clock.advance(101)
    assert len(await lines(site, "list")) == 1
    site.clock.advance(900)
    assert await lines(site, "list") == []


@pytest.mark.stores("filesystem")
async def test_what_cannot_be_moved_is_counted_by_fixed_words(site: Site, old: Path) -> None:
    now = site.clock.now = 1_800_000_000
    old_file(old, "session:good", DATA, expires=now + 100)
    old_file(old, "session:old", DATA, expires=now - 1)
    old_file(old, "session:code", b"cos\nsystem\n(S'touch /tmp/planted'\ntR.")
    old_file(old, "session:cut", b"\x80\x05\x95")
    old_file(old, "session:text", b"\x80\x05\x8c\x04text.")
    old_file(old, "session:none", {})
    old_file(old, "session:permanent", {"_permanent": True})
    old_file(old, "session:surrogate", {"a": "\ud800"})
    old_file(old, "session:large", {"a": "x" * 2_000_000})
    (old / hashlib.md5(b"short").hexdigest()).write_bytes(b"x")
    (old / hashlib.md5(b"directory").hexdigest()).mkdir()
    os.symlink("/etc/passwd", old / hashlib.md5(b"link").hexdigest())
    (old / "tmpabc.__wz_cache").write_bytes(b"1234")
    (old / "README").write_bytes(b"1234")
    found = await document(site, *args(old))
    assert found["read"] == 12
    assert told(found) == {"moved": 1}
    assert reasons(found) == {
        "it has expired": 1,
        "it is a pickle of more than plain data": 2,
        "it is a damaged pickle": 4,
        "it is empty": 2,
        "it holds data that a session cannot keep": 1,
        "it is larger than SESSION_MAX_BYTES": 1,
    }
    code, said = await command(site, *args(old))
    assert code == 0
    assert "           2  skipped: it is a pickle of more than plain data\n" in said


@pytest.mark.stores("filesystem")
async def test_pickles_are_not_read_unless_that_is_asked_for(site: Site, old: Path) -> None:
    many(old, 2)
    found = await document(site, "migrate", "--from=flask-session", f"--source={old}")
    assert (found["read"], told(found)) == (2, {})
    ((reason, sessions),) = reasons(found).items()
    assert "--unsafe-pickle" in reason
    assert sessions == 2


@pytest.mark.stores("filesystem")
async def test_a_planted_pickle_does_nothing(site: Site, old: Path, tmp_path: Path) -> None:
    target = tmp_path / "planted"

    class Planted:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(target),)

    for protocol in range(6):
        data = {"_permanent": True, "a": Planted()}
        old_file(old, f"session:{protocol}", data, protocol=protocol)
    found = await document(site, *args(old))
    assert reasons(found) == {"it is a pickle of more than plain data": 6}
    assert not target.exists()


@pytest.mark.lists
async def test_nothing_of_an_old_session_is_in_the_report_or_the_store(
    site: Site, old: Path, backend: Backend
) -> None:
    old_file(old, KEY, DATA)
    old_file(old, f"{KEY}-2", b"\x80\x05" + SID.encode() + b".")
    for more in ((), ("--json",), ("--dry-run",)):
        done = await invoke(site, *args(old, *more))
        for secret in (SID, hashlib.sha256(KEY.encode()).hexdigest()):
            assert secret not in done.output
            assert secret[:10] not in done.output
    assert SID.encode() not in backend.part.dump()
    assert hashlib.sha256(KEY.encode()).hexdigest().encode() not in backend.part.dump()


@pytest.mark.stores("filesystem", "redis")
async def test_a_run_that_is_broken_off_is_gone_on_with(
    new_site: NewSite, backend: Backend, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = backend.spy()
    create, turns = type(spy).create, count()

    def failing(*given: Any, **named: Any) -> Steps[bool]:
        if next(turns) == 10:
            raise StoreUnavailable("the store is down")
        return (yield from create(*given, **named))

    monkeypatch.setattr(type(spy), "create", failing)
    site = new_site(**MIGRATE, options={"store": spy})
    many(old, 30)
    assert await command(site, *args(old)) == (3, "Error: the store is down\n")
    assert told(await document(new_site(**MIGRATE), *args(old))) == {"unchanged": 10, "moved": 20}


async def test_no_old_session_is_an_exit_code(site: Site, old: Path) -> None:
    counter(old, 0)
    done = await invoke(site, *args(old))
    assert (done.exit_code, done.stdout) == (1, f"0 old sessions in the directory {old}\n")
    assert done.stderr.startswith("in ")


@pytest.mark.stores("filesystem")
async def test_wrong_usage_is_explained(site: Site, old: Path) -> None:
    for given, complaint in (
        ((), "Missing option '--from'"),
        (("--from", "django"), "'django' is not one of"),
        (
            ("--from", "flask-session"),
            "name the place of the old sessions: write --source DIRECTORY",
        ),
        (("--from", "flask-session", "--source", str(old / "no")), "neither a URL nor a directory"),
        (("--from", "flask-session", "--source", "memcached://x"), "memcached cannot list"),
        (("--from", "flask-session", "--source", "ftp://user:pass@x"), "Error: "),
    ):
        done = await invoke(site, "migrate", *given)
        assert done.exit_code == 2
        assert complaint in done.stderr
        assert "pass@" not in done.output


@pytest.mark.stores("filesystem")
async def test_what_no_request_would_read_is_not_moved(new_site: NewSite, old: Path) -> None:
    for settings in ({}, {**MIGRATE, "SESSION_MIGRATE_FROM": ["quart-session"]}):
        code, said = await command(new_site(**settings), *args(old))
        assert code == 2
        assert said == (
            "Error: no request would open the moved sessions: write "
            'SESSION_MIGRATE_FROM = ["flask-session"]\n'
        )


@pytest.mark.stores("cookie")
async def test_no_session_is_moved_into_cookies(new_site: NewSite, old: Path) -> None:
    code, said = await command(new_site(), *args(old))
    assert code == 2
    assert said.startswith("Error: with SESSION_TYPE 'cookie' the browser keeps the session")


async def test_no_session_is_moved_into_the_memory_of_another_process(
    new_site: NewSite, old: Path
) -> None:
    site = new_site(**MIGRATE, SESSION_TYPE="memory")
    code, said = await command(site, *args(old))
    assert code == 2
    assert said.startswith("Error: sessions are in the memory of the process")


@pytest.mark.stores("filesystem")
async def test_a_place_that_cannot_be_read_is_an_outage_of_its_own(
    site: Site, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_file(old, KEY, DATA)

    def refuse(path: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    code, said = await command(site, *args(old))
    assert code == 3
    assert said.startswith("Error: the old sessions' directory cannot be read: PermissionError")
    assert f"(the directory {old})" in said
