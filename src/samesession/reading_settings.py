"""Declare, read and check settings: the library's own and those of any store.

Settings are declared once, as the fields of a frozen dataclass, each made by `setting`. The rest
follows from the declaration: reading and checking, a repr without secrets, the advice for a missing
setting, and the table in the documentation. This module does not know the settings themselves.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

from .errors import ConfigError

T = TypeVar("T")

# Any: app.config holds anything, and so does a field's metadata.
_NAME: Final = re.compile(r"SESSION_[A-Z0-9]+(_[A-Z0-9]+)*")
_DECLARED: Final = "samesession"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name, its check, and its documentation.

    `check` takes a value and the setting, and returns the value as it is used. It raises
    ConfigError for a wrong value, naming the setting and never quoting the value.
    """

    name: str
    check: Callable[[Any, Setting], Any]
    default: Any
    is_secret: bool = False
    doc: str = ""
    shown: str = ""
    needed: str = ""
    at_home: bool = False

    def read(self, settings: Mapping[str, Any], *, home: str = "") -> Any:
        """Return the checked value; raise ConfigError for a wrong one.

        `home`: the directory that a default path is relative to, if the setting is `at_home`.
        """
        if self.is_secret:
            value = self._secret(settings.get(self.name, self.default))
        else:
            value = self.check(settings.get(self.name, self.default), self)
        return os.path.join(home, value) if self.at_home and self.name not in settings else value

    def _secret(self, value: Any) -> Any:
        try:
            return self.check(value, self)
        except (ConfigError, TypeError, ValueError):
            # A third-party check may have quoted the value.
            raise ConfigError(f"{self.name} cannot be used: {self.needed or self.doc}") from None

    @property
    def row(self) -> str:
        """The setting's row in a table of the documentation, in Markdown."""
        written = repr(self.default).replace("'", '"')
        return f"| `{self.name}` | {self.shown or f'`{written}`'} | {self.doc} |"


def setting(
    name: str,
    check: Callable[[Any, Setting], T],
    *,
    default: Any,
    secret: bool = False,
    doc: str = "",
    shown: str = "",
    needed: str = "",
    at_home: bool = False,
) -> T:
    """Declare a setting, as a field of a frozen dataclass.

    `check`: see `Setting`. `secret`: no repr and no error shows the value. `doc`: its meaning, in
    Markdown. `shown`: the default in Markdown, if its repr does not fit. `needed`: the text
    of the error if it is None and the store needs it. `at_home`: a default path is relative to the
    application's own directory. Raises ValueError for a name that is not possible for a setting::

        @dataclass(frozen=True)
        class ShelfSettings:
            path: str = setting(
                "SESSION_SHELF_PATH", text, default="sessions", doc="The file."
            )

    .. versionadded:: 1.0
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a setting's name is written SESSION_..., in capitals, not {name!r}")
    declared = Setting(name, check, default, secret, doc, shown, needed, at_home)
    made: Any = field(default=default, repr=not secret, metadata={_DECLARED: declared})
    found: T = made
    return found


def declared(kind: type[object]) -> dict[str, Setting]:
    """Return the settings that a class declares, by the names of its fields.

    Raises TypeError for a class with fields that are not declared settings.
    """
    parameters: Any = getattr(kind, "__dataclass_params__", None)
    if not is_dataclass(kind) or not parameters.frozen:
        raise TypeError(f"{kind.__name__} must be a class under @dataclass(frozen=True)")
    found = {each.name: each.metadata.get(_DECLARED) for each in fields(kind)}
    for name, each in found.items():
        if not isinstance(each, Setting):
            raise TypeError(f"{kind.__name__}.{name} must be written {name} = setting(...)")
    return {name: each for name, each in found.items() if isinstance(each, Setting)}


def read(kind: type[T], settings: Mapping[str, Any], *, home: str = "") -> T:
    """Read and check the settings that a class declares; raise ConfigError for a wrong one."""
    return kind(**{name: each.read(settings, home=home) for name, each in declared(kind).items()})


def check_needed(values: object, store_type: str) -> None:
    """Raise ConfigError for a missing setting that a store needs."""
    for name, each in declared(type(values)).items():
        if each.needed and getattr(values, name) is None:
            raise ConfigError(f"SESSION_TYPE {store_type!r} needs {each.name}: {each.needed}")


def settings_table(kind: type[object]) -> str:
    """Return the documentation of the settings that a class declares: a table in Markdown."""
    head = ("| Setting | Default | Meaning |", "| --- | --- | --- |")
    return "\n".join((*head, *(each.row for each in declared(kind).values())))


# --- checks --------------------------------------------------------------------------------


def anything(value: Any, setting: Setting) -> Any:
    """Accept any value, which the code that uses it checks."""
    del setting
    return value


def text(value: object, setting: Setting) -> str:
    """Accept text, or a path."""
    # Flask-Session users set SESSION_FILE_DIR to a pathlib.Path.
    value = str(value) if hasattr(value, "__fspath__") else value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ConfigError(f"{setting.name} must be text such as {setting.default!r}")
    return value


def flag(value: object, setting: Setting) -> bool:
    """Accept True or False, and no other truth value."""
    if not isinstance(value, bool):
        raise ConfigError(f"{setting.name} must be True or False, not {type(value).__name__}")
    return value


def number(*, above: float) -> Callable[[object, Setting], float]:
    """Return a check that accepts a finite number above a limit."""

    def check(value: object, setting: Setting) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not above < value < math.inf
        ):
            raise ConfigError(f"{setting.name} must be a number above {above:g}")
        return value

    return check


def count(value: object, setting: Setting) -> int:
    """Accept an integer above 0."""
    if type(value) is not int or value < 1:
        raise ConfigError(f"{setting.name} must be an int of at least 1, such as 5, or None")
    return value


def choice(*names: str) -> Callable[[object, Setting], str]:
    """Return a check that accepts one of some names."""

    def check(value: object, setting: Setting) -> str:
        if not isinstance(value, str) or value not in names:
            raise ConfigError(f"{setting.name} must be {' or '.join(map(repr, names))}")
        return value

    return check


def seconds(value: object, setting: Setting) -> int:
    """Accept a timedelta or a number of seconds, rounded up to a whole second."""
    amount = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < 2**31:
        raise ConfigError(
            f"{setting.name} must be a timedelta or seconds, above 0 and below 2**31 seconds"
        )
    return math.ceil(amount)


def optional(check: Callable[[Any, Setting], T]) -> Callable[[Any, Setting], T | None]:
    """Return a check that accepts None as well."""

    def check_or_none(value: Any, setting: Setting) -> T | None:
        return None if value is None else check(value, setting)

    return check_or_none
