"""The README's table of stores says what the code says of them."""

from __future__ import annotations

import re
import time
from importlib import import_module
from pathlib import Path

import pytest

from samesession import NotSupported, stores
from samesession.core.store import Openable, OwnerIndex, Purgeable, Reach, capabilities_of
from samesession.stores.base import Colour
from tests.conftest import INSTALLED
from tests.support.site import SECRET_KEY

README = (Path(__file__).parents[2] / "README.md").read_text()
TABLE = README.partition("| `SESSION_TYPE` | Seen by |")[2].partition("\n\n")[0]
ROWS: list[tuple[str, list[str]]] = [
    (name, cells.split(" | "))
    for name, cells in re.findall(r"^\| `(\w+)` \| (.+) \|$", TABLE, re.MULTILINE)
]
SETTINGS = {
    "dynamodb": {"SESSION_DYNAMODB_REGION": "eu-central-1"},
    "redis": {"SESSION_REDIS": "redis://127.0.0.1:1/0"},
    "sqlalchemy": {"SESSION_SQLALCHEMY": "sqlite:///unused.db"},
    "memcached": {"SESSION_MEMCACHED": "127.0.0.1:1"},
    "mongodb": {"SESSION_MONGODB": "mongodb://127.0.0.1:1/"},
}
SEEN_BY = {
    Reach.PROCESS: "this process",
    Reach.MACHINE: "this machine",
    Reach.NETWORK: "the network",
}


def said_by_the_code(name: str, directory: Path) -> list[str]:
    """Give the cells of a store's row."""
    settings = {
        "SECRET_KEY": SECRET_KEY,
        "SESSION_TYPE": name,
        "SESSION_FILE_DIR": str(directory),
        "SESSION_SQLITE_FILE": str(directory / "sessions.db"),
        **SETTINGS.get(name, {}),
    }
    store = stores.open_store(stores.read_config(settings), clock=time.time)
    if isinstance(store, Openable):
        store = store.open_for(Colour.SYNC)
    able = capabilities_of(store)
    return [
        SEEN_BY[able.reach],
        "yes" if isinstance(store, OwnerIndex) else "no",
        "exact" if able.exact_renewal else "a little late",
        "when it is full" if able.evicts else "never",
        "by `purge`" if isinstance(store, Purgeable) else "by themselves",
    ]


def test_each_built_in_store_has_a_row() -> None:
    assert {name for name, _ in ROWS} == {*stores.built_in(), "cookie"}


@pytest.mark.parametrize(("name", "cells"), [row for row in ROWS if row[0] != "cookie"], ids=str)
def test_a_row_says_what_the_store_can_do(name: str, cells: list[str], tmp_path: Path) -> None:
    assert cells == said_by_the_code(name, tmp_path / "sessions")


def test_the_cookie_cannot_list_sessions() -> None:
    module = import_module(INSTALLED[0])
    app = getattr(module, INSTALLED[0].capitalize())("site")
    app.config.update(SECRET_KEY=SECRET_KEY, SESSION_TYPE="cookie")
    import_module("samesession").Session(app)
    with pytest.raises(NotSupported):
        _ = app.session_interface.app_sessions.administration
    assert dict(ROWS)["cookie"][:2] == ["the browser", "no"]


STORES_PAGE = (Path(__file__).parents[2] / "docs" / "stores" / "index.md").read_text()
TESTED = dict(
    re.findall(r"^\| `(\w+)` \| `\w+` \| [^|]+ \| (real|stand-in) \|$", STORES_PAGE, re.MULTILINE)
)


def test_the_page_says_what_each_server_was() -> None:
    """What `nox -s servers` knows, and the suite's own Valkey."""
    noxfile = (Path(__file__).parents[2] / "noxfile.py").read_text()
    servers = noxfile.partition("SERVERS: dict[str, Server] = {")[2].partition("\n}\n")[0]
    assert {*TESTED} == {"redis", *re.findall(r'^    "(\w+)": Server\(', servers, re.MULTILINE)}
    assert {name for name, kind in TESTED.items() if kind == "stand-in"} == {"mongodb", "dynamodb"}
