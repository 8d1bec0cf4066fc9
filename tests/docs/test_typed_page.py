"""The page about sessions with types: what it shows works, and it lists what the code takes."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from samesession import Session
from tests.support.site import SECRET_KEY

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "typed-sessions.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give the page's blocks, run as modules."""
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    found: list[Any] = []
    for number, block in enumerate(BLOCKS):
        module = ModuleType(f"typed_page_{number}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(block, module.__name__, "exec"), vars(module))
        found.append(module)
    return found


@pytest.mark.needs("flask", "quart")
def test_the_dataclass_of_the_page(modules: list[Any], session_store: object) -> None:
    client = modules[0].app.test_client()
    assert client.get("/cart").text == "nothing"
    assert client.post("/cart/tea").text == "tea"
    assert client.post("/cart/jam").text == "tea, jam"
    assert client.get("/cart").text == "tea, jam"
    with client.session_transaction() as session:
        assert dict(session) == {"cart": ["tea", "jam"], "address": {"city": "Bern", "lines": []}}
        session["cart"] = ["tea", 5]
    told = re.search(r"`TypeError: (session.*?)`", PAGE)
    assert told is not None
    in_request = modules[0].app.test_request_context(headers={"Cookie": _cookie(client)})
    with in_request, pytest.raises(TypeError, match=f"^{re.escape(told[1])}$"):
        _ = modules[0].shop.cart


def _cookie(client: Any) -> str:
    return f"session={client.get_cookie('session').value}"


@pytest.mark.asyncio
@pytest.mark.needs("flask", "quart")
async def test_the_typed_dict_of_the_page(modules: list[Any], session_store: object) -> None:
    from quart import Quart

    app = Quart("typed_page")
    app.config["SECRET_KEY"] = SECRET_KEY
    Session(app)

    @app.get("/larger")
    async def larger() -> str:
        return f"{modules[1].larger()} {modules[1].prefs['theme']}"

    client = app.test_client()
    found = [await (await client.get("/larger")).get_data(as_text=True) for _ in range(2)]
    assert found == ["2.0 light", "4.0 light"]
