"""The settings of a migration from another library, checked: which library, and until when.

This module does not know the readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from .core.cookie import NAME
from .core.names import is_name
from .encryption_settings import moment
from .errors import ConfigError
from .reading_settings import Setting, flag, optional, setting

LIBRARIES = ("flask-session", "quart-session", "signed-cookie")
_FROM = "SESSION_MIGRATE_FROM"
_COOKIE_NAME = "SESSION_MIGRATE_COOKIE_NAME"
_KEY_PREFIX = "SESSION_MIGRATE_KEY_PREFIX"
_USE_SIGNER = "SESSION_MIGRATE_USE_SIGNER"


def _libraries(value: object, setting: Setting) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        names = tuple(cast("Sequence[object]", value))
        if all(each in LIBRARIES for each in names) and len({*names}) == len(names):
            return cast("tuple[str, ...]", names)
    raise ConfigError(
        f"{setting.name} must be a list of some of {', '.join(map(repr, LIBRARIES))}, each once, "
        f'such as ["{LIBRARIES[0]}"]'
    )


def _name(value: object, setting: Setting) -> str:
    if not isinstance(value, str) or NAME.fullmatch(value) is None:
        raise ConfigError(f'{setting.name} must be the name of a cookie, such as "session"')
    return value


def _prefix(value: object, setting: Setting) -> str:
    # Both libraries allow an empty prefix.
    if not isinstance(value, str) or (value and not (is_name(value) and value.isprintable())):
        raise ConfigError(f'{setting.name} must be printable text, such as "session:", or empty')
    return value


@dataclass(frozen=True, slots=True)
class MigrationSettings:
    """The sessions of other libraries that are read, and their names."""

    libraries: tuple[str, ...] = setting(
        _FROM,
        _libraries,
        default=(),
        doc="The libraries whose sessions [are taken over](../move/how-it-works.md) when a "
        'browser sends their cookie: a list of `"flask-session"`, `"quart-session"` and '
        '`"signed-cookie"`, the framework\'s own cookie. They are tried in this order.',
    )
    cookie_name: str | None = setting(
        _COOKIE_NAME,
        optional(_name),
        default=None,
        shown='`"session"`',
        doc="The name of the other library's cookie. It must differ from `SESSION_COOKIE_NAME`.",
    )
    key_prefix: str | None = setting(
        _KEY_PREFIX,
        optional(_prefix),
        default=None,
        shown='`"session:"`',
        doc="The prefix of the other library's keys in the store: the value of its "
        "`SESSION_KEY_PREFIX`.",
    )
    signed: bool = setting(
        "SESSION_MIGRATE_USE_SIGNER",
        flag,
        default=False,
        doc="Whether the other library had `SESSION_USE_SIGNER`. `True`: an id without a "
        "signature is refused.",
    )
    until: float | None = setting(
        "SESSION_MIGRATE_UNTIL",
        moment,
        default=None,
        shown="never",
        doc="Until when sessions of the other libraries are read: a `datetime` with a UTC "
        "offset, or the same as text in ISO 8601. It also ends the time in which [remember "
        "cookies of a login library](../guides/remember-me.md#cookies-from-before) are "
        "accepted; without it, they are not accepted at all.",
    )

    @property
    def old_cookie(self) -> str | None:
        """The name of the cookie of old sessions; None if none is read."""
        return (self.cookie_name or "session") if self.libraries else None

    @property
    def prefix(self) -> str:
        """The prefix of the keys of old sessions."""
        return "session:" if self.key_prefix is None else self.key_prefix

    def check(self, cookie_name: str) -> None:
        """Raise ConfigError if both cookies have one name, or if a setting has no effect."""
        if self.libraries and cookie_name == self.old_cookie:
            raise ConfigError(
                f"{_FROM} needs a name for the new cookie other than {cookie_name!r}, which is the "
                'name of the old one: write SESSION_COOKIE_NAME = "sid", or write the old '
                f"name to {_COOKIE_NAME}"
            )
        for name, is_said in (
            (_COOKIE_NAME, self.cookie_name is not None),
            (_KEY_PREFIX, self.key_prefix is not None),
            (_USE_SIGNER, self.signed),
        ):
            if is_said and not self.libraries:
                raise ConfigError(
                    f"{name} has no effect without {_FROM}: write {_FROM} = "
                    '["flask-session"] or the like, or leave it out'
                )
