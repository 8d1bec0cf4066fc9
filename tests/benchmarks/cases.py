"""Which requests are measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE = {"quart": (1, 8, 32), "starlette": (1, 8, 32), "flask": (1, 8)}
VIEWS = ("none", "idle", "read", "cart", "write", "login")
# Where each request finds another session, nothing that was remembered helps.
IN_TURN = 50_000


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request; `view` "idle" brings the cookie to a view that ignores it."""

    view: str
    size: float  # kB of session data
    at_once: int
    in_turn: int = 0  # so many sessions, one after the other; 0: one for each request at a time

    @property
    def path(self) -> str:
        if self.view == "login":
            return f"/login/{self.size:g}"
        return "/none" if self.view == "idle" else f"/{self.view}"

    @property
    def has_cookie(self) -> bool:
        return self.view in ("idle", "read", "cart", "write")

    def __str__(self) -> str:
        turn = f", {self.in_turn:,} sessions in turn" if self.in_turn else ""
        return f"{self.view}, {self.size:g} kB, {self.at_once} at a time{turn}"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a run takes; `requests` are those of one subject in one round."""

    rounds: int
    requests: int
    all_sizes: bool
    in_turn: int = IN_TURN  # sessions where each request finds another one

    def scaled(self, framework: str, at_once: int) -> int:
        """Give the requests for a framework (Flask's are several times cheaper) and a width."""
        return max(self.requests * (2 if framework == "flask" else 1), 8 * at_once)


FULL = Effort(rounds=7, requests=288, all_sizes=True)
QUICK = Effort(rounds=7, requests=96, all_sizes=False, in_turn=2_000)


def cases(framework: str, effort: Effort) -> list[Case]:
    """List a framework's cases: 2 kB at every width, the other sizes at one."""
    widths = AT_ONCE[framework]
    chosen = widths if effort.all_sizes else (widths[0], widths[-1])
    found = [Case(view, 2.0, at_once) for view in VIEWS for at_once in chosen]
    if framework != "starlette":
        found += in_turn(framework, effort.in_turn)
    if effort.all_sizes:
        width = 32 if framework != "flask" else 1
        found += [
            Case(view, size, width) for size in (0.2, 20.0) for view in ("read", "write", "login")
        ]
    return found


def in_turn(framework: str, sessions: int) -> list[Case]:
    """List the cases in which each request finds another of so many sessions."""
    widths = (1, 32) if framework == "quart" else (1,)
    return [Case(view, 2.0, at_once, sessions) for view in ("cart", "write") for at_once in widths]
