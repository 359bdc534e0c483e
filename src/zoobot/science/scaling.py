"""Scalings: what turns predicted class probabilities into calibrated ones, and can be kept with a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from zoobot.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

SMALLEST = 1e-12
"""Probabilities are kept this far from 0 and 1 before their logarithm"""

GAIN = ("gain", "gain_low", "gain_high", "n")

Evidence = Literal["none", "fitted", "shown"]
"""Nothing is changed; something is, and galaxies left out of the fit can't tell that it helps; they show that it does
"""


def evidence(*, changes: bool, gain_low: float) -> Evidence:
    """Say what speaks for a correction: 'shown' where the 95% interval of its cross-validated gain lies above 0."""
    return "none" if not changes else "shown" if gain_low > 0 else "fitted"


def strongest(each: Iterable[Evidence]) -> Evidence:
    """Return the strongest evidence of several; 'none' of none."""
    found = set(each)
    return "shown" if "shown" in found else "fitted" if "fitted" in found else "none"


class Scaling(Protocol):
    """What turns probabilities (galaxy, class) into calibrated ones."""

    kind: ClassVar[str]

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""

    @property
    def evidence(self) -> Evidence:
        """What speaks for it; of several curves, the best that speaks for any."""

    def apply(self, probabilities: ArrayLike) -> Values:
        """Return calibrated probabilities of the same shape; NaN stays NaN."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; `scaling_from_dict` takes it back."""


@dataclass(frozen=True)
class TemperatureScaling:
    r"""Class probabilities :math:`p_k` become :math:`p_k^{1/T} / \sum_j p_j^{1/T}`.

    See Guo et al. (2017, ICML, arXiv:1706.04599). The same as dividing the logits by :math:`T`: above 1 it takes
    confidence away, below 1 it adds some; the order of the classes stays.

    Attributes
    ----------
    temperature : float
        1 leaves everything as it is.
    gain, gain_low, gain_high : float
        By how much it lowers the log loss (nats per galaxy) of validation galaxies that it was not fitted to,
        cross-validated, and the 95% interval of that; 0 where nothing is changed.
    n : int
        Validation galaxies; 0 where that is not known, or they were too few to fit to.
    """

    kind: ClassVar[str] = "temperature"
    temperature: float = 1.0
    gain: float = 0.0
    gain_low: float = 0.0
    gain_high: float = 0.0
    n: int = 0

    @property
    def changes(self) -> bool:
        """Whether the temperature differs from 1."""
        return self.temperature != 1

    @property
    def evidence(self) -> Evidence:
        """What speaks for it."""
        return evidence(changes=self.changes, gain_low=self.gain_low)

    def apply(self, probabilities: ArrayLike) -> Values:
        """Return calibrated probabilities (galaxy, class): rows sum to 1, rows with NaN are NaN."""
        p = np.asarray(probabilities, dtype=np.float64)
        return softmax(logs_of(p) / self.temperature) if self.changes else p

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class VectorScaling:
    r"""Class probabilities become :math:`p_k^{w_k} e^{b_k} / \sum_j p_j^{w_j} e^{b_j}`.

    There is a weight and an offset for each class (Guo et al. 2017). It acts on log probabilities, where Guo et al.
    take logits, which a softmax knows only up to a constant. Offsets can mend what a temperature can't: classes that
    are all in all predicted too often, as after training with balanced classes.

    Attributes
    ----------
    weights, offsets : tuple of float
        One per class; 1 and 0 leave it as it is. Offsets sum to 0.
    gain, gain_low, gain_high, n
        See `TemperatureScaling`.
    """

    kind: ClassVar[str] = "vector"
    weights: tuple[float, ...]
    offsets: tuple[float, ...]
    gain: float = 0.0
    gain_low: float = 0.0
    gain_high: float = 0.0
    n: int = 0

    @property
    def changes(self) -> bool:
        """Whether any class is changed."""
        return any(weight != 1 for weight in self.weights) or any(offset != 0 for offset in self.offsets)

    @property
    def evidence(self) -> Evidence:
        """What speaks for it."""
        return evidence(changes=self.changes, gain_low=self.gain_low)

    def apply(self, probabilities: ArrayLike) -> Values:
        """Return calibrated probabilities (galaxy, class): rows sum to 1, rows with NaN are NaN."""
        p = np.asarray(probabilities, dtype=np.float64)
        return softmax(logs_of(p) * np.asarray(self.weights) + np.asarray(self.offsets)) if self.changes else p

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Curve:
    r"""A rising curve from predicted to calibrated probability, of one label.

    Attributes
    ----------
    x, y : tuple of float
        Knots, straight between them and level beyond (isotonic regression); where there are none, the curve is
        :math:`\sigma(w \,\mathrm{logit}\, p + b)` (Platt 1999).
    weight, offset : float
        :math:`w` and :math:`b`; 1 and 0 leave everything as it is.
    gain, gain_low, gain_high, n
        See `TemperatureScaling`.
    share : float
        Of the knots, where there are any; the rest is :math:`\sigma(w \,\mathrm{logit}\, p + b)`.
    """

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    weight: float = 1.0
    offset: float = 0.0
    gain: float = 0.0
    gain_low: float = 0.0
    gain_high: float = 0.0
    n: int = 0
    share: float = 1.0

    @property
    def changes(self) -> bool:
        """Whether it is anything but the diagonal."""
        return bool(self.x) or self.weight != 1 or self.offset != 0

    @property
    def evidence(self) -> Evidence:
        """What speaks for it."""
        return evidence(changes=self.changes, gain_low=self.gain_low)

    def apply(self, p: Values) -> Values:
        """Return calibrated probabilities (galaxy,)."""
        scaled = sigmoid(self.weight * logit(p) + self.offset) if self.weight != 1 or self.offset != 0 else p
        if not self.x:
            return scaled
        stepped = np.where(np.isnan(p), np.nan, np.interp(p, self.x, self.y))
        return np.asarray((1 - self.share) * scaled + self.share * stepped, dtype=np.float64)


