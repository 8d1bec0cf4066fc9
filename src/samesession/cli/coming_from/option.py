"""The option that names the library that an application comes from.

It is apart from the code that answers it, which is loaded only when someone asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from ...migration_settings import LIBRARIES

F = TypeVar("F", bound=Callable[..., object])


def coming_from_option(*, required: bool = False) -> Callable[[F], F]:
    """Return the option that names the library."""
    return click.option(
        "--coming-from",
        "library",
        type=click.Choice(LIBRARIES),
        required=required,
        help="Show which settings to change in an application that used this library, and what "
        "cannot be carried over.",
    )
