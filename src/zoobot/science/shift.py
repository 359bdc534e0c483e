"""Is the target survey like the training set? A two-sample classifier on features, and how many galaxies lie far from any trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.errors import CatalogError
from zoobot.science.conformal import exact_binomial_interval
from zoobot.science.reference import Reference, distances

if TYPE_CHECKING:
    import numpy.typing as npt

TELLABLE = 0.8
"""A two-sample AUROC whose interval lies above this is warned of; docs/checks.md says what real pairs of surveys have"""

FAR_SHARE = 0.05
"""A share of far galaxies whose interval lies above this is warned of; 1% are expected"""

MOST_COMPARED = 2000
"""Galaxies of the target that are looked at"""

FEWEST = 10
"""Galaxies of each kind below which nothing is said"""

COMPONENTS = 50
"""Principal components that the classifier sees, at most"""

FOLDS = 5


@dataclass(frozen=True)
class Shift:
    """How the target's galaxies differ from those of training."""

    auroc: float
    """Of a classifier that tells target from training galaxies: 0.5 where they look alike, 1 where each gives itself away"""
    auroc_low: float
    auroc_high: float
    """Its 95% interval"""
    far_fraction: float
    """Share of target galaxies farther from every training galaxy than 99% of those are from one another"""
    far_low: float
    far_high: float
    """Its 95% interval"""
    n_reference: int
    n_target: int

    @property
    def warning(self) -> str | None:
        """What to tell the astronomer, or None where the target looks like the training set."""
        if max(self.n_reference, self.n_target) and min(self.n_reference, self.n_target) < FEWEST:
            return None
        reasons = []
        if self.auroc_low > TELLABLE:
            reasons.append(
                f"a simple classifier tells them from the training galaxies (AUROC {self.auroc:.2f}; 0.5 means alike)"
            )
        if self.far_low > FAR_SHARE:
            reasons.append(f"{self.far_fraction:.0%} of them are unlike any training galaxy (1% expected)")
        if not reasons:
            return None
        return (
            f"These galaxies differ from those that the model learned from: {', and '.join(reasons)}. Scores and calibration of "
            "the test part need not hold for them; label some of them and evaluate."
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the figures and the warning, as JSON can hold them."""
        found = asdict(self) | {"warning": self.warning}
        return {name: None if isinstance(one, float) and not np.isfinite(one) else one for name, one in found.items()}


def measure_shift(reference: Reference, features: npt.NDArray[np.floating], *, seed: int = 0) -> Shift:
    """Compare features of target galaxies with those of training galaxies; takes a second or two.

    - AUROC: a logistic classifier (regularized, classes weighted equally, on at most 50 principal components of the standardized
      features) is trained to tell the two sets apart, five-fold cross-validated; the interval is DeLong's (`auroc_interval`).
      Lopez-Paz & Oquab 2017 call it the classifier two-sample test.
    - Far galaxies: those whose distance to the nearest training galaxy exceeds the 99th percentile of the training galaxies' own
      distances to their nearest other (chord of normalized features); the interval is Clopper & Pearson's.

    A large AUROC alone means that the sets differ somehow, in their mix of classes for instance; it is the far galaxies of which
    the model knows nothing.

    Parameters
    ----------
    reference
        Of the training galaxies.
    features
        (galaxy, feature) of the target, by the same encoder; rows with NaN are left out, and 2,000 drawn where there are more.
    seed
        Of the draw and of the folds.

    Returns
    -------
    Shift
        NaN where either set has fewer than 10 galaxies.

    Raises
    ------
    CatalogError
        Another number of features than the reference has.
    """
    if features.ndim != 2 or features.shape[1] != reference.features.shape[1]:
        msg = (
            f"features have the shape {features.shape}, but the training galaxies have {reference.features.shape[1]} each: "
            "use the encoder that the model was trained with."
        )
        raise CatalogError(msg)
    target = features[np.isfinite(features).all(axis=1)]
    if len(target) > MOST_COMPARED:
        target = target[np.random.default_rng(seed).choice(len(target), MOST_COMPARED, replace=False)]
    counts = {"n_reference": len(reference.features), "n_target": len(target)}
    if min(counts.values()) < FEWEST:
        nan = float("nan")
        return Shift(nan, nan, nan, nan, nan, nan, **counts)
    known = reference.features.astype(np.float32)
    far = distances(target, known).min(axis=1) > reference.far
    return Shift(
        *auroc_interval(*_separate(known, target.astype(np.float32), seed)),
        float(far.mean()),
        *exact_binomial_interval(int(far.sum()), len(far), 0.95),
        **counts,
    )


def shift_by(
    reference: Reference, features: npt.NDArray[np.floating], column: pd.Series[Any], *, bins: int = 4, seed: int = 0
) -> pd.DataFrame:
    """Give the shift of each group of target galaxies: of each survey or band, or in bins of magnitude with equal numbers.

    Parameters
    ----------
    reference, features, seed
        As for `measure_shift`.
    column
        (galaxy,) names, or numbers of more than ``2 bins`` values, which are put into ``bins`` bins at their quantiles.
    bins
        How many.

    Returns
    -------
    DataFrame
        ``group`` and the figures of `Shift`, a row a group; galaxies without a value are left out.
    """
    values = column.reset_index(drop=True)
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > 2 * bins:
        values = pd.qcut(values, bins, duplicates="drop")
    rows = []
    for group in sorted(values.dropna().unique()):
        here = np.flatnonzero((values == group).to_numpy(bool, na_value=False))
        rows.append({"group": str(group)} | measure_shift(reference, features[here], seed=seed).to_dict())
    return pd.DataFrame(rows)


def auroc_interval(
    scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_], level: float = 0.95
) -> tuple[float, float, float]:
    """Give the AUROC of scores and its interval (DeLong, DeLong & Clarke-Pearson 1988), on the logit scale so that it stays in [0, 1].

    With ``m`` positives and ``n`` negatives, ``V_i`` the share of negatives that positive i is above (ties count half) and ``W_j`` the
    share of positives that negative j is below, the variance is ``var(V)/m + var(W)/n``. Where the classes are apart without exception,
    this is 0, and the lower end is that of `Clopper & Pearson` for ``min(m, n)`` of as many.

    Parameters
    ----------
    scores, positive
        (galaxy,); both kinds must be there.
    level
        Of the interval.
    """
    from scipy.special import expit, logit
    from scipy.stats import norm, rankdata

    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    above = (ranks[positive] - rankdata(scores[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / m
    area = float(above.mean())
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    if variance == 0 or area in (0.0, 1.0):
        edge = (1 - level) / 2
        widest = float(edge ** (1 / min(m, n)))
        return area, widest if area > 0.5 else 0.0, 1.0 if area > 0.5 else 1 - widest
    half = norm.ppf(0.5 + level / 2) * np.sqrt(variance) / (area * (1 - area))
    return area, float(expit(logit(area) - half)), float(expit(logit(area) + half))


def _separate(
    reference: npt.NDArray[np.float32], target: npt.NDArray[np.float32], seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Give, out of fold, how sure a classifier is that a galaxy is of the target, and whether it is."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    both = np.concatenate([reference, target])
    is_target = np.arange(len(both)) >= len(reference)
    most = min(COMPONENTS, len(both) // 5, both.shape[1])
    classifier = make_pipeline(
        StandardScaler(),
        PCA(most, random_state=seed),
        LogisticRegression(C=0.01, class_weight="balanced", max_iter=500),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = cross_val_predict(classifier, both, is_target, cv=folds, method="decision_function")
    return found.astype(np.float64), is_target
