"""What a page looks for, whether that was possible in this run, and why not where it wasn't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoobot.report.findings.parts import balances
from zoobot.report.findings.promises import calibration_error, coverages, disagreement
from zoobot.report.sentences.table import Sentence, said
from zoobot.science.figure import SIGNIFICANCE

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings


@dataclass(frozen=True, kw_only=True)
class Look:
    """One thing that is looked for.

    Attributes
    ----------
    name : str
        What it is, as it stands in a list.
    asked : callable
        Whether it is a question for this kind of run at all.
    done : callable
        Whether it was looked at.
    why_not : tuple of Sentence
        Why it was not, as it stands in brackets.
    """

    name: str
    asked: Callable[[Findings], object]
    done: Callable[[Findings], object]
    why_not: tuple[Sentence[Findings], ...] = ()

    def missed(self, run: Findings) -> str:
        """Return its name, with the reason why it was not looked at where that is known."""
        reason = said(self.why_not, run)
        return f"{self.name} ({reason})" if reason else self.name


def _probabilities(run: Findings) -> bool:
    return run.view.probabilities


def _checked(name: str) -> Callable[[Findings], bool]:
    """Return what says whether a check was made; of older runs, whether its table is there."""

    def is_done(run: Findings) -> bool:
        look = run.contents.looked.get(name)
        return look.done if look is not None else name in run.contents.checked

    return is_done


def _any(run: Findings) -> bool:  # noqa: ARG001
    return True


ONE_CLASS = "all test galaxies are of one class"


def _one_class(run: Findings) -> object:
    return run.part("test").one_class


def _coverage_is_told(run: Findings) -> bool:
    return any(one.told for one in coverages(run))


def _few_covered(run: Findings) -> bool:
    return bool(coverages(run)) and not run.too_few_for_conformal


BRACKETED = ("shift",)
"""Looks of ``about.json`` whose reason stands in brackets"""

LOOKS: tuple[Look, ...] = (
    Look(
        name="whether the model has seen the galaxies",
        asked=lambda run: not run.finetuned,
        done=_checked("seen"),
    ),
    Look(
        name="predictions against guessing",
        asked=_any,
        done=lambda run: any(one.figure.verdict != "untested" for one in run.guesses),
        why_not=(Sentence("looks.guess_one_class", _one_class, ONE_CLASS),),
    ),
    Look(name="few galaxies", asked=_any, done=lambda run: run.parts),
    Look(
        name="classes of unequal size",
        asked=_probabilities,
        done=balances,
        why_not=(Sentence("looks.size_one_class", _one_class, ONE_CLASS),),
    ),
    Look(
        name="the course of training",
        asked=_any,
        done=lambda run: run.training,
        why_not=(Sentence("looks.no_log", lambda run: run.training is None, "no log of it is in this folder"),),
    ),
    Look(
        name="calibration of probabilities",
        asked=_probabilities,
        done=lambda run: any(one.figure.verdict != "untellable" for one in calibration_error(run)),
        why_not=(
            Sentence("looks.one_class", _one_class, ONE_CLASS),
            Sentence("looks.few_calibrated", calibration_error, "test galaxies are too few to tell"),
        ),
    ),
    Look(
        name="coverage of conformal sets",
        asked=_probabilities,
        done=_coverage_is_told,
        why_not=(
            Sentence("looks.no_sets", lambda run: not coverages(run), "there are none"),
            Sentence(
                "looks.infinite_sets",
                lambda run: run.too_few_for_conformal,
                "validation galaxies were too few for them",
            ),
            Sentence("looks.few_sets", _few_covered, "test galaxies are too few to tell"),
        ),
    ),
    Look(
        name="coverage of conformal intervals",
        asked=lambda run: run.view.numbers,
        done=_coverage_is_told,
        why_not=(
            Sentence("looks.no_intervals", lambda run: not coverages(run), "there are none"),
            Sentence(
                "looks.infinite_intervals",
                lambda run: run.too_few_for_conformal,
                "validation galaxies were too few for them",
            ),
            Sentence("looks.few_intervals", _few_covered, "test galaxies are too few to tell"),
        ),
    ),
    Look(
        name="validation against test accuracy",
        asked=lambda run: run.view.exclusive and not run.evaluated,
        done=lambda run: any(one.smallest_p <= SIGNIFICANCE for one in disagreement(run)),
        why_not=(Sentence("looks.few_to_disagree", disagreement, "galaxies are too few to tell"),),
    ),
    Look(name="near copies", asked=_any, done=_checked("duplicates")),
    Look(
        name="wrong labels",
        asked=_any,
        done=lambda run: not run.view.unjudged and run.judged_labels and _checked("labels")(run),
        why_not=(
            Sentence("looks.unjudged", lambda run: run.view.unjudged, lambda run: run.view.unjudged),
            Sentence(
                "looks.blind",
                lambda run: not run.view.unjudged and not run.judged_labels and _checked("labels")(run),
                "predictions that are not known to be better than chance can't judge them",
            ),
        ),
    ),
    Look(name="bad images", asked=_any, done=_checked("images")),
    Look(
        name="what more labels would bring",
        asked=lambda run: not run.evaluated,
        done=lambda run: run.contents.learning_curve.get("sizes"),
    ),
    Look(
        name="test galaxies unlike the training galaxies",
        asked=_any,
        done=lambda run: run.shift,
        why_not=(
            Sentence(
                "looks.shift_reason",
                lambda run: run.contents.shift.get("reason"),
                lambda run: str(run.contents.shift["reason"]),
            ),
            Sentence(
                "looks.few_to_compare",
                lambda run: run.contents.shift and not run.contents.shift.get("reason"),
                "too few galaxies to compare",
            ),
        ),
    ),
)


def looked_at(run: Findings) -> list[str]:
    """Return the names of what was looked at in a run."""
    return [look.name for look in LOOKS if look.asked(run) and look.done(run)]


def limits(run: Findings) -> str:
    """Return what else is to be said of what was looked at and what was not.

    Reasons that stand in brackets are not repeated.
    """
    looks = run.contents.looked.items()
    told = {*BRACKETED, *(["labels"] if run.view.unjudged or not run.judged_labels else [])}
    whys = [look.why for name, look in looks if look.why and name not in told]
    return " ".join(dict.fromkeys(whys))


def not_looked_at(run: Findings) -> list[str]:
    """Return the names of what was not, with the reason where it is known."""
    return [look.missed(run) for look in LOOKS if look.asked(run) and not look.done(run)]
