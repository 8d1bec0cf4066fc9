"""The option that names the library that an application comes from.

Apart from what answers it, which no application loads that is not asked.
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
        help="Say what to change in the configuration of an application whose sessions were this "
        "library's, and what cannot be carried over.",
    )
