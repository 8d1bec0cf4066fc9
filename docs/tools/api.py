"""Pages of names: what of a module is public, and how autodoc is asked to describe it."""

from __future__ import annotations

import inspect
from importlib import import_module
from types import ModuleType


def public_names(module: ModuleType) -> list[str]:
    """Return the names that a module exports: its `__all__`, or what it defines without a `_`."""
    said = getattr(module, "__all__", None)
    if said is not None:
        return list(said)
    own = module.__name__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_of(own, value) and name == _name_of(value)
    ]


def chosen(module: str, words: list[str]) -> list[str]:
    """Return the names that a page describes: those it names, or all but those after a `-`."""
    left_out = {word[1:] for word in words if word.startswith("-")}
    named = [word for word in words if not word.startswith("-")]
    public = public_names(import_module(module))
    if unknown := ({*named} | left_out) - {*public}:
        raise ValueError(f"{module} exports no {', '.join(sorted(unknown))}")
    return named or [name for name in public if name not in left_out]


def described(module: str, words: list[str]) -> str:
    """Return what has autodoc describe some names of a module, in Markdown with MyST."""
    found = import_module(module)
    parts = [_directive(found, name) for name in chosen(module, words)]
    return "\n".join(("```{eval-rst}", f".. py:currentmodule:: {module}", "", *parts, "```"))


def _directive(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    full = f"{module.__name__}.{name}"
    if _is_fixture(value):
        return _fixture(full, value)
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        return f".. auto{kind}:: {full}\n   :members:\n"
    return f".. auto{'function' if callable(value) else 'data'}:: {full}\n"


def _fixture(full: str, value: object) -> str:
    doc = (inspect.getdoc(inspect.unwrap(value)) or "").splitlines()  # type: ignore[arg-type]
    return "\n".join(
        (f".. py:function:: {full}", "", "   A fixture.", "", *(f"   {line}" for line in doc), "")
    )


def _is_fixture(value: object) -> bool:
    return type(value).__name__ == "FixtureFunctionDefinition"


def _name_of(value: object) -> str | None:
    return getattr(inspect.unwrap(value) if _is_fixture(value) else value, "__name__", None)  # type: ignore[arg-type]


def _is_of(module: str, value: object) -> bool:
    of = inspect.unwrap(value) if _is_fixture(value) else value  # type: ignore[arg-type]
    return (inspect.isroutine(of) or inspect.isclass(of)) and of.__module__ == module
