"""What is exempt from sessions is what routing itself is going to say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule
from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from samesession.core.request_state import Mode
from samesession.exempt import Exemptions, no_session

# Converters and rules by which the same paths can be meant in several ways.
PATTERNS = (
    "/",
    "/<path:filename>",
    "/<name>",
    "/<int:number>",
    "/<upper:name>",
    "/<any(static, shop):name>/<path:rest>",
    "/static/<path:filename>",
    "/static/<filename>",
    "/static/",
    "/static",
    "/static/page/",
    "/static/page",
    "/shop/<tenant>/files/<path:filename>",
    "/shop/<tenant>/files/page",
    "/shop/<upper:tenant>/files/<path:filename>",
    "/shop/<tenant>/<path:rest>",
    "/shop/<int(max=5):tenant>/files/<path:filename>",
    "/sta<path:rest>",
    "/shop/<tenant>/files/",
)
PATHS = (
    "/",
    "/static",
    "/static/",
    "/static/page",
    "/static/page/",
    "/static//page",
    "//static/page",
    "/STATIC/page",
    "/5",
    "/static/a/b.css",
    "/statics/a",
    "/shop/x/files/page",
    "/shop/x/files/page/",
    "/shop/X/files/a.css",
    "/shop/5/files/a.css",
    "/shop/7/files/a.css",
    "/shop/x/files",
    "/shop/x/cart",
    "/shop/x/y/files/a",
)
ENDPOINTS = ("static", "shop.static", "page", "static.index", "mystatic", "shop.page")
METHODS = ("GET", "OPTIONS", "POST")


class Upper(BaseConverter):
    """An application's converter, which wants a session."""

    regex = "[A-Z]+"
    calls = 0

    def to_python(self, value: str) -> str:
        type(self).calls += 1
        return value


class App:
    """As much of an application as is asked."""

    def __init__(self, rules: list[Rule], **options: Any) -> None:  # Any: those of Map
        self.url_map = Map(rules, converters={"upper": Upper}, **options)
        self.view_functions = dict.fromkeys(rule.endpoint for rule in rules)
        self.blueprints: dict[str, object] = {}

    def create_url_adapter(self, request: Request) -> MapAdapter:
        return self.url_map.bind_to_environ(request.environ, server_name="localhost")

    def routed(self, request: Request) -> str | None:
        try:
            endpoint, _ = self.create_url_adapter(request).match()
        except HTTPException:
            return None
        return str(endpoint)


def request_of(path: str, method: str = "GET", host: str = "localhost") -> Request:
    # Werkzeug takes two slashes at the beginning for a host.
    environ = create_environ("/", method=method, base_url=f"http://{host}")
    return Request({**environ, "PATH_INFO": path})


RULES = st.builds(
    dict[str, Any],
    string=st.sampled_from(PATTERNS),
    endpoint=st.sampled_from(ENDPOINTS),
    methods=st.sampled_from([None, ["GET"], ["POST"], ["GET", "OPTIONS"]]),
    strict_slashes=st.sampled_from([None, True, False]),
    merge_slashes=st.sampled_from([None, False]),
    subdomain=st.sampled_from(["", "", "", "files"]),
    redirect_to=st.sampled_from([None, None, None, "elsewhere"]),
)


def _page(string: str, endpoint: str) -> dict[str, Any]:
    return {"string": string, "endpoint": endpoint}


@example([_page("/<path:filename>", "static"), _page("/<name>", "page")])
@example([_page("/<path:filename>", "page"), _page("/<path:filename>", "static")])
@example([_page("/static/page", "page"), _page("/static/page", "static")])
@example([{**_page("/shop/<tenant>/files/", "shop.static"), "strict_slashes": False}])
@example([_page("/static/", "page"), _page("/static/<path:filename>", "static")])
@example(
    [
        {**_page("/static/page", "static"), "redirect_to": "elsewhere"},
        _page("/static/page", "shop.static"),
        _page("/static/page", "static"),
    ]
)
@given(
    st.one_of(
        st.lists(RULES, min_size=1, max_size=6),
        st.lists(RULES, min_size=1, max_size=6, unique_by=lambda rule: rule["endpoint"]),
    )
)
def test_only_what_routing_calls_static_is_exempt(rules: list[dict[str, Any]]) -> None:
    app = App([Rule(**rule) for rule in rules])
    exemptions = Exemptions(app, (), static=True)
    several = len({rule["endpoint"] for rule in rules}) < len(rules)
    for path in PATHS:
        for method in METHODS:
            for host in ("localhost", "files.localhost"):
                request = request_of(path, method, host)
                calls = Upper.calls
                state = exemptions.state(request)
                assert Upper.calls == calls, "a converter ran before there was a session"
                endpoint = app.routed(request)
                needs_none = endpoint in ("static", "shop.static")
                if state is not None:
                    assert needs_none, (path, method, host, endpoint)
                    assert state.mode is Mode.EXEMPT
                    # Of two static endpoints at one path either may be named then.
                    assert state.dropped_at == endpoint or several
                elif needs_none:
                    # It may have a session where only code of the application, or the
                    # order of rules that Werkzeug does not tell, could say.
                    assert Upper.calls > calls or several, (path, method, host)


