"""Plots of the course of training: losses and scores by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, new_figure, style
from zoobot.science.metric import metric_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PREFIX = "finetuning/"


@dataclass(frozen=True)
class Epochs:
    """What was drawn against the epoch.

    It says which score, whether the best epoch is marked, how many epochs, and of which parts.
    """

    score: str
    marked: bool
    n: int
    parts: set[str]


def best_epoch(log: pd.DataFrame) -> int | None:
    """Return the epoch whose validation loss is lowest, None where the log has none."""
    loss = log.get(f"{PREFIX}val_loss")
    if loss is None or not np.isfinite(loss).any():
        return None
    return int(log["epoch"].iloc[int(np.nanargmin(loss.to_numpy(float)))])


def training_plots(log: pd.DataFrame, score: str = "") -> list[Plot]:
    """Draw the losses by epoch, and a score of the validation part by epoch, given by its key, where the log has it."""
    plots = []
    columns = [name for name in (f"{PREFIX}train_loss", f"{PREFIX}val_loss") if name in log]
    best = best_epoch(log)
    if columns:
        plots.append(_by_epoch(log, columns, best))
    name = f"val_{score}"
    if f"{PREFIX}{name}" in log:
        plots.append(_score(log, name, metric_of(score).name, best))
    return plots


def _by_epoch(log: pd.DataFrame, columns: list[str], best: int | None) -> Plot:
    with style():
        figure = new_figure()
        ax = figure.subplots()
        for column, color in zip(columns, (ORANGE, BLUE), strict=False):
            part = "training" if "train" in column else "validation"
            ax.plot(log["epoch"] + 1, log[column], color=color, label=part, **_marker(log))
        _mark(ax, best)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.legend()
    drawn = Epochs("loss", best is not None, len(log), {"train" if "train" in name else "val" for name in columns})
    return Plot("loss", figure, log[["epoch", *columns]], drawn=drawn)


def _score(log: pd.DataFrame, name: str, title: str, best: int | None) -> Plot:
    with style():
        figure = new_figure()
        ax = figure.subplots()
        ax.plot(log["epoch"] + 1, log[f"{PREFIX}{name}"], color=BLUE, **_marker(log))
        _mark(ax, best)
        ax.set(xlabel="epoch", ylabel=title)
    drawn = Epochs(title, best is not None, len(log), {"val"})
    return Plot("score_by_epoch", figure, log[["epoch", f"{PREFIX}{name}"]], drawn=drawn)


def _mark(ax: Axes, best: int | None) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if best is not None:
        ax.axvline(best + 1, color=FAINT, linestyle=":", linewidth=1.2, zorder=0)


def _marker(log: pd.DataFrame) -> dict[str, Any]:
    return {"marker": "o", "markersize": 3} if len(log) < 15 else {}
