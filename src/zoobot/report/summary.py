"""The tables of a report: what was trained on what, and how good it is, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.contents import PARTS
from zoobot.report.intervals import (
    UNKNOWN,
    auroc_interval,
    balanced_accuracy_interval,
    mean_interval,
    ratio_interval,
    regression_intervals,
    resampled_means,
    share,
)
from zoobot.report.outcomes import Classes, Labels, Numbers, Votes
from zoobot.report.training_plots import best_epoch
from zoobot.science.reliability import Z95

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents
    from zoobot.report.intervals import Interval
    from zoobot.report.ranking_plots import Events

PART_NAMES = {"train": "training", "val": "validation", "test": "test"}
DASH = "–"

MEANINGS = {
    "accuracy": "share of galaxies whose most probable class is their label",
    "balanced_accuracy": "mean over classes of the share found, so that rare classes count as much as common ones",
    "auroc": "probability that a galaxy of a class is ranked above one that is not; 0.5 is guessing",
    "average_precision": "mean purity over all completenesses; guessing gives the class's share",
    "log_loss": "mean −ln P(label), in nats; lower is better",
    "brier": "mean squared error of the probabilities; lower is better",
    "ece": "mean distance between probability and what came true, less chance",
    "rmse": "root mean squared error, in the label's unit",
    "mae": "mean absolute error, in the label's unit",
    "r2": "share of the variance that is explained; 0 is always saying the mean",
    "skill": "1 − loss / loss of one constant prediction for all galaxies; 0 knows nothing of the galaxy",
    "loss": "mean negative log likelihood of the votes, summed over questions, in nats",
    "fraction_mae": "mean absolute error of vote fractions",
}
NAMES = {
    "auroc": "AUROC", "log_loss": "log loss", "brier": "Brier score", "ece": "calibration error (ECE)", "r2": "R²", "rmse": "RMSE",
    "mae": "MAE", "fraction_mae": "error of vote fractions", "balanced_accuracy": "balanced accuracy",
    "average_precision": "average precision",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table of texts, with a heading and a caption."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    caption: str = ""
    explained: list[str] = field(default_factory=list)
    """What each row is, in small print"""


def number(value: Any) -> str:
    """Write a figure with three or four digits, or a dash where there is none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return DASH
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    size = abs(value)
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    text = f"{value:,.{digits}f}" if size >= 0.001 or size == 0 else f"{value:.2g}"
    return text.replace("-", "−")


def between(interval: Interval) -> str:
    """Write an interval, or a dash."""
    return f"{number(interval[0])} to {number(interval[1])}" if np.isfinite(interval).all() else DASH


def facts(contents: RunContents) -> list[tuple[str, str]]:
    """Give what was trained on what, as names and texts, as far as it is known."""
    about, settings, model = contents.about, contents.settings, contents.model
    options = model.get("options", {})
    preprocessing = contents.preprocessing
    encoder = about.get("encoder") or settings.get("encoder")
    blocks = about.get("n_blocks", settings.get("blocks", options.get("n_blocks")))
    trained = (
        None
        if blocks is None
        else "the head alone"
        if blocks == 0
        else "all blocks"
        if blocks == -1
        else f"the head and the top {blocks} blocks"
    )
    log = contents.log
    best = None if log is None else best_epoch(log)
    epochs = None
    if log is not None:
        asked = f" of at most {settings['epochs']}" if settings.get("epochs") else ""
        epochs = f"{int(log['epoch'].max()) + 1}{asked}" + ("" if best is None else f"; kept: epoch {best + 1}")
    images = None
    if preprocessing is not None:
        stretch = preprocessing.images.stretch or "default stretch"
        images = (
            f"{preprocessing.image_size} pixels a side, the central {preprocessing.exact_crop:.0%} of the image; "
            f"{preprocessing.images.channels} channels; {stretch}"
        )
    timing = contents.metrics.get("timing") or {}
    took = None
    if timing.get("total_seconds"):
        took = (
            f"{timing['total_seconds']:.0f} s in all, {timing.get('fit_seconds', 0):.0f} s of them training; "
            f"{timing.get('peak_memory_gb', 0):.1f} GB of memory at most"
        )
    versions = ", ".join(f"{name} {version}" for name, version in (about.get("versions") or {}).items()) or (
        model.get("zoobot_version") and f"zoobot {model['zoobot_version']}"
    )
    rate = settings.get("learning_rate", options.get("learning_rate", DASH))
    pairs = (
        ("Labels", ", ".join(_some(contents.label_cols))),
        ("Catalog", settings.get("catalog") or about.get("catalog")),
        ("Split", _split(contents)),
        ("Encoder", encoder),
        ("Trained", trained and f"{trained}; learning rate {rate}, batches of {settings.get('batch_size', DASH)}"),
        ("Images", images),
        ("Epochs", epochs),
        ("Seed", settings.get("seed", options.get("seed"))),
        ("Command", about.get("command")),
        ("Started", about.get("started")),
        ("Machine", about.get("machine")),
        ("Took", took),
        ("Versions", versions or None),
    )  # fmt: skip
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def _split(contents: RunContents) -> str | None:
    settings = contents.settings
    if not settings:
        return None
    how = "stratified by class" if contents.task == "classify" else "random"
    together = f", rows with the same {settings['group_col']} kept together" if settings.get("group_col") else ""
    if settings.get("test"):
        return f"test galaxies from {settings['test']}; the rest into training and validation, {how}{together}"
    return f"one catalog into training, validation and test parts, {how}{together}"


