"""Cautions about what was learned: are predictions better than guessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoobot.report.findings.chance import questions
from zoobot.report.findings.promises import share_loss
from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import between, count, listed, number
from zoobot.science.figure import SIGNIFICANCE

if TYPE_CHECKING:
    from zoobot.report.findings.chance import Guess, Questions
    from zoobot.report.findings.promises import ShareLoss
    from zoobot.report.findings.run import Findings

LITTLE_R2 = 0.1
"""R² up to which predictions are said to be hardly better than the mean"""


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


def _folds_know(guess: Guess) -> bool:
    """Return whether predictions by the models of folds are known to be better than guessing."""
    return guess.folds is not None and guess.folds.verdict == "better"


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
                f"{_measured(guess)}. Guessing has {number(guess.figure.chance)}, and chance comes as far from it too "
                f"often to tell the two apart ({_p(guess)}; at most {SIGNIFICANCE} is asked for)."
            ),
        ),
        Sentence(
            "no_better.folds",
            _folds_know,
            lambda guess: (
                f"Predictions of {guess.folds.n:,} galaxies by the models of the folds can (AUROC "
                f"{number(guess.folds.value)}, p = {guess.folds.p_value:.2g}), so that the {guess.part} galaxies are "
                "too few to tell."
                if guess.folds
                else ""
            ),
        ),
        Sentence(
            "no_better.reasons",
            lambda guess: not _folds_know(guess),
            "Possible reasons: the images don't show what is asked for, the labels are mixed up, training was too "
            "short, or the galaxies are too few to tell.",
        ),
    ),
    documented=(
        "predictions can't be told from guessing (two-sided p > 0.01), although so many galaxies could tell good "
        "ones: classes and labels by their AUROC, numbers by Spearman's rank correlation, votes by their skill; by "
        "whole groups, and adjusted for the number of labels (Holm 1979)"
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
                f"{_measured(guess)}; predictions that know nothing have {number(guess.figure.chance)}, and chance "
                f"does not explain the difference ({_p(guess)})."
            ),
        ),
        Sentence(
            "inverted.reasons",
            lambda guess: guess.measure != "skill",
            "Galaxies are ranked the wrong way round: these labels may mean something else than those that were "
            "trained on.",
        ),
        Sentence(
            "inverted.votes",
            lambda guess: guess.measure == "skill",
            "One constant prediction for all galaxies does better: these votes may be unlike those that were trained "
            "on.",
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
                f"{_measured(guess)}. With so few galaxies even perfect predictions can't be told from guessing: "
                f"chance gives them with a probability of {guess.figure.smallest_p:.2g}. Label more."
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
                f"R²{_of(guess)} on {guess.where} is {number(guess.r2)}; always predicting their mean has 0. The "
                "order of the predictions is better than chance."
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
    documented="classes: the order is better than chance, but the log loss is no lower than that of the classes' "
    "shares",
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
                f"Of {count(len(found.asked), 'question')} that {'was' if len(found.asked) == 1 else 'were'} asked of "
                f"30 test galaxies or more, {len(found.without_skill)} "
                f"{'has' if len(found.without_skill) == 1 else 'have'} a skill of 0 or less: "
                f"{listed(found.without_skill)}."
            ),
        ),
    ),
    documented="votes: the skill of a question that was asked of 30 galaxies or more is 0 or less",
)