@dataclass(frozen=True)
class IsotonicScaling:
    """Each label's probability goes through a rising curve of its own (Zadrozny & Elkan 2002, KDD).

    Attributes
    ----------
    curves : tuple of Curve
        One per label, or a class.
    exclusive : bool
        Rows are divided by their sum afterwards, for classes of which just one is true.
    """

    kind: ClassVar[str] = "isotonic"
    curves: tuple[Curve, ...]
    exclusive: bool = False

    @property
    def changes(self) -> bool:
        """Whether any label is changed."""
        return any(curve.changes for curve in self.curves)

    @property
    def evidence(self) -> Evidence:
        """What speaks for it: the best that speaks for any curve."""
        return strongest(curve.evidence for curve in self.curves)

    def apply(self, probabilities: ArrayLike) -> Values:
        """Return calibrated probabilities (galaxy, label); NaN stays NaN."""
        p = np.asarray(probabilities, dtype=np.float64)
        if not self.changes:
            return p
        found = np.stack([curve.apply(p[:, place]) for place, curve in enumerate(self.curves)], axis=1)
        return found / found.sum(axis=1, keepdims=True) if self.exclusive else found

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}


def scaling_from_dict(content: Mapping[str, Any]) -> Scaling:
    """Take back what a scaling's ``to_dict`` gave.

    Raises
    ------
    OptionError
        A kind that is not known.
    """
    gain = {name: content[name] for name in GAIN if name in content}  # earlier versions kept no interval
    if content["kind"] == "temperature":
        return TemperatureScaling(float(content["temperature"]), **gain)
    if content["kind"] == "vector":
        return VectorScaling(tuple(content["weights"]), tuple(content["offsets"]), **gain)
    if content["kind"] == "isotonic":
        curves = tuple(Curve(**curve | {name: tuple(curve[name]) for name in "xy"}) for curve in content["curves"])
        return IsotonicScaling(curves, bool(content["exclusive"]))
    msg = (
        f"a calibration of the kind {content['kind']!r}: expected temperature, vector or isotonic. A newer version "
        "wrote it."
    )
    raise OptionError(msg)


def evidence_of(scaling: Scaling, names: Sequence[str]) -> dict[str, Any]:
    """Return what speaks for a calibration, as ``metrics.json`` holds it.

    Parameters
    ----------
    scaling
        The calibration.
    names
        Of the labels or classes (one for each curve, where it has curves).

    Returns
    -------
    ``kind`` and ``evidence`` (see `evidence`); with them the ``gain``, ``gain_low``, ``gain_high`` and ``n`` that
    `TemperatureScaling` explains, or, where each label or class has its own curve, all of these under ``labels``.
    """
    about: dict[str, Any] = {"kind": scaling.kind, "evidence": scaling.evidence}
    if isinstance(scaling, IsotonicScaling):
        each = zip(names, scaling.curves, strict=True)
        return about | {"labels": {name: {"evidence": curve.evidence} | _gain(curve) for name, curve in each}}
    return about | _gain(scaling)


def _gain(scaling: Scaling | Curve) -> dict[str, Any]:
    return {name: getattr(scaling, name) for name in GAIN}


def logs_of(p: Values) -> Values:
    """Logarithm of probabilities, kept from 0."""
    return np.asarray(np.log(np.clip(p, SMALLEST, 1)), dtype=np.float64)


def logit(p: Values) -> Values:
    """Logarithm of p / (1 - p), kept from 0 and 1."""
    inside = np.clip(p, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def sigmoid(scores: Values) -> Values:
    """Return 1 / (1 + exp(-scores))."""
    from scipy.special import expit

    return np.asarray(expit(scores), dtype=np.float64)


def softmax(scores: Values) -> Values:
    """Return exp(scores), divided by the sum of each row."""
    from scipy.special import softmax as of_rows

    return np.asarray(of_rows(scores, axis=1), dtype=np.float64)
