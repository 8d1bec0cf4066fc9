"""Werkzeug glue for both frameworks: read the cookie, write Set-Cookie, Vary, Cache-Control.

This module does not know Flask, Quart, or how to wait. Quart's requests and responses are based on
Werkzeug's (`werkzeug.sansio`), so one piece of code serves both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, cast

from werkzeug.exceptions import Forbidden, SecurityError, ServiceUnavailable
from werkzeug.http import dump_cookie, http_date, parse_list_header
from werkzeug.local import LocalProxy
from werkzeug.sansio.request import Request
from werkzeug.sansio.response import Response
from werkzeug.wsgi import ClosingIterator

from . import reused_response
from .core.cleanup import Deleted
from .core.cookie import Attributes, DropCookie, Reply, SetCookie
from .core.scopes import Address, Scope
from .errors import SessionError, StoreUnavailable, TooManySessions
from .settings_checks import Paths

# Placeholders that Werkzeug writes unchanged.
_VALUE = "value-goes-here"
_DATE = "date-goes-here"
_EXPIRES = f"; Expires={_DATE}"
# Characters allowed around a name or a value (RFC 6265bis, 4.2.1); all others belong to it.
_BLANKS = " \t"
# Suffixes of headers that some caches use in place of Cache-Control: targeted fields such as
# CDN-Cache-Control (RFC 9213), and those of single products.
_INSTEAD = ("-cache-control", "surrogate-control", "edge-control", "x-accel-expires")


class SessionUnavailable(StoreUnavailable, ServiceUnavailable):
    """The 503 that an application's error handlers see when the store is down.

    It matches `errorhandler(503)` and `errorhandler(StoreUnavailable)` alike::

        @app.errorhandler(503)
        def down(error):
            return render_template("back_soon.html"), 503

    .. versionadded:: 1.0
    """

    def __init__(self, reason: SessionError) -> None:
        ServiceUnavailable.__init__(self)
        self.reason = reason
        self.__cause__ = reason

    def __str__(self) -> str:
        return str(self.reason)


class LoginRefused(TooManySessions, Forbidden):
    """The 403 that an application's error handlers see when SESSION_MAX_PER_OWNER refuses a login.

    It matches `errorhandler(403)` and `errorhandler(TooManySessions)` alike.

    .. versionadded:: 1.0
    """

    description = "You are logged in on as many devices as is allowed: log out on one of them."

    def __init__(self, refused: TooManySessions) -> None:
        Forbidden.__init__(self)
        self.args = (str(refused),)
        self.owner, self.limit = refused.owner, refused.limit

    def __str__(self) -> str:
        return str(self.args[0])


# The error page for a response whose session was not saved.
Failure: TypeAlias = SessionUnavailable | LoginRefused


def cookie_values(header: str, names: Collection[str]) -> dict[str, list[str]]:
    """Return every value that a Cookie header has for some names (RFC 6265bis, 4.2.1), by name.

    Quotes and escapes are left as they are, because our cookies have none: a value that we never
    sent is not accepted.
    """
    found: dict[str, list[str]] = {}
    for pair in header.split(";"):
        name, _, value = pair.partition("=")
        name = name.strip(_BLANKS)
        if name in names:
            value = value.strip(_BLANKS)
            if name in found:
                found[name].append(value)
            else:
                found[name] = [value]
    return found


def address(request: Request) -> Address:
    """Return the address that a request was sent to."""
    try:
        host = request.host
    except SecurityError:  # not in TRUSTED_HOSTS
        host = ""
    return Address(host, request.root_path + request.path)


def is_for_socket(request: Request) -> bool:
    """Return whether a request is from a WebSocket or Socket.IO, which cannot send a cookie."""
    if getattr(request, "scheme", "") in ("ws", "wss") or "EIO" in request.args:
        return True
    return request.headers.get("Upgrade", "").lower() == "websocket"


def matcher(*chosen: Paths) -> Callable[[Request], bool] | None:
    """Return a function that matches requests by prefixes or predicates; None if it matches none.

    A prefix matches itself and everything below it: "/a" matches "/a" and "/a/b", not "/ab".
    """
    prefixes = [prefix for paths in chosen if not callable(paths) for prefix in paths]
    predicates = [paths for paths in chosen if callable(paths)]
    exact = frozenset(prefixes)
    below = tuple({prefix.rstrip("/") + "/" for prefix in prefixes})
    if not prefixes and not predicates:
        return None

    def matches(request: Request) -> bool:
        path = request.path
        if path in exact or path.startswith(below):
            return True
        return any(predicate(request) for predicate in predicates)

    return matches


class CookieWriter:
    """Writes Set-Cookie as Werkzeug does; parts that the settings fix are computed once."""

    def __init__(
        self, cookie: Attributes, old_name: str | None = None, varies_by: tuple[str, ...] = ()
    ) -> None:
        """`old_name`: the name of another library's cookie, in the same scope.

        `varies_by`: the headers that decide, besides the cookie, which session a request has.
        """
        self._cookie = cookie
        self.varies_by = ("Cookie", *varies_by)
        scope = self._attributes(cookie.scope, domain=cookie.domain)
        # Werkzeug's own spelling, around the value and around the date.
        self._head = f"{cookie.name}="
        self._plain = dump_cookie(cookie.name, _VALUE, **scope)[len(self._head + _VALUE) :]
        dated = dump_cookie(cookie.name, _VALUE, expires=_DATE, **scope)
        before, between, self._after_date = dated[len(self._head + _VALUE) :].partition(_EXPIRES)
        self._before_date = before + between.removesuffix(_DATE)
        self._drop = dump_cookie(cookie.name, expires=0, max_age=0, **scope)
        self.old = [dump_cookie(old_name, expires=0, max_age=0, **scope)] if old_name else []

    def _attributes(self, scope: Scope, *, domain: str | None) -> dict[str, Any]:
        cookie = self._cookie
        return {
            "domain": domain,
            "path": scope.path,
            "secure": cookie.secure or scope.partitioned,
            "httponly": cookie.httponly,
            "samesite": cookie.samesite,
            "partitioned": scope.partitioned,
        }

    def elsewhere(self, address: Address, *, beside_ours: bool) -> list[str]:
        """Return the headers that delete the cookie in all scopes but its own."""
        return [
            dump_cookie(
                self._cookie.name,
                expires=0,
                max_age=0,
                max_size=0,
                **self._attributes(scope, domain=scope.domain),
            )
            for scope in self._cookie.other_scopes(address, beside_ours=beside_ours)
        ]

    def header(self, action: SetCookie | DropCookie) -> str:
        """Return the header's value; raise SessionTooLarge above 4,096 bytes."""
        if isinstance(action, DropCookie):
            return self._drop
        value, expires = action
        self._cookie.check_size(value)
        if expires is None:
            return f"{self._head}{value}{self._plain}"
        return f"{self._head}{value}{self._before_date}{_date(expires)}{self._after_date}"


