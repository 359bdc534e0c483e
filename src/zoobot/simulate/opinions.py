"""What simulated volunteers think of a galaxy.

One readable table of questions and answers says it, from the truth and from what can be seen. Every answer has a score
(a logit); the probabilities of a question's answers are the softmax of their scores, so that campaigns that offer fewer
answers to the same question are covered by the same table.
"""

from collections.abc import Callable

import numpy as np

from zoobot.simulate.draws import Values
from zoobot.simulate.truth import Truth

Score = Callable[["Look"], Values]


def _sigmoid(x: Values) -> Values:
    values: Values = 1 / (1 + np.exp(-x))
    return values


class Look:
    """What a volunteer sees of each galaxy.

    It is true strengths, weakened where the image is too small, blurred or noisy to show them. All are (galaxy,),
    strengths between 0 and 1.
    """

    def __init__(self, truth: Truth) -> None:
        t = truth
        self.truth = t
        sharp, deep = t["sharpness"], t["signal_to_noise"]
        resolved = _sigmoid(2.2 * (sharp - 0.25))
        coarse = _sigmoid(2.5 * (sharp + 0.35))
        lit = _sigmoid(1.5 * (deep - 0.6))
        tilted = np.clip((t["axis_ratio"] - 0.2) / 0.3, 0, 1)  # features of an inclined disk are foreshortened
        self.clear = resolved * lit
        self.arms = t["arms"] * self.clear * (0.35 + 0.65 * tilted)
        self.bar = t["bar"] * resolved * (0.3 + 0.7 * tilted) * (0.5 + 0.5 * lit)
        self.ring = t["ring"] * self.clear * (0.3 + 0.7 * tilted)
        self.lens = t["lens"] * self.clear
        self.edge_on = t["edge_on"] * coarse
        self.clumps = t["clumps"] * self.clear
        self.irregular = t["irregular"] * coarse
        self.merger = t["merger"] * coarse
        self.disturbed = t["disturbed"] * lit * coarse
        self.dust = t["dust_lane"] * resolved
        self.star = t["star"]
        hidden = [1 - weight * part for weight, part in self._features()]
        self.featured = 1 - np.prod(hidden, axis=0)
        self.bulge = np.where(t["disk"] > 0, np.sqrt(t["bulge_fraction"]) * (0.75 + 0.25 * resolved), 0.95)
        # seen through the PSF, all is rounder
        blurred = 0.18 * np.exp(-2 * sharp)
        self.axis_ratio = np.sqrt((t["axis_ratio"] ** 2 + blurred) / (1 + blurred))
        self.pitch = np.degrees(t["arm_pitch"])

    def _features(self) -> tuple[tuple[float, Values], ...]:
        return (
            (0.95, self.arms),
            (0.6, self.bar),
            (0.8, self.ring),
            (0.25, self.lens),
            (0.65, self.edge_on),
            (0.7, self.clumps),
            (0.75, self.irregular),
            (0.45, self.merger),
            (0.4, self.disturbed),
            (0.12, self.truth["disk"] * self.clear),
        )


def _constant(value: float) -> Score:
    return lambda look: np.full(len(look.clear), value)


def _rises(part: Callable[[Look], Values], slope: float, start: float) -> Score:
    return lambda look: slope * (part(look) - start)


def _near(part: Callable[[Look], Values], middle: float, spread: float, favor: float = 0.0) -> Score:
    """Return the score of one of several answers in a row: highest where the quantity is at its middle."""
    return lambda look: favor - 0.5 * ((part(look) - middle) / spread) ** 2


def _arm_count(number: int) -> Score:
    def score(look: Look) -> Values:
        count = look.truth["arm_count"]
        match = (count >= 5 if number == 5 else count == number) * (1.0 + 3.2 * look.arms)
        return match + {1: -0.3, 2: 0.7, 3: -1.0, 4: -1.6, 5: -1.0}[number]

    return score


def _artifact(look: Look) -> Values:
    values: Values = -1.1 + 4.5 * look.star + 0.8 * look.truth["trail"] - 0.6 * look.featured
    return values


def _bulge(look: Look) -> Values:
    return look.bulge


def _roundness(look: Look) -> Values:
    return look.axis_ratio


def _pitch(look: Look) -> Values:
    return look.pitch


def _merges(look: Look) -> Values:
    return np.maximum(look.merger, 0.55 * look.disturbed)


def _tails(look: Look) -> Values:
    return look.disturbed


def _odd(look: Look) -> Values:
    """Return how odd something is: unless none of the odd things is there."""
    parts = (
        (0.8, look.ring),
        (0.75, look.merger),
        (0.6, look.disturbed),
        (0.6, look.irregular),
        (0.35, look.dust),
        (0.3, look.clumps),
    )
    values: Values = 1 - np.prod([1 - weight * part for weight, part in parts], axis=0)
    return values


_SMOOTH, _FEATURED = _constant(1.3), _rises(lambda look: look.featured, 4.4, 0.33)
_NO = _constant(0.0)
_EDGE_ON = _rises(lambda look: look.edge_on + 0.25 * np.clip(0.4 - look.axis_ratio, 0, 0.3), 7.0, 0.5)
_ROUND_BULGE = _rises(_bulge, 5.0, 0.33)
_BOXY = _rises(lambda look: 12 * np.abs(look.truth["bulge_boxiness"]) + look.truth["bar_fraction"], 4.0, 0.55)
_CLUMPY = _rises(lambda look: look.clumps + 0.3 * look.irregular, 6.0, 0.45)

