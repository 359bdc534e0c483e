"""FinetuneableZoobotClassifier: is it ringed, and which of these classes is it?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zoobot.data.catalog import check_labels
from zoobot.errors import LabelError, OptionError
from zoobot.finetune.base import FinetuneableZoobotAbstract, FinetuneOptions, TableOptions
from zoobot.finetune.losses import cross_entropy_loss, multi_label_loss
from zoobot.finetune.metrics import Scores, classification_scores, multi_label_scores
from zoobot.ranges import RANGES, bounded, check_range
from zoobot.science import (
    ConformalClasses,
    Scaling,
    ScalingKind,
    calibration_scores,
    class_figures,
    fewest_for,
    fit_conformal_classes,
    fit_scaling,
    label_figures,
    multi_label_calibration_scores,
    scaling_from_dict,
    score_sets,
    set_names,
)
from zoobot.science.scaling import evidence_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from zoobot.data.labels import LabelKind
    from zoobot.science.figures import Figures

logger = logging.getLogger(__name__)

CalibrationKind = Literal["auto", "temperature", "vector", "isotonic", "none"]

ABSENT_PRESENT = ("0", "1")
"""The classes of an independent label"""


class FinetuneableZoobotClassifier(FinetuneableZoobotAbstract):
    """Tells classes apart: exclusive ones (softmax), or several independent labels (sigmoid).

    Predictions are probabilities. The table of predictions has a column ``<label>_<class>`` for each class and ``<label>_predicted`` with
    the most probable one; with ``multi_label``, a column ``<label>`` with the probability of each label. Once `calibrate` has seen
    validation galaxies, it has ``<label>_<class>_calibrated`` (``<label>_calibrated``) as well, and ``<label>_set``: the classes joined by
    "|" (of independent labels 0, 1 or both) that hold the true one at the coverage asked for; see `zoobot.science.ConformalClasses`.

    Parameters
    ----------
    num_classes
        How many classes, or how many independent labels.
    label_smoothing
        The share of the probability that is spread evenly over all classes in the loss, at least 0 and below 1.
    class_weights
        A factor on the loss for each class, such as n_galaxies / (n_classes * n_galaxies_of_class) for rare ones.
    multi_label
        Labels are independent 0/1 columns, one a class, not exclusive classes.
    calibration
        What `calibrate` fits: 'temperature', 'vector' or 'isotonic' (see `zoobot.science`); 'auto' is 'temperature', or 'isotonic' with
        multi_label, where the others don't apply; 'none' leaves the probabilities alone.
    **options
        See `FinetuneableZoobotAbstract`.

    Raises
    ------
    OptionError
        Fewer classes than two (than one label), another number of class weights than classes, or a calibration that is not known or not
        for independent labels.

    Attributes
    ----------
    scaling : zoobot.science.Scaling or None
        What turns probabilities into calibrated ones, once `calibrate` has fitted it; the identity where nothing was gained.
    conformal : list of zoobot.science.ConformalClasses
        What makes sets of classes: one, or with multi_label one a label; empty before `calibrate`.
    """

    class_weights: Tensor | None

    @bounded()
    def __init__(
        self,
        num_classes: int,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        multi_label: bool = False,
        calibration: CalibrationKind = "auto",
        **options: Unpack[FinetuneOptions],
    ) -> None:
        if num_classes < (1 if multi_label else 2):
            msg = (
                f"num_classes={num_classes} is too few. Expected at least 2 classes (1 and more with multi_label=True)."
            )
            raise OptionError(msg)
        if multi_label and label_smoothing:
            msg = f"label_smoothing={label_smoothing} must be 0 with multi_label=True."
            raise OptionError(msg)
        if class_weights is not None and len(class_weights) != num_classes:
            msg = f"{len(class_weights)} class_weights were given for num_classes={num_classes}. Give one a class."
            raise OptionError(msg)
        for place, weight in enumerate(class_weights or ()):
            check_range(f"class_weights[{place}]", weight, RANGES["class_weight"])
        if calibration not in (get_args(CalibrationKind) if not multi_label else ("auto", "isotonic", "none")):
            choices = "'auto', 'isotonic' or 'none'" + ("" if multi_label else ", 'temperature' or 'vector'")
            msg = f"calibration={calibration!r} with multi_label={multi_label}: expected {choices}."
            raise OptionError(msg)
        self.num_outputs = num_classes
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label
        self.takes_class_names = not multi_label
        self.calibration: CalibrationKind = calibration
        self.scaling: Scaling | None = None
        self.conformal: list[ConformalClasses] = []
        self._said_few: set[tuple[float, bool]] = set()
        super().__init__(**options)
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)

    @property
    def label_kind(self) -> LabelKind:
        """Classes, or with multi_label flags."""
        return "flags" if self.multi_label else "classes"

    def known_classes(self) -> list[str]:
        """Return the classes in order, '0', '1', ... where they have no names; none with multi_label."""
        return [] if self.multi_label else self._names

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the cross entropy (batch,) of logits (batch, class)."""
        if self.multi_label:
            return multi_label_loss(outputs, labels, class_weights=self.class_weights)
        if not self.label_cols:  # a data module that doesn't show its labels beforehand
            _check_batch(labels, self.num_classes)
        return cross_entropy_loss(
            outputs, labels, label_smoothing=self.label_smoothing, class_weights=self.class_weights
        )

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return probabilities (batch, class): each row sums to 1, except with multi_label."""
        return outputs.float().sigmoid() if self.multi_label else outputs.float().softmax(dim=1)

    def prediction_columns(self) -> list[str]:
        """Name a column for each class: ``<label>_<class>``, or the label itself with multi_label."""
        if self.multi_label:
            return self.label_cols or [f"label_{place}" for place in range(self.num_classes)]
        return [f"{self._label}_{name}" for name in self._names]

    def derived_columns(self) -> list[str]:
        """Name calibrated probabilities, spreads, sets and the most probable class."""
        made = [f"{name}{ending}" for name in self.prediction_columns() for ending in ("_calibrated", "_std")]
        if self.multi_label:
            return made + [f"{name}_set" for name in self.prediction_columns()]
        return [*made, f"{self._label}_predicted", f"{self._label}_set"]

    def add_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add ``<label>_predicted``, the most probable class; NaN where there are no probabilities."""
        if self.multi_label:
            return table
        probabilities = table[self.prediction_columns()].to_numpy(float)
        known = np.isfinite(probabilities).all(axis=1)
        leading = np.asarray(self._names, dtype=object)[np.where(known[:, None], probabilities, 0).argmax(axis=1)]
        leading[~known] = None
        return table.assign(**{f"{self._label}_predicted": leading})

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return accuracy, balanced accuracy, AUROC, average precision, log loss, F1 by class and the confusion table."""
        if self.multi_label:
            return multi_label_scores(predictions, labels, self.prediction_columns())
        return classification_scores(predictions, labels, self._names)

    def to_table(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> pd.DataFrame:
        """Return the columns of a table of predictions; samples are calibrated one by one, and then averaged."""
        table = super().to_table(values, options)
        samples = values[None] if values.ndim == 2 else values.swapaxes(0, 1)
        columns: dict[str, npt.NDArray[Any]] = {}
        if self.scaling is not None:
            calibrated = np.mean([self.scaling.apply(sample) for sample in samples], axis=0).astype(np.float32)
            columns |= {
                f"{name}_calibrated": column
                for name, column in zip(self.prediction_columns(), calibrated.T, strict=True)
            }
        if self.conformal:
            self._say_few(options.level, by_class=options.by_class)
            probabilities = samples.mean(axis=0, dtype=np.float64)
            columns |= {
                f"{label}_set": set_names(conformal.members(p, options.level, by_class=options.by_class), names)
                for label, conformal, p, names in self._each_set(probabilities)
            }
        return pd.concat([table, pd.DataFrame(columns)], axis=1)

    def final_scores(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Scores:
        """Return `scores` with those of calibration and, once calibrated, of calibrated probabilities and conformal sets.

        ``ece``, ``brier``, ``ece_perfect`` and ``ece_by_class`` are those of `zoobot.science.calibration_scores`; ``calibrated`` holds
        them, and ``log_loss``, of calibrated probabilities; ``calibration`` is that of `zoobot.science.scaling.evidence_of`;
        ``conformal`` is that of `zoobot.science.score_sets` at the coverage 0.9, or with multi_label the mean ``coverage`` and
        ``mean_size``, whether any set is ``informative``, and each label's own under ``labels``. ``groups``: see the base class.
        """
        p, truth = predictions.numpy(force=True).astype(np.float64), labels.numpy(force=True)
        scores = self._calibration_scores(p, truth, groups) | self.scores(predictions, labels)
        if self.scaling is not None:
            scores["calibrated"] = self._calibration_scores(self.scaling.apply(p), truth, groups)
            scores["calibration"] = evidence_of(self.scaling, self.prediction_columns())
        if self.conformal:
            level = TableOptions().level
            each = {
                label: score_sets(conformal, own, truth[:, place], names, level, groups=groups)
                for place, (label, conformal, own, names) in enumerate(self._each_set(p))
            }
            means = {name: float(np.mean([one[name] for one in each.values()])) for name in ("coverage", "mean_size")}
            told = any(one["informative"] for one in each.values())
            scores["conformal"] = (
                {"level": level, **means, "informative": told, "labels": each}
                if self.multi_label
                else each[self._label]
            )
        return scores

    def figures(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Figures:
        """Return the figures of `zoobot.science.class_figures`, or with multi_label those of `zoobot.science.label_figures`.

        Once calibrated, ``calibrated`` holds the log loss, the Brier score and the calibration error of calibrated probabilities.
        """
        p, truth = predictions.numpy(force=True), labels.numpy(force=True)
        found = self._figures(p, truth, groups)
        if self.scaling is not None:
            after = self._figures(self.scaling.apply(p.astype(np.float64)), truth, groups)
            found["calibrated"] = {name: after[name] for name in ("log_loss", "brier", "ece")}
        return found

    def _figures(
        self, p: npt.NDArray[Any], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Figures:
        if self.multi_label:
            return label_figures(p, truth, groups, names=self.prediction_columns())
        return class_figures(p, truth[:, 0], groups, names=self.class_names)

    def calibrate(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> None:
        """Fit the calibration on validation galaxies, and keep the scores that conformal sets are made of.

        Sets are made of the probabilities as they are: their promise holds exactly then, which it doesn't once the same galaxies have
        shaped the probabilities.
        """
        p, truth = predictions.numpy(force=True).astype(np.float64), labels.numpy(force=True).reshape(len(labels), -1)
        if self.calibration != "none":
            automatic: ScalingKind = "isotonic" if self.multi_label else "temperature"
            kind = automatic if self.calibration == "auto" else self.calibration
            self.scaling = fit_scaling(
                p, truth if self.multi_label else truth[:, 0], kind, multi_label=self.multi_label, groups=groups
            )
        own = [_absent_present(column) for column in p.T] if self.multi_label else [p]
        self.conformal = [fit_conformal_classes(each, truth[:, place], groups=groups) for place, each in enumerate(own)]

    def calibration_dict(self) -> dict[str, Any] | None:
        """Return the calibration and what makes conformal sets as JSON can hold them."""
        if not self.conformal:
            return None
        return {
            "scaling": None if self.scaling is None else self.scaling.to_dict(),
            "conformal": [conformal.to_dict() for conformal in self.conformal],
        }

    def restore_calibration(self, content: Mapping[str, Any]) -> None:
        """Take back what `calibration_dict` gave."""
        self.scaling = None if content["scaling"] is None else scaling_from_dict(content["scaling"])
        self.conformal = [ConformalClasses.from_dict(each) for each in content["conformal"]]

    def check_labels(
        self, frame: pd.DataFrame, labels: npt.NDArray[np.floating[Any]], label_cols: Sequence[str]
    ) -> None:
        """Refuse labels that are not classes 0 to num_classes - 1, training labels of one class only, or the wrong number of columns."""
        columns = self.num_classes if self.multi_label else 1
        if len(label_cols) != columns:
            msg = (
                f"{len(label_cols)} label columns ({', '.join(label_cols)}) were given, where {columns} "
                f"{'is' if columns == 1 else 'are'} expected. "
                + ("num_classes must equal the number of label columns with multi_label=True." if self.multi_label
                   else "Name one column of classes, or set multi_label=True for independent 0/1 columns.")
            )  # fmt: skip
            raise LabelError(msg)
        most = 1 if self.multi_label else self.num_classes - 1
        for place, column in enumerate(label_cols):
            values = labels[:, place]
            check_labels(frame, column, values < 0, "a negative class", f"Classes are counted from 0 to {most}.")
            check_labels(
                frame,
                column,
                values != np.floor(values),
                "a fractional class",
                "Classes are whole numbers; for measurements use a regressor.",
            )
            remedy = (
                "Independent labels are 0 or 1."
                if self.multi_label
                else f"Set num_classes={int(values.max()) + 1}, or correct the labels."
            )
            check_labels(frame, column, values > most, f"a class above {most} (num_classes={self.num_classes})", remedy)

    def learn_from(self, datamodule: Any) -> None:
        """Take label names and preprocessing from a `GalaxyDataModule`; whole numbers other than 0 to num_classes - 1 become named classes.

        Raises
        ------
        LabelError, EncoderError
            Labels or images that don't fit this model.
        """
        if not (self.multi_label or datamodule.class_names or len(datamodule.label_cols) != 1):
            codes = np.concatenate(list(datamodule.labels.values()))
            if not ((codes >= 0) & (codes < self.num_classes) & (codes == np.floor(codes))).all():
                datamodule.read_labels_as("classes")
        super().learn_from(datamodule)

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Refuse training labels that are all of one class, and say which classes have no training galaxy."""
        for place, column in enumerate(self.label_cols):
            values = np.unique(labels[:, place])
            if len(values) == 1:
                msg = (
                    f"all {len(labels)} training galaxies have the same label {values[0]:g} in column {column!r}. "
                    "Two classes or more are needed to learn from."
                )
                raise LabelError(msg)
        if not self.multi_label:
            if self.class_names and len(self.class_names) < self.num_classes:
                self.class_names += [str(place) for place in range(len(self.class_names), self.num_classes)]
            absent = np.setdiff1d(np.arange(self.num_classes), labels[:, 0])
            if len(absent):
                names = ", ".join(self._names[place] for place in absent)
                logger.warning("num_classes=%d, but no training galaxy is of class %s.", self.num_classes, names)

    def task_options(self) -> dict[str, Any]:
        """Return num_classes, label_smoothing, class_weights, multi_label and calibration."""
        return {
            "num_classes": self.num_classes,
            "label_smoothing": self.label_smoothing,
            "class_weights": None if self.class_weights is None else self.class_weights.tolist(),
            "multi_label": self.multi_label,
            "calibration": self.calibration,
        }

    def _calibration_scores(
        self, p: npt.NDArray[np.float64], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Scores:
        if self.multi_label:
            return multi_label_calibration_scores(p, truth, self.prediction_columns(), groups=groups)
        return calibration_scores(p, truth.reshape(-1), self._names, groups=groups)

    def _each_set(
        self, p: npt.NDArray[np.float64]
    ) -> list[tuple[str, ConformalClasses, npt.NDArray[np.float64], Sequence[str]]]:
        """Return what there are sets of: the label, what makes them, probabilities (galaxy, class), and the names of the classes."""
        if not self.multi_label:
            return [(self._label, self.conformal[0], p, self._names)]
        labels = zip(self.prediction_columns(), self.conformal, p.T, strict=True)
        return [(label, conformal, _absent_present(column), ABSENT_PRESENT) for label, conformal, column in labels]

    def _say_few(self, level: float, *, by_class: bool) -> None:
        """Warn, once, where there were too few validation galaxies for a coverage."""
        if (level, by_class) in self._said_few:
            return
        self._said_few.add((level, by_class))
        nothing = np.zeros((0, self.num_classes))
        for label, conformal, _, names in self._each_set(nothing):
            unbounded = np.isinf(conformal.thresholds(level, by_class=by_class))
            if unbounded.any():
                which = f" of {', '.join(np.asarray(names)[unbounded])}" if by_class else ""
                logger.warning(
                    "too few validation galaxies%s for sets of %s that cover %g (at least %d are needed): every set has %s.",
                    which, label, level, fewest_for(level), "these classes in it" if by_class else "all classes",
                )  # fmt: skip

    @property
    def _label(self) -> str:
        return self.label_cols[0] if self.label_cols else "class"

    @property
    def _names(self) -> list[str]:
        return self.class_names or [str(place) for place in range(self.num_classes)]


def _absent_present(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return probabilities (galaxy, 2) of an independent label's absence and presence."""
    return np.stack([1 - p, p], axis=1)


def _check_batch(labels: Tensor, num_classes: int) -> None:
    """Refuse labels that are not classes."""
    if not bool(((labels >= 0) & (labels < num_classes) & (labels == labels.floor())).all()):
        msg = f"a batch has labels {sorted(set(labels.flatten().tolist()))[:10]}. Expected whole numbers from 0 to {num_classes - 1}."
        raise LabelError(msg)
