"""How much the fault tests do: little in every run, much in `nox -s faults`."""

from __future__ import annotations

import os

LONG = os.environ.get("SAMESESSION_FAULTS") == "long"


def rounds(usual: int, long: int) -> int:
    """Choose how often something is done."""
    return long if LONG else usual
