"""The key that `samesession.testing` has for tests of applications."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from samesession.testing import DeviceKey
from tests.conftest import NewSite
from tests.support.browser import Answer
from tests.support.device import BOUND, owner
from tests.support.site import Site, Visitor

pytestmark = [pytest.mark.asyncio, pytest.mark.owners, pytest.mark.stores("memory")]

FRESHNESS = 600


@pytest.fixture
def site(new_site: NewSite) -> Site:
    return new_site(SESSION_DEVICE_BOUND="require")


async def log_in(user: Visitor, scheme: str = "https") -> Answer:
    return await user.visit(lambda session: session.bind("ann"), scheme=scheme)


def said(answer: Answer) -> Headers:
    return Headers(answer.headers)


async def post(user: Visitor, request: tuple[str, dict[str, str]]) -> Answer:
    path, headers = request
    return await user.driver.post(path, headers=headers, scheme="https")


@pytest.mark.parametrize("path", ["/_session/device", "/a/b"])
async def test_it_binds_a_session_and_proves_it_again(new_site: NewSite, path: str) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require", SESSION_DEVICE_PATH=path)
    user, key = site.visitor(), DeviceKey(path)
    registered = await post(user, key.registration(said(await log_in(user))))
    assert registered.status == 200
    sid = registered.json()["session_identifier"]
    assert BOUND in user.jar
    site.clock.advance(FRESHNESS + 1)
    await user.visit(owner, scheme="https")
    assert user.result is None
    asked = await post(user, key.question(sid))
    assert asked.status == 403
    assert (await post(user, key.proof(said(asked)))).status == 200
    await user.visit(owner, scheme="https")
    assert user.result == "ann"


async def test_another_key_proves_nothing(site: Site) -> None:
    user, key = site.visitor(), DeviceKey()
    registered = await post(user, key.registration(said(await log_in(user))))
    asked = await post(user, key.question(registered.json()["session_identifier"]))
    assert (await post(user, DeviceKey().proof(said(asked)))).status == 403
    assert (await post(user, key.proof(said(asked)))).status == 200


async def test_a_response_that_asks_for_nothing_says_so(site: Site) -> None:
    user, key = site.visitor(), DeviceKey()
    plain = said(await log_in(user, "http"))
    with pytest.raises(AssertionError, match="does not offer to bind"):
        key.registration(plain)
    with pytest.raises(AssertionError, match="does not have a challenge"):
        key.proof(plain)
    offer = said(await log_in(user))
    with pytest.raises(AssertionError, match="is not for /elsewhere/register"):
        DeviceKey("/elsewhere").registration(offer)
