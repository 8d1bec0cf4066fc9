"""What extensions ask of `app.session_interface` besides sessions."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import ConfigError, Session
from tests.conftest import NewSite
from tests.support.site import SECRET_KEY, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "cookie")]
_QUESTIONS = ("name", "domain", "path", "httponly", "secure", "samesite", "partitioned")


def _answers(site: Site) -> dict[str, Any]:
    interface = site.app.session_interface
    return {each: getattr(interface, f"get_cookie_{each}")(site.app) for each in _QUESTIONS}


async def test_the_cookie_is_told_as_it_is_sent(new_site: NewSite) -> None:
    site = new_site(SESSION_COOKIE_DOMAIN=False, SESSION_COOKIE_PATH=False)
    assert _answers(site) == {
        "name": "session",
        "domain": None,
        "path": "/",
        "httponly": True,
        "secure": False,
        "samesite": "Lax",
        "partitioned": False,
    }
    (sent,) = (await site.visitor().put(a=1)).set_cookies
    assert "SameSite=Lax" in sent
    assert "Domain" not in sent
    # What changes afterwards is told, too.
    site.app.config.update(SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_SECURE=True)
    assert (_answers(site)["samesite"], _answers(site)["secure"]) == ("Strict", True)


@pytest.mark.stores("memory")
async def test_the_interface_regenerates_a_session(site: Site) -> None:
    visitor = site.visitor()
    await visitor.put(a=1)
    before = visitor.jar["session"]
    await visitor.visit(lambda session: site.app.session_interface.regenerate(site.session))
    assert visitor.jar["session"] != before
    assert await visitor.value(dict) == {"a": 1}
    visitor.jar["session"] = before
    assert await visitor.value(dict) == {}


async def test_the_serializer_writes_and_reads_what_a_session_holds(site: Site) -> None:
    serializer = site.app.session_interface.serializer
    data = {"a": (1, {2})}
    assert serializer.loads(serializer.dumps(data)) == data
    assert serializer.decode(serializer.encode(data)) == data
    with pytest.raises(TypeError, match=r"session\['a'\] cannot be kept"):
        serializer.dumps({"a": object()})
    with pytest.raises(ConfigError, match=r"leave session_interface\.serializer as it is"):
        site.app.session_interface.serializer = serializer


async def test_a_secret_key_that_is_an_attribute_of_the_class_counts(new_site: NewSite) -> None:
    made = new_site(options={"init": False})
    base: Any = type(made.app)
    kind = type("Shop", (base,), {"secret_key": SECRET_KEY})
    app = kind("shop", static_folder=None)
    site = new_site(options={"app": app, "init": False})
    app.config["SECRET_KEY"] = None
    Session(app, store=site._store, clock=site.clock)
    visitor = site.visitor()
    await visitor.put(a=1)
    assert await visitor.value(dict) == {"a": 1}
