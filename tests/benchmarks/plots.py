"""Plot what was measured: one SVG a framework, and one of the file store's growth."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from .cases import Case
from .rounds import Figures
from .subjects import BARE

_VIEWS = ("read", "write", "login")
_COLOURS = ("#9aa5b1", "#c98f5a", "#b05d5d", "#2f7f6f", "#4f9fbf", "#7d6fb0", "#b0a14f", "#5d6b5d")


def plot(directory: Path, figures: Mapping[str, Figures], scale: Mapping[str, float]) -> None:
    """Write the plots, by matplotlib."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "samesession", "font.size": 9})
    pyplot: Any = import_module("matplotlib.pyplot")
    for framework in figures:
        width = 32 if framework == "quart" else 1
        if framework != "starlette":
            _bars(pyplot, directory, framework, figures[framework], width)
    if scale:
        _growth(pyplot, directory, scale)


def _bars(pyplot: Any, directory: Path, framework: str, figures: Figures, at_once: int) -> None:
    chosen = [Case(view, 2.0, at_once) for view in _VIEWS]
    chosen = [case for case in chosen if case in figures.costs]
    names = [name for name in figures.costs[chosen[0]] if name != BARE]
    figure, axes = pyplot.subplots(figsize=(7.2, 3.4))
    height = 0.8 / len(names)
    for row, name in enumerate(names):
        costs = [figures.overhead(case, name) for case in chosen]
        places = [place + row * height for place in range(len(chosen))]
        bars = axes.barh(places, costs, height * 0.92, label=name, color=_COLOURS[row])
        axes.bar_label(bars, fmt="%.0f", padding=2, fontsize=7)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(chosen))])
    axes.set_yticklabels([case.view for case in chosen])
    axes.invert_yaxis()
    axes.set_xlabel("CPU microseconds a request, beyond the application without sessions")
    axes.set_title(f"{framework.capitalize()}: sessions of 2 kB, {at_once} at a time")
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(pyplot, figure, directory / f"{framework}.svg")


def _growth(pyplot: Any, directory: Path, scale: Mapping[str, float]) -> None:
    figure, axes = pyplot.subplots(figsize=(7.2, 2.8))
    for what, colour in (("load", _COLOURS[3]), ("commit", _COLOURS[4])):
        points = [
            (int(name.partition(" ")[0].replace(",", "")), cost)
            for name, cost in scale.items()
            if name.endswith(f"records: {what}, us")
        ]
        axes.plot(*zip(*points, strict=True), marker="o", label=what, color=colour)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("sessions in the file store")
    axes.set_ylabel("CPU microseconds")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(pyplot, figure, directory / "files.svg")


def _save(pyplot: Any, figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
