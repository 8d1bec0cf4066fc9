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
        doc="The directory of the sessions. The default is below the application's "
        "`instance_path` if that directory exists, otherwise below its `root_path`. A "
        "relative path starts at the working directory, and `~` is the home directory. "
        "Applications that share sessions must set it to the same directory. The first write "
        "creates a missing directory with mode 0700. A directory that other users can write "
        "to is refused, when the application starts and at each use.",
    )
    mode: int = setting(
        "SESSION_FILE_MODE",
        _mode,
        default=0o600,
        shown="`0o600`",
        doc="The permissions of session files, as an octal number. The owner must be able to "
        "read and write them, and nobody else may write.",
    )
    fsync: bool = setting(
        "SESSION_FILE_FSYNC",
        flag,
        default=False,
        doc="Whether each save waits until the disk has the data, before the response is sent. "
        "Set it to `True` if no change may be lost in a power cut.",
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
