"""Plots of the course of training: losses and scores by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.theme import BLUE, FAINT, ORANGE, Plot, new_figure, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PREFIX = "finetuning/"
SCORES = {"val_auroc": "AUROC", "val_r2": "R²", "val_fraction_mae": "mean error of vote fractions"}
"""Shown beside the loss, the first that the log has"""


def best_epoch(log: pd.DataFrame) -> int | None:
    """Give the epoch whose validation loss is lowest, None where the log has none."""
    loss = log.get(f"{PREFIX}val_loss")
    if loss is None or not np.isfinite(loss).any():
        return None
    return int(log["epoch"].iloc[int(np.nanargmin(loss.to_numpy(float)))])


def training_plots(log: pd.DataFrame) -> list[Plot]:
    """Draw the losses by epoch, and a score of the validation part by epoch where there is one."""
    plots = []
    columns = [name for name in (f"{PREFIX}train_loss", f"{PREFIX}val_loss") if name in log]
    best = best_epoch(log)
    if columns:
        plots.append(_by_epoch(log, columns, best))
    for name, title in SCORES.items():
        if f"{PREFIX}{name}" in log:
            plots.append(_score(log, name, title, best))
            break
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
    caption = (
        "The mean loss of each epoch's galaxies; the training loss is taken while the weights change and with "
        "dropout on, so that it can be above the validation loss. The model that was kept is the one with the lowest "
        "validation loss, at the dotted line. A gap that grows means that the training galaxies are being learned by "
        "heart; a curve that still falls at the end, that training was too short."
    )
    return Plot("loss", "Loss by epoch", caption, figure, log[["epoch", *columns]])


def _score(log: pd.DataFrame, name: str, title: str, best: int | None) -> Plot:
    with style():
        figure = new_figure()
        ax = figure.subplots()
        ax.plot(log["epoch"] + 1, log[f"{PREFIX}{name}"], color=BLUE, **_marker(log))
        _mark(ax, best)
        ax.set(xlabel="epoch", ylabel=title)
    caption = (
        f"{title} of the validation galaxies after each epoch. Nothing was chosen by it: the dotted line is the "
        "lowest validation loss."
    )
    return Plot("score_by_epoch", f"Validation {title} by epoch", caption, figure, log[["epoch", f"{PREFIX}{name}"]])


def _mark(ax: Axes, best: int | None) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if best is not None:
        ax.axvline(best + 1, color=FAINT, linestyle=":", linewidth=1.2, zorder=0)


def _marker(log: pd.DataFrame) -> dict[str, Any]:
    return {"marker": "o", "markersize": 3} if len(log) < 15 else {}
