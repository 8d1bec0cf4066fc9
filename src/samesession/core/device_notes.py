"""Note what a request does to the device of its session, for the next save: see `device_binding`.

What a request has shown is judged here but for signatures, which only endpoints know how to
verify. After the save `DeviceState.done` says whether what was noted stands; the response has the
bound cookie then.
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
    """Return what the record of a session says of its device, as it was loaded or saved last."""
    loaded = state_of(session).loaded
    return None if loaded is None else device_of(loaded.record)


def note_registration(session: ServerSession, algorithm: str, key: bytes, challenge: str) -> bool:
    """Note that a session is to be bound to a key that has signed the challenge of an offer.

    False where no such offer stands. True, too, where the same answer has bound the session
    already: then nothing is to be saved, and the response has the bound cookie again.
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
            state.done, state.proved = True, device.proved_at
            return True
        case _:
            return False


def note_challenge(session: ServerSession, *, demanded: bool = False) -> str | None:
    """Draw a challenge, and note that the response has it; None for a session that is not bound.

    `demanded`: by a view, which wants a proof at once.
    """
    state = _noting(session)
    if not isinstance(device_now(session), Binding):
        return None
    challenge = draw_challenge(state.means.entropy)
    _note(session, Issue(challenge, int(state.means.clock()), demanded))
    return challenge


def note_proof(session: ServerSession, challenge: str) -> bool:
    """Note that the device has signed a challenge; False where that is unknown, used or too old."""
    state = _noting(session)
    device, now = device_now(session), state.means.clock()
    if not isinstance(device, Binding) or device.standing(challenge, now) is None:
        return False
    _note(session, Proof(challenge_hash(challenge), int(now)))
    return True


def tell_refused(session: ServerSession, reason: str) -> None:
    """Tell of a request that came to prove, and was refused; `reason` is one of `events`."""
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
