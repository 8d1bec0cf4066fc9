"""Note a request's changes to its session's device, for the next save: see `device_binding`.

Everything that a request shows is judged here, except signatures, which only the endpoints can
verify. After the save, `DeviceState.done` says whether the change was applied. Then the response
has the bound cookie.
"""

from __future__ import annotations

from ..errors import NotSupported
from . import device_offers
from .device_binding import (
    Binding,
    Device,
    DeviceChange,
    Issue,
    Offered,
    Proof,
    Registration,
    challenge_hash,
    device_of,
    draw_challenge,
    is_answered_by,
)
from .device_state import DeviceState
from .events import Event, Notice
from .request_state import state_of
from .session import ServerSession


def device_now(session: ServerSession) -> Device | None:
    """Return the device in a session's record, as it was last loaded or saved."""
    loaded = state_of(session).loaded
    return None if loaded is None else device_of(loaded.record)


def note_registration(session: ServerSession, algorithm: str, key: bytes, challenge: str) -> bool:
    """Note that a session must be bound to the key that has signed the challenge of an offer.

    Returns False if there is no such offer. Returns True, too, if the same answer has bound the
    session already: then nothing is saved, and the response has the bound cookie again.
    """
    state = _noting(session)
    device, now = device_now(session), state.means.clock()
    match device:
        case Offered() if is_answered_by(device, challenge, now):
            _note(session, Registration(algorithm, key, device.hash, int(now)))
            return True
        case Binding(bound_at=bound_at) if is_answered_by(
            Offered(device.offer, bound_at), challenge, now
        ):
            if (device.algorithm, device.key) != (algorithm, key):
                return False
            state.done = True
            state.prove(device.proved_at)
            return True
        case _:
            return False


def note_challenge(session: ServerSession, *, demanded: bool = False) -> str | None:
    """Return a new challenge for the response, and note it; None if the session is not bound.

    `demanded`: by a view, which needs a proof at once.
    """
    state = _noting(session)
    if not isinstance(device_now(session), Binding):
        return None
    challenge = draw_challenge(state.means.entropy)
    _note(session, Issue(challenge, int(state.means.clock()), demanded))
    return challenge


def note_proof(session: ServerSession, challenge: str) -> bool:
    """Note that the device has signed a challenge; False if that is unknown, used or too old."""
    state = _noting(session)
    device, now = device_now(session), state.means.clock()
    if not isinstance(device, Binding) or device.standing(challenge, now) is None:
        return False
    _note(session, Proof(challenge_hash(challenge), int(now)))
    return True


def tell_refused(session: ServerSession, reason: str) -> None:
    """Report a request whose proof was refused; `reason` is one of `events`."""
    loaded = state_of(session).loaded
    record = None if loaded is None else loaded.record
    _noting(session).means.notify(Notice.of(Event.DEVICE_REFUSED, record, reason))


def _note(session: ServerSession, change: DeviceChange) -> None:
    device_offers.note(state_of(session), change)


def _noting(session: ServerSession) -> DeviceState:
    state = state_of(session).device
    if state is None:
        raise NotSupported(
            "the device of a session is known in a request that has it by its cookie, where "
            'SESSION_DEVICE_BOUND is "offer" or "require"'
        )
    return state
