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
        doc="The file of the sessions. The default is below the application's `instance_path` if "
        "that directory exists, otherwise below its `root_path`. A relative path starts at "
        "the working directory, and `~` is the home directory. Applications that share "
        "sessions must set it to the same file. The first write creates a missing file with "
        "mode 0600, and a missing directory with mode 0700. The file is refused if other "
        "users can read it or write to its directory, and on a network file system.",
    )

    # It needs only the standard library, but a Python may be built without this module.
    not_here: ClassVar = (
        "SESSION_TYPE 'sqlite' needs the module sqlite3, which this Python was built without: "
        "write another store, such as 'filesystem' or 'redis'"
    )
