"""A test of an application logs a user in for its login library, too."""

from __future__ import annotations

import flask_login  # type: ignore[import-untyped]  # it has no types
import pytest

from samesession.pytest_plugin import assert_logged_out, logged_in
from tests.conftest import NewSite
from tests.login_libraries import test_flask_login, test_quart_auth

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory")]


@pytest.mark.needs("flask")
async def test_by_flask_login(new_site: NewSite) -> None:
    app = test_flask_login.with_logins(new_site()).app
    app.add_url_rule("/out", "out", lambda: str(flask_login.logout_user()))
    client = app.test_client()
    logged_in(client, "ann")
    assert client.get("/me").text == "ann"
    assert client.get("/secret").text == "fresh"
    assert client.get("/out").text == "True"
    assert client.get("/me").text == "None"
    assert_logged_out(client)


@pytest.mark.needs("quart")
async def test_by_quart_auth(new_site: NewSite) -> None:
    client = test_quart_auth.with_logins(new_site()).app.test_client()
    await logged_in(client, "ann")
    assert await (await client.get("/me")).get_data(as_text=True) == "ann"
    async with client.session_transaction() as session:
        session.end()
    assert await (await client.get("/me")).get_data(as_text=True) == "None"
    await assert_logged_out(client)