OPINIONS: dict[str, dict[str, Score]] = {
    "smooth-or-featured": {
        "smooth": _SMOOTH,
        "featured-or-disk": _FEATURED,
        "features": _FEATURED,
        "artifact": _artifact,
        "problem": _artifact,
        "star-artifact-zoom": _artifact,
    },
    "disk-edge-on": {"yes": _EDGE_ON, "no": _NO},
    "has-spiral-arms": {"yes": _rises(lambda look: look.arms - 0.5 * look.edge_on, 6.0, 0.14), "no": _NO},
    "bar": {
        "yes": _rises(lambda look: look.bar - 0.4 * look.edge_on, 5.0, 0.34),
        "strong": _rises(lambda look: look.bar - 0.4 * look.edge_on, 7.0, 0.5),
        "weak": _rises(lambda look: look.bar - 0.4 * look.edge_on, 3.5, 0.32),
        "no": _NO,
    },
    "bulge-size": {
        "none": _near(_bulge, 0.05, 0.14, -0.4),
        "no": _near(_bulge, 0.0, 0.2, -0.6),
        "small": _near(_bulge, 0.22, 0.18),
        "just-noticeable": _near(_bulge, 0.30, 0.25, 0.1),
        "moderate": _near(_bulge, 0.42, 0.18),
        "obvious": _near(_bulge, 0.58, 0.24, 0.1),
        "large": _near(_bulge, 0.65, 0.18),
        "dominant": _near(_bulge, 1.0, 0.22, -0.3),
    },
    "how-rounded": {
        "round": _near(_roundness, 0.97, 0.13),
        "completely": _near(_roundness, 0.97, 0.13),
        "in-between": _near(_roundness, 0.62, 0.16, -0.1),
        "cigar": _near(_roundness, 0.27, 0.13),
        "cigar-shaped": _near(_roundness, 0.27, 0.13),
    },
    "edge-on-bulge": {"rounded": _ROUND_BULGE, "yes": _ROUND_BULGE, "boxy": _BOXY, "none": _NO, "no": _NO},
    "bulge-shape": {"round": _ROUND_BULGE, "rounded": _ROUND_BULGE, "boxy": _BOXY, "no-bulge": _NO, "none": _NO},
    "spiral-winding": {
        "tight": _near(_pitch, 13, 9, 0.4),
        "medium": _near(_pitch, 20, 9),
        "loose": _near(_pitch, 32, 9, -0.4),
    },
    "spiral-arm-count": {
        "1": _arm_count(1),
        "2": _arm_count(2),
        "3": _arm_count(3),
        "4": _arm_count(4),
        "more-than-4": _arm_count(5),
        "5-plus": _arm_count(5),
        "cant-tell": lambda look: 1.3 - 2.0 * look.arms + 0.8 * look.truth["flocculence"],
    },
    "merging": {
        "none": _constant(1.9),
        "neither": _constant(1.9),
        "minor-disturbance": _rises(_tails, 5.0, 0.25),
        "tidal-debris": _rises(_tails, 5.5, 0.35),
        "major-disturbance": _rises(lambda look: look.disturbed + 0.5 * look.merger, 5.0, 0.55),
        "both": _rises(lambda look: look.merger * (0.4 + 0.6 * look.disturbed), 7.0, 0.5),
        "merger": _rises(_merges, 8.0, 0.38),
    },
    "something-odd": {"yes": _rises(_odd, 4.2, 0.5), "no": _NO},
    "clumps": {"yes": _CLUMPY, "no": _NO},
    "clumpy-appearance": {"yes": _CLUMPY, "no": _NO},
    "clumps-embedded-larger-object": {"yes": _rises(lambda look: 1 - look.irregular, 3.0, 0.4), "no": _NO},
    "galaxy-symmetrical": {
        "yes": _rises(lambda look: 1 - look.truth["lopsidedness"] - look.merger - look.irregular, 4.0, 0.6),
        "no": _NO,
    },
    "problem": {
        "star": _rises(lambda look: look.star, 6.0, 0.3),
        "artifact": _rises(lambda look: look.truth["trail"], 4.0, 0.1),
        "zoom": _constant(-1.0),
        "bad-zoom": _constant(-1.0),
    },
    "artifact": {
        "satellite": _rises(lambda look: look.truth["trail"], 6.0, 0.3),
        "saturation": _rises(lambda look: look.star, 4.0, 0.3),
        "diffraction": _rises(lambda look: look.star, 3.0, 0.5),
        "scattered": _constant(-1.5),
        "ray": _constant(-1.5),
        "ghost": _constant(-1.5),
        "other": _NO,
    },
    "ring": {"yes": _rises(lambda look: look.ring, 9.0, 0.32), "no": _NO},
}
"""Question, its answers, and the score of each, with the campaign's suffix (``-gz2``, ``-dr5``, ...) left out of the
question.
"""


def probabilities(question: str, answers: list[str], look: Look) -> Values:
    """Return the probability of each answer to a question (a key of `OPINIONS`): (galaxy, answer), summing to 1."""
    scores = np.stack([OPINIONS[question][answer](look) for answer in answers], axis=-1)
    likely = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probability: Values = likely / likely.sum(axis=-1, keepdims=True)
    return probability
