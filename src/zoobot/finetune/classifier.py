"""FinetuneableZoobotClassifier: which of these classes is it?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, get_args

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from zoobot.data.catalog import check_labels
from zoobot.data.labels import NO_CLASS, places_of
from zoobot.errors import CatalogError, LabelError, OptionError
from zoobot.finetune.base import FinetuneableZoobotAbstract, FinetuneOptions
from zoobot.finetune.losses import cross_entropy_loss
from zoobot.finetune.metrics import Scores, classification_scores
from zoobot.finetune.registry import TASKS
from zoobot.finetune.specs import MOST_OUTPUTS, WORD
from zoobot.finetune.task import refuse_several
from zoobot.ranges import RANGES, bounded, check_range
from zoobot.schema import FLAG, LARGEST, entries, many, maybe, numbers, real, whole
from zoobot.science import (
    ConformalClasses,
    Scaling,
    calibration_scores,
    class_figures,
    fewest_for,
    fit_conformal_classes,
    fit_scaling,
    likely_label_errors,
    scaling_from_dict,
    score_sets,
    set_names,
)
from zoobot.science.label_check import SuspectLabels, judging_figure
from zoobot.science.scaling import evidence_of
from zoobot.settings import CalibrationKind, TableOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from zoobot.data import GalaxyDataModule
    from zoobot.data.labels import LabelKind
    from zoobot.science.figures import Figures
    from zoobot.settings import CurveTask
    from zoobot.trees import Schema

logger = logging.getLogger(__name__)


class FinetuneableZoobotClassifier(FinetuneableZoobotAbstract):
    """Tells exclusive classes apart (softmax). With ``multi_label=True`` it is a `FinetuneableZoobotMultiLabel`.

    Predictions are probabilities. The table of predictions has a column ``<label>_<class>`` for each class and
    ``<label>_predicted`` with the most probable one. Once `calibrate` has seen validation galaxies, it has
    ``<label>_<class>_calibrated`` as well, and ``<label>_set``: the classes joined by "|" that hold the true one at the
    coverage asked for; see `zoobot.science.ConformalClasses`.

    Parameters
    ----------
    num_classes
        How many classes, or how many independent labels.
    label_smoothing
        The share of the probability that is spread evenly over all classes in the loss, at least 0 and below 1.
    class_weights
        A factor on the loss for each class, such as n_galaxies / (n_classes * n_galaxies_of_class) for rare ones.
    multi_label
        Labels are independent 0/1 columns, one per class, not exclusive classes.
    calibration
        What `calibrate` fits: 'temperature', 'vector' or 'isotonic' (see `zoobot.science`); 'auto' is 'temperature', or
        'isotonic' with multi_label, where the others don't apply; 'none' leaves the probabilities alone.
    **options
        See `FinetuneableZoobotAbstract`.

    Raises
    ------
    OptionError
        Fewer classes than two (than one label), another number of class weights than classes, or a calibration that is
        not known or not for independent labels.

    Attributes
    ----------
    scaling : zoobot.science.Scaling or None
        What turns probabilities into calibrated ones, once `calibrate` has fitted it; the identity where nothing was
        gained.
    conformal : list of zoobot.science.ConformalClasses
        What makes sets of classes: one, or with multi_label one per label; empty before `calibrate`.
    """

    kind = "classify"
    takes: ClassVar[LabelKind | None] = "classes"
    by_default = True
    run_options = ("calibration", "label_smoothing", "class_weights")
    saved_options = entries(
        {"num_classes": whole(1, MOST_OUTPUTS)},
        {
            "label_smoothing": real(0, 1),
            "class_weights": maybe(many(real(0, LARGEST), 1, MOST_OUTPUTS)),
            "multi_label": FLAG,
            "calibration": WORD,
        },
    )
    saved_calibration = entries(
        {},
        {"scaling": maybe(numbers(1e6)), "conformal": many(entries({}, {"scores": numbers(1.001)}), 0, MOST_OUTPUTS)},
    )
    explained_score = "the logit"

    multi_label: ClassVar[bool] = False
    calibrations: ClassVar[tuple[str, ...]] = get_args(CalibrationKind)
    class_weights: Tensor | None

    def __new__(cls, *_: Any, multi_label: bool = False, **__: Any) -> Self:
        """Return a `FinetuneableZoobotMultiLabel` with ``multi_label``."""
        return super().__new__(cls.saved_class({"multi_label": multi_label}))

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
        if num_classes < (1 if self.multi_label else 2):
            msg = (
                f"num_classes={num_classes} is too few. Expected at least 2 classes (1 and more with multi_label=True)."
            )
            raise OptionError(msg)
        if self.multi_label and label_smoothing:
            msg = f"label_smoothing={label_smoothing} must be 0 with multi_label=True."
            raise OptionError(msg)
        if class_weights is not None and len(class_weights) != num_classes:
            msg = (
                f"{len(class_weights)} class_weights were given for num_classes={num_classes}. Give one weight per "
                "class."
            )
            raise OptionError(msg)
        for place, weight in enumerate(class_weights or ()):
            check_range(f"class_weights[{place}]", weight, RANGES["class_weight"])
        if calibration not in self.calibrations:
            choices = " or ".join((", ".join(map(repr, self.calibrations[:-1])), repr(self.calibrations[-1])))
            msg = f"calibration={calibration!r} with multi_label={self.multi_label}: expected {choices}."
            raise OptionError(msg)
        self.num_outputs = num_classes
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.calibration: CalibrationKind = calibration
        self.scaling: Scaling | None = None
        self.conformal: list[ConformalClasses] = []
        self._said_few: set[tuple[float, bool]] = set()
        super().__init__(**options)
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)

    @classmethod
    def for_data(cls, datamodule: GalaxyDataModule, tree: Schema | None = None, **options: Any) -> Self:
        """Return an untrained classifier of as many classes as the training galaxies have.

        Raises
        ------
        LabelError
            There is one class only.
        """
        column = datamodule.label_cols[0]
        names = datamodule.class_names[column]
        if len(names) < 2:
            msg = (
                f"all galaxies have the same label {names[0]!r} in column {column!r}. Two classes or more are needed "
                "to learn from."
            )
            raise LabelError(msg)
        return cls(len(names), **options)

    @classmethod
    def saved_class(cls, task_options: Mapping[str, Any]) -> type[Self]:
        """Return the class of a saved model: earlier versions saved independent labels as a classifier.

        Raises
        ------
        OptionError
            ``multi_label`` of a class of one's own.
        """
        if not task_options.get("multi_label") or cls.multi_label:
            return cls
        if cls is not FinetuneableZoobotClassifier:
            msg = (
                f"multi_label=True with {cls.__name__}: make it a subclass of zoobot.FinetuneableZoobotMultiLabel "
                "instead."
            )
            raise OptionError(msg)
        return TASKS["FinetuneableZoobotMultiLabel"]  # type: ignore[return-value]  # a subclass of this one

    def known_classes(self) -> list[str]:
        """Return the classes in order: '0', '1', ... where they have no names."""
        return self._names

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the cross entropy (batch,) of logits (batch, class)."""
        if not self.label_cols:  # a data module that doesn't show its labels beforehand
            _check_batch(labels, self.num_classes)
        return cross_entropy_loss(
            outputs, labels, label_smoothing=self.label_smoothing, class_weights=self.class_weights
        )

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return probabilities (batch, class): each row sums to 1."""
        return outputs.float().softmax(dim=1)

    def prediction_columns(self) -> list[str]:
        """Name a column for each class: ``<label>_<class>``."""
        return [f"{self._label}_{name}" for name in self._names]

    def derived_columns(self) -> list[str]:
        """Name calibrated probabilities, spreads, sets and the most probable class."""
        made = [f"{name}{ending}" for name in self.prediction_columns() for ending in ("_calibrated", "_std")]
        return [*made, f"{self._label}_predicted", f"{self._label}_set"]

    def add_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add ``<label>_predicted``, the most probable class; NaN where there are no probabilities."""
        probabilities = table[self.prediction_columns()].to_numpy(float)
        known = np.isfinite(probabilities).all(axis=1)
        leading = np.asarray(self._names, dtype=object)[np.where(known[:, None], probabilities, 0).argmax(axis=1)]
        leading[~known] = None
        return table.assign(**{f"{self._label}_predicted": leading})

    def scores(self, predictions: Tensor, labels: Tensor) -> Scores:
        """Return the scores of classes and their confusion table.

        The scores are accuracy, balanced accuracy, AUROC, average precision, log loss, and F1 by class.
        """
        return classification_scores(predictions, labels, self._names)

    def to_table(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> pd.DataFrame:
        """Return the columns of a table of predictions, with calibrated probabilities and conformal sets."""
        made, columns = self.derived(values, options), self.prediction_columns()
        calibrated = {
            f"{name}_calibrated": made["calibrated"][:, place]
            for place, name in enumerate(columns)
            if "calibrated" in made
        }
        sets = {
            f"{label}_set": set_names(made["sets"][:, place], names)
            for place, (label, names) in enumerate(self._set_labels())
            if "sets" in made
        }
        return pd.concat([super().to_table(values, options), pd.DataFrame(calibrated | sets)], axis=1)

    def derived(self, values: npt.NDArray[np.floating[Any]], options: TableOptions) -> dict[str, npt.NDArray[Any]]:
        """Return ``calibrated`` probabilities and conformal ``sets``.

        Samples are calibrated one by one, and then averaged.
        """
        samples = values[None] if values.ndim == 2 else values.swapaxes(0, 1)
        made: dict[str, npt.NDArray[Any]] = {}
        if self.scaling is not None:
            made["calibrated"] = np.mean([self.scaling.apply(sample) for sample in samples], axis=0).astype(np.float32)
        if self.conformal:
            self._say_few(options.level, by_class=options.by_class)
            each = self._each_set(samples.mean(axis=0, dtype=np.float64))
            members = [conformal.members(p, options.level, by_class=options.by_class) for _, conformal, p, _ in each]
            made["sets"] = np.stack(members, axis=1)
        return made

    def final_scores(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Scores:
        """Return `scores` with those of calibration.

        Once the model is calibrated, those of calibrated probabilities and conformal sets are added. ``ece``,
        ``brier``, ``ece_perfect`` and ``ece_by_class`` are those of `zoobot.science.calibration_scores`; ``calibrated``
        holds them, and ``log_loss``, of calibrated probabilities; ``calibration`` is that of
        `zoobot.science.scaling.evidence_of`; ``conformal`` is that of `zoobot.science.score_sets` at the coverage 0.9,
        or with multi_label the mean ``coverage`` and ``mean_size``, whether any set is ``informative``, and each
        label's own under ``labels``. ``groups``: see the base class.
        """
        p, truth = predictions.numpy(force=True).astype(np.float64), labels.numpy(force=True)
        scores = self._calibration_scores(p, truth, groups) | self.scores(predictions, labels)
        if self.scaling is not None:
            scores["calibrated"] = self._calibration_scores(self.scaling.apply(p), truth, groups)
            scores["calibration"] = evidence_of(self.scaling, self.prediction_columns())
        if self.conformal:
            level = TableOptions().level
            scores["conformal"] = self._all_sets(
                {
                    label: score_sets(conformal, own, truth[:, place], names, level, groups=groups)
                    for place, (label, conformal, own, names) in enumerate(self._each_set(p))
                }
            )
        return scores

    def figures(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> Figures:
        """Return the figures of `zoobot.science.class_figures`.

        With multi_label, they are those of `zoobot.science.label_figures`. Once calibrated, ``calibrated`` holds the
        log loss, the Brier score and the calibration error of calibrated probabilities.
        """
        p, truth = predictions.numpy(force=True), labels.numpy(force=True)
        found = self._figures(p, truth, groups)
        if self.scaling is not None:
            after = self._figures(self.scaling.apply(p.astype(np.float64)), truth, groups)
            found["calibrated"] = {name: after[name] for name in ("log_loss", "brier", "ece")}
        return found

    def calibrate(self, predictions: Tensor, labels: Tensor, groups: npt.NDArray[np.int64] | None = None) -> None:
        """Fit the calibration on validation galaxies, and keep the scores that conformal sets are made of.

        Sets are made of the probabilities as they are: their promise holds exactly then, which it doesn't once the same
        galaxies have shaped the probabilities.
        """
        p, truth = predictions.numpy(force=True).astype(np.float64), labels.numpy(force=True).reshape(len(labels), -1)
        if self.calibration != "none":
            self.scaling = self._fit_scaling(p, truth, groups)
        self.conformal = [
            fit_conformal_classes(own, truth[:, place], groups=groups)
            for place, own in enumerate(self._set_probabilities(p))
        ]

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
        """Refuse labels that the model can't be trained on.

        Such are labels that are not classes 0 to num_classes - 1, training labels of one class only, and the wrong
        number of columns.
        """
        if len(label_cols) != 1:
            msg = (
                f"{len(label_cols)} label columns ({', '.join(label_cols)}) were given, where 1 is expected. "
                "Name one column of classes, or set multi_label=True for independent 0/1 columns."
            )
            raise LabelError(msg)
        remedy = f"Set num_classes={int(labels.max()) + 1}, or correct the labels." if labels.size else ""
        self._check_codes(frame, label_cols[0], labels[:, 0], self.num_classes - 1, remedy)

    def learn_from(self, datamodule: Any) -> None:
        """Take label names and preprocessing from a `GalaxyDataModule`.

        Whole numbers other than 0 to num_classes - 1 become named classes.

        Raises
        ------
        LabelError, EncoderError
            Labels or images that don't fit this model.
        """
        if self.takes == "classes" and len(datamodule.label_cols) == 1 and not datamodule.class_names:
            codes = np.concatenate(list(datamodule.labels.values()))
            if not ((codes >= 0) & (codes < self.num_classes) & (codes == np.floor(codes))).all():
                datamodule.read_labels_as("classes")
        super().learn_from(datamodule)

    def prepare(self, labels: npt.NDArray[np.float32]) -> None:
        """Refuse training labels that are all of one class, and say which classes have no training galaxy."""
        self._refuse_one_class(labels)
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

    def suspect_labels(
        self,
        table: pd.DataFrame,
        values: npt.NDArray[np.float64],
        *,
        groups: npt.NDArray[Any] | None = None,
        folds: bool = False,
    ) -> SuspectLabels:
        """Return likely label errors: see `zoobot.science.likely_label_errors`.

        Raises
        ------
        CatalogError
            A label that is none of the classes.
        """
        labels = places_of(table[f"true_{self._label}"], self._names)
        if (labels == NO_CLASS).any():
            given = table.loc[labels == NO_CLASS, f"true_{self._label}"].iloc[0]
            msg = (
                f"the true label '{given}' is not among the classes {', '.join(self._names)}: the predictions are of "
                "another run."
            )
            raise CatalogError(msg)
        found = likely_label_errors(table, values, labels, self._names, label=self._label)
        return SuspectLabels(found, {self._label: judging_figure(values, labels, groups=groups, folds=folds)})

    def curve_task(self) -> CurveTask:
        """Return 'classify' of one label column; several have no curve."""
        refuse_several(self.label_cols)
        return "classify"

    def to_explain(self, outputs: Tensor) -> Tensor:
        """Return the logits (galaxy, class)."""
        return outputs

    def explained_scores(self, outputs: Tensor) -> Tensor:
        """Return the logit (galaxy, class) of the probability of each class against all others."""
        outputs = outputs.float()
        others = [outputs.roll(-1 - place, dims=1)[:, :-1].logsumexp(dim=1) for place in range(outputs.shape[1])]
        return outputs - torch.stack(others, dim=1)

    def explained_by_default(self) -> int | None:
        """Return None: each galaxy's most probable class is explained."""
        return None

    # What independent labels do otherwise.

    def _figures(
        self, p: npt.NDArray[Any], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Figures:
        return class_figures(p, truth[:, 0], groups, names=self.class_names)

    def _calibration_scores(
        self, p: npt.NDArray[np.float64], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Scores:
        return calibration_scores(p, truth.reshape(-1), self._names, groups=groups)

    def _fit_scaling(
        self, p: npt.NDArray[np.float64], truth: npt.NDArray[np.float32], groups: npt.NDArray[np.int64] | None
    ) -> Scaling:
        kind = "temperature" if self.calibration == "auto" else self.calibration
        assert kind != "none"  # asked by the caller
        return fit_scaling(p, truth[:, 0], kind, groups=groups)

    def _set_probabilities(self, p: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
        """Return the probabilities (galaxy, class) of each label that there are sets of."""
        return [p]

    def _set_labels(self) -> list[tuple[str, Sequence[str]]]:
        """Return each label that there are sets of, and its classes."""
        return [(self._label, self._names)]

    def _all_sets(self, each: dict[str, Scores]) -> Scores:
        """Return the scores of sets, from those of each label."""
        return each[self._label]

    # What all classifiers share.

    def _each_set(
        self, p: npt.NDArray[np.float64]
    ) -> list[tuple[str, ConformalClasses, npt.NDArray[np.float64], Sequence[str]]]:
        """Return what there are sets of.

        It is the label, what makes them, probabilities (galaxy, class), and the names of the classes.
        """
        each = zip(self._set_labels(), self.conformal, self._set_probabilities(p), strict=True)
        return [(label, conformal, own, names) for (label, names), conformal, own in each]

    def _check_codes(
        self, frame: pd.DataFrame, column: str, values: npt.NDArray[np.floating[Any]], most: int, remedy: str
    ) -> None:
        """Refuse labels that are not whole numbers from 0 to ``most``."""
        check_labels(frame, column, values < 0, "a negative class", f"Classes are counted from 0 to {most}.")
        whole_only = "Classes are whole numbers; for measurements use a regressor."
        check_labels(frame, column, values != np.floor(values), "a fractional class", whole_only)
        check_labels(frame, column, values > most, f"a class above {most} (num_classes={self.num_classes})", remedy)

    def _refuse_one_class(self, labels: npt.NDArray[np.float32]) -> None:
        for place, column in enumerate(self.label_cols):
            values = np.unique(labels[:, place])
            if len(values) == 1:
                msg = (
                    f"all {len(labels)} training galaxies have the same label {values[0]:g} in column {column!r}. "
                    "Two classes or more are needed to learn from."
                )
                raise LabelError(msg)

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
                    "too few validation galaxies%s for sets of %s that cover %g (at least %d are needed): every set "
                    "has %s.",
                    which, label, level, fewest_for(level), "these classes in it" if by_class else "all classes",
                )  # fmt: skip

    @property
    def _label(self) -> str:
        return self.label_cols[0] if self.label_cols else "class"

    @property
    def _names(self) -> list[str]:
        return self.class_names or [str(place) for place in range(self.num_classes)]


def _check_batch(labels: Tensor, num_classes: int) -> None:
    """Refuse labels that are not classes."""
    if not bool(((labels >= 0) & (labels < num_classes) & (labels == labels.floor())).all()):
        msg = (
            f"a batch has labels {sorted(set(labels.flatten().tolist()))[:10]}. Expected whole numbers from 0 to "
            f"{num_classes - 1}."
        )
        raise LabelError(msg)
