"""Build the first record of a session, and each next one. Pure."""

from __future__ import annotations

from . import device_binding, policy
from .account_changes import Adopted, Kept
from .migrated import is_passing, next_fields
from .policy import Rules
from .record import Record
from .token import SignedToken, Token
from .unsaved_changes import Draft


def first_record(token: Token, draft: Draft, *, now: int, rules: Rules) -> Record:
    """Make the record of a session that begins."""
    owner = draft.owner(None)
    return Record(
        sid=token.sid,
        secret_hash=token.secret_hash,
        revision=1,
        permanent=draft.permanent,
        created=now,
        deadline=policy.deadline(now, rules),
        auth_time=0 if draft.login is None else now,
        indexed=0 if owner is None else now,
        owner=owner,
        payload=draft.payload,
        lifetime=draft.lifetime or 0,
        label=_label(None, draft),
        fields=device_binding.next_fields((), draft.device, drops=False),
    )


def next_record(
    current: Record,
    signed: SignedToken | None,
    draft: Draft,
    *,
    now: int,
    rules: Rules,
    index_is_stale: bool,
) -> Record | None:
    """Return the record that replaces a current one; None for no data and no owner.

    `signed`: with the session's secret; None if it is not known, and stays.
    """
    owner, login = draft.owner(current.owner), draft.login
    if draft.is_empty and owner is None:
        return None
    before = None if draft.cleared else current.owner
    auth_time, end, indexed = current.auth_time, current.deadline, current.indexed
    if owner is None:
        auth_time = 0
    elif login is not None or draft.account is Kept.CONFIRMED:
        auth_time, end = now, policy.deadline(now, rules)
    elif before is None:  # adopted
        auth_time = 0
    lifetime = draft.lifetime
    if lifetime is None:
        lifetime = 0 if draft.cleared else current.lifetime
    if index_is_stale or lifetime > current.lifetime:  # the owner index must outlive it
        indexed = max(now, indexed + 1)  # different in any case, or nothing would be noted
    elif login is not None or before is None:
        indexed = now
    secret_hash = current.secret_hash if signed is None else signed.token.secret_hash
    fields = current.fields
    if fields:
        by_old_cookie = draft.by_old_cookie and secret_hash == current.secret_hash
        fields = next_fields(current, keeps=signed is None or by_old_cookie)
    if fields or draft.device is not None:
        is_anothers = draft.cleared or owner != current.owner
        fields = device_binding.next_fields(fields, draft.device, drops=is_anothers)
    return Record(  # the whole record, because `_replace` costs three times as much
        sid=current.sid,
        secret_hash=secret_hash,
        revision=current.revision + 1,
        permanent=draft.permanent,
        created=current.created,
        deadline=end,
        auth_time=auth_time,
        indexed=0 if owner is None else indexed,
        owner=owner,
        payload=draft.payload,
        lifetime=lifetime,
        label=_label(current, draft),
        fields=fields,
        stale=is_passing(fields),
    )


def _label(current: Record | None, draft: Draft) -> str | None:
    """Return the session's label: after a login the login's, which may be none."""
    if draft.login is not None:
        return draft.login.label
    kept = None if current is None or draft.cleared or draft.account is Kept.UNBOUND else current
    if isinstance(draft.account, Adopted) and (kept is None or kept.owner is None):
        return draft.account.label
    return None if kept is None else kept.label
