"""docs/move: the diffs are the doctor's, and the applications take sessions over."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from itsdangerous import URLSafeTimedSerializer

from samesession.cli.coming_from.former import Former
from samesession.cli.coming_from.plan import plan_for
from tests.docs.test_code_blocks import PYTHON, here, of_python, ran, secret_key
from tests.support.clock import Clock
from tests.support.pages import BLOCKS, Block
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY, Site

_ = here, secret_key  # fixtures

PAGES = sorted((Path(__file__).parents[2] / "docs" / "move").glob("*.md"))
PAGE = "\n".join(page.read_text() for page in PAGES)
INDENTED = re.findall(r"(?<=\n\n)((?:    .*\n|\n(?=    ))+)", PAGE)
NOW = 1_800_000_000.0
DIFFS = [block.text.splitlines() for block in BLOCKS if block.language == "diff"]


def settings_before(lines: list[str]) -> dict[str, Any]:
    """Read what an application has that a diff is about."""
    found: dict[str, Any] = {"SECRET_KEY": "9d1f0b1d1e3a4c5b8a7f6e2d3c4b5a69"}
    for line in lines:
        name, equals, text = line[1:].partition(" = ")
        if equals and line[0] in "- ":
            found[name] = object() if text == "..." else ast.literal_eval(text)
    return found


def test_each_diff_is_what_the_doctor_prints() -> None:
    assert len(DIFFS) == 5
    for lines in DIFFS:
        named = re.match(r"-from (flask|quart)_session", lines[0])
        library = f"{named[1]}-session" if named else "signed-cookie"
        former = Former(library, settings_before(lines), NOW)
        assert plan_for(former).diff == lines


def test_each_command_of_the_guides_is_there() -> None:
    for block in INDENTED:
        for line in block.splitlines():
            if line.startswith("    python -m samesession"):
                words = line.split()[3:]
                assert words[0] == "doctor"
                assert {each for each in words if each.startswith("--")} <= {
                    "--coming-from",
                    "--app",
                }


# --- the applications ----------------------------------------------------------------------

_LINES = re.MULTILINE
OLD = {"user": "ann", "_permanent": True}


def old_cookie(library: str, valkey: Valkey) -> str:
    """Give the cookie of a session that another library has kept."""
    if library == "signed-cookie":
        how = {"key_derivation": "hmac", "digest_method": hashlib.sha1}
        signer = URLSafeTimedSerializer(
            SECRET_KEY, salt="cookie-session", serializer=json, signer_kwargs=how
        )
        return str(signer.dumps(OLD))
    sid = "A" * 43 if library == "flask-session" else "0b5a3a4e-8d55-4a3c-9d0c-7f1c7e5b2a10"
    raw = ormsgpack.packb(OLD) if library == "flask-session" else json.dumps(OLD).encode()
    with valkey.client() as client:
        client.set(f"session:{sid}", raw, ex=3600)
    return sid


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying='["SESSION_MIGRATE_FROM"] = ["'))
async def test_an_application_of_a_guide_takes_an_old_session_over(
    block: Block, here: Any, valkey: Valkey
) -> None:
    valkey.flush()
    (library,) = re.findall(r'\["SESSION_MIGRATE_FROM"\] = \["([\w-]+)"\]', block.text)
    text = re.sub(r'"\d{4}-\d\d-\d\dT00:00:00Z"', '"2999-01-01T00:00:00Z"', block.text)
    app = ran(replace(block, text=text), valkey.url)
    site = Site(block.framework, {}, clock=Clock(time.time()), app=app, init=False)
    user = site.visitor()
    user.jar["session"] = old_cookie(library, valkey)
    counts: dict[str, Any] = {}
    (counting,) = [each.text for each in PYTHON if "signals.session_migrated.connect" in each.text]
    exec(counting, counts)
    if block.framework == "quart":
        await app.startup()
    try:
        assert await user.value(lambda session: (session["user"], session.permanent)) == (
            "ann",
            True,
        )
        assert {*user.jar.cookies} == {"session_id"}
        assert await user.value(dict) == OLD
        told = dict.fromkeys(("flask-session", "quart-session", "signed-cookie"), 0)
        assert counts["migrated"] == {**told, library: 1}
    finally:
        await site.close()


@pytest.mark.needs("flask")
def test_supersets_function_gives_the_application_our_sessions(here: Any) -> None:
    (block,) = [block for block in INDENTED if "def FLASK_APP_MUTATOR" in block]
    names: dict[str, Any] = {}
    exec("\n".join(line[4:] for line in block.splitlines()), names)
    assert names["SESSION_SERVER_SIDE"] is False
    app = __import__("flask").Flask("superset")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_SERVER_SIDE=False)
    names["FLASK_APP_MUTATOR"](app)
    assert hasattr(app.session_interface, "app_sessions")


@pytest.mark.needs("flask")
def test_airflows_settings_are_what_the_doctor_finds_in_its_interface() -> None:
    (block,) = [block for block in INDENTED if 'SESSION_MIGRATE_KEY_PREFIX = ""' in block]
    told = {line.strip() for line in block.splitlines()} - {"SESSION_SQLALCHEMY = db"}
    implied = {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_USE_SIGNER": True,
        "SESSION_KEY_PREFIX": "",
        "SESSION_SQLALCHEMY_TABLE": "session",
    }
    settings = {"SECRET_KEY": SECRET_KEY, "SESSION_COOKIE_NAME": "session"}
    former = Former("flask-session", settings, NOW, implied=implied)
    assert told <= {line[1:] for line in plan_for(former).diff if line[0] == "+"}
