"""What unit tests put together: keys, rules, records, and steps fed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from samesession.core import codec
from samesession.core.admin import Administration
from samesession.core.cookie import Attributes
from samesession.core.encryption import Encryption
from samesession.core.policy import Rules
from samesession.core.record import Record, Sealer
from samesession.core.steps import Steps
from samesession.core.store import Lifetimes
from samesession.core.token import Proofs, Token, TokenSigner
from tests.support.clock import Clock

T = TypeVar("T")

KEYS = (b"newest key of all",)
NOW = 1_800_000_000
RULES = Rules(
    prefix="session:",
    lifetimes=Lifetimes(browser=100, permanent=1000),
    absolute=None,
    refresh_each_request=True,
    permanent_by_default=False,
    max_bytes=4096,
)
# How the cookie is scoped where nothing is set.
PLAIN = Attributes(
    name="session",
    domain=None,
    path="/",
    secure=False,
    httponly=True,
    samesite=None,
    partitioned=False,
)


@dataclass
class Counter:
    """Gives bytes that count, in place of random ones."""

    drawn: int = 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(size, "big")


def signer(
    *keys: bytes,
    prefix: str = "session:",
    name: str = "session",
    entropy: Any = None,
    proofs: Proofs | None = None,
) -> TokenSigner:
    return TokenSigner(keys or KEYS, prefix, name, entropy or Counter(), proofs=proofs)


def sealer(
    *keys: bytes,
    prefix: str = "session:",
    name: str = "session",
    encryption: Encryption | None = None,
) -> Sealer:
    return Sealer(keys or KEYS, prefix, name, RULES.max_bytes, encryption=encryption)


def administration(store: Any, **parts: Any) -> Administration:
    """Give what administers a store of these tests."""
    usual: dict[str, Any] = {"prefix": RULES.prefix, "sealer": sealer(), "clock": Clock()}
    usual["lifetimes"] = RULES.lifetimes
    return Administration(
        store, **{**usual, "notify": lambda *_: None, "forget": lambda _: None, **parts}
    )


def record(token: Token, **changes: Any) -> Record:
    plain: dict[str, Any] = {
        "sid": token.sid,
        "secret_hash": token.secret_hash,
        "revision": 1,
        "permanent": False,
        "created": NOW,
        "deadline": 0,
        "auth_time": 0,
        "indexed": 0,
        "owner": None,
        "payload": codec.encode({}),
    }
    return Record(**{**plain, **changes})


@dataclass(frozen=True)
class Asked:
    """One call of a store's method."""

    method: str
    args: tuple[Any, ...]
    named: dict[str, Any] = field(default_factory=dict)


class AskingStore:
    """Yields each call instead of doing it; whoever drives the steps answers."""

    def __getattr__(self, method: str) -> Callable[..., Steps[Any]]:
        if method not in {"load", "create", "commit", "remove", "close"}:
            raise AttributeError(method)
        return self._asking(method)

    @staticmethod
    def _asking(method: str) -> Callable[..., Steps[Any]]:
        def steps(*args: Any, **named: Any) -> Steps[Any]:
            return (yield Asked(method, args, named))

        return steps


class IndexingStore(AskingStore):
    """The same for a store that indexes owners."""

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[Any]:
        return (yield Asked("enlist", (owner, key), {"lifetime": lifetime}))

    def delist(self, owner: str, key: str) -> Steps[Any]:
        return (yield Asked("delist", (owner, key)))

    def owned(self, owner: str) -> Steps[Any]:
        return (yield Asked("owned", (owner,)))


Answer = Any  # a value, an exception to throw, or a function of what was asked


def feed(steps: Steps[T], answers: Iterable[Answer] = ()) -> tuple[T, list[Asked]]:
    """Drive steps, answering by hand; give their result and what they asked for."""
    asked: list[Asked] = []
    left = iter(answers)
    try:
        question = next(steps)
        while True:
            asked.append(question)
            answer = next(left, LookupError(f"no answer left for {question}"))
            if callable(answer):
                answer = answer(question)
            if isinstance(answer, BaseException):
                question = steps.throw(answer)
            else:
                question = steps.send(answer)
    except StopIteration as end:
        assert next(left, None) is None, "an answer was not asked for"
        result: T = end.value
        return result, asked
