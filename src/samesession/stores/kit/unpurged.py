"""Judge whether expired records get deleted, on a store that does not do it itself."""

from __future__ import annotations

from ...core.findings import Finding, Level

PATIENCE = 2 * 24 * 3600  # seconds for which expired records may remain: `cron` runs daily


def purge_finding(*, is_due: bool) -> Finding:
    """Return the finding; `is_due`: a record expired longer ago than `PATIENCE`."""
    if not is_due:
        return Finding("store.purge", Level.OK, "records that expired days ago have been deleted")
    what = "records that expired days ago still exist, and take up room"
    write = "in a crontab: 0 4 * * *  flask sessions purge"
    return Finding("store.purge", Level.WARNING, what, write)
