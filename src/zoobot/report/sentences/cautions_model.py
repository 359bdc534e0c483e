"""Cautions about the model: is it better than guessing, did training end well, do probabilities and intervals keep their promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoobot.report.findings.chance import questions
from zoobot.report.findings.promises import calibration_error, coverages, disagreement, share_loss
from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import between, count, listed, number
from zoobot.science.figure import SIGNIFICANCE

if TYPE_CHECKING:
    from zoobot.report.findings.chance import Guess, Questions
    from zoobot.report.findings.promises import CalibrationError, Coverage, Disagreement, ShareLoss
    from zoobot.report.findings.run import Findings
    from zoobot.report.findings.training import Training

LITTLE_R2 = 0.1
"""R² up to which predictions are said to be hardly better than the mean"""
STILL_FALLING = 0.005
"""Share of the loss by which it fell in the last tenth of the epochs, from which training was too short"""


def _training(run: Findings) -> list[Training]:
    return [] if run.training is None else [run.training]


NEVER_FELL: Cause[Training] = Cause(
    key="never_fell",
    name="The validation loss did not fall after the first epoch",
    each=_training,
    when=lambda log: log.best == 0 and log.done > 1,
    gravity="care",
    text=(
        Sentence(
            "never_fell",
            always,
            lambda log: (
                f"It was lowest after the first of {log.done} epochs, whose model was kept: further training did not help. Try a "
                "lower learning rate, or label more galaxies."
            ),
        ),
    ),
    documented="the validation loss was lowest after the first of several epochs",
)

NOT_CONVERGED: Cause[Training] = Cause(
    key="not_converged",
    name="Training may not have converged",
    each=_training,
    when=lambda log: log.to_the_end and not (log.best == 0 and log.done > 1),
    gravity=lambda log: "note" if log.fell <= STILL_FALLING else "care",
    text=(
        Sentence(
            "not_converged.all_epochs",
            always,
            lambda log: f"Training ran for {count(log.done, 'epoch')}, all that were asked for.",
        ),
        Sentence(
            "not_converged.still_falling",
            lambda log: log.fell > 0,
            lambda log: f"In the last {_epochs(log)} the lowest validation loss still fell by {log.fell:.1%}.",
        ),
        Sentence(
            "not_converged.not_falling",
            lambda log: log.fell <= 0,
            lambda log: f"In the last {_epochs(log)} the lowest validation loss did not fall.",
        ),
        Sentence(
            "not_converged.remedy",
            lambda log: not log.fell <= STILL_FALLING,
            "Raise --epochs or --learning-rate.",
        ),
    ),
    documented=(
        "the last epoch that was asked for was reached; a note only where the lowest validation loss fell by at most "
        f"{STILL_FALLING:.1%} in the last tenth of the epochs"
    ),
)


def _epochs(log: Training) -> str:
    return "epoch" if log.lately == 1 else f"{log.lately} epochs"


MISCALIBRATED: Cause[CalibrationError] = Cause(
    key="miscalibrated",
    name="Probabilities don't mean what they say",
    each=calibration_error,
    when=lambda error: error.figure.verdict == "worse",
    gravity="care",
    text=(
        Sentence(
            "miscalibrated.error",
            always,
            lambda error: (
                f"The expected calibration error of the {'calibrated ' if error.calibrated else ''}probabilities on "
                f"{count(error.figure.n, 'test galaxy')} is {error.figure.value:.3f}; perfectly calibrated ones would have about "
                f"{error.figure.chance or 0:.3f}, and so much with a probability of {error.figure.p_value:.2g}."
            ),
        ),
        Sentence(
            "miscalibrated.order",
            lambda error: error.ranked,
            "Trust the order of the probabilities, not their values.",
        ),
    ),
    documented=(
        "the expected calibration error on test galaxies is larger than chance gives to perfectly calibrated probabilities (p ≤ 0.01)"
    ),
)


def _guesses(verdict: str) -> Callable[[Findings], list[Guess]]:
    """Return what selects the predictions of a verdict."""
    return lambda run: [one for one in run.guesses if one.figure.verdict == verdict]


def _of(guess: Guess) -> str:
    """Name what is predicted."""
    return f" of “{guess.name}”" if guess.name else ""


def _measured(guess: Guess) -> str:
    """Write the measure with its interval."""
    figure = guess.figure
    interval = f" (95% interval {between((figure.low, figure.high))})" if figure.has_interval else ""
    return f"The {guess.measure}{_of(guess)} on {guess.where} is {number(figure.value)}{interval}"


def _p(guess: Guess) -> str:
    """Write the p-value, and what it is adjusted for."""
    adjusted = ", adjusted for the number of labels" if guess.several else ""
    return f"p = {guess.figure.p_value:.2g}{adjusted}"


NO_BETTER: Cause[Guess] = Cause(
    key="no_better",
    name="Predictions can't be told from guessing",
    each=_guesses("unclear"),
    when=always,
    gravity="grave",
    title=lambda guess: f"Predictions{_of(guess)} can't be told from guessing",
    text=(
        Sentence(
            "no_better.measured",
            always,
            lambda guess: (
                f"{_measured(guess)}. Guessing has {number(guess.figure.chance)}, and chance comes as far from it too often to tell the "
                f"two apart ({_p(guess)}; at most {SIGNIFICANCE} is asked for)."
            ),
        ),
        Sentence(
            "no_better.reasons",
            always,
            "Either the images don't show what is asked for, or the labels are mixed up, or the galaxies are too few to tell.",
        ),
    ),
    documented=(
        "predictions can't be told from guessing (two-sided p > 0.01), although so many galaxies could tell good ones: classes "
        "and labels by their AUROC, numbers by Spearman's rank correlation, votes by their skill; by whole groups, and adjusted "
        "for the number of labels (Holm 1979)"
    ),
)

INVERTED: Cause[Guess] = Cause(
    key="inverted",
    name="Predictions are worse than guessing",
    each=_guesses("worse"),
    when=always,
    gravity="grave",
    title=lambda guess: f"Predictions{_of(guess)} are worse than guessing",
    text=(
        Sentence(
            "inverted.measured",
            always,
            lambda guess: (
                f"{_measured(guess)}; predictions that know nothing have {number(guess.figure.chance)}, and chance does not explain "
                f"the difference ({_p(guess)})."
            ),
        ),
        Sentence(
            "inverted.reasons",
            lambda guess: guess.measure != "skill",
            "Galaxies are ranked the wrong way round: these labels may mean something else than those that were trained on.",
        ),
        Sentence(
            "inverted.votes",
            lambda guess: guess.measure == "skill",
            "One constant prediction for all galaxies does better: these votes may be unlike those that were trained on.",
        ),
    ),
    documented="predictions are worse than guessing (two-sided p ≤ 0.01)",
)

UNTELLABLE: Cause[Guess] = Cause(
    key="untellable",
    name="Too few galaxies to tell whether anything was learned",
    each=_guesses("untellable"),
    when=always,
    gravity="care",
    title=lambda guess: f"Too few galaxies to tell whether anything was learned{_of(guess)}",
    text=(
        Sentence(
            "untellable",
            always,
            lambda guess: (
                f"{_measured(guess)}. With so few galaxies even perfect predictions can't be told from guessing: chance gives "
                f"them with a probability of {guess.figure.smallest_p:.2g}. Label more."
            ),
        ),
    ),
    documented="even perfect predictions of so few galaxies could not be told from guessing at p ≤ 0.01",
)

UNTESTED: Cause[Guess] = Cause(
    key="untested",
    name="Predictions or true values that are all the same",
    each=_guesses("untested"),
    when=lambda guess: guess.measure == "rank correlation",
    gravity="grave",
    title=lambda guess: f"Predictions or true values{_of(guess)} are all the same",
    text=(
        Sentence(
            "untested",
            always,
            lambda guess: (
                f"On {guess.where} there is no order to compare: whether anything was learned can't be tested."
            ),
        ),
    ),
    documented="numbers: all true values, or all predictions, are the same",
)

LITTLE_BETTER: Cause[Guess] = Cause(
    key="little_better",
    name="Predictions are hardly better than the mean",
    each=_guesses("better"),
    when=lambda guess: guess.r2 <= LITTLE_R2,
    gravity="care",
    title=lambda guess: f"Predictions{_of(guess)} are hardly better than the mean",
    text=(
        Sentence(
            "little_better",
            always,
            lambda guess: (
                f"R²{_of(guess)} on {guess.where} is {number(guess.r2)}; always predicting their mean has 0. The order of the "
                "predictions is better than chance."
            ),
        ),
    ),
    documented="numbers: R² is at most 0.1, though the order is better than chance",
)

SHARES: Cause[ShareLoss] = Cause(
    key="shares",
    name="Probabilities are worth less than the classes' shares",
    each=share_loss,
    when=lambda found: found.ranked and found.loss >= found.constant,
    gravity="care",
    text=(
        Sentence(
            "shares",
            always,
            lambda found: (
                "The probabilities rank galaxies better than chance, but their log loss on the test galaxies is "
                f"{found.loss:.3f}; always giving each class its share among them would have {found.constant:.3f}."
            ),
        ),
    ),
    documented="classes: the order is better than chance, but the log loss is no lower than that of the classes' shares",
)

NO_SKILL_QUESTIONS: Cause[Questions] = Cause(
    key="no_skill_questions",
    name="Questions predicted no better than by a constant",
    each=questions,
    when=lambda found: found.without_skill,
    gravity="care",
    text=(
        Sentence(
            "no_skill_questions",
            always,
            lambda found: (
                f"The skill of {len(found.without_skill)} of {count(len(found.asked), 'question')} is 0 or less: "
                f"{listed(found.without_skill)}."
            ),
        ),
    ),
    documented="votes: the skill of a question that was asked of 30 galaxies or more is 0 or less",
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
                "90% intervals hold fewer vote counts than that, by more than chance explains (p ≤ 0.01), for "
                f"{listed(found.overconfident)}. Don't quote intervals of these questions."
            ),
        ),
    ),
    documented="votes: the 90% intervals of a question that was asked of 30 galaxies or more hold fewer counts (binomial "
    "p ≤ 0.01, adjusted for the number of questions)",
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
                f"{_sets(one)} promise to hold the truth for {one.level:.0%} of galaxies and hold it for {one.coverage:.1%} of the "
                f"test galaxies; chance gives so little with probability {one.p_value:.1g}. The test galaxies may be unlike the "
                "validation galaxies that the promise was made with."
            ),
        ),
    ),
    documented="chance explains it with a probability of at most 0.01, given the validation and test galaxies, adjusted "
    "for the number of labels or targets (Holm 1979)",
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
                f"Accuracy is {found.validation:.2f} on validation and {found.test:.2f} on test galaxies; chance makes them "
                f"differ as much with probability {found.p_value:.1g} (Fisher's exact test). The two parts may be unlike."
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
