"""Is the target survey like the training set?

A two-sample classifier on features says so, and how many galaxies lie far from any trained on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from zoobot.errors import CatalogError
from zoobot.files import json_ready
from zoobot.ranges import bounded
from zoobot.science.chance import holm
from zoobot.science.figure import SIGNIFICANCE
from zoobot.science.groups import Groups
from zoobot.science.isolation import FAR_QUANTILE, far_share
from zoobot.science.ranking_intervals import auroc_interval
from zoobot.science.reference import Reference

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int64]
    Values = npt.NDArray[np.float64]

TELLABLE = 0.8
"""A two-sample AUROC from which on is warned, where chance doesn't explain it; docs/checks.md says what real pairs of
surveys have
"""

FAR_SHARE = 0.05
"""A share of far galaxies whose interval lies above this is warned of, where chance doesn't explain it"""

MOST_COMPARED = 2000
"""Galaxies of the target that are looked at"""

FEWEST = 10
"""Galaxies, or independent groups of them, of each kind below which nothing is said"""

COMPONENTS = 50
"""Principal components that the classifier sees, at most"""

FOLDS = 5

CROSSED = 1 + FOLDS / (FOLDS - 1)
"""By how much cross-validation widens the variance of a score: 1 + K n_test / n_train (Nadeau & Bengio 2003, Mach.
Learn. 52, 239)
"""


