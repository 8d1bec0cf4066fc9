"""What any interleaving of requests may do to sessions, in plain Python.

It is told which call of the store was done for whom and what that answered, and
when a request has saved its session, and judges each: nothing comes back, no old cookie
opens a session, nothing that was acknowledged is lost, and a session shows what is stored.
It knows neither records nor the flow that made the calls.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from samesession.core.store import Conflict, Outcome

IDLE = 100
# The index of owners outlives a session by this, whatever one request takes.
UNHURRIED = 60

Data = dict[str, Any]
Clock = Callable[[], float]


@dataclass
class Kept:
    """A session that was stored once."""

    sid: str
    data: Data
    owner: str | None
    expires: float
    deadline: float
    generation: int = 1  # counts its secrets
    revision: int = 1  # counts its records
    ended: bool = False
    stalled: bool = False  # written so long after it was listed that the entry may be over


@dataclass(frozen=True)
class Proof:
    """What a cookie proves: a session, and which of its secrets."""

    kept: Kept
    generation: int


# A change, and whether it is the same whatever was there before.
Change = tuple[Callable[[Data], Any], bool]


@dataclass
class Asking:
    """A request: what its session held when it was last saved, holds now, and what changed that."""

    proof: Proof | None  # of the cookie that it brought, or that its last save made
    opened: bool = False
    first: Data = field(default_factory=dict)
    base: Data = field(default_factory=dict)
    data: Data = field(default_factory=dict)
    held: list[int] | None = None  # a value that the view took out
    assigned: set[str] = field(default_factory=set)
    own: Data = field(default_factory=dict)  # what was assigned, and saved since
    log: list[Change] = field(default_factory=list)
    discarded: bool = False  # the view says that what it did to the data is not to be saved
    touched: bool = False
    replace_secret: bool = False
    cleared: bool = False
    bound: str | None = None
    unbound: bool = False
    confirmed: bool = False
    known_owner: str | None = None  # of the session as it was opened, or last saved
    seen: int = 0  # the revision that it knows
    decided: float = 0.0  # when it last made a record to write
    began: float = 0.0
    # What came of the save that is under way.
    saving: bool = False
    wrote: Proof | None = None
    equalled: Proof | None = None  # by another request, whose record is the very same
    deleted: bool = False
    taken_over_by: str | None = None
    # What came of all saves so far.
    saved: Proof | None = None
    dropped: bool = False
    lost: bool = False

    # --- acts --------------------------------------------------------------------------

    def put(self, key: str, value: object) -> None:
        self.data[key] = value
        self.assigned.add(key)
        self.discarded = False

    def drop(self, key: str) -> None:
        del self.data[key]
        self.discarded = False

    def append(self, item: int) -> None:
        """Change a nested value without saying so."""
        self.data["cart"].append(item)

    def hold(self) -> None:
        self.held = self.data["cart"]

    def append_to_held(self, item: int) -> None:
        assert self.held is not None
        self.held.append(item)

    def atomically(self, func: Callable[[Data], Any]) -> None:
        self.log += [*self._latest(), (func, False)]
        self.own = copy.deepcopy(self.own)
        func(self.data)
        self.base = copy.deepcopy(self.data)
        self.assigned.clear()
        self.discarded = False

    def discard(self) -> None:
        self.discarded = True

    def clear(self) -> None:
        self.data, self.base = {}, {}
        self.assigned.clear()
        self.log = [(dict.clear, True)]
        self.replace_secret = self.cleared = True
        self.bound = None
        self.unbound = self.confirmed = False
        self.discarded = False

    def regenerate(self) -> None:
        self.replace_secret = True

    def bind(self, owner: str) -> None:
        self.replace_secret = True
        self.bound = owner
        self.unbound = False

    def unbind(self) -> None:
        self.replace_secret = self.unbound = True
        self.bound = None
        self.confirmed = False

    def confirm_if_owned(self) -> None:
        if self.owner_after(self.known_owner) is not None:
            self.replace_secret = self.confirmed = True

    def owner_after(self, owner: str | None) -> str | None:
        """Give whose a session is afterwards that was this owner's."""
        return self.bound or (None if self.cleared or self.unbound else owner)

    # --- what came of them -------------------------------------------------------------

    @property
    def changes_something(self) -> bool:
        if not self.opened:  # a session without data and owner is never stored
            return bool(self.data) or self.bound is not None
        return self.replace_secret or [*self.data.items()] != [*self.first.items()]

    @property
    def may_begin_anew(self) -> bool:
        return self.bound is not None and self.bound != self.taken_over_by

    def replayed(self, newer: Data) -> Data:
        """Do the same to what a session holds by now."""
        data = copy.deepcopy(newer)
        for change, _ in [*self.log, *self._latest()]:
            change(data)
        return data

    def anew(self) -> Data:
        """Give what the request assigned, and nothing else."""
        data = copy.deepcopy(self.own)
        for change, is_own in [*self.log, *self._latest()]:
            if is_own:
                change(data)
        return data

    def _latest(self) -> list[Change]:
        return [
            *((_dropping(key), True) for key in self.base if key not in self.data),
            *(
                (_putting(key, value), key in self.assigned)
                for key, value in self.data.items()
                if key in self.assigned or self.base.get(key) != value
            ),
        ]

    def begin_save(self, now: float) -> None:
        """Note that a save begins, which knows nothing of what others do but what it finds."""
        self.decided = now
        if not self.lost:
            self.taken_over_by = None
        if self.discarded:
            self.log = [(dict.clear, True)] if self.cleared else []
            self.data = {} if self.cleared else copy.deepcopy(self.first)
            self.base = copy.deepcopy(self.data)
            self.assigned.clear()
            self.discarded = False

    def end_save(self) -> None:
        """Go on from what the save that is over has stored."""
        if not self.changes_something:
            self._show(self.data)
        elif self.wrote is not None:
            self.proof = self.saved = self.wrote
            self.opened, self.dropped, self.lost = True, False, False
            self.known_owner = self.wrote.kept.owner
            self._show(self.wrote.kept.data)
        else:
            self.proof, self.saved, self.opened = None, None, False
            self.known_owner = None
            self.dropped, self.lost = self.deleted, not self.deleted
            self._show({})
        self.saving = self.deleted = False
        self.wrote = self.equalled = None

    def _show(self, stored: Data) -> None:
        mine = {
            key: value for key, value in self.data.items() if key in stored and stored[key] == value
        }
        own: Data = copy.deepcopy(self.own)
        for change, is_own in self.log:
            if is_own:
                change(own)
        own.update((key, mine[key]) for key in own if key in mine and own[key] == mine[key])
        own.update((key, mine[key]) for key in self.assigned if key in mine)
        self.own = {key: value for key, value in own.items() if key in mine}
        self.data = {key: mine.get(key, copy.deepcopy(value)) for key, value in stored.items()}
        self.first, self.base = copy.deepcopy(self.data), copy.deepcopy(self.data)
        self.assigned, self.log = set(), []
        self.replace_secret = self.cleared = self.unbound = self.confirmed = False
        self.bound = None


