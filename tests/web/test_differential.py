"""Generated sequences of requests, replayed on Flask, on Quart, and on both in turn.

With the same clock and the same randomness the answers and the stored records
must be the same, byte for byte.
"""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from samesession.core.steps import wait
from tests.support.backend import ALL_STORES, Backend, Servers
from tests.support.browser import Jar
from tests.support.clock import Clock, Entropy
from tests.support.drivers import Driver
from tests.support.site import Site

pytestmark = [pytest.mark.needs("flask", "quart"), pytest.mark.stores(*ALL_STORES)]

LIFETIME = 100


def _nested(session: Any, web: Any) -> str:
    session.setdefault("list", []).append({"n": len(session["list"])})
    return "appended"


def _clear_and_write(session: Any, web: Any) -> str:
    session.clear()
    session["fresh"] = True
    return "fresh"


def _bind(session: Any, web: Any) -> str:
    try:
        session.bind("ann")
    except Exception as error:  # the cookie type cannot, in both
        return type(error).__name__
    session["user"] = "ann"
    return "bound"


def _lifetime(seconds: int | None) -> Callable[[Any, Any], str]:
    def act(session: Any, web: Any) -> str:
        try:
            session.lifetime = None if seconds is None else timedelta(seconds=seconds)
        except Exception as error:  # as with `bind`
            return type(error).__name__
        return str(session.lifetime)

    return act


def _not_saved(session: Any, web: Any) -> str:
    session.setdefault("list", []).append("dropped")
    session["a"] = "dropped"
    session.modified = False
    return str(session.modified)


def _delete_in_vain(session: Any, web: Any) -> str:
    try:
        del session["missing"]
    except KeyError:
        pass
    return str(session.modified)


def _flash(session: Any, web: Any) -> Any:
    told = web.flash("hello", "info")
    return (yield from wait(told)) or "flashed"


def _flashed(session: Any, web: Any) -> str:
    return str(web.get_flashed_messages(with_categories=True))


def _template(session: Any, web: Any) -> Any:
    text = "{{ session.get('a') }} {{ session.list|length }}"
    return (yield from wait(web.render_template_string(text)))


def _sent_file(session: Any, web: Any) -> Any:
    session["downloads"] = session.get("downloads", 0) + 1
    response = yield from wait(web.send_file(io.BytesIO(b"a file"), mimetype="text/plain"))
    # Flask's own "no-cache", which Quart does not say.
    response.headers.pop("Cache-Control", None)
    return response


def _stream(session: Any, web: Any) -> Any:
    session["streams"] = session.get("streams", 0) + 1

    def flask() -> Iterator[str]:
        yield from ("some", " text")

    async def quart() -> AsyncIterator[str]:
        for part in flask():
            yield part

    return web.Response(flask() if web.__name__ == "flask" else quart())


def _fail(session: Any, web: Any) -> str:
    session["failed"] = True
    raise LookupError("of the view")


def _abort(session: Any, web: Any) -> None:
    session["aborted"] = session.get("aborted", 0) + 1
    web.abort(404)


def _redirect(session: Any, web: Any) -> Any:
    session["sent"] = True
    return web.redirect("/do/read")


def _unkeepable(session: Any, web: Any) -> str:
    session["bad"] = [object()]
    return "unreached"


def _say(do: Callable[[Any], Any]) -> Callable[[Any, Any], str]:
    return lambda session, web: str(do(session))


ACTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "leave": _say(lambda _: None),
    "read": _say(lambda s: sorted(s.items(), key=repr)),
    "get": _say(lambda s: s.get("a")),
    "in": _say(lambda s: ("a" in s, len(s), bool(s))),
    "new": _say(lambda s: (s.new, s.permanent, s.modified)),
    "set": _say(lambda s: s.__setitem__("a", len(s))),
    "set the same": _say(lambda s: s.__setitem__("b", (1, b"x"))),
    "setdefault": _say(lambda s: s.setdefault("a", [0])),
    "nested": _nested,
    "delete": _say(lambda s: s.__delitem__("a")),
    "pop": _say(lambda s: s.pop("a", None)),
    "pop the last": _say(lambda s: s.popitem()),
    "clear": _say(lambda s: s.clear()),
    "clear and write": _clear_and_write,
    "regenerate": _say(lambda s: s.regenerate()),
    "bind": _bind,
    "permanent": _say(lambda s: setattr(s, "permanent", True)),
    "not permanent": _say(lambda s: setattr(s, "permanent", False)),
    "a longer life": _lifetime(3 * LIFETIME),
    "a shorter life": _lifetime(40),
    "the usual life": _lifetime(None),
    "modified": _say(lambda s: setattr(s, "modified", True)),
    "not to be saved": _not_saved,
    "deleted in vain": _delete_in_vain,
    "flash": _flash,
    "flashed": _flashed,
    "template": _template,
    "file": _sent_file,
    "stream": _stream,
    "fail": _fail,
    "abort": _abort,
    "redirect": _redirect,
    "unkeepable": _unkeepable,
}
COOKIES = ("own", "none", "forged", "old", "two", "another's")


@dataclass(frozen=True)
class Request:
    """One step of a sequence."""

    browser: int = 0
    action: str = "leave"
    area: str = "do"
    method: str = "GET"
    cookie: str = "own"
    later: int = 0  # seconds that pass before