def counts_table(contents: RunContents) -> Table | None:
    """Give how many galaxies each part has, by class where there are classes; the split of independent labels by label."""
    counts, by_class = contents.counts, contents.class_counts
    parts = [part for part in PARTS if part in counts or part in by_class]
    if not parts:
        return None
    names = list(dict.fromkeys(name for own in by_class.values() for name in own))
    rows = []
    for part in parts:
        total = counts.get(part) or sum(by_class.get(part, {}).values())
        each = [number(by_class[part].get(name, 0)) if part in by_class else DASH for name in names]
        rows.append([PART_NAMES[part], number(total), *each])
    return Table("Galaxies", ["part", "all", *names], rows)


def headlines(contents: RunContents, events: Events | None) -> Table | None:
    """Give the scores of the test part with 95% intervals, and those of the validation part beside them."""
    test, val = contents.scores("test"), contents.scores("val")
    intervals = _intervals(contents, events)
    rows, explained = [], []
    for name in MEANINGS:
        if not any(isinstance(scores.get(name), int | float) for scores in (test, val)):
            continue
        shown = NAMES.get(name, name)
        rows.append([shown, number(test.get(name)), intervals.get(name, DASH), number(val.get(name))])
        explained.append(MEANINGS[name])
        after = [(scores.get("calibrated") or {}).get(name) for scores in (test, val)]
        texts = [number(value) for value in after]
        if texts[0] not in (DASH, number(test.get(name))):  # a calibration that changes nothing needs no row
            chance = _perfect(test["calibrated"].get("ece_perfect")) if name == "ece" else DASH
            rows.append([f"{shown}, calibrated", texts[0], chance, texts[1]])
            explained.append("the same of the calibrated probabilities")
    if not rows:
        return None
    columns = ["", f"test (n={number(test.get('n'))})", "95% interval", f"validation (n={number(val.get('n'))})"]
    if not val:
        columns, rows = columns[:3], [row[:3] for row in rows]
    return Table("", columns, rows, _interval_caption(contents), explained)


def _intervals(contents: RunContents, events: Events | None) -> dict[str, str]:
    """Give the intervals of the test scores as texts."""
    test = contents.scores("test")
    found: dict[str, Interval] = {}
    texts: dict[str, str] = {}
    confusion = test.get("confusion")
    if confusion:
        hits = np.diagonal(confusion).sum()
        found["accuracy"] = share(float(hits), float(np.sum(confusion)))
        found["balanced_accuracy"] = balanced_accuracy_interval(confusion)
    if events is not None and events.names:
        drawn = events.resampled
        found["auroc"], found["average_precision"] = mean_interval(drawn.auroc), mean_interval(drawn.average_precision)
        if len(events.names) == 1 and test.get("auroc") is not None:
            positives = int(events.positive.sum())
            found["auroc"] = auroc_interval(test["auroc"], positives, len(events.positive) - positives)
    outcomes = contents.outcomes("test")
    if isinstance(outcomes, Classes):
        own = np.clip(np.take_along_axis(outcomes.raw, outcomes.truth[:, None], axis=1)[:, 0], 1e-15, None)
        found["log_loss"] = _of_mean(-np.log(own))
        squared = ((outcomes.raw - np.eye(len(outcomes.names))[outcomes.truth]) ** 2).sum(axis=1)
        found["brier"] = _of_mean(squared / (2 if len(outcomes.names) == 2 else 1))
    if isinstance(outcomes, Labels):
        hits_of = ((outcomes.raw >= 0.5) == outcomes.truth).mean(axis=1)
        found["accuracy"] = _of_mean(hits_of)
        found["brier"] = _of_mean(((outcomes.raw - outcomes.truth) ** 2).mean(axis=1))
    if isinstance(outcomes, Numbers) and len(outcomes.names) == 1:
        found |= regression_intervals(outcomes.predicted[:, 0], outcomes.truth[:, 0])
    if isinstance(outcomes, Votes):
        found["skill"], found["loss"] = vote_intervals(outcomes)
    if test.get("ece_perfect"):
        texts["ece"] = _perfect(test["ece_perfect"])
    return {name: between(interval) for name, interval in found.items()} | texts


def vote_intervals(outcomes: Votes) -> tuple[Interval, Interval]:
    """Give bootstrapped 95% intervals of the skill and of the loss of predicted votes, over resamples of the galaxies."""
    return ratio_interval(outcomes.losses), mean_interval(resampled_means(outcomes.losses[:, :1]))


