"""A case on its store: the application on the other library, and the same one on samesession."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itsdangerous import Signer, TimestampSigner, base64_encode

from .browser import Browser
from .cases import OLD_COOKIE, SECRET_KEY, Case
from .places import Place
from .serving import OWN, command, served

_PLANTED = "planted-" + "0" * 35  # as long as an id of Flask-Session's


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self._file = str(file)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self._file, "w")


@dataclass(frozen=True)
class Trial:
    """A case, on a store, with a directory of its own."""

    case: Case
    place: Place
    environments: Path
    work: Path

    @contextmanager
    def theirs(self) -> Iterator[str]:
        """Serve the application on the other library."""
        peer = self.case.peer
        setup = {
            "library": peer.library,
            "config": {**self.case.theirs(), **self.place.theirs},
            "clients": self.place.clients,
        }
        python = peer.python(self.environments)
        with served(python, peer.framework, setup, self.work / "theirs.log") as base:
            yield base

    @contextmanager
    def ours(self) -> Iterator[str]:
        """Serve the same application on samesession."""
        with served(OWN, self.case.peer.framework, self._own, self.work / "ours.log") as base:
            yield base

    def command(self, *words: str) -> str:
        """Run `flask sessions ...` on the application on samesession; return what it printed."""
        return command(self.case.peer.framework, self._own, *words)

    @property
    def _own(self) -> dict[str, Any]:
        return {
            "library": "samesession",
            "config": {**self.case.ours(), **self.place.ours},
            "integrated": self.case.integrated,
        }

    def plant(self) -> Browser:
        """Store a pickle that runs code, and return a browser whose cookie names it."""
        planted = pickle.dumps(Canary(self.canary))
        if self.place.name == "cookie":
            framework = TimestampSigner(SECRET_KEY, salt="cookie-session", key_derivation="hmac")
            return Browser({OLD_COOKIE: framework.sign(base64_encode(planted)).decode()})
        self.place.plant(self.case.prefix + _PLANTED, planted)
        if not self.case.signed:
            return Browser({OLD_COOKIE: _PLANTED})
        signer = Signer(SECRET_KEY, salt=self.case.peer.library, key_derivation="hmac")
        return Browser({OLD_COOKIE: signer.sign(_PLANTED).decode()})

    @property
    def canary(self) -> Path:
        return self.work / "canary"
