"""Cautions about the galaxies: simulated, few, unequal, copied, unlike, badly labelled, or left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.findings.parts import FEW, FEW_TESTED, IMBALANCE, balances, small
from zoobot.report.findings.suspects import bad_images, suspects
from zoobot.report.run_files import catalog_notes
from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import NAMES, SHOWN, between, count, joined, number

if TYPE_CHECKING:
    from zoobot.report.findings.copies import Copies
    from zoobot.report.findings.parts import Balance, Counted, Part, Small
    from zoobot.report.findings.run import Findings
    from zoobot.report.findings.seen import Seen
    from zoobot.report.findings.shift import Shift
    from zoobot.report.findings.suspects import BadImages, Suspects


def _held_out(run: Findings) -> list[Part]:
    return [run.part("val"), run.part("test")]


def _few(one: Counted) -> str:
    """Word how many galaxies there are of a class, and how many of them are found."""
    if one.found is None:
        return f"{one.n:,} of {one.name}"
    interval = f", 95% interval of that share {between(one.interval)}" if np.isfinite(one.interval).all() else ""
    return f"{one.n:,} of {one.name} ({one.found:,} of them found{interval})"


SIMULATED: Cause[Findings] = Cause(
    key="simulated",
    name="SIMULATED galaxies",
    when=lambda run: run.simulated,
    gravity="grave",
    text=(
        Sentence(
            "simulated",
            always,
            "The galaxies are simulated. The scores show that the method works, not how well it does on real galaxies.",
        ),
    ),
    documented="the catalog says `simulated`, or its files lie in a folder that does",
)


def _roles(seen: Seen) -> str:
    """Name what seen galaxies were to the model."""
    roles = ((seen.train, "trained it"), (seen.val, "validated it"))
    return ", ".join(f"{n:,} {what}" for n, what in roles if n)


SEEN: Cause[Seen] = Cause(
    key="seen",
    name="Galaxies that the model has seen",
    each=lambda run: [] if run.seen is None else [run.seen],
    when=lambda seen: seen.learned,
    gravity=lambda seen: "care" if seen.learned < seen.total else "grave",
    text=(
        Sentence(
            "seen.learned",
            always,
            lambda seen: f"{seen.learned:,} of {count(seen.total, 'galaxy')} had a part in the model: {_roles(seen)}.",
        ),
        Sentence(
            "seen.others",
            lambda seen: seen.learned < seen.total,
            "They are scored apart, as “seen”: such scores are optimistic.",
        ),
        Sentence(
            "seen.all",
            lambda seen: seen.learned == seen.total,
            "There are no scores of unseen galaxies: those of seen ones are optimistic.",
        ),
    ),
    documented="`zoobot evaluate`: galaxies of the catalog are of the training or validation part of the model's run",
)

SEEN_UNKNOWN: Cause[Findings] = Cause(
    key="seen_unknown",
    name="Whether the model has seen the galaxies is not known",
    when=lambda run: run.evaluated and run.seen is None,
    gravity="care",
    text=(
        Sentence(
            "seen_unknown",
            always,
            "If any of them had a part in the model, scores are optimistic.",
        ),
    ),
    documented="`zoobot evaluate`: the model remembers no galaxies, or an earlier version evaluated it",
)

FEW_GALAXIES: Cause[Part] = Cause(
    key="few",
    name="Few galaxies",
    each=_held_out,
    when=lambda part: part.few,
    gravity="care",
    title=lambda part: f"Few {part.name} galaxies",
    text=(
        Sentence(
            "few.each",
            lambda part: part.run.task != "tree",
            lambda part: f"The {part.name} part has only {joined([_few(one) for one in part.few[:SHOWN]])}.",
        ),
        Sentence(
            "few.questions",
            lambda part: part.run.task == "tree",
            lambda part: (
                f"Questions asked of few {part.name} galaxies: "
                f"{joined([f'{one.name} of {one.n:,}' for one in part.few[:SHOWN]])}."
            ),
        ),
        Sentence(
            "few.more",
            lambda part: len(part.few) > SHOWN,
            lambda part: f"{len(part.few) - SHOWN} more have fewer than {FEW}.",
        ),
        Sentence(
            "few.chose_epoch",
            lambda part: part.part == "val" and part.run.chose_epoch,
            "The validation galaxies chose the epoch.",
        ),
        Sentence(
            "few.calibrated",
            lambda part: part.part == "val" and part.run.calibrated,
            "The calibration was fitted to them.",
        ),
        Sentence(
            "few.label_more",
            lambda part: part.part == "test",
            "Label more before quoting scores of these.",
        ),
    ),
    documented=(
        f"a class has fewer than {FEW} galaxies in the validation or test part, fewer than {FEW} have or lack a label, or "
        f"fewer than {FEW} were asked a question; with the 95% interval of the share of them that is found"
    ),
)

SMALL: Cause[Small] = Cause(
    key="small",
    name="A small test part",
    each=small,
    when=always,
    gravity=lambda part: "care" if part.n_groups < FEW else "note",
    text=(
        Sentence(
            "small.galaxies",
            lambda part: part.n_groups == part.n,
            lambda part: f"Scores are those of {count(part.n, 'test galaxy')}.",
        ),
        Sentence(
            "small.groups",
            lambda part: part.n_groups < part.n,
            lambda part: (
                f"Scores are those of {count(part.n, 'test galaxy')} in {count(part.n_groups, 'independent group')}, and no surer "
                "than those of so many galaxies."
            ),
        ),
        Sentence(
            "small.interval",
            lambda part: part.figure is not None and part.figure.has_interval,
            lambda part: (
                f"The {NAMES.get(part.score, part.score)} is {number(part.figure.value)}, with the 95% interval "
                f"{between((part.figure.low, part.figure.high))}."
                if part.figure
                else ""
            ),
        ),
        Sentence(
            "small.no_interval",
            lambda part: part.figure is not None and not part.figure.has_interval and part.figure.reason,
            lambda part: (
                f"The {NAMES.get(part.score, part.score)} has no interval: {part.figure.reason}." if part.figure else ""
            ),
        ),
    ),
    documented=(
        f"the test part has fewer than {FEW_TESTED} galaxies, or independent groups of them; with the interval of the score that stands "
        f"for the run; a note from {FEW} on"
    ),
)

ABSENT: Cause[Part] = Cause(
    key="absent",
    name="Classes without galaxies",
    each=_held_out,
    when=lambda part: part.absent and part.run.task != "tree",
    gravity="care",
    title=lambda part: f"Classes without {part.name} galaxies",
    text=(
        Sentence(
            "absent.classes",
            always,
            lambda part: f"The {part.name} part has no galaxies of {joined(part.absent[:SHOWN])}.",
        ),
        Sentence(
            "absent.more",
            lambda part: len(part.absent) > SHOWN,
            lambda part: f"It has none of {len(part.absent) - SHOWN} more classes either.",
        ),
        Sentence(
            "absent.unknown",
            lambda part: part.part == "test" and not part.one_class,
            "How well they are found, and how pure they are, is not known.",
        ),
        Sentence(
            "absent.one_class",
            lambda part: part.part == "test" and part.one_class,
            lambda part: (
                f"All of its galaxies are of {part.one_class}: there is no balanced accuracy, AUROC or average precision, "
                "no completeness of the absent classes, and no purity beyond this sample."
            ),
        ),
    ),
    documented="the validation or test part has no galaxy of a class, or none with (or without) a label",
)

IMBALANCED: Cause[Balance] = Cause(
    key="imbalance",
    name="Classes of very different size",
    each=balances,
    when=lambda one: one.ratio >= IMBALANCE,
    gravity=lambda one: "care" if one.ratio >= 2 * IMBALANCE else "note",
    text=(
        Sentence(
            "imbalance.numbers",
            always,
            lambda one: (
                f"Of the {one.part} galaxies, {one.most.n:,} are {one.most.name} and {one.least.n:,} {one.least.name}. "
                f"Always saying {one.most.name} would be right for {one.most.n / one.total:.1%} of them, so that accuracy "
                "says little."
            ),
        ),
        Sentence(
            "imbalance.look_at",
            always,
            "Look at balanced accuracy and average precision, and at purity and completeness.",
        ),
    ),
    documented=f"the commonest class has {IMBALANCE} times as many galaxies as the rarest, or a label is as uneven",
)

COPIES: Cause[Copies] = Cause(
    key="copies",
    name="The same galaxies in several parts",
    each=lambda run: [] if run.copies is None else [run.copies],
    when=lambda copies: copies.pairs,
    gravity=lambda copies: "care" if copies.across or copies.within_test else "note",
    title=lambda copies: "The same galaxies in several parts" if copies.across else "The same galaxy more than once",
    text=(
        Sentence(
            "copies.test_in_training",
            lambda copies: copies.test_in_training,
            lambda copies: (
                f"{count(copies.test_in_training, 'test galaxy')} {_have(copies.test_in_training)} a near copy in the "
                "training part: test scores are optimistic."
            ),
        ),
        Sentence(
            "copies.test_in_validation",
            lambda copies: copies.test_in_validation,
            lambda copies: (
                f"{count(copies.test_in_validation, 'test galaxy')} {_have(copies.test_in_validation)} a near copy in the "
                "validation part, so that test and validation scores are not independent."
            ),
        ),
        Sentence(
            "copies.validation_in_training",
            lambda copies: copies.validation_in_training,
            lambda copies: (
                f"{count(copies.validation_in_training, 'validation galaxy')} {_have(copies.validation_in_training)} a near "
                "copy in the training part: validation scores are optimistic."
            ),
        ),
        Sentence(
            "copies.test_in_seen",
            lambda copies: copies.test_in_seen,
            lambda copies: (
                f"{count(copies.test_in_seen, 'galaxy')} {_have(copies.test_in_seen)} a near copy among those that had a "
                "part in the model: test scores are optimistic."
            ),
        ),
        Sentence(
            "copies.within_test",
            lambda copies: copies.within_test,
            lambda copies: (
                f"{count(copies.within_test, 'image')} of the test part {'shows' if copies.within_test == 1 else 'show'} what another "
                "one shows, so that intervals of its scores are too narrow."
            ),
        ),
        Sentence(
            "copies.elsewhere",
            lambda copies: not copies.across and not copies.within_test,
            lambda copies: (
                f"{count(copies.pairs, 'pair')} of near copies among the galaxies; no test score is touched."
            ),
        ),
        Sentence(
            "copies.dealt_anew",
            lambda copies: copies.folds or copies.curve,
            lambda copies: (
                f"{_dealt(copies)} may part such pairs, so that {'their' if copies.folds else 'its'} scores may be optimistic."
            ),
        ),
        Sentence("copies.remedy", always, "Drop one of each pair, or keep them together with --group-col."),
    ),
    documented="near-duplicate images that no group keeps together, between parts of the split or within one",
)


def _dealt(copies: Copies) -> str:
    """Name what deals out all labelled galaxies anew."""
    return (
        "The folds and the learning curve"
        if copies.folds and copies.curve
        else "The folds"
        if copies.folds
        else "The learning curve"
    )


def _have(n: int) -> str:
    return "has" if n == 1 else "have"


SUSPECTS: Cause[Suspects] = Cause(
    key="suspects",
    name="Labels that disagree with predictions",
    each=suspects,
    when=always,
    gravity="note",
    text=(
        Sentence(
            "suspects.classes",
            lambda found: not found.numbers,
            lambda found: (
                f"{count(found.n, 'label')} {'disagrees' if found.n == 1 else 'disagree'} most with the prediction of a model "
                f"that was not trained on the galaxy; the class predicted instead has a median probability of "
                f"{found.probability:.2f}."
            ),
        ),
        Sentence(
            "suspects.numbers",
            lambda found: found.numbers,
            lambda found: (
                f"{count(found.n, 'label')} {'lies' if found.n == 1 else 'lie'} more than 4 standard deviations from the "
                "prediction of a model that was not trained on the galaxy."
            ),
        ),
        Sentence(
            "suspects.look",
            always,
            "Some of them may be wrong, and some galaxies are hard: look at them below.",
        ),
    ),
    documented="the check of labels lists some whose predictions are better than chance",
)

BAD_IMAGES: Cause[BadImages] = Cause(
    key="images",
    name="Images that look bad",
    each=bad_images,
    when=always,
    gravity="note",
    text=(
        Sentence(
            "images.numbers",
            always,
            lambda found: (
                f"{count(found.n, 'image')} {'is' if found.n == 1 else 'are'} of little use: "
                f"{joined([f'{n:,} {name}' for name, n in found.faults.items()])}."
            ),
        ),
    ),
    documented="the check of images lists some",
)

CATALOG: Cause[str] = Cause(
    key="catalog",
    name="Values in the catalog",
    each=lambda run: catalog_notes(run.contents.about),
    when=always,
    gravity="care",
    text=(Sentence("catalog", always, lambda note: note),),
    documented="values that look like labels of another kind, or like placeholders: see [catalogs](catalogs.md)",
)

UNREAD: Cause[str] = Cause(
    key="unread",
    name="Left out of this report",
    each=lambda run: run.contents.unread,
    when=always,
    gravity="note",
    text=(Sentence("unread", always, lambda line: f"{line}."),),
    documented="a file of the folder can't be read",
)

LEFT_OUT: Cause[Any] = Cause(
    key="left_out",
    name="Galaxies left out",
    each=lambda run: [] if run.outcomes is None else [run.outcomes],
    when=lambda outcomes: outcomes.left_out,
    gravity="note",
    text=(
        Sentence(
            "left_out",
            always,
            lambda outcomes: (
                f"{count(outcomes.left_out, 'row')} of predictions.csv {_have(outcomes.left_out)} no prediction (the image "
                "could not be read) or no known label. No score counts them."
            ),
        ),
    ),
    documented="rows of `predictions.csv` have no prediction or no known label",
)

NOT_UNDERSTOOD: Cause[Findings] = Cause(
    key="not_understood",
    name="Predictions not understood",
    when=lambda run: run.outcomes is None and "test" in run.contents.tables,
    gravity="note",
    text=(
        Sentence(
            "not_understood.columns",
            lambda run: run.task is not None,
            "predictions.csv lacks columns that this kind of model writes.",
        ),
        Sentence(
            "not_understood.kind",
            lambda run: run.task is None,
            "Nothing in the folder says what kind of model wrote predictions.csv.",
        ),
        Sentence("not_understood.left_out", always, "Its plots and galleries are left out."),
    ),
    documented="`predictions.csv` lacks columns that the model's task writes",
)

SHIFT: Cause[Shift] = Cause(
    key="shift",
    name="Test galaxies differ from those that the model knows",
    each=lambda run: [] if run.shift is None else [run.shift],
    when=lambda shift: shift.told_apart or shift.is_far,
    gravity="care",
    text=(
        Sentence(
            "shift.told_apart",
            lambda shift: shift.told_apart,
            lambda shift: (
                f"A simple classifier tells test from {shift.known} galaxies (AUROC {shift.auroc:.2f}; 0.5 means alike)."
            ),
        ),
        Sentence(
            "shift.is_far",
            lambda shift: shift.is_far,
            lambda shift: f"{shift.far:.0%} of the test galaxies are unlike any {shift.known} galaxy.",
        ),
        Sentence(
            "shift.follows",
            always,
            "A calibration, conformal sets and conformal intervals that were made with other galaxies need not hold for these.",
        ),
    ),
    documented=(
        "they can be told from training galaxies by their features, or many are far from all of them, by more than chance "
        "explains: see `zoobot.science.measure_shift`"
    ),
)
