"""Cautions about which galaxies were scored: simulated, seen before, copied, or unlike those that the model knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import count, have

if TYPE_CHECKING:
    from zoobot.report.findings.copies import Copies
    from zoobot.report.findings.run import Findings
    from zoobot.report.findings.seen import Seen
    from zoobot.report.findings.shift import Shift

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
                f"{count(copies.test_in_training, 'test galaxy')} {have(copies.test_in_training)} a near copy in the "
                "training part: test scores are optimistic."
            ),
        ),
        Sentence(
            "copies.test_in_validation",
            lambda copies: copies.test_in_validation,
            lambda copies: (
                f"{count(copies.test_in_validation, 'test galaxy')} {have(copies.test_in_validation)} a near copy in "
                "the validation part, so that test and validation scores are not independent."
            ),
        ),
        Sentence(
            "copies.validation_in_training",
            lambda copies: copies.validation_in_training,
            lambda copies: (
                f"{count(copies.validation_in_training, 'validation galaxy')} {have(copies.validation_in_training)} a "
                "near copy in the training part: validation scores are optimistic."
            ),
        ),
        Sentence(
            "copies.test_in_seen",
            lambda copies: copies.test_in_seen,
            lambda copies: (
                f"{count(copies.test_in_seen, 'galaxy')} {have(copies.test_in_seen)} a near copy among those that had "
                "a part in the model: test scores are optimistic."
            ),
        ),
        Sentence(
            "copies.within_test",
            lambda copies: copies.within_test,
            lambda copies: (
                f"{count(copies.within_test, 'image')} of the test part "
                f"{'shows' if copies.within_test == 1 else 'show'} what another one shows, so that intervals of its "
                "scores are too narrow."
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
                f"{_dealt(copies)} may part such pairs, so that {'their' if copies.folds else 'its'} scores may be "
                "optimistic."
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
                f"A simple classifier tells test from {shift.known} galaxies (AUROC {shift.auroc:.2f}; 0.5 means "
                "alike)."
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
            "A calibration, conformal sets and conformal intervals that were made with other galaxies need not hold "
            "for these.",
        ),
    ),
    documented=(
        "they can be told from training galaxies by their features, or many are far from all of them, by more than "
        "chance explains: see `zoobot.science.measure_shift`"
    ),
)
