"""Cautions about promises: do probabilities and intervals hold what they say, and do validation and test agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.findings.chance import questions
from zoobot.report.findings.promises import calibration_error, coverages, disagreement
from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import count, listed
from zoobot.science.figure import SIGNIFICANCE

if TYPE_CHECKING:
    from zoobot.report.findings.chance import Questions
    from zoobot.report.findings.promises import CalibrationError, Coverage, Disagreement

MISCALIBRATED: Cause[CalibrationError] = Cause(
    key="miscalibrated",
    name="Probabilities are not calibrated",
    each=calibration_error,
    when=lambda error: error.figure.verdict == "worse",
    gravity="care",
    text=(
        Sentence(
            "miscalibrated.error",
            always,
            lambda error: (
                f"The expected calibration error of the {'calibrated ' if error.calibrated else ''}probabilities on "
                f"{count(error.figure.n, 'test galaxy')} is {error.figure.value:.3f}; perfectly calibrated ones would "
                f"have about {error.figure.chance or 0:.3f}, and as much as this or more with a probability of "
                f"{error.figure.p_value:.2g}."
            ),
        ),
        Sentence(
            "miscalibrated.order",
            lambda error: error.ranked,
            "Trust the order of the probabilities, not their values.",
        ),
    ),
    documented=(
        "the expected calibration error on test galaxies is larger than chance gives to perfectly calibrated "
        "probabilities (p ≤ 0.01)"
    ),
)

OVERCONFIDENT: Cause[Questions] = Cause(
    key="overconfident",
    name="Overconfident about some questions",
    each=questions,
    when=lambda found: found.overconfident,
    gravity="care",
    title=lambda found: f"Overconfident about {len(found.overconfident)} of {count(len(found.asked), 'question')}",
    text=(
        Sentence(
            "overconfident",
            always,
            lambda found: (
                "Fewer than 90% of the test galaxies' vote counts are in their 90% intervals, by more than chance "
                f"explains (p ≤ 0.01), for {listed(found.overconfident)}. Don't quote intervals of these questions."
            ),
        ),
    ),
    documented="votes: the 90% intervals of a question that was asked of 30 galaxies or more hold fewer counts "
    "(binomial p ≤ 0.01, adjusted for the number of questions)",
)


def _sets(one: Coverage) -> str:
    return f"Conformal sets or intervals of “{one.name}”" if one.name else "Conformal sets or intervals"


UNCOVERED: Cause[Coverage] = Cause(
    key="uncovered",
    name="Conformal coverage is below its promise",
    each=coverages,
    when=lambda one: one.p_value <= SIGNIFICANCE,
    gravity="care",
    text=(
        Sentence(
            "uncovered",
            always,
            lambda one: (
                f"{_sets(one)} promise to hold the truth for {one.level:.0%} of galaxies and hold it for "
                f"{one.coverage:.1%} of the test galaxies; chance gives so little with probability {one.p_value:.1g}. "
                "The test galaxies may be unlike the validation galaxies that the promise was made with."
            ),
        ),
    ),
    documented="chance explains it with a probability of at most 0.01, given the validation and test galaxies, "
    "adjusted for the number of labels or targets (Holm 1979)",
)

DISAGREE: Cause[Disagreement] = Cause(
    key="disagree",
    name="Validation and test disagree",
    each=disagreement,
    when=lambda found: found.p_value <= SIGNIFICANCE,
    gravity="care",
    text=(
        Sentence(
            "disagree",
            always,
            lambda found: (
                f"Accuracy is {found.validation:.2f} on validation and {found.test:.2f} on test galaxies; chance "
                f"makes them differ as much with probability {found.p_value:.1g} (Fisher's exact test). The two parts "
                "may be unlike."
            ),
        ),
        Sentence(
            "disagree.chose_epoch",
            lambda found: found.chose_epoch and found.validation > found.test,
            "The validation part chose the epoch, which makes its accuracy optimistic.",
        ),
    ),
    documented="Fisher's exact test of their accuracies has p ≤ 0.01, groups counted as their effective number",
)
