"""The two device endpoints: register a key, and prove a session with it. Steps.

    POST to register                                     response
    the offer's challenge, signed with the new key       200 and the bound cookie; the same again
    anything else                                        400: the browser does not try again

    POST to refresh                                      response
    without Sec-Secure-Session-Id                        400: a browser always sends it
    for a session that does not exist, is not the        200 and "continue": false, the same for
      cookie's, or is not bound                          all three
    for a session whose secret a concurrent request      503: the browser gets the newer cookie,
      replaced, or whose cookie was sent twice           or has it, and tries again
    without a proof                                      403 and a challenge
    a challenge of the record, signed with its key       200 and the bound cookie
    any other proof                                      403 and a new challenge
    while the store is down                              503

A proof is a commit like any other. It does not revive a session that ended or changed its owner
in the meantime. A page cannot send Sec-Secure-Session-Id, so another site cannot tell from these
responses, or from their time, who is logged in.
"""

from __future__ import annotations

from urllib.parse import quote

from werkzeug.sansio.request import Request

from ..app_sessions import AppSessions
from ..core import events
from ..core.device_binding import Binding
from ..core.device_notes import (
    device_now,
    note_challenge,
    note_proof,
    note_registration,
    tell_refused,
)
from ..core.device_state import DeviceState
from ..core.request_state import SessionState, state_of
from ..core.session import ServerSession
from ..core.steps import Steps
from ..device_arrival import once_more
from ..device_requests import PROOF, SESSION_ID
from ..errors import SessionError
from ..structured_fields import text
from . import answers
from .answers import Answer
from .keys import PublicKey
from .proofs import MOST_CHARACTERS, proved_challenge, registration
from .strict_json import BadKey, BadProof, BadSignature


def answer(app_sessions: AppSessions, session: ServerSession, request: Request) -> Steps[Answer]:
    """Return the response of an endpoint, after saving the session.

    A request that follows a link on another site, without a proof, gets the page that repeats it.
    Raises StoreUnavailable.
    """
    device = state_of(session).device
    if device is not None and device.comes_again:
        said, page = once_more(request)
        return Answer(200, page, said)
    endpoint = _Endpoint(app_sessions, session, request)
    steps = endpoint.register() if endpoint.registers else endpoint.refresh()
    return (yield from steps)


class _Endpoint:
    """One request to an endpoint."""

    def __init__(self, app_sessions: AppSessions, session: ServerSession, request: Request) -> None:
        requests, device = app_sessions.device_requests, state_of(session).device
        assert requests is not None  # or this would not be called
        assert device is not None
        self._app_sessions = app_sessions
        self._session = session
        self._request = request
        self._requests = requests
        self._device: DeviceState = device

    @property
    def registers(self) -> bool:
        """Whether this request registers a key."""
        return self._request.path == self._requests.register

    def register(self) -> Steps[Answer]:
        """Bind the session to a new key, and return the response."""
        if self._sid() is None:
            return answers.REFUSED
        try:
            key, challenge = registration(self._said(PROOF) or "")
        except BadProof as error:
            tell_refused(self._session, _reason(error))
            return answers.REFUSED
        if note_registration(self._session, key.alg, key.jwk, challenge):
            yield from self._save()
            if self._device.done and (sid := self._sid()) is not None:
                return self._instructions(sid)
        if self._sid() is not None:
            unasked = device_now(self._session) is None
            reason = events.DEVICE_UNASKED if unasked else events.DEVICE_CHALLENGE
            tell_refused(self._session, reason)
        return answers.REFUSED

    def refresh(self) -> Steps[Answer]:
        """Check a proof or ask for one, and return the response."""
        asked, said = self._said(SESSION_ID), self._said(PROOF)
        if not asked:
            return answers.NOT_ASKED_SO
        device = device_now(self._session)
        if self._sid() != asked or not isinstance(device, Binding):
            return self._not_there(asked)
        if said is not None:
            if (yield from self._proves(said, device)):
                return self._instructions(asked)
            if self._sid() is None:
                return self._not_there(asked)
        challenge = note_challenge(self._session)
        if challenge is not None:
            yield from self._save()
            if self._device.done and self._sid() == asked:
                return answers.challenged(challenge, asked)
        return self._not_there(asked)

    def _proves(self, said: str, device: Binding) -> Steps[bool]:
        """Return whether a proof is valid and stored."""
        try:
            challenge = proved_challenge(said, PublicKey(device.algorithm, device.key))
        except BadProof as error:
            tell_refused(self._session, _reason(error))
            return False
        if note_proof(self._session, challenge):
            yield from self._save()
            if self._device.done and self._sid() is not None:
                return True
        if self._sid() is not None:
            tell_refused(self._session, events.DEVICE_CHALLENGE)
        return False

    def _not_there(self, asked: str) -> Answer:
        """Return the response if the request does not have this bound session."""
        state = self._state
        if state.lost is not None:  # while this request ran
            return answers.ended(asked) if state.lost.drop else answers.LATER
        several = self._sid() is None and state.cleanup is not None
        is_later = several or self._device.replaced == asked
        return answers.LATER if is_later else answers.ended(asked)

    @property
    def _state(self) -> SessionState:
        return state_of(self._session)

    def _sid(self) -> str | None:
        loaded = self._state.loaded
        return None if loaded is None else loaded.record.sid

    def _said(self, name: str) -> str | None:
        """Return the text of a header; "" if it is malformed, None if it is missing."""
        found = self._request.headers.getlist(name)
        if not found:
            return None
        if len(found) > 1 or len(found[0]) > MOST_CHARACTERS + 2:  # with quotes
            return ""
        return text(found[0]) or ""

    def _save(self) -> Steps[None]:
        flow = self._app_sessions.flow_of(self._session)
        _ = yield from self._app_sessions.in_turn(self._session, flow.close(self._session))

    def _instructions(self, sid: str) -> Answer:
        requests, root = self._requests, self._request.root_path
        credential = {"type": "cookie", "name": requests.name, "attributes": requests.attributes}
        ours = {"type": "exclude", "domain": "*", "path": quote(root + requests.path)}
        return answers.instructions(
            {
                "session_identifier": sid,
                "refresh_url": quote(root + requests.refresh),
                "scope": {"include_site": False, "scope_specification": [ours]},
                "credentials": [credential],
            }
        )


def unanswered(app_sessions: AppSessions, session: ServerSession, error: SessionError) -> Answer:
    """Return the response if the session could not be saved."""
    _ = app_sessions.unsaved(session, error)
    return answers.LATER


def _reason(error: BadProof) -> str:
    match error:
        case BadKey():
            return events.DEVICE_KEY
        case BadSignature():
            return events.DEVICE_SIGNATURE
        case _:
            return events.DEVICE_UNREADABLE
