"""Names of other settings: those without effect, and those that have another name here.

Flask-Session and Quart-Session have settings that samesession does not need, and people guess
names. None of them is silently ignored. Other names of `SESSION_...` belong to other packages. Each
store knows the peers' settings for that store.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import ConfigError

# The peers' settings that samesession does not need: a warning.
NO_EFFECT: Final = {
    "SESSION_USE_SIGNER": "every cookie is signed",
    "SESSION_CLEANUP_N_REQUESTS": "expired sessions are deleted outside of requests",
    "SESSION_EXPLICIT": "a session is written if it has changed",
    "SESSION_PROTECTION": "a session is not bound to an address",
    "SESSION_REVERSE_PROXY": "a session is not bound to an address",
    "SESSION_HIJACK_PROTECTION": "a session is not bound to an address",
    "SESSION_HIJACK_REVERSE_PROXY": "a session is not bound to an address",
}
# The peers' settings, and Django's names, that have another name here: an error.
WRITE_INSTEAD: Final = {
    "SESSION_CLIENT": "write SESSION_TYPE and the setting of that store, such as SESSION_REDIS",
    "SESSION_STATIC_FILE": "write SESSION_EXEMPT_STATIC = False",
    "SESSION_EXPIRE_AT_BROWSER_CLOSE": "write SESSION_PERMANENT, which means the opposite",
    "SESSION_SAVE_EVERY_REQUEST": "write SESSION_REFRESH_EACH_REQUEST",
}
_LIFETIME = "PERMANENT_SESSION_LIFETIME"
# Common words for settings with another name here; stores add more.
_MEANT: Final = {
    **dict.fromkeys(("AGE", "DURATION", "EXPIRATION", "EXPIRE", "EXPIRES", "EXPIRY"), _LIFETIME),
    **dict.fromkeys(("LIFETIME", "TIMEOUT", "TTL"), _LIFETIME),
    **dict.fromkeys(("BACKEND", "ENGINE", "INTERFACE", "STORAGE"), "SESSION_TYPE"),
    "SECRET": "SECRET_KEY",
    "SERIALIZER": "SESSION_SERIALIZATION_FORMAT",
}


@dataclass(frozen=True, slots=True)
class Peers:
    """The peers' settings: why one has no effect, and what to write in place of another.

    `meant`: the setting that a word in a guessed name stands for.
    """

    no_effect: Mapping[str, str]
    write_instead: Mapping[str, str]
    meant: Mapping[str, str]


def peers_names(kinds: Iterable[type[object]]) -> Peers:
    """Return the peers' settings, including those from stores.

    `kinds`: classes in which stores declare their settings, which may have the attributes
    `no_effect`, `write_instead` and `meant`.
    """
    # Any: a class need not have them.
    stores: list[Any] = [*kinds]
    no_effect, write_instead, meant = dict(NO_EFFECT), dict(WRITE_INSTEAD), dict(_MEANT)
    for each in stores:
        no_effect.update(getattr(each, "no_effect", {}))
        write_instead.update(getattr(each, "write_instead", {}))
        meant.update(getattr(each, "meant", {}))
    return Peers(no_effect, write_instead, meant)


def check_names(
    settings: Mapping[str, Any], known: Collection[str], peers: Peers, others: str | None
) -> None:
    """Raise ConfigError for a wrong name of one of our settings, and warn of unused ones.

    `others`: the prefix of a third-party store's settings.
    """
    for name, value in settings.items():
        if not name.startswith("SESSION_") or name in known:
            continue
        if name in peers.no_effect or name in peers.write_instead:
            if _asks(name, value):
                _tell(name, peers)
        elif others is None or not name.startswith(others):
            _refuse_guess(name, known, peers)


def _asks(name: str, value: object) -> bool:
    """Return whether a value of a peer's setting asks for anything."""
    if name == "SESSION_PROTECTION":
        return isinstance(value, bool) and value  # text is for Flask-Login
    return value is not None and not (name == "SESSION_STATIC_FILE" and value is False)


def _tell(name: str, peers: Peers) -> None:
    if name in peers.write_instead:
        raise ConfigError(f"{name} is not a setting of samesession: {peers.write_instead[name]}")
    warnings.warn(f"{name} has no effect: {peers.no_effect[name]}", stacklevel=7)


def _refuse_guess(name: str, known: Collection[str], peers: Peers) -> None:
    meant = _meant(name, known, peers.meant)
    if meant:
        raise ConfigError(
            f"{name} is not a setting of samesession: did you mean {' or '.join(meant)}?"
        )


def _meant(name: str, known: Collection[str], synonyms: Mapping[str, str]) -> list[str]:
    """Return which of our settings a name may stand for."""
    words = name.split("_")[1:]
    same = sorted(each for each in known if set(words) <= set(each.split("_")))
    if same and len(words) > 1:
        return same
    # SESSION_REDIS_URL starts like SESSION_REDIS.
    begun = sorted((each for each in known if name.startswith(f"{each}_")), key=len)
    if begun:
        return begun[-1:]
    if (synonym := next((synonyms[word] for word in words if word in synonyms), None)) is not None:
        return [synonym]
    family = sorted(each for each in known if each.startswith(f"SESSION_{words[0]}_"))
    return difflib.get_close_matches(name, known, n=1, cutoff=0.9) or same or family