class Model:
    """All sessions that ever were, and all cookies that were ever given out."""

    def __init__(self, clock: Clock, *, absolute: int) -> None:
        self._clock = clock
        self._absolute = absolute
        self.sessions: dict[str, Kept] = {}
        self.cookies: dict[str, Proof] = {}

    def is_stored(self, kept: Kept) -> bool:
        return not kept.ended and self._clock() < kept.expires

    def is_live(self, proof: Proof | None) -> bool:
        return (
            proof is not None
            and self.is_stored(proof.kept)
            and self._clock() < proof.kept.deadline
            and proof.generation == proof.kept.generation
        )

    def stalled(self) -> set[str]:
        """Give the sids that a list may lack: SESSION_STORE_TIMEOUT keeps these from being."""
        return {kept.sid for kept in self.sessions.values() if kept.stalled}

    def owned_by(self, owner: str) -> set[str]:
        """Give the sids that a list of an owner's sessions must have."""
        return {
            kept.sid
            for kept in self.sessions.values()
            if kept.owner == owner and self.is_live(Proof(kept, kept.generation))
        }

    # --- the store's answers -------------------------------------------------------------

    def judge(self, asking: Asking | None, name: str, key: str, answer: object) -> None:
        """Take in what a call of the store did; `asking` is None for an administrator."""
        if name in {"enlist", "delist", "owned", "purge"}:
            return
        sid = key.removeprefix("session:")
        if name == "create":
            assert asking is not None
            self._created(asking, sid, answer)
            return
        kept = self.sessions.get(sid)
        if kept is None:
            # Listed before it is written: an administrator may look for it already.
            assert asking is None
            assert answer in {None, Outcome.GONE}, "a session was there before it was written"
            return
        if name in {"load", "look"}:
            assert (answer is not None) is self.is_stored(kept), "a session came back, or was lost"
            if asking is not None and answer is not None:
                self._loaded(asking, kept)
        elif answer is Outcome.GONE:
            assert not self.is_stored(kept), "a live session was taken for gone"
            if asking is not None:
                asking.decided = self._clock()
        elif isinstance(answer, Conflict):
            assert self.is_stored(kept), "a session that ended was taken for a newer one"
            if asking is None or not asking.opened:
                return  # its time was over: is that of what is stored by now, too?
            assert asking.seen != kept.revision, "the newest record was taken for an older one"
            if asking.changes_something:  # else what is stored is not looked at
                asking.seen = kept.revision
            asking.decided = self._clock()
            is_taken = asking.proof is None or asking.proof.generation != kept.generation
            is_same = (
                not asking.replace_secret
                and not is_taken
                and [*asking.data.items()] == [*kept.data.items()]
            )
            asking.equalled = Proof(kept, kept.generation) if is_same else None
            asking.taken_over_by = kept.owner if is_taken else None
        elif asking is None:
            assert self.is_stored(kept), "a session that was gone was ended"
            kept.ended = True
        elif name == "remove" and not asking.opened:
            assert self.is_stored(kept), "a session that was gone was ended"
            assert self._clock() >= kept.deadline, "a session was ended before its time"
            kept.ended = True
        else:
            self._written(asking, kept, name)

    def _created(self, asking: Asking, sid: str, answer: object) -> None:
        assert answer is True
        assert sid not in self.sessions, "a sid was given out twice"
        data = asking.data
        if asking.opened or asking.lost:
            assert not self.is_live(asking.proof), "a session was begun beside a live one"
            assert asking.may_begin_anew, "a session that is lost was begun again"
            data = asking.data if asking.lost else asking.anew()
        now = self._clock()
        ends = asking.decided + self._absolute
        kept = Kept(sid, copy.deepcopy(data), asking.bound, now + IDLE, ends)
        kept.stalled = now - asking.decided >= UNHURRIED
        self.sessions[sid] = kept
        asking.wrote, asking.seen = Proof(kept, kept.generation), kept.revision

    def _loaded(self, asking: Asking, kept: Kept) -> None:
        kept.expires = self._clock() + IDLE
        if self.is_live(asking.proof):
            asking.opened = True
            asking.known_owner = kept.owner
            asking.seen = kept.revision
            asking.first = copy.deepcopy(kept.data)
            asking.base = copy.deepcopy(kept.data)
            asking.data = copy.deepcopy(kept.data)

    def _written(self, asking: Asking, kept: Kept, name: str) -> None:
        proof = asking.proof
        assert proof is not None
        assert proof.kept is kept, "a request wrote to another one's session"
        assert self.is_stored(kept), "a session came back"
        assert proof.generation == kept.generation, "an old cookie wrote to a session"
        assert asking.seen == kept.revision, "a newer record was written over"
        data = asking.replayed(kept.data)
        owner = asking.owner_after(kept.owner)
        is_void = not data and owner is None
        assert (name == "remove") is is_void
        kept.revision += 1
        asking.seen = kept.revision
        asking.wrote = None
        if is_void:
            kept.ended = asking.deleted = True
            return
        kept.data, kept.owner = data, owner
        kept.stalled = kept.stalled or self._clock() - asking.decided >= UNHURRIED
        kept.expires = self._clock() + IDLE
        if asking.replace_secret:
            kept.generation += 1
        if asking.bound is not None or (asking.confirmed and owner is not None):
            kept.deadline = asking.decided + self._absolute
        asking.wrote = Proof(kept, kept.generation)

    # --- the ends of saves ---------------------------------------------------------------

    def judge_save(self, asking: Asking) -> None:
        """Take in that a save is over, whatever it did."""
        if asking.wrote is None and not asking.deleted and self.is_live(asking.equalled):
            asking.wrote = asking.equalled
        if asking.changes_something and asking.wrote is None and not asking.deleted:
            assert asking.lost or not self.is_live(asking.proof), "a write was lost"
            assert not asking.may_begin_anew, "a login was lost"
        asking.end_save()

    def judge_response(self, asking: Asking, status: int, cookie: str | None) -> None:
        """Take in a response: its session cookie, "" for one that is dropped, None for none."""
        assert status == 200
        proof = asking.proof
        self.judge_save(asking)
        if asking.lost:
            assert not cookie, "a write that was lost was acknowledged"
        elif asking.dropped:
            assert cookie == ""
        elif asking.saved is not None:
            lives = self.is_live(asking.saved)
            assert cookie or not lives, "a session was saved whose cookie nobody got"
            known = self.cookies.setdefault(cookie, asking.saved) if cookie else asking.saved
            assert known == asking.saved, "a cookie was given out twice"
        else:
            # As in Flask, a session that was written to and is as before sends its
            # cookie again, and one that was new and is empty drops it.
            again = self.cookies.get(cookie or "") == proof if asking.opened else not cookie
            assert cookie is None or (asking.touched and again), "a request that read was not quiet"


def _dropping(key: str) -> Callable[[Data], Any]:
    return lambda data: data.pop(key, None)


def _putting(key: str, value: object) -> Callable[[Data], Any]:
    then = copy.deepcopy(value)  # as it is now, whatever is done to it later
    return lambda data: data.update({key: copy.deepcopy(then)})