def _perfect(perfect: dict[str, float] | None) -> str:
    if not perfect or perfect.get("q95") is None:
        return DASH
    return f"chance: < {perfect['q95']:.3f}"


def _of_mean(values: NDArray[np.float64]) -> Interval:
    """Give the 95% interval of a mean by the normal approximation."""
    if len(values) < 3:
        return UNKNOWN
    half = Z95 * float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _interval_caption(contents: RunContents) -> str:
    if contents.task == "classify":
        return (
            "Intervals say what other test galaxies like these could have given: accuracy, Wilson (1927); balanced "
            "accuracy, Wilson's intervals of the classes' recalls combined (Zou & Donner 2008); AUROC of two "
            "classes, Newcombe (2006), of more and average precision, bootstrap of the galaxies; log loss and Brier "
            "score, normal. A dash: these galaxies can't tell. The validation part chose the epoch and fitted the "
            "calibration, so that its figures flatter."
        )
    if contents.task == "regress":
        return (
            "Intervals: 2.5th to 97.5th percentile of bootstrap resamples of the test galaxies. The validation part "
            "chose the epoch, so that its figures flatter."
        )
    if contents.task == "multi_label":
        return (
            "Means over labels. Intervals: AUROC and average precision, bootstrap of the galaxies; accuracy and "
            "Brier score, normal."
        )
    if contents.task == "tree":
        return (
            "Intervals: 2.5th to 97.5th percentile of bootstrap resamples of the test galaxies; the constant "
            "prediction has seen the very votes that it is scored on, so that skill is understated where galaxies "
            "are few."
        )
    return ""


def class_table(contents: RunContents, events: Events | None) -> Table | None:
    """Give completeness, purity and F1 of each class in the test part, with Wilson's intervals."""
    confusion = contents.scores("test").get("confusion")
    if not confusion:
        return None
    counts = np.asarray(confusion)
    ece = (contents.scores("test").get("calibrated") or contents.scores("test")).get("ece_by_class") or {}
    rows = []
    for place, name in enumerate(contents.shown_classes):
        hits, true, predicted = counts[place, place], counts[place].sum(), counts[:, place].sum()
        f1 = 2 * hits / (true + predicted) if true + predicted else float("nan")
        area = DASH
        if events is not None and name in events.names:
            area = number(events.curves[events.names.index(name)].areas()[0])
        row = [
            name,
            number(int(true)),
            _with(hits, true),
            number(int(predicted)),
            _with(hits, predicted),
            number(float(f1)),
            area,
        ]
        rows.append([*row, number(ece.get(contents.class_names[place]))] if ece else row)
    columns = ["class", "labelled", "completeness", "predicted", "purity", "F1", "AUROC", *(["ECE"] if ece else [])]
    caption = (
        "Completeness: the share of the labelled that is predicted so. Purity: the share of the predicted that is "
        "labelled so, at this test set's mixture of classes. With Wilson's 95% intervals. F1 is their harmonic mean. "
        "AUROC: the class against the rest."
    )
    return Table("By class", columns, rows, caption)


def label_table(contents: RunContents) -> Table | None:
    """Give the scores of each independent label in the test part."""
    each = contents.scores("test").get("labels")
    if not isinstance(each, dict):
        return None
    names = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss")
    rows = []
    for label, scores in each.items():
        positives = sum(scores["confusion"][1]) if scores.get("confusion") else None
        rows.append([label, number(positives), *(number(scores.get(name)) for name in names)])
    return Table("By label", ["label", "galaxies", *(NAMES.get(name, name) for name in names)], rows)


def target_table(contents: RunContents) -> Table | None:
    """Give the scores of each target in the test part, where there are several."""
    each = contents.scores("test").get("targets")
    outcomes = contents.outcomes("test")
    if not isinstance(each, dict) or len(each) < 2:
        return None
    rows = []
    for place, (target, scores) in enumerate(each.items()):
        intervals: dict[str, Interval] = {}
        if isinstance(outcomes, Numbers):
            intervals = regression_intervals(outcomes.predicted[:, place], outcomes.truth[:, place])
        rows.append(
            [
                target,
                *(
                    f"{number(scores.get(name))} ({between(intervals.get(name, UNKNOWN))})"
                    for name in ("rmse", "mae", "r2")
                ),
            ]
        )
    return Table("By target", ["target", "RMSE", "MAE", "R²"], rows, "With bootstrapped 95% intervals.")


def _with(hits: int, count: int) -> str:
    return f"{hits / count:.2f} ({between_short(share(float(hits), float(count)))})" if count else DASH


def between_short(interval: Interval) -> str:
    """Write an interval with two digits."""
    return f"{interval[0]:.2f}–{interval[1]:.2f}"


def _some(names: Sequence[str], most: int = 8) -> list[str]:
    return list(names) if len(names) <= most else [*names[:most], f"and {len(names) - most} more"]