class Besides(NamedTuple):
    """A response's other cookies and headers, besides the session's cookie.

    The headers are of this one response: no cache may store it then.
    """

    cookies: Sequence[str] = ()
    lines: Sequence[tuple[str, str]] = ()


_NOTHING_BESIDES = Besides()


def apply(
    reply: Reply,
    response: Response,
    writer: CookieWriter,
    deleted: Deleted | None = None,
    besides: Besides = _NOTHING_BESIDES,
) -> None:
    """Make a response send what the flow decided.

    `deleted`: other cookies that it deletes, too. Raises SessionTooLarge, before any change, for a
    cookie above 4,096 bytes.
    """
    headers, before = response.headers, reused_response.lines(response)
    cookies = [] if reply.cookie is None else [writer.header(reply.cookie)]
    if deleted is not None:
        old = writer.old if deleted.old else []
        # Ours comes last, because some browsers distinguish fewer scopes than others.
        if deleted.elsewhere is not None:
            cookies = [*writer.elsewhere(deleted.elsewhere, beside_ours=bool(cookies)), *cookies]
        cookies = [*old, *cookies]
    if besides.cookies:
        cookies = [*besides.cookies, *cookies]
    # Not `in headers`: Werkzeug creates an HTTP error only to answer "no".
    names = {name.lower() for name, _ in before}
    for cookie in cookies:
        headers.add("Set-Cookie", cookie)
    for line in besides.lines:
        headers.add(*line)
    if besides.lines:
        keep_from_caches(response, names)
    elif cookies:
        _keep_private(response, names)
    if reply.vary or cookies:
        vary_by(response, names, writer.varies_by)
    reused_response.note(response, before, cookies)


