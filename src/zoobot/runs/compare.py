"""Which encoder suits a question: learning curves on the same galaxies and folds, and their differences."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.errors import OptionError
from zoobot.files import write_json
from zoobot.finishing import finishing
from zoobot.layout import COMPARISON_FILE, MADE
from zoobot.ranges import bounded
from zoobot.report.curves import comparison_plot
from zoobot.science import LearningCurve, learning_curve
from zoobot.science.learning_curve import HEADS, check_labels, usable_rows
from zoobot.science.metric import METRICS
from zoobot.science.paired import Differences, simultaneous_differences
from zoobot.settings import CompareSettings, CurveTask, ImageSettings, LookSettings, PassSettings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from zoobot.data.tables import CatalogSource

logger = logging.getLogger(__name__)

APART = "not told apart"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Learning curves of several encoders.

    Attributes
    ----------
    label : str
        What was to be learned.
    curves : dict
        A `LearningCurve` for each encoder; all of the same galaxies, folds, subsets and bootstrap samples.
    """

    label: str
    curves: dict[str, LearningCurve]

    @cached_property
    def differences(self) -> dict[str, Differences]:
        """By how much each encoder is better than each other one, for each score and number of labels."""
        found = {}
        for score in self.first.scores:
            sign = METRICS[score].sign
            means = np.stack([curve.scores[score].mean(axis=0) for curve in self.curves.values()])
            draws = np.stack([curve.draws[score] for curve in self.curves.values()])
            own = simultaneous_differences(sign * means, sign * draws)
            unknown = np.full_like(own.value, np.nan)
            found[score] = replace(own, low=unknown, high=unknown) if self.first.few else own
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per encoder, score and number of labels.

        Its columns are ``encoder``, ``score``, ``labels``, ``groups``, ``mean``, ``low``, ``high``, and ``better``,
        ``better_low``, ``better_high``: by how much it is better than the first encoder, with the 95% interval of the
        paired difference, adjusted for the number of encoders; ``verdict`` is "better", "worse" or "not told apart".
        """
        rows = []
        for place, (name, curve) in enumerate(self.curves.items()):
            for score, values in curve.scores.items():
                mean, (low, high), differences = values.mean(axis=0), curve.interval(score), self.differences[score]
                ends = differences.low[0, place], differences.high[0, place]
                rows += [
                    {
                        "encoder": name, "score": score, "labels": int(labels), "groups": int(curve.groups[size]),
                        "mean": mean[size], "low": low[size], "high": high[size],
                        "better": differences.value[0, place, size], "better_low": ends[0][size],
                        "better_high": ends[1][size],
                        "verdict": _verdict(ends[0][size], ends[1][size]) if place else "",
                    }
                    for size, labels in enumerate(curve.sizes)
                ]  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def first(self) -> LearningCurve:
        """The curve of the first encoder, which the others are compared with."""
        return next(iter(self.curves.values()))

    @property
    def best(self) -> str | None:
        """The encoder that is told apart from each other one as the best at the most labels.

        It is judged by the headline, and is None where none is.
        """
        place = self.differences[self.first.headline].best()
        return None if place is None else list(self.curves)[place]

    @property
    def adjusted(self) -> str:
        """What the intervals of differences are adjusted for, in words; empty where there is one difference only."""
        return f"adjusted for comparing {len(self.curves)} encoders" if len(self.curves) > 2 else ""

    def final(self, score: str | None = None) -> pd.DataFrame:
        """Return the rows of the most labels, of one score (default: the headline's)."""
        own = self.table[self.table["score"] == (score or self.first.headline)]
        rows: pd.DataFrame = own[own["labels"] == self.first.sizes[-1]].reset_index(drop=True)
        return rows

    def sentences(self) -> list[str]:
        """Return how good each encoder is at the most labels, and which can be told apart.

        It also says what more labels would do to the highest.
        """
        rows, first = self.final(), self.first
        what = f"{METRICS[first.headline].name} with {first.sizes[-1]} labels"
        base = rows.iloc[0]
        none = f"no interval: {first.few}" if first.few else ""
        interval = none or f"95% interval {base['low']:.3f} to {base['high']:.3f}"
        said = [f"{base['encoder']}: {what} {base['mean']:.3f} ({interval}), for {HEADS[first.task]}."]
        for _, row in rows.iloc[1:].iterrows():
            verdict = f"{APART} from" if row["verdict"] == APART else f"{row['verdict']} than"
            ends = (
                f"95% interval {row['better_low']:+.3f} to "
                f"{row['better_high']:+.3f}{', ' * bool(self.adjusted)}{self.adjusted}"
            )
            difference = f"difference {row['better']:+.3f} ({none or ends})"
            said.append(f"{row['encoder']}: {row['mean']:.3f}, {verdict} {base['encoder']}: {difference}.")
        place = int(rows["mean"].to_numpy().argmax())
        highest = str(rows["encoder"].iloc[place])
        if self.best is None and len(rows) > 1:
            told = self.differences[first.headline].told_apart
            others = [
                str(name) for other, name in enumerate(rows["encoder"]) if other != place and not told(place, other)
            ]
            said.append(
                f"Which is the best can't be told: {highest}, the highest, is not told apart from {', '.join(others)}."
            )
        elif len(rows) > 2:
            said.append(f"{highest} is the best of the {len(rows)} ({self.adjusted}).")
        return [*said, f"With {highest}: {self.curves[highest].sentence()}"]

    def write(self, folder: Path) -> list[Path]:
        """Write ``comparison.csv``, ``comparison.json`` and ``comparison.png`` and return their paths.

        Raises
        ------
        OutputError
            The folder can't be written.
        """
        content = {
            "label": self.label,
            "best": self.best,
            "adjusted": self.adjusted,
            "sentences": self.sentences(),
            "curves": {name: curve.to_dict() for name, curve in self.curves.items()},
        }
        with finishing(folder, "zoobot compare"):
            replace(comparison_plot(self.curves), numbers=self.table).save(folder)
            write_json(folder / COMPARISON_FILE, content)
        return [folder / name for name in MADE["zoobot compare"]]


def compare_features(
    features: Mapping[str, ArrayLike],
    labels: ArrayLike,
    task: CurveTask = "classify",
    *,
    groups: ArrayLike | None = None,
    label: str = "label",
    **options: Any,
) -> Comparison:
    """Compare what several encoders' features say of the same galaxies.

    Parameters
    ----------
    features
        (galaxy, feature) by the encoder's name, rows in the same order. Galaxies with NaN in any of them are left out
        of all.
    labels
        (galaxy,); see `learning_curve`.
    task
        'classify' or 'regress'.
    groups
        (galaxy,) whole numbers: galaxies that depend on one another share one. Default: none do.
    label
        What the labels are of.
    **options
        Of `learning_curve`; the same seed for all.

    Raises
    ------
    OptionError
        No features, or of different numbers of galaxies.
    LabelError
        See `learning_curve`.
    """
    truth = np.asarray(labels, dtype=np.float64)
    arrays = {name: np.asarray(own, dtype=np.float32) for name, own in features.items()}
    if not arrays or any(own.shape[:1] != truth.shape for own in arrays.values()):
        shapes = ", ".join(f"{name} {own.shape}" for name, own in arrays.items())
        msg = (
            f"features ({shapes or 'none'}) and labels {truth.shape} don't agree. Expected (galaxy, feature) of each "
            "encoder."
        )
        raise OptionError(msg)
    known = np.all([usable_rows(own, truth) for own in arrays.values()], axis=0)
    kept = None if groups is None else np.asarray(groups)[known]
    curves = {
        name: learning_curve(
            own[known], truth[known], task, groups=kept, description=f"Learning curve of {name}", **options
        )
        for name, own in arrays.items()
    }
    return Comparison(label, curves)


@bounded()
def compare_encoders(
    catalog: CatalogSource,
    label: str,
    encoders: Sequence[str],
    *,
    say: Callable[[str], object] = lambda _: None,
    n_draws: int = 300,
    **options: Any,
) -> Comparison:
    """Compare encoders by what linear heads on their frozen features learn of a catalog's labels.

    Parameters
    ----------
    catalog
        Anything that `zoobot.read_catalog` takes; rows without a label are left out.
    label
        The column of labels: names or whole numbers for classes, other numbers to be regressed on.
    encoders
        Names or paths that `represent` takes; the first is what the others are compared with.
    say
        Called with a sentence on what is being done.
    n_draws
        See `learning_curve`.
    **options
        Those of `CompareSettings`. Galaxies with the same value of the column ``group_col`` depend on one another
        (copies, one object, one tile), and stay together in folds and subsets.

    Raises
    ------
    CatalogError, LabelError, ImageError, EncoderError
        See `zoobot.errors`.
    OptionError
        No encoder, or one named twice.
    """
    from zoobot.data import Preprocessing
    from zoobot.data.catalog import check_columns, label_columns, read_catalog
    from zoobot.data.images import check_first_images
    from zoobot.data.splits import group_codes, group_notes
    from zoobot.data.unlabelled import leave_out_unlabelled
    from zoobot.predictions import feature_array, represent
    from zoobot.predictions.predicting import encoder_of

    settings = CompareSettings(**options)
    group_col, look = settings.group_col, LookSettings.of(settings)
    if not encoders or len(set(encoders)) < len(encoders):
        msg = f"the encoders to compare are: {', '.join(encoders) or 'none'}. Name one or more, each once."
        raise OptionError(msg)
    frame = read_catalog(catalog)
    label_columns(frame, label)
    check_columns(frame, [] if group_col is None else [group_col], "to group by")
    frame, notes = leave_out_unlabelled(frame, [label])
    for note in notes if group_col is None else notes + group_notes(frame[group_col]):
        say(note)
    groups = None if group_col is None else group_codes(frame[group_col])
    truth, kind, told = read_label(frame, label, settings.task)
    say(f"{len(frame)} labelled galaxies; {label} ({told or 'numbers'}).")
    check_labels(truth, kind, groups)
    sources = {}
    for name in encoders:  # all of them, before the first of the images is read
        encoder, learned = encoder_of(name)
        if settings.image_size is not None or learned is None:
            learned = Preprocessing(image_size=encoder.image_size, images=ImageSettings(channels=encoder.in_chans))
        learned = learned.with_look(look)
        sources[name] = encoder, learned
        encoder.check_size(learned.image_size)
    for images in {own.images for _, own in sources.values()}:
        check_first_images(frame["file_loc"].tolist(), images)
    features: dict[str, NDArray[np.float32]] = {}
    passes = vars(PassSettings.of(settings))
    for name, (encoder, own) in sources.items():
        say(f"Features of {name}.")
        table = represent(frame, encoder, preprocessing=own, checked=bool(features), **passes)
        features[name] = feature_array(table)
    curve = {name: getattr(settings, name) for name in ("n_folds", "n_repeats", "more", "seed")}
    return compare_features(features, truth, kind, groups=groups, label=label, n_draws=n_draws, **curve)


def read_label(
    frame: pd.DataFrame, label: str, task: CurveTask | None = None
) -> tuple[NDArray[np.float64], CurveTask, str]:
    """Return a column's labels as numbers, their task, and the classes with their counts in words.

    The default task is that of `zoobot finetune`.
    """
    from zoobot.data.labels import LabelKind, check_values, infer_kind, read_labels

    kinds: dict[CurveTask, LabelKind] = {"classify": "classes", "regress": "numbers"}
    kind = kinds[task] if task else infer_kind(frame, [label])
    for note in check_values(frame, [label], kind):
        logger.warning(note)
    labels = read_labels(frame, label, kind=kind)
    told = ", ".join(f"{name}: {count}" for name, count in labels.counts().items())
    return labels.values[:, 0], "classify" if kind == "classes" else "regress", told


def _verdict(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else APART
