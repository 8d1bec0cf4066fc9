"""What a process remembers of sessions it has proved: nothing that has ended, within its bound."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site
from tests.web.test_administration import administer

pytestmark = pytest.mark.asyncio


def remembered(site: Site) -> str:
    """Show all that the site's memories hold."""
    its: Any = site.app.session_interface.app_sessions._flows
    memories = its._remembered
    return repr([[*memory._young.items(), *memory._old.items()] for memory in memories])


def records(site: Site) -> list[Any]:
    memory: Any = site.app.session_interface.app_sessions._flows._remembered.records
    return [proved.raw for proved, _ in {**memory._old, **memory._young}.values()]


async def test_a_session_that_was_read_is_remembered_as_it_is_stored(
    site: Site, backend: Backend
) -> None:
    visitor = site.visitor()
    await visitor.put(a=1)
    assert await visitor.value(dict) == {"a": 1}
    assert records(site) == [*backend.records().values()]


async def test_a_session_that_was_emptied_is_forgotten(site: Site) -> None:
    visitor = site.visitor()
    await visitor.put(a=1)
    assert await visitor.value(dict) == {"a": 1}
    _ = await visitor.visit(lambda session: session.clear())
    assert records(site) == []


@pytest.mark.owners
async def test_a_session_that_was_revoked_is_forgotten(site: Site) -> None:
    one, two, third = (site.visitor() for _ in range(3))
    for each in (one, two, third):
        _ = await each.visit(lambda session: session.bind("ann"))
        await each.put(a=1)
        assert await each.value(dict) == {"a": 1}
    assert len(records(site)) == 3
    sid = await one.value(lambda session: session.sid)
    assert await administer(site, "revoke", sid)
    assert len(records(site)) == 2
    assert await administer(site, "revoke_all", "ann") == 2
    assert records(site) == []
    assert [await each.value(dict) for each in (one, two, third)] == [{}, {}, {}]


async def test_no_secret_is_remembered(site: Site) -> None:
    visitor = site.visitor()
    await visitor.put(a=1)
    value = visitor.jar["session"]
    assert await visitor.value(dict) == {"a": 1}
    held = remembered(site)
    assert value not in held
    for part in value.split(".")[1:]:
        assert part not in held


async def test_nothing_is_remembered_where_that_is_asked(new_site: NewSite) -> None:
    site = new_site(SESSION_PROOF_CACHE_BYTES=0)
    visitor = site.visitor()
    await visitor.put(a=1)
    assert await visitor.value(dict) == {"a": 1}
    assert remembered(site) == repr([[], [], []])


async def test_a_hundred_sessions_stay_within_the_bound(new_site: NewSite) -> None:
    site = new_site(SESSION_PROOF_CACHE_BYTES=40_000)
    for number in range(100):
        visitor = site.visitor()
        await visitor.put(a="x" * 1000, b=number)
        assert await visitor.value(lambda session: session["b"]) == number
        assert sum(map(len, records(site))) <= 30_000
