"""Decide which requests need no session: static files, and those that the application exempts.

Both frameworks open the session before they route, because the application's converters may need
it. So this module asks a copy of the routing rules, which runs no code of the application:

- Werkzeug finds the rule by patterns alone, and only then runs the converters of that one rule.
  The copy has the same patterns, and a stand-in for each converter of the application that turns
  text into something else.
- The copy contains the exempt rules, and the rules that could match in their place. It is asked
  only for paths that start like an exempt rule: others cost next to nothing.
- If the copy cannot tell, the request has a session.

This module does not know stores, and never waits.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, MapAdapter, Rule
from werkzeug.sansio.request import Request

from . import headers
from .core.request_state import Mode, SessionState
from .settings_checks import Paths

log = logging.getLogger("samesession")

T = TypeVar("T")

_MARK = "_samesession_exempt"
_VARIABLE = re.compile(r"<[^<>]*>")
_WERKZEUGS = "werkzeug.routing.converters"


def no_session(view: T) -> T:
    """Exempt a view or a blueprint from sessions, as `SESSION_EXEMPT` does; a decorator.

    A view may be a function or a class, for requests or WebSockets. For a blueprint, everything in
    it is exempt, nested blueprints included. In an exempt view the session is empty, costs no round
    trip, and refuses writes::

        @app.get("/health")
        @no_session
        def health():
            return "up"

    Raises TypeError for an object that cannot be marked, such as a method.

    .. versionadded:: 1.0
    """
    if hasattr(view, "session_interface"):
        raise TypeError(
            "no_session is for views and blueprints: an application without Session(app) has no "
            "sessions anyway"
        )
    try:
        setattr(view, _MARK, True)
    except AttributeError as error:
        raise TypeError(
            f"no_session cannot mark a {type(view).__name__}: mark the function, or write its "
            "endpoint to SESSION_EXEMPT"
        ) from error
    return view


class Exemptions:
    """The requests to one application that need no session."""

    def __init__(self, app: Any, exempt: Paths, *, static: bool) -> None:  # a Flask or a Quart
        """`exempt`: paths and endpoints, or a function of the request; `static`: files, too."""
        self._app = app
        self._static = static
        texts = () if callable(exempt) else exempt
        self._named = frozenset(text for text in texts if not text.startswith("/"))
        paths = exempt if callable(exempt) else tuple(set(texts) - self._named)
        self._by_request = headers.matcher(paths)
        self._routes = _Routes(-1, app.url_map, (), frozenset(), frozenset())
        self._told: set[str] = set()

    def state(self, request: Request) -> SessionState | None:
        """Return the initial session state of an exempt request, None for any other."""
        if self._by_request is not None and self._by_request(request):
            return SessionState(mode=Mode.EXEMPT)
        routes = self._routes
        if routes.views != len(self._app.view_functions):
            routes = self._learn()
        return self._routed(request) if routes.may_begin(request.path) else None

    def tell(self, state: SessionState) -> None:
        """Log the application's accesses to a session that is not kept, each once."""
        if state.mode is not Mode.EXEMPT:
            return
        if (state.modified or state.replace_secret) and state.dropped_at is not None:
            self._warn(
                "written",
                "a write to the session was dropped, because static files are exempt from "
                f"sessions (the endpoint was {state.dropped_at!r}): leave the session alone there, "
                "or write SESSION_EXEMPT_STATIC = False",
            )
        elif state.accessed:
            self._warn(
                "read",
                "the session was read on a path that is exempt from sessions, where it is "
                "always empty: see SESSION_EXEMPT and SESSION_EXEMPT_STATIC",
            )

    def _warn(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s", message)

    def _learn(self) -> _Routes:
        """Read all rules again, because the views have changed."""
        app = self._app
        views = len(app.view_functions)
        rules: tuple[Rule, ...] = tuple(app.url_map.iter_rules())
        endpoints = {rule.endpoint for rule in rules if isinstance(rule.endpoint, str)}
        for name in sorted(self._named - endpoints - self._told):
            self._told.add(name)
            log.error(
                "SESSION_EXEMPT has %r, but no rule has this endpoint: a path starts with '/', "
                "and a blueprint is marked with no_session",
                name,
            )
        chosen = self._named & endpoints | {each for each in endpoints if _is_marked(app, each)}
        static = frozenset(each for each in endpoints if self._static and _is_static(each))
        routes = _Routes(views, app.url_map, rules, chosen, static - chosen)
        self._routes = routes
        return routes

    def _routed(self, request: Request) -> SessionState | None:
        routes = self._routes
        if not routes.may_match(request.path):
            return None
        try:
            adapter: MapAdapter | None = self._app.create_url_adapter(request)
        except HTTPException:  # a host that is not trusted
            return None
        found = None if adapter is None else routes.match(adapter)
        # A rule that was added without a view may match in place of the exempt one.
        if found is None or routes.count == len(tuple(self._app.url_map.iter_rules())):
            return found
        _ = self._learn()
        return self._routed(request)


class _Routes:
    """An application's exempt rules, and those that could match in their place."""

    def __init__(
        self,
        views: int,
        url_map: Map,
        rules: Sequence[Rule],
        chosen: frozenset[str],
        static: frozenset[str],
    ) -> None:
        """`chosen` and `static` are the endpoints that are exempt, by reason."""
        self.views = views
        self.count = len(rules)
        self._map = url_map
        self._rules = rules
        self._chosen = chosen
        self._static = static
        exempt = [rule for rule in rules if self._exempts(rule)]
        self._literals = frozenset(rule.rule.rstrip("/") for rule in exempt if _is_literal(rule))
        self._outlines = tuple({_outline(rule.rule) for rule in exempt if not _is_literal(rule)})
        self._prefixes = tuple({prefix for prefix, _ in self._outlines})

    def may_begin(self, path: str) -> bool:
        """Return False for a path that starts like no exempt rule."""
        return path.startswith(self._prefixes) or path.rstrip("/") in self._literals

    def may_match(self, path: str) -> bool:
        """Return False for a path that no exempt rule can match."""
        if path.rstrip("/") in self._literals:
            return True
        return any(path.startswith(prefix) and piece in path for prefix, piece in self._outlines)

    def match(self, adapter: MapAdapter) -> SessionState | None:
        """Return the facts of a request that routing will send to an exempt endpoint."""
        copy = MapAdapter(
            self._copy,
            adapter.server_name,
            adapter.script_name,
            adapter.subdomain,
            adapter.url_scheme,
            adapter.path_info,
            adapter.default_method,
            adapter.query_args,
        )
        try:
            endpoint, values = copy.match(websocket=adapter.websocket)
        except HTTPException:  # not found, a redirect, another method, ...
            return None
        if endpoint in self._chosen:
            return SessionState(mode=Mode.EXEMPT)
        if endpoint not in self._static or any(value is _UNKNOWN for value in values.values()):
            return None
        state = SessionState(mode=Mode.EXEMPT)
        state.dropped_at = endpoint
        return state

    @cached_property
    def _copy(self) -> Map:
        known = self._map
        copy = Map(
            [_copied(rule) for rule in self._in_order() if self._counts(rule)],
            default_subdomain=known.default_subdomain,
            strict_slashes=known.strict_slashes,
            merge_slashes=known.merge_slashes,
            redirect_defaults=known.redirect_defaults,
            converters={name: _harmless(kind) for name, kind in known.converters.items()},
            host_matching=known.host_matching,
        )
        copy.update()
        return copy

    def _exempts(self, rule: Rule) -> bool:
        mine = rule.endpoint in self._chosen or rule.endpoint in self._static
        return mine and rule.redirect_to is None and not rule.build_only

    def _counts(self, rule: Rule) -> bool:
        """Return whether a rule can match, or redirect to, a path of an exempt one."""
        if rule.endpoint in self._chosen or rule.endpoint in self._static:
            return True
        prefix, _ = _outline(rule.rule)
        if prefix.startswith(self._prefixes):
            return True
        heads = [*self._prefixes, *(f"{literal}/" for literal in self._literals)]
        return any(head.startswith(prefix) for head in heads)

    def _in_order(self) -> Iterable[Rule]:
        """Return the rules in the order of adding, which decides between rules of equal weight.

        Werkzeug only keeps the order of the endpoints. An exempt endpoint with several rules comes
        last, its redirecting rules first: so neither a page nor a redirect is mistaken for it.
        """
        several = {
            endpoint
            for endpoint in self._chosen | self._static
            if sum(rule.endpoint == endpoint for rule in self._rules) > 1
        }

        def place(rule: Rule) -> int:
            if rule.endpoint not in several:
                return 1
            return 0 if _redirects(rule) else 2

        return sorted(self._rules, key=place)


class _Unknown(BaseConverter):
    """Stands for a converter of the application, which must not run before there is a session."""

    def to_python(self, value: str) -> object:
        del value  # only routing converts it
        return _UNKNOWN


class _Value(int):
    """An unknown value; a number, because Werkzeug's converters may write it in a redirect."""


_UNKNOWN = _Value()


def _harmless(kind: Callable[..., BaseConverter]) -> Any:  # Werkzeug asks for a class, and calls it
    """Return a factory of converters with the same patterns that run no application code."""
    of = getattr(getattr(kind, "to_python", None), "__module__", None)
    if of == _WERKZEUGS:
        return kind

    def make(url_map: Map, *args: Any, **kwargs: Any) -> BaseConverter:
        theirs = kind(url_map, *args, **kwargs)
        ours = _Unknown(url_map)
        ours.regex = theirs.regex
        ours.weight = theirs.weight
        ours.part_isolating = theirs.part_isolating
        return ours

    return make


def _copied(rule: Rule) -> Rule:
    """Return a rule with the same patterns that is in no map yet."""
    return Rule(
        rule.rule,
        defaults=rule.defaults,
        subdomain=rule.subdomain,
        methods=rule.methods,
        build_only=rule.build_only,
        # A rule that redirects never reaches its endpoint.
        endpoint=None if _redirects(rule) else rule.endpoint,
        strict_slashes=rule.strict_slashes,
        merge_slashes=rule.merge_slashes,
        host=rule.host,
        websocket=rule.websocket,
    )


def _redirects(rule: Rule) -> bool:
    return rule.redirect_to is not None or bool(rule.alias and rule.map.redirect_defaults)


def _outline(rule: str) -> tuple[str, str]:
    """Return how each path that a rule matches starts, and the longest text that it contains."""
    pieces = _VARIABLE.split(rule)
    if any("<" in piece or ">" in piece for piece in pieces):  # in a converter's arguments
        pieces = [rule.partition("<")[0], ""]
    # A trailing slash may be left out if slashes are not strict.
    pieces[-1] = pieces[-1].rstrip("/")
    return pieces[0], max(pieces, key=len)


def _is_literal(rule: Rule) -> bool:
    return "<" not in rule.rule


def _is_static(endpoint: str) -> bool:
    return endpoint == "static" or endpoint.endswith(".static")


def _is_marked(app: Any, endpoint: str) -> bool:
    """Return whether a view is marked, or its class, or a blueprint that contains it."""
    view = app.view_functions.get(endpoint)
    marked = [view, getattr(view, "view_class", None)]
    name = endpoint.rpartition(".")[0]
    while name:
        marked.append(app.blueprints.get(name))
        name = name.rpartition(".")[0]
    return any(getattr(each, _MARK, False) is True for each in marked)
