"""The setting of the SQLite store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...reading_settings import setting, text


@dataclass(frozen=True, slots=True)
class SQLiteSettings:
    """The place of the file of sessions."""

    path: str = setting(
        "SESSION_SQLITE_FILE",
        text,
        default=".sessions/sessions.db",
        at_home=True,
        doc="Unset, it is below the application's `instance_path` if that directory exists, else "
        "its `root_path`; a relative path that is set begins at the working directory, and `~` is "
        "the home directory. Applications that share sessions must set it, to the same file. Made "
        "with mode 0600 by the first write if it is missing, in a directory that is made with mode "
        "0700; refused when others may write to that directory or read that file, and on a "
        "network file system.",
    )

    # It needs only the standard library, but a Python may be built without this module.
    not_here: ClassVar = (
        "SESSION_TYPE 'sqlite' needs the module sqlite3, which this Python was built without: "
        "write another store, such as 'filesystem' or 'redis'"
    )