def vary_by(response: Response, names: set[str], by: Sequence[str]) -> None:
    """Make a response vary by request headers; `names`: those that it has, in lower case."""
    if "vary" not in names:
        response.headers.add("Vary", ", ".join(by))
        return
    said = response.headers.getlist("Vary")
    listed = {name.strip().lower() for line in said for name in line.split(",")}
    missing = [name for name in by if name.lower() not in listed]
    if missing and "*" not in listed:
        response.headers.set("Vary", ", ".join([*said, *missing]))


@lru_cache(maxsize=64)  # the same second comes many times
def _date(expires: int) -> str:
    return http_date(expires)


def is_streamed(response: Any) -> bool:
    """Return whether a view's code may still run while the response is sent.

    It does not for a file, nor for the page of an HTTPException, which Flask turns into an iterator
    of a known length. Quart's bodies that are complete, or files, support range requests.
    """
    streamed, body = getattr(response, "is_streamed", None), response.response
    if streamed is None:
        return not hasattr(body, "make_conditional")
    if not streamed or (response.direct_passthrough and not inspect.isgenerator(body)):
        return False
    return not isinstance(body, ClosingIterator) or response.content_length is None


def unproxied(proxy: object) -> object:
    """Return the object behind a framework's global, whatever its annotation says."""
    local = cast("LocalProxy[object]", proxy)
    return local._get_current_object()  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001  # documented


def check_first(funcs: dict[Any, list[Any]], check: Callable[[], object]) -> None:
    """Run a check before each request.

    It runs first, so that no other function takes an outage for an anonymous visitor.
    """
    funcs.setdefault(None, []).insert(0, check)


def context_first(method: Callable[..., object], context: object) -> tuple[object, ...]:
    """Return the leading arguments of an application's method.

    Quart 0.23 passes the context to methods that took none before.
    """
    first = next(iter(inspect.signature(method).parameters), None)
    return (context,) if first == "ctx" else ()


def keep_from_caches(response: Response, names: set[str]) -> None:
    """Prevent all caches from storing a response with a token outside of a cookie.

    The header with the token means nothing to a cache, which would serve it to another user. Anyone
    who can read a browser's own cache could read it there.
    """
    _leave_to_cache_control(response, names)
    response.headers.set("Cache-Control", "no-store")


def _leave_to_cache_control(response: Response, names: set[str]) -> None:
    for name in names:
        if name.endswith(_INSTEAD):
            response.headers.remove(name)


def _keep_private(response: Response, names: set[str]) -> None:
    """Prevent shared caches from storing a response with the cookie (RFC 9111, 3 and 7.3)."""
    headers = response.headers
    _leave_to_cache_control(response, names)
    if "cache-control" in names:
        said = parse_list_header(", ".join(headers.getlist("Cache-Control")))
        headers.set("Cache-Control", ", ".join(_private(said)))
    else:
        headers.add("Cache-Control", "private")


def _private(directives: Iterable[str]) -> list[str]:
    """Remove from Cache-Control the directives that let shared caches store, in any case."""
    kept: list[str] = []
    names: set[str] = set()
    for directive in directives:
        name = directive.partition("=")[0].strip().lower()
        if name and name not in names and name not in ("public", "s-maxage"):
            # With field names it applies only to these (RFC 9111, 5.2.2.7).
            kept.append("private" if name == "private" else directive)
            names.add(name)
    # A cache that knows `must-understand` may ignore `no-store` (RFC 9111, 5.2.2.3).
    if "private" not in names and ("no-store" not in names or "must-understand" in names):
        kept.append("private")
    return kept
