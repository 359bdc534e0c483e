"""Galaxies that belong together, such as rotated copies of one object.

Sums go over groups, and so many groups count as independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Groups:
    """Which galaxies belong together.

    Attributes
    ----------
    codes : ndarray
        (galaxy,) number of each galaxy's group, 0 to ``count - 1``.
    count : int
        Groups.
    """

    codes: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, groups: ArrayLike | None, n: int) -> Groups:
        """Return the groups of n galaxies from any whole numbers (galaxy,); None: each galaxy stands alone.

        Raises
        ------
        OptionError
            Another number of groups than galaxies.
        """
        if groups is None:
            return cls(np.arange(n), n)
        given = np.asarray(groups)
        if given.shape != (n,):
            msg = f"groups of shape {given.shape} for {n} galaxies: expected one number per galaxy."
            raise OptionError(msg)
        names, codes = np.unique(given, return_inverse=True)
        return cls(codes.astype(np.int64), len(names))

    @property
    def alone(self) -> bool:
        """Whether each galaxy stands alone."""
        return self.count == len(self.codes)

    def only(self, rows: NDArray[np.bool_]) -> Groups:
        """Return the groups of some of the galaxies, as a mask (galaxy,)."""
        names, codes = np.unique(self.codes[rows], return_inverse=True)
        return Groups(codes.astype(np.int64), len(names))

    def dealt(self, n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the fold of each galaxy (galaxy,), whole groups dealt out in a random order."""
        return np.asarray((rng.permutation(self.count) % n_folds)[self.codes])

    def sums(self, values: Values) -> Values:
        """Return the sums (group,) or (group, column) of values (galaxy,) or (galaxy, column)."""
        if values.ndim == 1:
            return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)
        return np.stack([self.sums(column) for column in values.T], axis=1)

    @property
    def effective(self) -> float:
        r"""The number of equally large groups that tell as much: :math:`(\sum n_g)^2 / \sum n_g^2` (Kish 1965)."""
        sizes = np.bincount(self.codes, minlength=self.count).astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(self.codes) else 0.0

    @property
    def degrees(self) -> float:
        """Degrees of freedom of a variance between the groups."""
        return max(self.effective - 1, 1.0)

    def variance(self, influence: Values) -> float:
        r"""Return the variance of a figure from each galaxy's influence (galaxy,).

        It is :math:`\frac{G}{G - 1} \sum_g u_g^2`, where :math:`u_g` is the sum over a group. NaN of one group.
        """
        if self.count < 2:
            return float("nan")
        return float((self.sums(influence) ** 2).sum() * self.count / (self.count - 1))

    def named(self) -> str:
        """Return "12 galaxies", or "12 groups of galaxies"."""
        noun = "galax" + ("y" if self.count == 1 else "ies")
        return (
            f"{self.count} {noun}" if self.alone else f"{self.count} group{'' if self.count == 1 else 's'} of galaxies"
        )
