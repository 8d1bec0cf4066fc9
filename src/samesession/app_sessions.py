"""The sessions of one application: its configuration, store and flow.

The Quart and the Flask interface share it, and only add how to wait.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from werkzeug.sansio.request import Request
from werkzeug.sansio.response import Response

from . import early_end, headers, outages, stand_ins, stores, worker_processes
from .answering import Answering
from .core.admin import Administration
from .core.cookie import Attributes, Reply
from .core.cookie_only.flow import CookieFlow
from .core.events import Event, Notice
from .core.flow import Flow
from .core.health import timed_ping
from .core.request_state import Mode, SessionState, has_flashes, state_of
from .core.session import ServerSession
from .core.steps import Steps, checkpoint, done, wait
from .core.store import Clock, Located, Openable, Preparable, Reach, Store, capabilities_of
from .core.token import Entropy
from .core.tracebacks import clear_locals
from .current_settings import CurrentSettings, Parts, snapshot, source_of
from .device_requests import DeviceRequest, DeviceRequests
from .errors import ConfigError, NotSupported, SessionError, StoreError, TooManySessions
from .exempt import Exemptions
from .framework import Framework
from .given_application import home_of, without_sessions
from .making_flows import Flows, Remembered
from .old_cookie import Deadline, offered, owners_by
from .run.clocks import stopwatch, system_time
from .session_header import SessionHeader
from .settings import Config
from .signals import notifier

log = logging.getLogger("samesession")

_MEANWHILE = 10  # saves more of a session that is written while it is saved

_Matcher: TypeAlias = Callable[[Request], bool] | None
T = TypeVar("T")


class AppSessions:
    """Opens and closes the sessions of one application, as steps."""

    def __init__(
        self,
        app: Any,  # a Flask or a Quart; this module knows neither
        framework: Framework,
        *,
        store: Store | Openable | None,
        clock: Clock | None,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self.app = app  # the application itself, never a proxy for it
        self._framework = framework
        self._given = store
        self._clock = clock or system_time
        self._entropy = entropy
        self._wrap: Callable[[Store], Store] | None = None
        self._settled = False
        self._snapshot: object = None
        self.serves = False  # requests in this process
        self._answering = Answering()
        self._born = worker_processes.process_id()
        # Created once, even if unrelated settings change to and fro.
        self._writer = lru_cache(maxsize=8)(headers.CookieWriter)
        self._build()
        stand_ins.join(self)

    def _build(self) -> None:
        try:
            self._read()
        except ConfigError as error:
            clear_locals(error)
            raise

    def _read(self) -> None:
        settings: Mapping[str, Any] = source_of(self.app).config
        config = stores.read_config(settings, home=home_of(self.app))
        self._snapshot = snapshot(settings)
        self.store_timeout = config.store_timeout
        self._exempt = Exemptions(self.app, config.exempt, static=config.exempt_static)
        self._no_renew: _Matcher = None
        remembered = Remembered.within(config)
        for each in remembered:
            worker_processes.clear_in_children(each)
        in_cookie = config.store_type == "cookie" and self._given is None
        self._store = None if in_cookie else self._opened(config)
        self._flows = Flows(
            store=self._store,
            clock=self._clock,
            entropy=self._entropy,
            remembered=remembered,
            notify=notifier(self.app),
            owner_of=owners_by(self.app),
        )
        self._old_end = Deadline(config.migration.until, self._clock)
        self._current = CurrentSettings(self.app, config, self._parts)

    @property
    def config(self) -> Config:
        """The configuration that was read last."""
        return self._current.latest.config

    @property
    def cookie(self) -> Attributes:
        """The attributes of the session cookie now."""
        return self._current.parts().config.cookie

    @property
    def flow(self) -> Flow | CookieFlow:
        """The flow that opens and closes sessions with the current settings."""
        return (self._current.parts() if self._settled else self._current.latest).flow

    def _parts(self, config: Config) -> Parts:
        """Build the parts that depend on changeable settings; the store stays."""
        flow, old = self._flows.of(config), config.migration.old_cookie
        offers = None if old is None else offered(old, flow, self._old_end)
        of_header = self._flows.of_header(config)
        by_header = None if of_header is None else SessionHeader(str(config.header), of_header)
        in_place = () if config.header is None else (config.header,)
        writer = self._writer(config.cookie, old, (*in_place, *config.device.varies_by))
        device = None
        if config.device.is_on and isinstance(flow, Flow):
            device = DeviceRequests(config.device, config.cookie, flow)
        names = [config.cookie.name] if device is None else [config.cookie.name, device.name]
        return Parts(config, flow, writer, offers, by_header, device, frozenset(names))

    def _opened(self, config: Config) -> Store:
        store = stand_ins.store()
        if store is None:
            store = self._given
        if store is None:
            store = stores.open_store(config, clock=self._clock)
        opened = self._framework.usable(store)
        return opened if self._wrap is None else self._wrap(opened)

    def wrap_store(self, wrap: Callable[[Store], Store]) -> None:
        """Replace the store by the result of a function of it.

        Raises ConfigError if the store is in use.
        """
        if self._settled:
            raise ConfigError("requests are served already: call this where Session(app) is called")
        self._wrap = wrap
        self._build()

    def begin_anew(self) -> None:
        """Read the settings and open the store again when they are next needed."""
        self._settled = self.serves = False
        self._snapshot = None

    @property
    def device_requests(self) -> DeviceRequests | None:
        """The reader and writer of device data, if sessions are bound to devices."""
        return self._current.latest.device

    @property
    def administration(self) -> Administration:
        """The administration of the sessions from outside of a request.

        Raises NotSupported if the browser keeps them.
        """
        self.freeze_config()
        flow = self.flow
        if not isinstance(flow, Flow):
            raise NotSupported(
                "with SESSION_TYPE 'cookie' the browser keeps the session, so it can be neither "
                'listed nor revoked: choose a server-side store, such as "filesystem"'
            )
        return flow.administration

    def check_in_reach(self) -> None:
        """Raise NotSupported in a process that cannot see the sessions that others serve."""
        self.freeze_config()
        if self._is_of_one_process and not self.serves:
            raise NotSupported(
                "sessions are in the memory of the process that serves them, where no command "
                'or script reaches them: write SESSION_TYPE = "filesystem" or another store, or do '
                "this in a view of the application"
            )

    def freeze_config(self) -> None:
        """Freeze the library's own settings at the first request; they may change until then."""
        if self._settled:
            return
        if snapshot(source_of(self.app).config) != self._snapshot:
            self._build()
        self._no_renew = headers.matcher(self.config.no_renew)
        self._settled = True

    @property
    def _is_of_one_process(self) -> bool:
        """Whether no other process can see the store's records."""
        return self._store is not None and capabilities_of(self._store).reach is Reach.PROCESS

    def _begin(self, request: Request) -> None:
        """Prepare for requests; warn if several processes do not share their sessions."""
        self.freeze_config()
        self.serves = True
        environ: Mapping[str, Any] = getattr(request, "environ", {})
        if self._is_of_one_process and worker_processes.are_several(environ, born=self._born):
            log.error(
                "this server runs several processes, and each keeps its own sessions in its "
                'memory. Write SESSION_TYPE = "filesystem", which the processes of one machine '
                "share, or run one"
            )

    def open(self, request: Request, header: str) -> Steps[ServerSession]:
        """Open the session of a request with this Cookie header, which may be empty.

        The steps raise StoreError if the store fails; see `broken`.
        """
        if not self.serves:
            self._begin(request)
        devices = self._current.latest.device
        proves = devices is not None and devices.is_endpoint(request)
        if not proves and (exempt := self._exempt.state(request)) is not None:
            # Any store is bindable, or that would be another error.
            return done(ServerSession(state=exempt, bindable=True))
        parts = self._current.parts()
        name, devices = parts.config.cookie.name, parts.device
        if parts.header is not None and (token := parts.header.token(request)) is not None:
            return parts.header.open(token, renew=self._renews(request))
        found = headers.cookie_values(header, parts.cookies) if name in header else {}
        renew = not found or self._renews(request)
        values: Sequence[str] = found.get(name, ())
        address = headers.address(request) if len(values) > 1 else None
        if devices is None:
            opening = parts.flow.open(values, renew=renew, address=address)
        else:
            shown = DeviceRequest(devices, request, found.get(devices.name, ()))
            if proves:
                values, renew = shown.at_endpoint(values), False  # its user did nothing
            opening = devices.flow.open(values, renew=renew, address=address, device=shown)
        return opening if (old := parts.old_cookie) is None else old.open(opening, request, header)

    def _renews(self, request: Request) -> bool:
        return self._no_renew is None or not self._no_renew(request)

    def flow_of(self, session: ServerSession) -> Flow | CookieFlow:
        """Return the flow that opened a session, with the current settings."""
        return self._current.parts().flow_of(session)

    def broken(self, error: SessionError) -> ServerSession:
        """Return a stand-in for a session that the store did not return."""
        early_end.note()
        return ServerSession(state=SessionState(mode=Mode.BROKEN), failure=self.failed(error))

    def failed(self, error: SessionError) -> headers.SessionUnavailable:
        """Return the application's error for a failure of the store."""
        log.error("the session store failed: %s", self.told(error))
        return headers.SessionUnavailable(error)

    def told(self, error: SessionError) -> str:
        """Return an error as one line; for a store's failure also the reason and the place."""
        if not isinstance(error, StoreError):
            return str(error)
        store = self._store
        return outages.line(error, store.location if isinstance(store, Located) else None)

    def unsaved(self, session: ServerSession, error: SessionError) -> headers.SessionUnavailable:
        """Return the error for a session that the store did not save."""
        state_of(session).mark_failed()
        return self.failed(error)

    @staticmethod
    def _is_told(session: ServerSession, error: Exception) -> bool:
        """Return whether the same error was reported before: that the session cannot be saved.

        A framework saves the session again with its error page. That would raise the same error,
        and log it twice more.
        """
        before, state_of(session).refused = state_of(session).refused, str(error)
        return before == str(error)

    def current_time(self) -> float:
        """Return the time, in seconds since 1970."""
        return self._clock()

    def tell_unsaved(self, session: ServerSession, reason: str) -> None:
        """Report, within steps, a session that could not be saved after its response was made."""
        loaded = state_of(session).loaded
        record = None if loaded is None else loaded.record
        notifier(self.app)(Notice.of(Event.UNSAVED, record, reason))

    def close(self, session: ServerSession, response: Response | None) -> Steps[None]:
        """Save the session and update the response; None for a WebSocket."""
        parts = self._current.parts()
        try:
            flow = parts.flow_of(session)
            if flow.is_at_rest(session):  # the usual case
                reply = flow.leave(session)
            else:
                response = self._framework.carrier(response, session)
                reply = yield from self._saved(session, parts, is_sent=response is not None)
            self._answer(reply, session, response, parts)
        except (TypeError, SessionError) as error:
            if isinstance(error, StoreError) or not self._is_told(session, error):
                raise

    def _saved(self, session: ServerSession, parts: Parts, *, is_sent: bool) -> Steps[Reply]:
        """Save the session with the response; `is_sent`: the response carries a cookie."""
        state, flow = state_of(session), parts.flow_of(session)
        self._exempt.tell(state)
        reply = yield from self.in_turn(session, flow.close(session, cookie_possible=is_sent))
        for _ in range(_MEANWHILE):
            # Another thread or task of the request wrote during the save.
            if not state.written or state.mode is not Mode.LIVE:
                break
            reply = yield from self.in_turn(session, flow.close(session, cookie_possible=is_sent))
        return reply

    def in_turn(self, session: ServerSession, steps: Steps[T]) -> Steps[T]:
        """Save, or read, a session after all other saves of its request, based on their results."""
        lock = state_of(session).turn(self._framework.lock)
        yield from wait(lock.acquire())
        try:
            answer = yield from steps
        except TooManySessions as error:
            raise headers.LoginRefused(error) from error
        finally:
            lock.release()
        if (failure := state_of(session).take_untold()) is not None:
            _ = self.failed(failure)
        return answer

    def _answer(
        self, reply: Reply, session: ServerSession, response: Response | None, parts: Parts
    ) -> None:
        state = state_of(session)
        if response is None:
            state.answered = True
            return
        streaming = self._answering.write(reply, state, response, parts)
        state.answered, state.streaming, state.locked = True, streaming, False
        state.in_test = has_flashes(session) and self._framework.is_kept()
        if streaming:
            if state.keeps_nothing():
                state.lock()
            self._framework.save_streamed(response, self, session)

    def prepare(self) -> Steps[None]:
        """Create the tables or the like that the store needs.

        Raises NotSupported for a store that needs none.
        """
        if stand_ins.store() is not None:
            return
        if not isinstance(self._store, Preparable):
            raise NotSupported(f"SESSION_TYPE {self.config.store_type!r} needs no tables")
        yield from checkpoint(bounded=False)  # a server may take minutes to create a table
        yield from self._store.prepare()

    def ping(self) -> Steps[float]:
        """Ask the store whether it answers; return the seconds that it took."""
        self.freeze_config()
        return timed_ping(self._store, self.config.rules.prefix, stopwatch)

    @property
    def store(self) -> Store | None:
        """The store of the sessions; None if the browser keeps them."""
        return self._store

    @property
    def kind(self) -> str:
        """The value of SESSION_TYPE, or the class of the store that the application passed."""
        return self.config.store_type if self._given is None else type(self._given).__name__

    @property
    def location(self) -> str:
        """The place of the sessions, and their prefix, for an operator to read."""
        store = self._store
        if store is None:
            return "the cookie"
        where = store.location if isinstance(store, Located) else type(store).__name__
        return f"{where}, with keys that begin with {self.config.rules.prefix!r}"

    def shut(self) -> Steps[None]:
        """Close the connections of this process and event loop."""
        if self._store is not None:
            yield from self._store.close()


def app_sessions_of(app: Any) -> AppSessions:  # a Flask or a Quart
    """Return the sessions of an application; raise ConfigError if it has none."""
    app_sessions = getattr(app.session_interface, "app_sessions", None)
    if not isinstance(app_sessions, AppSessions):
        raise without_sessions(app)
    return app_sessions
