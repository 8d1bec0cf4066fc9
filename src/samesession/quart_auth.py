"""Quart-Auth on sessions that can be listed and ended: use this `QuartAuth` in its place.

Quart-Auth                          with this class
current_user                        the owner of the session
login_user                          session.bind(auth_id)
login_user(remember=True)           a session that lives longer
logout_user                         session.end()
renew_login                         the login is remembered: sessions renew themselves
its own cookie                      is not sent
a cookie of before                  logs in until SESSION_MIGRATE_UNTIL, and is deleted
mode "bearer"                       a ConfigError: a token in a header is not a session
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from quart import (
    Quart,
    Response,
    current_app,
    g,
    has_request_context,
    has_websocket_context,
    request,
    session,
)

from . import headers
from .app_sessions import app_sessions_of
from .core.account import adopt
from .core.request_state import Mode, state_of
from .core.session import ServerSession
from .errors import ConfigError
from .remembered_logins import forget, honours_cookies, remember

try:
    import quart_auth as library
except ImportError as error:
    raise ConfigError(
        "samesession.quart_auth needs a package that is not installed: "
        "pip install 'samesession[quart-auth]'"
    ) from error

__all__ = ["QuartAuth"]

_DURATION = "QUART_AUTH_DURATION"


class QuartAuth(library.QuartAuth):
    """Quart-Auth's extension, which logs in and out with the request's session.

    The other functions of the package find it as they find their own::

        from samesession.quart_auth import QuartAuth

        Session(app)
        QuartAuth(app)

    Of several extensions in one application only one can be this, because a session has one owner.

    .. versionadded:: 1.0
    """

    def __init__(
        self,
        app: Quart | None = None,
        *,
        label: Callable[[], str | None] | None = None,
        **options: Any,  # Quart-Auth's
    ) -> None:
        """`label` returns the label, shown in lists, of the session of the request that logs in."""
        self._label = label or (lambda: None)
        super().__init__(app, **options)

    def init_app(self, app: Quart) -> None:
        """Set up an application; raise ConfigError for another mode, or if there is one already."""
        settings = cast("dict[str, Any]", app.config)
        if (self.mode or settings.get("QUART_AUTH_MODE", "cookie")) != "cookie":
            raise ConfigError(
                "a bearer's token is not a session that could be ended: write "
                'quart_auth.QuartAuth for it, or QUART_AUTH_MODE = "cookie"'
            )
        others: list[object] = app.extensions.get("QUART_AUTH", [])
        if any(isinstance(each, QuartAuth) for each in others):
            raise ConfigError(
                "a session has one owner, so an application can have only one "
                "samesession.quart_auth.QuartAuth: write quart_auth.QuartAuth for others"
            )
        super().init_app(app)

    # --- the user --------------------------------------------------------------------------------

    def load_user(self) -> library.AuthUser:
        """Return the user of a request or a WebSocket, found out when it is first needed."""
        if not (has_request_context() or has_websocket_context()):
            return self.user_class(None)
        if self._known is None:
            setattr(g, self._name, self.resolve_user())
        return cast("library.AuthUser", self._known)

    def resolve_user(self) -> library.AuthUser:
        """Return the user whose session this is."""
        ours = _session()
        _ = ours.new  # counts as an access, and raises what failed
        owner = state_of(ours).owner
        return self.user_class(self._taken_over(ours) if owner is None else owner)

    def _taken_over(self, ours: ServerSession) -> str | None:
        """Log in the user of a cookie of before, as long as such cookies are honoured."""
        app_sessions = app_sessions_of(_app())
        if not self._has_cookie(ours) or not honours_cookies(app_sessions):
            return None
        auth_id: object = self.load_cookie()
        if not isinstance(auth_id, str):
            return None
        if app_sessions.config.rules.lifetimes.own:
            remember(ours, self.duration, _DURATION)
        else:
            ours.permanent = True
        adopt(ours, auth_id, self._label(), new_secret=True)
        return auth_id

    def _has_cookie(self, ours: ServerSession) -> bool:
        """Return whether a request brought a cookie of before, and can delete it."""
        if not has_request_context() or state_of(ours).mode is not Mode.LIVE:
            return False
        return self.cookie_name in request.cookies

    # --- its functions ---------------------------------------------------------------------------

    def login_user(self, user: library.AuthUser) -> None:
        """Log a user in; raises InvalidName for an id that cannot name an owner."""
        _check_in_request("logs in")
        ours = _session()
        if user.action is library.Action.WRITE_PERMANENT:
            remember(ours, self.duration, _DURATION)
        else:
            forget(ours)
        ours.bind(cast("str", user.auth_id), self._label())
        user.action = library.Action.PASS
        setattr(g, self._name, user)

    def logout_user(self) -> None:
        """Log the user out: the session ends."""
        _check_in_request("logs out")
        _session().end()
        setattr(g, self._name, self.user_class(None))

    async def after_request(self, response: Response) -> Response:
        """Renew a login if that was requested; send no cookie, and delete one of before."""
        user = self._known
        if user is None:
            return response  # no one asked for the user
        ours = _session()
        if user.action is library.Action.WRITE_PERMANENT and user.auth_id is not None:
            remember(ours, self.duration, _DURATION)
        if self._has_cookie(ours):
            response.delete_cookie(
                cast("str", self.cookie_name),
                domain=self.cookie_domain,
                httponly=bool(self.cookie_http_only),
                path=self.cookie_path or "/",
                secure=bool(self.cookie_secure),
                samesite=self.cookie_samesite,
            )
        return response

    async def after_websocket(self, response: Response | None) -> Response | None:
        """Do nothing: a WebSocket cannot send a cookie."""
        return response

    @property
    def _name(self) -> str:
        return cast("str", self.attribute_name)

    @property
    def _known(self) -> library.AuthUser | None:
        """The user, as far as this request has found out."""
        found: library.AuthUser | None = g.get(self._name)
        return found

    @asynccontextmanager
    async def authenticated_client(self, client: Any, auth_id: str) -> AsyncGenerator[None, None]:
        """Make a test's client a user's within the block."""
        async with client.session_transaction() as ours:
            ours.bind(auth_id)
        yield
        async with client.session_transaction() as ours:
            ours.end()


def _check_in_request(what: str) -> None:
    if not has_request_context():
        raise RuntimeError(f"nobody {what} outside of a request, as no cookie can be sent there")


def _app() -> Quart:
    return cast("Quart", headers.unproxied(current_app))


def _session() -> ServerSession:
    """Return this request's session; raise ConfigError if it is not ours."""
    found = headers.unproxied(session)
    if not isinstance(found, ServerSession):
        _ = app_sessions_of(_app())
    return cast("ServerSession", found)