@dataclass(frozen=True)
class Shift:
    """How the target's galaxies differ from those of training.

    The figures are NaN where ``reason`` says why nothing was compared.
    """

    auroc: float
    """Of a classifier that tells target from training galaxies: 0.5 if they are indistinguishable, 1 if they separate
    perfectly
    """
    auroc_low: float
    auroc_high: float
    """Its 95% interval"""
    far_fraction: float
    """Share of target galaxies that are far: see `far_means`"""
    far_low: float
    far_high: float
    """Its 95% interval"""
    n_reference: int
    n_target: int
    n_reference_groups: int = 0
    n_target_groups: int = 0
    """Independent groups among them: as many where each galaxy stands alone"""
    far_expected: float = float("nan")
    """Share of far galaxies that are expected, at most, among galaxies of the same population"""
    far_rank: int = 0
    """k: a galaxy is far that is beyond the k-th largest distance of a training galaxy to its nearest other one"""
    far_p: float = float("nan")
    """Probability of at least as many far galaxies among galaxies of the same population"""
    auroc_p: float = float("nan")
    """Probability of at least that AUROC for galaxies of the same population"""
    compared_with: Literal["training", "validation"] = "training"
    """Whose features the target's were compared with: 'validation' where the encoder was finetuned on the training
    galaxies
    """
    reason: str = ""
    """Why nothing was compared; empty where it was"""

    @property
    def far_means(self) -> str:
        """What a far galaxy is, to go after 'a galaxy that is'."""
        share = "any" if self.far_rank <= 1 else f"{FAR_QUANTILE:.0%} of the"
        own = "is from its" if share == "any" else "are from their"
        galaxy = f"{self.compared_with} {'galaxy' if share == 'any' else 'galaxies'}"
        return f"farther from its nearest {self.compared_with} galaxy than {share} {galaxy} {own} nearest other one"

    @property
    def told_apart(self) -> bool:
        """Whether a classifier tells target from known galaxies, better than chance and than `TELLABLE`."""
        return self.auroc >= TELLABLE and self.auroc_p <= SIGNIFICANCE

    @property
    def is_far(self) -> bool:
        """Whether more target galaxies are far than chance explains, and than `FAR_SHARE`."""
        return self.far_low > FAR_SHARE and self.far_p <= SIGNIFICANCE

    @property
    def warning(self) -> str | None:
        """What to tell the astronomer, or None where the target looks like the training set, or was not compared."""
        return self.sentence("These galaxies")

    def sentence(self, galaxies: str) -> str | None:
        """Return the warning of galaxies that are called so, or None where there is none."""
        reasons = []
        if self.told_apart:
            reasons.append(
                f"a simple classifier tells them from the {self.compared_with} galaxies (AUROC {self.auroc:.2f}; 0.5 "
                "means alike)"
            )
        if self.is_far:
            reasons.append(
                f"{self.far_fraction:.0%} of them are unlike any {self.compared_with} galaxy (at most "
                f"{self.far_expected:.1%} expected)"
            )
        if not reasons:
            return None
        return (
            f"{galaxies} differ from those that the model learned from: {', and '.join(reasons)}. Scores and a "
            "calibration that were measured on other galaxies need not hold for them."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures and the warning, as JSON can hold them."""
        found = asdict(self) | {name: getattr(self, name) for name in ("far_means", "told_apart", "is_far", "warning")}
        content: dict[str, Any] = json_ready(found)
        return content


@bounded()
def measure_shift(
    reference: Reference,
    features: npt.NDArray[np.floating],
    *,
    groups: Codes | None = None,
    finetuned: bool = False,
    seed: int = 0,
) -> Shift:
    """Compare features of target galaxies with those of training galaxies; takes a second or two.

    - AUROC: a logistic classifier (regularized, classes weighted equally, on at most 50 principal components of the
      standardized features) is trained to tell the two sets apart, five-fold cross-validated with whole groups in each
      fold. Lopez-Paz & Oquab 2017 call it the classifier two-sample test. The interval is that of `auroc_interval`, its
      variance times 2.25 for the cross-validation (Nadeau & Bengio 2003). p is that of the Mann-Whitney test, its
      variance times the same.
    - Far galaxies: see `far_share`.

    A large AUROC alone means that the sets differ somehow, in their mix of classes for instance; it is the far galaxies
    of which the model knows nothing.

    Parameters
    ----------
    reference
        Of the training galaxies.
    features
        (galaxy, feature) of the target, by the same encoder; rows with NaN are left out, and 2,000 drawn where there
        are more.
    groups
        (galaxy,) the number of each target galaxy's group; None where each stands alone.
    finetuned
        The encoder was finetuned on the training galaxies. Their features are then fitted to them, as no other galaxy's
        are, and the target is compared with the reference's held-out galaxies.
    seed
        Of the draw and of the folds.

    Returns
    -------
    Shift
        With a reason in place of figures where either set has fewer than 10 galaxies or independent groups, or the
        encoder was finetuned and the reference holds no others.

    Raises
    ------
    CatalogError
        Another number of features than the reference has.
    """
    if features.ndim != 2 or features.shape[1] != reference.features.shape[1]:
        msg = (
            f"features have the shape {features.shape}, but the training galaxies have {reference.features.shape[1]} "
            "each: use the encoder that the model was trained with."
        )
        raise CatalogError(msg)
    rows = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(rows) > MOST_COMPARED:
        rows = np.random.default_rng(seed).choice(rows, MOST_COMPARED, replace=False)
    target = features[rows].astype(np.float32)
    theirs = Groups.of(None if groups is None else groups[rows], len(target))
    held_out = reference.held_out if finetuned else None
    known = (reference.features if held_out is None else held_out).astype(np.float32)
    own = Groups.of(reference.groups if held_out is None else reference.held_out_groups, len(known))
    fitted = finetuned and held_out is None
    nan = float("nan")
    nothing = Shift(
        nan, nan, nan, nan, nan, nan, len(known), len(target), own.count, theirs.count,
        compared_with="training" if held_out is None else "validation",
    )  # fmt: skip
    reason = _reason(own, theirs, nothing.compared_with, fitted=fitted)
    if reason:
        return replace(nothing, reason=reason)
    scores, is_target, together = _separate(known, target, own, theirs, seed)
    area, low, high = auroc_interval(scores, is_target, groups=together, inflation=CROSSED)
    far = far_share(known, target, own, theirs)
    return replace(
        nothing, auroc=area, auroc_low=low, auroc_high=high, auroc_p=_area_p(area, own, theirs),
        far_fraction=far.value, far_low=far.low, far_high=far.high, far_expected=far.expected, far_rank=far.rank,
        far_p=far.p_value,
    )  # fmt: skip


@bounded()
def shift_by(
    reference: Reference,
    features: npt.NDArray[np.floating],
    column: pd.Series[Any],
    *,
    bins: int = 4,
    groups: Codes | None = None,
    finetuned: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the shift of each kind of target galaxies.

    Kinds are surveys or bands, or bins of magnitude with equal numbers.

    Parameters
    ----------
    reference, features, groups, finetuned, seed
        As for `measure_shift`.
    column
        (galaxy,) names, or numbers of more than ``2 bins`` values, which are put into ``bins`` bins at their quantiles.
    bins
        How many.

    Returns
    -------
    DataFrame
        ``group`` (the name or bin) and the figures of `Shift`, one row for each; galaxies without a value are left out.
        The p-values are Holm's (1979), for so many comparisons at once.
    """
    values = column.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 2 * bins:
        values = pd.qcut(values, bins, duplicates="drop")
    names = sorted(values.dropna().unique())
    found = []
    for name in names:
        here = np.flatnonzero((values == name).to_numpy(bool, na_value=False))
        own = None if groups is None else groups[here]
        found.append(measure_shift(reference, features[here], groups=own, finetuned=finetuned, seed=seed))
    far_p, auroc_p = (holm([getattr(one, name) for one in found]) for name in ("far_p", "auroc_p"))
    adjusted = [
        replace(one, far_p=float(far), auroc_p=float(area))
        for one, far, area in zip(found, far_p, auroc_p, strict=True)
    ]
    return pd.DataFrame([{"group": str(name)} | one.to_dict() for name, one in zip(names, adjusted, strict=True)])


def _reason(own: Groups, theirs: Groups, compared_with: str, *, fitted: bool) -> str:
    """Return why nothing can be compared, or an empty text where it can."""
    if fitted:
        return (
            "the encoder was finetuned on the training galaxies, so that their features differ from those of any "
            "other galaxy, and the model holds no features of held-out galaxies to compare with"
        )
    for groups, what in ((own, f"{compared_with} galaxies"), (theirs, "new galaxies")):
        if groups.effective < FEWEST - 1e-9:
            grouped = "" if groups.alone else f" in {groups.count} groups"
            return (
                f"{len(groups.codes)} {what}{grouped} are too few: at least {FEWEST}, independent of one another, are "
                "needed"
            )
    return ""


def _area_p(area: float, own: Groups, theirs: Groups) -> float:
    """Return the one-sided p of the Mann-Whitney test of a cross-validated AUROC.

    It takes the effective numbers of galaxies.
    """
    from scipy.stats import norm

    m, n = own.effective, theirs.effective
    return float(norm.sf((area - 0.5) / np.sqrt(CROSSED * (m + n + 1) / (12 * m * n))))


def _separate(
    reference: npt.NDArray[np.float32], target: npt.NDArray[np.float32], own: Groups, theirs: Groups, seed: int
) -> tuple[Values, npt.NDArray[np.bool_], Codes]:
    """Return, out of fold, how sure a classifier is that a galaxy is of the target.

    Also returned are whether it is, and its group, (galaxy,) each.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    groups = np.concatenate([own.codes, theirs.codes + own.count])
    folds = np.concatenate([side.dealt(FOLDS, rng) for side in (own, theirs)])
    is_target = np.arange(len(groups)) >= len(reference)
    both = StandardScaler().fit_transform(np.concatenate([reference, target]))
    most = min(COMPONENTS, (own.count + theirs.count) // 5, both.shape[1])
    seen = PCA(most, random_state=seed).fit_transform(both)
    scores = np.empty(len(groups))
    for fold in range(FOLDS):
        out = folds == fold
        classifier = LogisticRegression(C=0.01, class_weight="balanced", solver="newton-cholesky")
        scores[out] = classifier.fit(seen[~out], is_target[~out]).decision_function(seen[out])
    return scores, is_target, groups