# Writes to a session that is there are the common case, so that most others begin from one.
REQUESTS = st.builds(
    Request,
    browser=st.integers(0, 2),
    action=st.sampled_from(sorted(ACTIONS)),
    area=st.sampled_from(["do"] * 6 + ["poll", "exempt"]),
    method=st.sampled_from(["GET"] * 5 + ["HEAD", "POST"]),
    cookie=st.sampled_from(["own"] * 12 + list(COOKIES[1:])),
    later=st.sampled_from([0] * 8 + [1, 40, 99, LIFETIME, 3600]),
)


class Trace:
    """One replay: what each step answered, and what was stored after it."""

    def __init__(self, sites: list[Site], backend: Backend, clock: Clock) -> None:
        self._sites = itertools.cycle(sites)
        self._backend = backend
        self._clock = clock
        self._jars = [Jar(clock) for _ in range(3)]
        self._seen: list[str] = ["never given"]
        self.steps: list[object] = []

    async def step(self, request: Request) -> None:
        self._clock.advance(request.later)
        user: Driver = next(self._sites).user()
        user.jar = self._jars[request.browser]
        cookie = self._cookie(request)
        answer = await user.request(
            request.method, f"/{request.area}/{request.action}", cookie=cookie
        )
        self._seen.extend(header.partition(";")[0] for header in answer.set_cookies)
        # How a body is sent is the framework's affair.
        own = {"location", "set-cookie", "vary", "cache-control"}
        headers = sorted((k.lower(), v) for k, v in answer.headers if k.lower() in own)
        # Under Quart it is the server that leaves the body of a HEAD away.
        body = b"" if request.method == "HEAD" else answer.body
        self.steps.append((request, answer.status, headers, body, self._backend.records()))

    def _cookie(self, request: Request) -> bytes | None:
        old = self._seen[len(self._seen) // 2]
        match request.cookie:
            case "none":
                return b""
            case "forged":
                return b"session=AAAAAAAAAAAAAAAAAAAAAA.x.y"
            case "old":
                return old.encode()
            case "two":
                return f"{old}; {self._seen[-1]}".encode()
            case "another's":
                other = self._jars[(request.browser + 1) % 3].header()
                return (other or "").encode()
            case _:
                return None


def _site(
    framework: str, backend: Backend, clock: Clock, entropy: Entropy, chosen: dict[str, Any]
) -> Site:
    site = Site(
        framework,
        {
            **backend.settings,
            "SESSION_ABSOLUTE_LIFETIME": None if backend.name == "cookie" else 5 * LIFETIME,
            "SESSION_OWN_LIFETIMES": backend.name != "cookie",
            "SESSION_EXEMPT": ["/exempt"],
            "SESSION_NO_RENEW": ["/poll"],
            **chosen,
        },
        clock=clock,
        entropy=entropy,
        store=backend.given,
    )

    @site.before_request
    def before(session: Any, web: Any) -> None:
        # What applications set there counts from then on: see the yardstick for the first time.
        site.app.permanent_session_lifetime = timedelta(seconds=LIFETIME)
        site.app.config["SESSION_COOKIE_SECURE"] = True

    def act(session: Any, web: Any, action: str, area: str) -> Any:
        return ACTIONS[action](session, web)

    site.app.add_url_rule(
        "/<area>/<action>", "act", site.bind(act), methods=["GET", "HEAD", "POST"]
    )
    site.errorhandler(404)(lambda session, web, _: (f"no page, {session.get('a')}", 404))
    return site


async def _replay(
    frameworks: list[str], backend: Backend, requests: list[Request], chosen: dict[str, Any]
) -> list[object]:
    clock, entropy = backend.clock, Entropy("differential")
    sites = [_site(framework, backend, clock, entropy, chosen) for framework in frameworks]
    trace = Trace(sites, backend, clock)
    try:
        for site in sites:
            await site.user().get("/do/leave")
        for request in requests:
            await trace.step(request)
    finally:
        for site in sites:
            await site.close()
    return trace.steps


QUIETLY = settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@QUIETLY
@given(requests=st.lists(REQUESTS, min_size=8, max_size=24))
def test_both_frameworks_answer_and_store_the_same(
    store_name: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory, requests: Any
) -> None:
    _compare(store_name, servers, tmp_path_factory, requests, {})


@pytest.mark.stores("memory", "cookie")
@QUIETLY
@given(requests=st.lists(REQUESTS, min_size=8, max_size=24))
def test_both_frameworks_encrypt_the_same(
    store_name: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory, requests: Any
) -> None:
    _compare(store_name, servers, tmp_path_factory, requests, {"SESSION_ENCRYPT": True})


def _compare(
    store_name: str,
    servers: Servers,
    tmp_path_factory: pytest.TempPathFactory,
    requests: Any,
    chosen: dict[str, Any],
) -> None:
    def replay(*frameworks: str) -> list[object]:
        directory: Path = tmp_path_factory.mktemp("sessions") / "kept"
        backend = Backend(store_name, clock=Clock(), directory=directory, servers=servers)
        return asyncio.run(_replay(list(frameworks), backend, requests, chosen))

    flask = replay("flask")
    for other in (("quart",), ("flask", "quart")):
        for here, there in zip(flask, replay(*other), strict=True):
            assert here == there, other
