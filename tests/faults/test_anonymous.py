"""Traffic of nobody: it stores nothing, and what it may store puts nobody out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import SECRET_KEY
from tests.unit.parts import signer

from .effort import rounds


@pytest.mark.asyncio
async def test_anonymous_requests_leave_no_record(new_site: NewSite, backend: Backend) -> None:
    site = new_site()
    paths = {
        "/read": lambda session, web: str(session.get("a")),
        "/leave": lambda session, web: "",
        "/logout": lambda session, web: session.clear() or "",
        "/fleeting": lambda session, web: str(session.update(a=1)) + str(session.pop("a")),
    }
    for path, view in paths.items():
        site.view(path)(view)
    ours = signer(SECRET_KEY.encode())
    user = site.user()
    for number in range(rounds(600, 10_000)):
        unknown = ours.mint().value
        cookie = (None, b"session=forged", f"session={unknown}".encode())[number % 3]
        answer = await user.get(list(paths)[number // 3 % 4], cookie=cookie)
        assert answer.status == 200
        user.jar.clear()
    assert backend.records() == {}
    assert backend.part.dump() == b""


@pytest.mark.asyncio
async def test_an_unknown_token_is_never_adopted(new_site: NewSite, backend: Backend) -> None:
    ours = signer(SECRET_KEY.encode())
    unknown = ours.mint()
    visitor = new_site().visitor()
    answer = await visitor.visit(
        lambda session: session.update(a=1), cookie=f"session={unknown.value}".encode()
    )
    assert answer.status == 200
    given = visitor.jar["session"]
    assert given.split(".")[0] != unknown.token.sid
    assert given.split(".")[1] != unknown.value.split(".")[1]
    visitor.jar["session"] = unknown.value
    assert await visitor.value(dict) == {}


@pytest.mark.asyncio
async def test_new_sessions_put_nobody_out(new_site: NewSite, backend: Backend) -> None:
    site = new_site()
    member = site.visitor()
    await member.put(name="alice")

    def begin(session: Any) -> None:
        session["a"] = 1

    for _ in range(600):
        assert (await site.visitor().visit(begin)).status == 200
    assert len(backend.records()) == 601
    assert await member.value(dict) == {"name": "alice"}
