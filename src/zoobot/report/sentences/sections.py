"""Titles and opening lines of the sections, and words of the tables that stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoobot.report.sentences.table import Sentence, Words, always
from zoobot.report.words import count

if TYPE_CHECKING:
    from zoobot.report.findings.run import Findings
    from zoobot.report.findings.shift import Shift

OUTCOMES: tuple[Sentence[Findings], ...] = (
    Sentence(
        "outcomes.held_out",
        lambda run: run.finetuned,
        "All galaxies of the test part, which took no part in training, in the choice of the epoch or in calibration.",
    ),
    Sentence(
        "outcomes.copied",
        lambda run: run.finetuned and run.copies and run.copies.test_in_training,
        lambda run: (
            f"{count(run.copies.test_in_training if run.copies else 0, 'test galaxy')} "
            f"{'has' if run.copies and run.copies.test_in_training == 1 else 'have'} a near copy that did."
        ),
    ),
    Sentence(
        "outcomes.unseen",
        lambda run: run.seen and not run.seen.learned and run.seen.whole,
        "All galaxies of the catalog that were scored. None of them had a part in the model, as far as files, names "
        "and pictures tell.",
    ),
    Sentence(
        "outcomes.others",
        lambda run: run.seen and run.seen.learned,
        lambda run: (
            "Galaxies of the catalog that had no part in the model, as far as files, names and pictures tell"
            f"{'' if run.seen and run.seen.whole else '; not all could be recognized'}."
        ),
    ),
    Sentence(
        "outcomes.not_whole",
        lambda run: run.seen and not run.seen.learned and not run.seen.whole,
        "All galaxies of the catalog that were scored. None of them was recognized as one that had a part in the "
        "model, but not all such galaxies can be.",
    ),
    Sentence(
        "outcomes.test_part",
        lambda run: run.seen and run.seen.test,
        lambda run: (
            f"{count(run.seen.test if run.seen else 0, 'galaxy')} of the catalog "
            f"{'is' if run.seen and run.seen.test == 1 else 'are'} of the test part of the model's run."
        ),
    ),
    Sentence(
        "outcomes.unknown",
        lambda run: not run.finetuned and not run.seen,
        "Whether any of them had a part in the model could not be told.",
    ),
    Sentence(
        "outcomes.infinite_sets",
        lambda run: run.too_few_for_conformal and run.view.probabilities,
        lambda run: (
            "Validation galaxies were too few for conformal sets that hold the true class for "
            f"{run.conformal_level:.0%} of galaxies: every set holds all classes."
        ),
    ),
    Sentence(
        "outcomes.infinite_intervals",
        lambda run: run.too_few_for_conformal and run.view.numbers,
        lambda run: (
            "Validation galaxies were too few for conformal intervals that hold the true value for "
            f"{run.conformal_level:.0%} of galaxies: the intervals are infinite."
        ),
    ),
)

CURVE: tuple[Sentence[dict[str, Any]], ...] = (
    Sentence("curve", lambda curve: curve.get("sentence"), lambda curve: str(curve["sentence"])),
)

TITLES: dict[str, tuple[Sentence[Findings], ...]] = {
    "scores": (Sentence("section.scores", always, "How good is it?"),),
    "plots": (Sentence("section.plots", always, "Predictions against labels"),),
    "folds": (Sentence("section.folds", always, "Folds"),),
    "labels": (Sentence("section.labels", always, "Would more labels help?"),),
    "breakdown": (Sentence("section.breakdown", always, "For which galaxies?"),),
    "galleries": (Sentence("section.galleries", always, "Galaxies"),),
    "checks": (Sentence("section.checks", always, "Labels, duplicates and shift"),),
    "trained": (
        Sentence("section.trained", lambda run: not run.evaluated, "What was trained on what"),
        Sentence("section.evaluated", lambda run: run.evaluated, "What was scored by which model"),
    ),
}

FOLDS_TABLE: Words[int] = Words(
    caption=(
        Sentence(
            "folds_table",
            always,
            lambda folds: (
                f"Each of {count(folds, 'fold')} was predicted by a model that was trained, and its epoch chosen, on "
                "the others. Spread: the standard deviation over folds."
            ),
        ),
    ),
)

QUESTIONS: Words[Any] = Words(
    title=(Sentence("questions.title", always, "By question"),),
    caption=(
        Sentence(
            "questions",
            always,
            "Over the galaxies of which at least one volunteer was asked the question. Skill: 1 − loss / loss of the "
            "best constant prediction. Error of fractions: mean absolute, weighted by votes; largest bias: of the "
            "mean fraction of any answer. Leading answer right: among galaxies where it has more than 80% of the "
            "votes. 90% intervals hold: the share of counts within their predictive interval, which should be 0.9.",
        ),
    ),
)

COUNTS: Words[Any] = Words(title=(Sentence("counts.title", always, "Galaxies"),))

SHIFT: Words[Shift] = Words(
    caption=(
        Sentence(
            "shift.compared",
            always,
            lambda shift: (
                f"{count(shift.n, 'test galaxy')} against {count(shift.n_known, f'{shift.known} galaxy')}, by the "
                f"features of the {_encoder(shift)}."
            ),
        ),
        Sentence(
            "shift.groups",
            lambda shift: 0 < shift.n_groups < shift.n or 0 < shift.n_known_groups < shift.n_known,
            lambda shift: (
                f"They are {shift.n_groups:,} and {shift.n_known_groups:,} independent groups, which the comparison "
                "counts."
            ),
        ),
        Sentence(
            "shift.validation",
            lambda shift: shift.known == "validation",
            "They are compared with validation galaxies, because the features of training galaxies were fitted to "
            "them.",
        ),
    ),
)


def _encoder(shift: Shift) -> str:
    return {True: "finetuned encoder", False: "frozen encoder", None: "encoder"}[shift.finetuned]


SHIFT_ROWS: tuple[Sentence[tuple[str, Shift]], ...] = (
    Sentence(
        "shift.auroc",
        lambda row: row[0] == "auroc",
        "of a simple classifier that sees the encoder's features: 0.5 if the two sets are indistinguishable, 1 if "
        "they separate perfectly",
    ),
    Sentence("shift.far", lambda row: row[0] == "far", lambda row: row[1].far_means),
    Sentence(
        "shift.far_expected",
        lambda row: row[0] == "far" and row[1].far_expected is not None,
        lambda row: f"(of the same population at most {row[1].far_expected or 0:.1%} are expected)",
    ),
)
