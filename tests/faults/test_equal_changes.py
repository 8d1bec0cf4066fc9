"""Two requests that make equal records: each must know its own commit from the other's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend


def count(session: Any) -> Any:
    def increment(data: dict[str, Any]) -> None:
        data["n"] += 1

    session.update_atomically(increment)


@pytest.mark.asyncio
async def test_two_equal_increments_at_once_are_both_counted(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    visitor = site.visitor()
    await visitor.put(n=0)
    gate = spy.pause("commit")
    site.actions.append(lambda session, web: count(session) or "")
    slow = visitor.driver.start("GET", f"/visit/{len(site.actions) - 1}")
    await gate.reached()
    assert (await visitor.visit(count)).status == 200
    gate.open()
    assert (await slow).status == 200
    assert await visitor.value(lambda session: session["n"]) == 2