def test_a_converter_of_the_application_that_converts_nothing_is_a_pattern() -> None:
    class Word(BaseConverter):
        regex = "[a-z]+"

    app = App([])
    app.url_map.converters["word"] = Word
    app.url_map.add(Rule("/<word:shop>/files/<path:filename>", endpoint="shop.static"))
    exemptions = Exemptions(app, (), static=True)
    app.view_functions["shop.static"] = None
    assert exemptions.state(request_of("/books/files/a.css")) is not None
    assert exemptions.state(request_of("/BOOKS/files/a.css")) is None


@pytest.mark.parametrize("late", ["/static/page", "/<path:everything>"])
def test_a_rule_that_is_added_late_may_match_in_the_stead_of_a_static_one(late: str) -> None:
    app = App([Rule("/static/<path:filename>", endpoint="static"), Rule("/p", endpoint="page")])
    exemptions = Exemptions(app, (), static=True)
    request = request_of("/static/page")
    assert exemptions.state(request) is not None
    app.url_map.add(Rule(late, endpoint="page"))
    assert (exemptions.state(request) is None) is (app.routed(request) == "page")
    app.url_map.add(Rule("/late/<path:filename>", endpoint="late.static"))
    app.view_functions["late.static"] = None
    assert exemptions.state(request_of("/late/a.css")) is not None


def test_an_alias_is_left_to_routing_which_redirects() -> None:
    rules = [("/<path:name>", False), ("/files/<path:name>", True)]
    for redirect in (True, False):
        app = App(
            [Rule(string, endpoint="static", alias=alias) for string, alias in rules],
            redirect_defaults=redirect,
        )
        request = request_of("/files/a.css")
        exempt = Exemptions(app, (), static=True).state(request) is not None
        assert exempt is (app.routed(request) == "static") is not redirect


def test_a_redirect_to_a_rule_with_defaults_is_left_to_routing() -> None:
    app = App(
        [
            Rule("/files/<int:name>/", endpoint="static", defaults={"page": 1}),
            Rule("/all/<upper:name>/<int:page>", endpoint="static"),
        ]
    )
    exemptions = Exemptions(app, (), static=True)
    assert exemptions.state(request_of("/files/5/")) is not None
    assert exemptions.state(request_of("/all/A/1")) is None  # a redirect
    assert exemptions.state(request_of("/all/A/2")) is None  # what `upper` makes of it is unknown


def test_the_order_of_rules_that_cannot_be_known_costs_no_page_its_session() -> None:
    rules = [("/files/<path:name>", "static"), ("/<path:name>", "page"), ("/<path:name>", "static")]
    app = App([Rule(string, endpoint=endpoint) for string, endpoint in rules])
    exemptions = Exemptions(app, (), static=True)
    assert exemptions.state(request_of("/profile")) is None
    assert exemptions.state(request_of("/files/a.css")) is not None


def test_a_long_path_is_judged_in_time_that_grows_with_it_alone() -> None:
    rules = [Rule("/<a>/<b>/<c>/<d>/static/<path:filename>", endpoint="static")]
    routes = Exemptions(App(rules), (), static=True)
    assert routes.state(request_of("/x" * 100_000)) is None


def test_an_application_and_a_method_cannot_be_marked() -> None:
    class Views:
        session_interface = None

        def view(self) -> None:
            pass

    with pytest.raises(TypeError, match="views and blueprints"):
        no_session(Views())
    with pytest.raises(TypeError, match="SESSION_EXEMPT"):
        no_session(Views().view)
