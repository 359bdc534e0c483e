"""Cautions about how many galaxies there are: few, none of a class, or classes of very different size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoobot.report.findings.parts import FEW, FEW_TESTED, IMBALANCE, balances, small
from zoobot.report.sentences.table import Cause, Sentence, always
from zoobot.report.words import SHOWN, between, count, joined, number

if TYPE_CHECKING:
    from zoobot.report.findings.parts import Balance, Counted, Part, Small
    from zoobot.report.findings.run import Findings


def _held_out(run: Findings) -> list[Part]:
    return [run.part("val"), run.part("test")]


def _few(one: Counted) -> str:
    """Word how many galaxies there are of a class, and how many of them are found."""
    if one.found is None:
        return f"{one.n:,} of {one.name}"
    interval = f", 95% interval of that share {between(one.interval)}" if np.isfinite(one.interval).all() else ""
    return f"{one.n:,} of {one.name} ({one.found:,} of them found{interval})"


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
            lambda part: not part.run.view.questions,
            lambda part: f"The {part.name} part has only {joined([_few(one) for one in part.few[:SHOWN]])}.",
        ),
        Sentence(
            "few.questions",
            lambda part: part.run.view.questions,
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
        f"a class has fewer than {FEW} galaxies in the validation or test part, fewer than {FEW} have or lack a "
        f"label, or fewer than {FEW} were asked a question; with the 95% interval of the share of them that is found"
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
                f"Scores are those of {count(part.n, 'test galaxy')} in {count(part.n_groups, 'independent group')}, "
                f"and no surer than those of {count(part.n_groups, 'galaxy')}."
            ),
        ),
        Sentence(
            "small.interval",
            lambda part: part.figure is not None and part.figure.has_interval,
            lambda part: (
                f"The {part.score} is {number(part.figure.value)}, with the 95% interval "
                f"{between((part.figure.low, part.figure.high))}."
                if part.figure
                else ""
            ),
        ),
        Sentence(
            "small.no_interval",
            lambda part: part.figure is not None and not part.figure.has_interval and part.figure.reason,
            lambda part: f"The {part.score} has no interval: {part.figure.reason}." if part.figure else "",
        ),
    ),
    documented=(
        f"the test part has fewer than {FEW_TESTED} galaxies, or independent groups of them; with the interval of the "
        f"score that stands for the run; a note from {FEW} on"
    ),
)

ABSENT: Cause[Part] = Cause(
    key="absent",
    name="Classes without galaxies",
    each=_held_out,
    when=lambda part: part.absent and not part.run.view.questions,
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
                f"All of its galaxies are of {part.one_class}: there is no balanced accuracy, AUROC or average "
                "precision, no completeness of the absent classes, and no purity beyond this sample."
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
                f"Predictions that never say {one.least.name} can be right for {1 - one.least.n / one.total:.1%} of "
                f"them, so that accuracy says little of {one.least.name}."
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
