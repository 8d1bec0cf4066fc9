"""What applications rely on changes only where public-api.txt changes with it.

It lists what the page of the public API promises: see docs/reference/versions.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import public_api
from tests.support.public_api import LISTED, ROOT, lines

# `from samesession... import ...` in code and in the documentation.
IMPORT = re.compile(r"from (samesession[\w.]*) import (?:\(([^)]*)\)|([\w, ]+))")
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
)
HOW = """
Lines that went or changed are a break: applications that work would no longer. Keep the old way
working, with a DeprecationWarning, as docs/reference/versions.md says, or wait for the next major
release. Where the change is meant, write the list anew and commit it with its changelog line:

    python -m tests.support.public_api
"""


@pytest.fixture(scope="module")
def found() -> list[str]:
    return lines()


def compared(listed: list[str], found: list[str]) -> str:
    """Return what differs, as a reader of a failed test wants it; "" for nothing."""
    gone = [f"- {line}" for line in listed if line not in set(found)]
    new = [f"+ {line}" for line in found if line not in set(listed)]
    return "\n".join(["", *gone, *new, HOW]) if gone or new else ""


def test_the_public_api_is_the_one_that_is_listed(found: list[str]) -> None:
    difference = compared(LISTED.read_text().splitlines(), found)
    assert not difference, difference


def test_a_change_is_told_with_what_to_do() -> None:
    told = compared(["def samesession.a()", "setting B = 1"], ["def samesession.a(b)", "extra c"])
    assert told.splitlines()[1:5] == [
        "- def samesession.a()",
        "- setting B = 1",
        "+ def samesession.a(b)",
        "+ extra c",
    ]
    assert "python -m tests.support.public_api" in told
    assert compared(["extra c"], ["extra c"]) == ""


def test_no_line_is_there_twice(found: list[str]) -> None:
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "line",
    [
        # A name, an error's base, a default, one that stands in two places, and a writable one.
        "class samesession.ConfigError(SessionError, ValueError)",
        "class samesession.ReauthenticationRequired(SessionError, Unauthorized)",
        "async def samesession.quart.revoke_all(owner: str, *, keep: str | None = None) -> int",
        "samesession.quart.no_session is samesession.flask.no_session",
        "property samesession.ServerSession.lifetime: timedelta | None, writable",
        "setting SESSION_TYPE = 'filesystem'",
        'signal session_bound "session-bound"',
        "command sessions show SID [--values] [--json]",
        "extra redis",
    ],
)
def test_each_kind_of_promise_is_listed(line: str, found: list[str]) -> None:
    assert line in found


def test_the_documentation_and_the_examples_use_public_names_alone(found: list[str]) -> None:
    public = {re.sub(r"^(class|def|async def) ", "", line) for line in found}
    names = {re.split(r"[(: ]", line)[0] for line in public}
    used = {
        f"{module}.{name.split()[0]}"
        for page in PAGES
        for module, several, one in IMPORT.findall(page.read_text())
        for name in (several or one).split(",")
        if name.strip()
    }
    modules = {name for name in used if name in public_api.MODULES}
    assert used
    assert used - names - modules == set()


def test_every_module_of_the_list_is_there() -> None:
    for module in public_api.MODULES:
        place = ROOT / "src" / Path(*module.split("."))
        assert place.with_suffix(".py").exists() or (place / "__init__.py").exists()
