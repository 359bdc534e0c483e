"""The table: what each side took, and whether the goal was met."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, roc_auc_score

from versus import plan as names
from versus.plan import Plan
from versus.runs import Runner

MISSING = "-"
SAME_FEATURES = 1e-4
HEADINGS = (
    "job",
    "goal",
    "peer as installed",
    "peer, same allocator",
    "ours",
    "ratio",
    "ratio, same allocator",
    "verdict",
)


@dataclass(frozen=True)
class Row:
    """One line; a ratio above 1 is in our favour, and ``met`` is None where something was not measured."""

    job: str
    goal: str
    peer: str = MISSING
    kept: str = MISSING
    ours: str = MISSING
    ratio: str = MISSING
    kept_ratio: str = MISSING
    met: bool | None = None

    def line(self, *, judged: bool) -> str:
        """Return the row in markdown; with ``judged``, whether the goal was met."""
        verdict = {None: MISSING, True: "met", False: "**missed**"}[self.met if judged else None]
        cells = (self.job, self.goal, self.peer, self.kept, self.ours, self.ratio, self.kept_ratio, verdict)
        return f"| {' | '.join(cells)} |"


class Figures:
    """What the rows are made of: figures by job and side, None where it was not measured."""

    def __init__(self, runner: Runner, plan: Plan) -> None:
        self.runner = runner
        self.plan = plan

    def value(self, name: str, side: str, key: str) -> float | None:
        """Return the median of a figure over a job's runs."""
        return self.of(name, side, lambda run: float(run[key]))

    def of(self, name: str, side: str, figure: Callable[[dict[str, Any]], float]) -> float | None:
        """Return the median over a job's runs of what ``figure`` makes of one."""
        job = self.plan.job(name, side)
        runs = None if job is None else self.runner.result(job)
        return None if runs is None else statistics.median(figure(run) for run in runs)

    def longer(self, name: str, side: str, epochs: int, key: str = "fit_seconds") -> float | None:
        """Return a fit's (or process's) seconds had it run this many epochs.

        They are the seconds before and between epochs, and so many mean epochs.
        """

        def scaled(run: dict[str, Any]) -> float:
            seconds = run["epoch_seconds"]
            return float(run[key] - sum(seconds) + epochs * statistics.mean(seconds))

        return self.of(name, side, scaled)

    def step(self, name: str) -> float | None:
        """Return the seconds of a step of ours after the first epoch."""
        return self.of(name, "ours", lambda run: statistics.median(run["step_seconds"][1:]))

    def epoch(self, side: str) -> float | None:
        """Return the seconds of an epoch of the whole network after the first."""
        return self.of(names.WHOLE, side, lambda run: statistics.median(run["epoch_seconds"][1:]))


def rows(figures: Figures) -> list[Row]:
    """Return the lines of the table of goals."""
    value = figures.value
    epochs = figures.plan.epochs
    fits = [figures.longer(names.HEAD, side, epochs) for side in names.BOTH]
    long_peer, long_kept = (figures.longer(names.HEAD, side, figures.plan.long_epochs) for side in names.BOTH[:2])
    whole_peer, whole_kept = (figures.longer(names.WHOLE, side, epochs) for side in names.BOTH[:2])
    lines = [
        _times("head only, 30 epochs: fit (peer: from the mean of 6 epochs)", 30, *fits),
        _times(
            "head only, 100 epochs: fit (peer: likewise)",
            90,
            long_peer,
            long_kept,
            value(names.HEAD_LONG, "ours", "fit_seconds"),
        ),
        _times(
            "head only, 30 epochs: whole process, from cold start to the best checkpoint loaded",
            20,
            *(figures.longer(names.HEAD, side, epochs, "process_seconds") for side in names.BOTH),
        ),
    ]
    for name in names.AGAIN:
        taken = value(name, "ours", "fit_seconds")
        line = _times(f"head only, 30 epochs, {name}: fit", 0, fits[0], fits[1], taken)
        lines.append(_with(line, goal="< 2 s", met=None if taken is None else taken < 2))
    cached, uncached = figures.step(names.BLOCK), figures.step(names.BLOCK_UNCACHED)
    lines.append(_own("n_blocks=1: a step, ours cached against ours uncached", 2.5, uncached, cached))
    lines.append(
        _times(
            "n_blocks=1, 30 epochs: fit, against the peer's whole network (from its mean epoch)",
            12,
            whole_peer,
            whole_kept,
            value(names.BLOCK, "ours", "fit_seconds"),
        )
    )
    lines.append(_times("whole network: an epoch", 2, *(figures.epoch(side) for side in names.BOTH)))
    for architecture, goal in zip(names.ARCHITECTURES, (3, 6), strict=True):
        rates = [value(f"predict {architecture}", side, "images_per_second") for side in names.BOTH]
        lines.append(_rates(f"predict 1,000 images, {architecture}", goal, *rates))
        lines.append(_share(f"the same against the bare encoder, {architecture}", 0.8, rates[2], figures, architecture))
    lines.append(
        _rates(
            "input pipeline, epoch 2 onward",
            8,
            *(value(names.INPUT, side, "images_per_second") for side in names.BOTH),
        )
    )
    lines.append(_memory(*(value(names.MEMORY, side, "peak_bytes") for side in names.BOTH)))
    rate = value(names.FROZEN, "ours", "images_per_second")
    lines.append(_share("frozen pass, convnext_nano, against the bare encoder", 0.7, rate, figures, "convnext_nano"))
    return lines


