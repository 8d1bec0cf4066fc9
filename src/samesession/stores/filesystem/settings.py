"""The settings of the file store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...errors import ConfigError
from ...reading_settings import Setting, flag, setting, text


def _mode(value: object, setting: Setting) -> int:
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value & 0o022
        or value & 0o600 != 0o600
    ):
        raise ConfigError(
            f"{setting.name} must let the owner read and write, and no one else write: write "
            "0o600, as an octal number"
        )
    return value & 0o777


@dataclass(frozen=True, slots=True)
class FileSettings:
    """The place of the session files, and how they are written."""

    directory: str = setting(
        "SESSION_FILE_DIR",
        text,
        default=".sessions",
        at_home=True,
        doc="Unset, it is in the application's `instance_path` if that directory exists, else in "
        "its `root_path`; a relative path that is set begins at the working directory, and `~` is "
        "the home directory. Applications that share sessions must set it, to the same directory. "
        "Made with mode 0700 by the first write if it is missing; refused, at the start and "
        "whenever it is used, when others may write there.",
    )
    mode: int = setting(
        "SESSION_FILE_MODE",
        _mode,
        default=0o600,
        shown="`0o600`",
        doc="The mode of a session's file.",
    )
    fsync: bool = setting(
        "SESSION_FILE_FSYNC",
        flag,
        default=False,
        doc="Make each save durable before the response is sent.",
    )

    no_effect: ClassVar = {"SESSION_FILE_THRESHOLD": "no session is ever evicted"}
    write_instead: ClassVar = {
        "SESSION_CACHELIB": 'write SESSION_TYPE = "filesystem" and SESSION_FILE_DIR, or choose '
        "another store"
    }
    types_instead: ClassVar = {
        "cachelib": "write 'filesystem', or another store",
        "null": "leave it out, or write 'filesystem'",
    }
    # It needs only the standard library, but not all systems have all of it.
    not_here: ClassVar = (
        "SESSION_TYPE 'filesystem', the default, needs Linux or macOS: write SESSION_TYPE = "
        "'sqlite', which needs nothing else, or another store, such as 'redis'"
    )
