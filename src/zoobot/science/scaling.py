"""Scalings: what turns predicted class probabilities into calibrated ones, and can be kept with a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from zoobot.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

SMALLEST = 1e-12
"""Probabilities are kept this far from 0 and 1 before their logarithm"""


class Scaling(Protocol):
    """What turns probabilities (galaxy, class) into calibrated ones."""

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""

    def apply(self, probabilities: ArrayLike) -> Values:
        """Give calibrated probabilities of the same shape; NaN stays NaN."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it; `scaling_from_dict` takes it back."""


@dataclass(frozen=True)
class TemperatureScaling:
    r"""Class probabilities :math:`p_k` become :math:`p_k^{1/T} / \sum_j p_j^{1/T}` (Guo et al. 2017, ICML, arXiv:1706.04599).

    The same as dividing the logits by :math:`T`: above 1 it takes confidence away, below 1 it adds some; the order of the classes stays.

    Attributes
    ----------
    temperature : float
        1 leaves everything as it is.
    gain : float
        By how much it lowered the log loss (nats a galaxy) of validation galaxies that it was not fitted to; 0 where it was left off.
    """

    kind: ClassVar[str] = "temperature"
    temperature: float = 1.0
    gain: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether the temperature differs from 1."""
        return self.temperature != 1

    def apply(self, probabilities: ArrayLike) -> Values:
        """Give calibrated probabilities (galaxy, class): rows sum to 1, rows with NaN are NaN."""
        p = np.asarray(probabilities, dtype=np.float64)
        return softmax(logs_of(p) / self.temperature) if self.changes else p

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class VectorScaling:
    r"""Class probabilities become :math:`p_k^{w_k} e^{b_k} / \sum_j p_j^{w_j} e^{b_j}`: a weight and an offset a class (Guo et al. 2017).

    It acts on log probabilities, where Guo et al. take logits, which a softmax knows only up to a constant. Offsets can mend what
    a temperature can't: classes that are all in all predicted too often, as after training with balanced classes.

    Attributes
    ----------
    weights, offsets : tuple of float
        One a class; 1 and 0 leave it as it is. Offsets sum to 0.
    gain : float
        See `TemperatureScaling`.
    """

    kind: ClassVar[str] = "vector"
    weights: tuple[float, ...]
    offsets: tuple[float, ...]
    gain: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether any class is changed."""
        return any(weight != 1 for weight in self.weights) or any(offset != 0 for offset in self.offsets)

    def apply(self, probabilities: ArrayLike) -> Values:
        """Give calibrated probabilities (galaxy, class): rows sum to 1, rows with NaN are NaN."""
        p = np.asarray(probabilities, dtype=np.float64)
        return softmax(logs_of(p) * np.asarray(self.weights) + np.asarray(self.offsets)) if self.changes else p

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
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
    gain : float
        See `TemperatureScaling`.
    """

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    weight: float = 1.0
    offset: float = 0.0
    gain: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether it is anything but the diagonal."""
        return bool(self.x) or self.weight != 1 or self.offset != 0

    def apply(self, p: Values) -> Values:
        """Give calibrated probabilities (galaxy,)."""
        if self.x:
            return np.asarray(np.where(np.isnan(p), np.nan, np.interp(p, self.x, self.y)), dtype=np.float64)
        return sigmoid(self.weight * logit(p) + self.offset) if self.changes else p


@dataclass(frozen=True)
class IsotonicScaling:
    """Each label's probability goes through a rising curve of its own (Zadrozny & Elkan 2002, KDD).

    Attributes
    ----------
    curves : tuple of Curve
        One a label, or a class.
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

    def apply(self, probabilities: ArrayLike) -> Values:
        """Give calibrated probabilities (galaxy, label); NaN stays NaN."""
        p = np.asarray(probabilities, dtype=np.float64)
        if not self.changes:
            return p
        found = np.stack([curve.apply(p[:, place]) for place, curve in enumerate(self.curves)], axis=1)
        return found / found.sum(axis=1, keepdims=True) if self.exclusive else found

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}


def scaling_from_dict(content: Mapping[str, Any]) -> Scaling:
    """Take back what a scaling's ``to_dict`` gave.

    Raises
    ------
    OptionError
        A kind that is not known.
    """
    if content["kind"] == "temperature":
        return TemperatureScaling(float(content["temperature"]), float(content["gain"]))
    if content["kind"] == "vector":
        return VectorScaling(tuple(content["weights"]), tuple(content["offsets"]), float(content["gain"]))
    if content["kind"] == "isotonic":
        curves = tuple(Curve(**curve | {name: tuple(curve[name]) for name in "xy"}) for curve in content["curves"])
        return IsotonicScaling(curves, bool(content["exclusive"]))
    msg = f"a calibration of the kind {content['kind']!r}: expected temperature, vector or isotonic. A newer version wrote it."
    raise OptionError(msg)


def logs_of(p: Values) -> Values:
    """Logarithm of probabilities, kept from 0."""
    return np.asarray(np.log(np.clip(p, SMALLEST, 1)), dtype=np.float64)


def logit(p: Values) -> Values:
    """Logarithm of p / (1 - p), kept from 0 and 1."""
    inside = np.clip(p, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def sigmoid(scores: Values) -> Values:
    """Give 1 / (1 + exp(-scores))."""
    from scipy.special import expit

    return np.asarray(expit(scores), dtype=np.float64)


def softmax(scores: Values) -> Values:
    """Give exp(scores), divided by the sum of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)