def accuracy(figures: Figures, labels: pd.Series, seeds: int, *, judged: bool) -> str:
    """Return the table of held-out accuracy and AUROC over seeds, and whether both sides had the same network."""
    found: dict[str, list[tuple[float, float]]] = {}
    prints: list[float] = []
    for side in names.SCORED:
        for seed in range(seeds):
            job = figures.plan.job(f"{names.SCORE}, seed {seed}", side)
            runs = None if job is None else figures.runner.result(job)
            if runs is None:
                return "accuracy: not measured"
            probabilities = pd.Series(runs[0]["probabilities"]).reindex(labels.index)
            found.setdefault(side, []).append(
                (accuracy_score(labels, probabilities >= 0.5), roc_auc_score(labels, probabilities))
            )
            prints.append(runs[0]["fingerprint"])
    same = float(np.ptp(prints)) < SAME_FEATURES * float(np.mean(prints))
    lines = [
        f"Held-out accuracy: rings, {len(labels)} test galaxies, {seeds} seeds (each its own split into training and "
        "validation),",
        "head only, at most 30 epochs, early stopping as each does by default, ImageNet EfficientNet-Lite0 on both "
        "sides",
        f"({'the same features' if same else '**not the same features**'} of the same images). Mean [lowest, "
        "highest]:\n",
        "| side | accuracy | AUROC |\n|---|---|---|",
    ]
    for side, scores in found.items():
        cells = [
            f"{np.mean(column):.3f} [{min(column):.3f}, {max(column):.3f}]" for column in zip(*scores, strict=True)
        ]
        lines.append(f"| {side} | {' | '.join(cells)} |")
    ahead = np.array(found[names.SCORED[1]]) - np.array(found[names.SCORED[0]])
    error = ahead.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else [float("nan")] * 2
    cells = [f"{mean:+.3f} ± {spread:.3f}" for mean, spread in zip(ahead.mean(axis=0), error, strict=True)]
    lines.append(f"| ours - peer, same seed (± standard error) | {' | '.join(cells)} |")
    if judged:
        verdict = "met" if (ahead.mean(axis=0) >= 0).all() else "**missed**"
        lines.append(f"\nGoal (neither mean below the peer's): {verdict}")
    return "\n".join(lines)


def plain_loop(figures: Figures) -> str:
    """Return a line on the plain timm loop: what a user would write who has neither package."""
    theirs = figures.longer(names.TIMM, "timm", figures.plan.epochs)
    ours = figures.value(names.HEAD, "ours", "fit_seconds")
    if theirs is None or ours is None:
        return "plain timm loop: not measured"
    return (
        "A plain PyTorch loop over the same timm network, timm's transforms, 2 workers, head only, "
        f"{figures.plan.epochs} epochs (from its mean epoch): "
        f"{theirs:.1f} s, ours {ours:.1f} s, {theirs / ours:.1f} times."
    )


def _times(job: str, goal: float, peer: float | None, kept: float | None, ours: float | None) -> Row:
    return _compare(job, goal, "s", *(None if seconds is None else 1 / seconds for seconds in (peer, kept, ours)))


def _rates(job: str, goal: float, peer: float | None, kept: float | None, ours: float | None) -> Row:
    return _compare(job, goal, "images/s", peer, kept, ours)


def _compare(job: str, goal: float, unit: str, peer: float | None, kept: float | None, ours: float | None) -> Row:
    """Compare speeds (1/s, or images/s)."""

    def shown(speed: float | None) -> str:
        return MISSING if speed is None else f"{1 / speed:.2f} s" if unit == "s" else f"{speed:.1f} {unit}"

    ratios = [None if ours is None or speed is None else ours / speed for speed in (peer, kept)]
    first, second = (MISSING if ratio is None else f"{ratio:.1f}" for ratio in ratios)
    met = None if ratios[0] is None else ratios[0] >= goal
    return Row(job, f">= {goal:g} times", shown(peer), shown(kept), shown(ours), first, second, met)


def _own(job: str, goal: float, uncached: float | None, cached: float | None) -> Row:
    if uncached is None or cached is None:
        return Row(job, f">= {goal:g} times")
    ratio = uncached / cached
    ours = f"{cached * 1e3:.0f} ms, uncached {uncached * 1e3:.0f} ms"
    return Row(job, f">= {goal:g} times", ours=ours, ratio=f"{ratio:.1f}", met=ratio >= goal)


def _share(job: str, goal: float, rate: float | None, figures: Figures, architecture: str) -> Row:
    """Compare a rate of ours with the faster of the bare encoder's rates in float32 and bfloat16."""
    bare = {dtype: figures.value(f"bare {architecture}", "ours", dtype) for dtype in ("bfloat16", "float32")}
    best = max(bare, key=lambda dtype: bare[dtype] or 0)
    most = bare[best]
    text = f">= {goal:.0%}"
    if rate is None or most is None:
        return Row(job, text)
    rates = ", ".join(f"{dtype} {speed:.1f}" for dtype, speed in bare.items() if speed is not None)
    ours = f"{rate:.1f} images/s (bare: {rates})"
    return Row(job, f"{text} of {best}", ours=ours, ratio=f"{rate / most:.0%}", met=rate / most >= goal)


def _memory(peer: float | None, kept: float | None, ours: float | None) -> Row:
    shown = [MISSING if size is None else f"{size / 1e9:.2f} GB" for size in (peer, kept, ours)]
    shares = [None if ours is None or size is None else ours / size for size in (peer, kept)]
    first, second = (MISSING if share is None else f"{share:.0%}" for share in shares)
    met = None if shares[0] is None else shares[0] <= 0.7
    job, (of_peer, of_kept, of_ours) = "head only: peak memory of the process tree (PSS)", shown
    return Row(job, "<= 70%", of_peer, of_kept, of_ours, first, second, met)


def _with(line: Row, *, goal: str, met: bool | None) -> Row:
    return Row(line.job, goal, line.peer, line.kept, line.ours, line.ratio, line.kept_ratio, met)
