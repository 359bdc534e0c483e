"""Which encoder suits a question: learning curves on the same galaxies and folds, and their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.errors import OptionError
from zoobot.files import write_json
from zoobot.report.curves import comparison_plot
from zoobot.science import LearningCurve, learning_curve
from zoobot.science.learning_curve import NAMES, CurveTask, usable_rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from zoobot.data.tables import CatalogSource

COMPARISON_FILE = "comparison"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Learning curves of several encoders.

    Attributes
    ----------
    label : str
        What was to be learned.
    curves : dict
        A `LearningCurve` an encoder; all of the same galaxies, folds, subsets and bootstrap samples.
    table : DataFrame
        One row an encoder, score and number of labels: ``encoder``, ``score``, ``labels``, ``mean``, ``low``, ``high``, and ``better``,
        ``better_low``, ``better_high``: by how much it is better than the first encoder, with the 95% interval of the paired difference.
    """

    label: str
    curves: dict[str, LearningCurve]
    table: pd.DataFrame

    def final(self, score: str | None = None) -> pd.DataFrame:
        """Give the rows of the most labels, of one score (default: the headline's)."""
        first = next(iter(self.curves.values()))
        own = self.table[self.table["score"] == (score or first.headline)]
        rows: pd.DataFrame = own[own["labels"] == first.sizes[-1]].reset_index(drop=True)
        return rows

    def sentences(self) -> list[str]:
        """Say which encoder is best at the most labels, how sure that is, and what more labels would do to it."""
        rows = self.final()
        first = next(iter(self.curves.values()))
        what = f"{NAMES[first.headline]} with {first.sizes[-1]} labels"
        base = rows.iloc[0]
        said = [f"{base['encoder']}: {what} {base['mean']:.3f} ({base['low']:.3f} to {base['high']:.3f})."]
        for _, row in rows.iloc[1:].iterrows():
            if row["better_low"] <= 0 <= row["better_high"]:
                verdict = "which is not told apart from it"
            else:
                verdict = f"{'better' if row['better'] > 0 else 'worse'} than it"
            said.append(
                f"{row['encoder']}: {row['mean']:.3f}, {verdict}: difference {row['better']:+.3f} "
                f"({row['better_low']:+.3f} to {row['better_high']:+.3f})."
            )
        best = str(rows["encoder"].iloc[int(rows["mean"].to_numpy().argmax())])
        return [*said, f"With {best}: {self.curves[best].sentence()}"]

    def write(self, folder: Path) -> list[Path]:
        """Write ``comparison.csv``, ``comparison.json`` and ``comparison.png`` and give their paths.

        Raises
        ------
        OutputError
            The folder can't be written.
        """
        replace(comparison_plot(self.curves), name=COMPARISON_FILE, numbers=self.table).save(folder)
        content = {
            "label": self.label,
            "sentences": self.sentences(),
            "curves": {name: curve.to_dict() for name, curve in self.curves.items()},
        }
        write_json(folder / f"{COMPARISON_FILE}.json", content)
        return [folder / f"{COMPARISON_FILE}.{ending}" for ending in ("csv", "json", "png")]


def compare_features(
    features: Mapping[str, ArrayLike],
    labels: ArrayLike,
    task: CurveTask = "classify",
    *,
    label: str = "label",
    **options: Any,
) -> Comparison:
    """Compare what several encoders' features say of the same galaxies.

    Parameters
    ----------
    features
        (galaxy, feature) by the encoder's name, rows in the same order. Galaxies with NaN in any of them are left out of all.
    labels
        (galaxy,); see `learning_curve`.
    task
        'classify' or 'regress'.
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
        msg = f"features ({shapes or 'none'}) and labels {truth.shape} don't agree. Expected (galaxy, feature) of each encoder."
        raise OptionError(msg)
    known = np.all([usable_rows(own, truth) for own in arrays.values()], axis=0)
    curves = {
        name: learning_curve(own[known], truth[known], task, description=f"Learning curve of {name}", **options)
        for name, own in arrays.items()
    }
    return Comparison(label, curves, _table(curves))


def compare_encoders(
    catalog: CatalogSource,
    label: str,
    encoders: Sequence[str],
    *,
    task: CurveTask | None = None,
    image_size: int | None = None,
    num_workers: int | None = None,
    say: Callable[[str], object] = lambda _: None,
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
    task
        Default: found from the labels, as `zoobot finetune` does.
    image_size
        Pixels a side that the encoders see. Default: each encoder's own.
    num_workers
        Processes that decode images.
    say
        Called with a sentence on what is being done.
    **options
        Of `learning_curve`.

    Raises
    ------
    CatalogError, LabelError, ImageError, EncoderError
        See `zoobot.errors`.
    OptionError
        No encoder, or one named twice.
    """
    from zoobot.data import Preprocessing
    from zoobot.data.catalog import label_columns, read_catalog
    from zoobot.predictions import feature_array, represent

    if not encoders or len(set(encoders)) < len(encoders):
        msg = f"the encoders to compare are: {', '.join(encoders) or 'none'}. Name one or more, each once."
        raise OptionError(msg)
    frame = read_catalog(catalog)
    label_columns(frame, label)
    frame = frame[frame[label].notna()].reset_index(drop=True)
    truth, found, told = read_label(frame, label)
    kind: CurveTask = task or found
    say(f"{len(frame)} labelled galaxies; {label} ({told if kind == 'classify' else 'numbers'}).")
    features = {}
    for name in encoders:
        say(f"Features of {name}.")
        settings = None if image_size is None else Preprocessing(image_size=image_size)
        table = represent(frame, name, preprocessing=settings, num_workers=num_workers)
        features[name] = feature_array(table)
    return compare_features(features, truth, kind, label=label, **options)


def read_label(frame: pd.DataFrame, label: str) -> tuple[NDArray[np.float32], CurveTask, str]:
    """Give a column's labels as numbers, the task that they ask for, and the classes with their counts in words.

    Names, and at most 50 whole numbers from 0, are classes, as for `zoobot finetune`.
    """
    from zoobot.data.catalog import encode_labels, find_class_names
    from zoobot.data.datamodule import MOST_CLASSES

    names = find_class_names(frame, [label])
    truth = encode_labels(frame, [label], names)[:, 0]
    values, counts = np.unique(truth, return_counts=True)
    whole = bool((values == np.floor(values)).all() and (values >= 0).all() and len(values) <= MOST_CLASSES)
    shown = list(names[label]) if label in names else [f"{value:g}" for value in values]
    told = ", ".join(f"{name}: {count}" for name, count in zip(shown, counts, strict=True)) if whole else ""
    return truth, "classify" if whole else "regress", told


def _table(curves: Mapping[str, LearningCurve]) -> pd.DataFrame:
    first = next(iter(curves.values()))
    rows = []
    for name, curve in curves.items():
        for score, values in curve.scores.items():
            sign = -1 if score == "rmse" else 1
            mean, (low, high) = values.mean(axis=0), curve.interval(score)
            better = sign * (mean - first.scores[score].mean(axis=0))
            drawn = sign * (curve.draws[score] - first.draws[score])
            better_low, better_high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
            rows += [
                {
                    "encoder": name, "score": score, "labels": int(size), "mean": mean[place], "low": low[place], "high": high[place],
                    "better": better[place], "better_low": better_low[place], "better_high": better_high[place],
                }
                for place, size in enumerate(curve.sizes)
            ]  # fmt: skip
    return pd.DataFrame(rows)
