"""What was selected, and what to expect of it, in numbers and in sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.science.prevalence import logit
from zoobot.science.purity import RARE, Estimate
from zoobot.science.scaling import sigmoid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from zoobot.science.prevalence import Prevalence

    Values = NDArray[np.float64]


@dataclass(frozen=True)
class Top:
    """The target galaxies of the highest scores."""

    n: int
    """How many"""
    threshold: float
    """The lowest score among them"""
    labelled: int
    """Labelled galaxies above it"""
    purity: Estimate | None
    """From those; None where fewer than five of them are positive"""
    mean_probability: float | None
    """Mean of `Selection.probabilities` of these galaxies; None where fewer than five labelled positives score so high
    """


@dataclass(frozen=True, eq=False)
class Selection:
    """A threshold on the score, and what to expect of the target galaxies at or above it.

    Attributes
    ----------
    threshold : float
        Galaxies with this score or a higher one are selected.
    goal, wanted : str, float
        'purity' or 'completeness', and how much of it.
    confidence : float
        Of completenesses that are promised, the share that holds at the least; of purities too, wherever one run in ten
        or more ends in a promise (see `choose_threshold`).
    reached : bool
        Whether the wanted value is promised. Where not, the threshold is the lowest where the estimate reaches what is
        wanted, or where it is highest, and nothing is promised.
    promised : float
        The lower bound on what was wanted at the threshold; where it isn't reached, the most that can be promised at
        any threshold.
    needed : int
        Labelled galaxies, not of the class for a purity and of it for a completeness, that the promise takes even of
        scores that separate the classes wholly.
    purity, completeness : Estimate
        Of the targets, at the threshold.
    prevalence : Prevalence
        Among the targets.
    n_target, n_selected : int
        Target galaxies with a score, and those selected.
    found, in_target : Estimate
        Expected number of positives among the selected, and among all targets.
    labelled, labelled_selected : dict
        Independent labelled galaxies, and those at or above the threshold: {'positive': n, 'negative': n}.
    n_labelled : int
        All labelled galaxies, where several of a group count once.
    reach : float
        The highest score that five labelled positives have (or all, where they are fewer).
    shift : float
        Added to the logit of the targets' recalibrated probabilities, which makes the mean of the selected galaxies'
        equal the purity.
    top : tuple of Top
        The N highest scores.
    curve : dict
        Lists over thresholds with five labelled positives or more above: ``threshold``, ``purity``, ``purity_low``,
        ``purity_high``, ``completeness``, ``completeness_low``, ``completeness_high``, ``n_selected``.
    """

    threshold: float
    goal: Literal["purity", "completeness"]
    wanted: float
    confidence: float
    reached: bool
    promised: float
    needed: int
    level: float
    purity: Estimate
    completeness: Estimate
    prevalence: Prevalence
    n_target: int
    n_selected: int
    found: Estimate
    in_target: Estimate
    labelled: dict[str, int]
    labelled_selected: dict[str, int]
    n_labelled: int
    reach: float
    shift: float
    top: tuple[Top, ...]
    curve: dict[str, list[float]]

    @property
    def trusted(self) -> bool:
        """Whether targets score as a mixture of the labelled classes does, with the prevalence that was given."""
        return not (self.prevalence.unlike or self.prevalence.contradicted)

    def probabilities(self, scores: ArrayLike) -> Values:
        """Return probabilities (galaxy,) of the class among the targets, from scores (galaxy,); NaN where a score is.

        Those of `Prevalence.probabilities`, whose mean is the purity, not that which the recalibration's line makes it.
        Above ``reach`` the labelled galaxies are too few to say more, so all that scores higher has the probability
        there.
        """
        line = self.prevalence.probabilities(np.minimum(scores, self.reach))
        return sigmoid(logit(line) + self.shift)

    def sentences(self) -> list[str]:
        """Say what was found, and what it rests on."""
        said = [self._common()]
        if self.n_labelled > sum(self.labelled.values()):
            said.append(
                f"Galaxies of a group that have the same label count once: {self.n_labelled:,} labelled galaxies are "
                f"{sum(self.labelled.values()):,}."
            )
        p = self.prevalence
        if p.unlike:
            said.append(
                "CAUTION: the targets' scores are not those of any mixture of the labelled classes "
                f"(p = {p.misfit_p:.2g}). The targets differ by more than how common the class is, and the figures do "
                "not hold for them. Judge the audit list."
            )
        elif p.contradicted:
            said.append(
                f"CAUTION: the targets' scores allow a prevalence of {p.allowed[0]:.2g} to {p.allowed[1]:.2g} "
                f"({p.level:.0%} interval), not the {p.value:.3g} given, if galaxies of a class score alike in both "
                "samples. Check it, or judge the audit list."
            )
        said.append(self._promise())
        if self.reached and self.goal == "purity":
            said.append(
                "The promise assumes that galaxies that are not of the class score alike among the labelled galaxies "
                "and the targets."
            )
        elif self.reached:
            said.append(
                "The promise assumes that galaxies of the class score alike among the labelled galaxies and the "
                "targets."
            )
        part = "all" if self.n_selected == self.n_target else f"{self.n_selected:,} of"
        said.append(
            f"Score {self.threshold:.4g} and above: {part} {self.n_target:,} galaxies, about {self.found:,.0f} of "
            f"them of the class. Purity {self.purity:.2f}, completeness {self.completeness:.2f} ({self.level:.0%} "
            f"intervals{'' if self.trusted else ', if the targets were like the labelled galaxies'})."
        )
        return said

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        skipped = ("prevalence", "top", "curve")
        plain = {name: value for name, value in vars(self).items() if name not in skipped}
        plain |= {name: asdict(value) for name, value in plain.items() if isinstance(value, Estimate)}
        return plain | {
            "prevalence": self.prevalence.to_dict(),
            "top": [asdict(one) for one in self.top],
            "curve": self.curve,
            "sentences": self.sentences(),
        }

    def _common(self) -> str:
        p = self.prevalence
        if p.method == "given":
            common = f"The class makes up {p.value:.3g} of the targets, as given"
        else:
            common = (
                f"The class is estimated to make up {p.value:.3g} of the targets ({p.level:.0%} interval {p.low:.2g} "
                f"to {p.high:.2g})"
            )
        return f"{common}; of the labelled galaxies, {p.labelled:.3g}."

    def _promise(self) -> str:
        if self.reached and self.goal == "purity":
            rarely = (1 - self.confidence) * RARE
            return (
                f"Promised with {self.confidence:.0%} confidence: a purity of at least {self.wanted:g}. That is: of "
                f"all runs like this, at most {rarely:.2g} end in a false promise; and of those that end in a promise "
                f"at most {1 - self.confidence:.2g} are wrong, wherever {RARE:g} of runs or more end in one."
            )
        if self.reached:
            return (
                f"Promised with {self.confidence:.0%} confidence: a completeness of at least {self.wanted:g}. That "
                f"is: of runs like this, at most {1 - self.confidence:.2g} end in a false promise."
            )
        if not self.trusted:
            return (
                f"Nothing is promised, for the targets are not what the promise of a {self.goal} assumes. "
                f"{self._chosen()}"
            )
        most = (
            f"The most that can be promised is {self.promised:.2f}."
            if self.promised >= 0.005
            else f"No {self.goal} can be promised."
        )
        return f"{self._refusal()} {most} {self._chosen()}"

    def _refusal(self) -> str:
        kind = "negative" if self.goal == "purity" else "positive"
        there, of_class = self.labelled[kind], "not of the class" if self.goal == "purity" else "of the class"
        said = f"A {self.goal} of {self.wanted:g} can't be promised with {self.confidence:.0%} confidence"
        if there < self.needed:
            return (
                f"{said}: that takes about {self.needed:,} labelled galaxies that are {of_class}, even of a model "
                f"that is never wrong, and there are {there:,}. Label more, ask for less, or lower the confidence."
            )
        return (
            f"{said} from {there:,} labelled galaxies that are {of_class}. Label more of them, ask for less, or lower "
            "the confidence."
        )

    def _chosen(self) -> str:
        estimate = self.purity if self.goal == "purity" else self.completeness
        if estimate.value < self.wanted:
            return f"The threshold is where the estimate is highest: it reaches {self.wanted:g} nowhere."
        end = "lowest" if self.goal == "purity" else "highest"
        return f"The threshold is the {end} where the estimate is {self.wanted:g} or more, which is no promise."
