"""Judge whether somebody deletes what has expired, on a store that does not by itself."""

from __future__ import annotations

from ...core.findings import Finding, Level

PATIENCE = 2 * 24 * 3600  # seconds for which what has expired may lie there: `cron` runs daily


def purge_finding(*, is_due: bool) -> Finding:
    """Return what to say; `is_due`: something expired longer ago than `PATIENCE`."""
    if not is_due:
        return Finding("store.purge", Level.OK, "what expired days ago has been deleted")
    what = "what expired days ago is there still, and takes room"
    write = "in a crontab: 0 4 * * *  flask sessions purge"
    return Finding("store.purge", Level.WARNING, what, write)
