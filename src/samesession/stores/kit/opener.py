"""Open a store with the settings that it declares: the library's own and third-party stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ...core.store import Clock
from ...reading_settings import check_needed, declared
from ...settings import Config

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class _Opens(Protocol[S_contra, R_co]):
    def __call__(self, config: Config, settings: S_contra, /, *, clock: Clock) -> R_co: ...


@dataclass(frozen=True, slots=True)
class Opener(Generic[S, R_co]):
    """Opens a store; has the class in which the store declares its settings."""

    settings: type[S]
    open: _Opens[S, R_co]

    def __call__(self, config: Config, *, clock: Clock) -> R_co:
        """Open the store; raise ConfigError for a setting that is wrong or missing."""
        settings = config.of(self.settings)
        check_needed(settings, config.store_type)
        return self.open(config, settings, clock=clock)


def with_settings(kind: type[S]) -> Callable[[_Opens[S, R_co]], Opener[S, R_co]]:
    """Return a decorator that passes checked settings to `open_store(config, settings, *, clock)`.

    `kind`: a frozen dataclass whose fields are made by `setting`. Raises TypeError for other
    classes.
    """
    _ = declared(kind)

    def decorate(function: _Opens[S, R_co]) -> Opener[S, R_co]:
        return Opener(kind, function)

    return decorate
