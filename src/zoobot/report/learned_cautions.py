"""Cautions of a model that can't be told from one that knows nothing, or is little better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from zoobot.report.caution import Caution, listed
from zoobot.report.outcomes import Classes, Labels, Numbers, Votes
from zoobot.report.summary import PART_NAMES, vote_intervals
from zoobot.science.learned import CHANCE, nothing_learned
from zoobot.science.ranking_intervals import rank_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents

TITLES = {
    "inverted": "The ranking is inverted",
    "unclear": "Nothing was learned",
    "untellable": "Too few galaxies to tell whether anything was learned",
}


def nothing_learned_cautions(contents: RunContents) -> Iterator[Caution]:
    """Compare with guessing, and with always saying how common each class is."""
    part = "test" if contents.outcomes("test") is not None else "val"
    outcomes = contents.outcomes(part)
    where, groups = f"{PART_NAMES[part]} galaxies", contents.groups(part)
    if isinstance(outcomes, Classes):
        learned = nothing_learned(outcomes.raw, outcomes.truth, groups=groups)
        if learned.nothing and learned.p_value == learned.p_value:
            area = contents.scores(part).get("auroc")
            measured = "" if area is None else f" AUROC {area:.2f}."
            yield Caution("grave", TITLES[learned.verdict], f"{learned.sentence}{measured}")
            return
        yield from _no_better_than_shares(outcomes, where)
    elif isinstance(outcomes, Labels):
        found = nothing_learned(outcomes.raw, outcomes.truth, task="multi_label", groups=groups)
        unknown = [name for name, p in zip(outcomes.names, found.p_values, strict=True) if p > CHANCE]
        if unknown:
            every = len(unknown) == len(outcomes.names)
            text = (
                f"For {listed(unknown)} the {where} can't tell the probabilities from guessing (Mann-Whitney test, "
                f"two-sided and adjusted for the number of labels, p > {CHANCE})."
            )
            yield Caution(
                "grave" if every else "care", "Nothing was learned" + ("" if every else " of some labels"), text
            )
    elif isinstance(outcomes, Numbers):
        yield from _nothing_regressed(outcomes, part, groups)
    elif isinstance(outcomes, Votes):
        yield from _no_skill(contents, outcomes, part)


def _no_skill(contents: RunContents, outcomes: Votes, part: str) -> Iterator[Caution]:
    """Say whether votes are predicted no better than by one constant prediction, of all questions or of some."""
    scores = contents.scores(part)
    low, high = vote_intervals(outcomes)[0]
    if low <= 0:
        skill = scores.get("skill")
        measured = "" if skill is None else f" is {skill:.3f} and"
        text = (
            f"The skill over all questions{measured} lies between {low:.3f} and {high:.3f}: these "
            f"{len(outcomes.counts)} {PART_NAMES[part]} galaxies can't tell the predictions from one constant "
            "prediction for all galaxies (which has seen the very votes that it is scored on, so that a little "
            "knowledge can hide)."
        )
        yield Caution(
            "care" if high > 0 else "grave", "No skill can be told" if high > 0 else "Nothing was learned", text
        )
    asked = {name: one for name, one in (scores.get("questions") or {}).items() if one.get("n_asked")}
    none = [name for name, one in asked.items() if (one.get("skill") or 0) <= 0]
    if none:
        text = f"{len(none)} of {len(asked)} questions are predicted no better than by a constant: {listed(none)}."
        yield Caution("care", "Nothing was learned of some questions", text)
    narrow = []
    for name, one in asked.items():
        covered = (one.get("coverage") or {}).get("0.9")
        if covered is not None and covered < 0.9 - 3 * (0.09 / one["n_asked"]) ** 0.5:
            narrow.append(name)
    if narrow:
        text = (
            "Their 90% intervals hold fewer of the vote counts, by more than three standard errors: "
            f"{listed(narrow)}. Don't quote intervals of these questions."
        )
        yield Caution("care", f"Overconfident about {len(narrow)} of {len(asked)} questions", text)


def _no_better_than_shares(outcomes: Classes, where: str) -> Iterator[Caution]:
    shares = np.bincount(outcomes.truth, minlength=len(outcomes.names)) / len(outcomes.truth)
    constant = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    own = np.take_along_axis(outcomes.probabilities, outcomes.truth[:, None], axis=1)[:, 0]
    loss = float(-np.log(np.clip(own, 1e-15, None)).mean())
    if loss >= constant > 0:
        text = (
            f"They rank galaxies, but always giving each class its share would have a log loss of {constant:.3f} on "
            f"the {where}, and the model has {loss:.3f}: its probabilities are too sure. Use the ranking, or "
            "calibrate."
        )
        yield Caution("care", "Probabilities are worth less than the classes' shares", text)


def _nothing_regressed(outcomes: Numbers, part: str, groups: NDArray[np.int64] | None) -> Iterator[Caution]:
    found = nothing_learned(outcomes.predicted, outcomes.truth, task="regress", groups=groups)
    for place, name in enumerate(outcomes.names):
        true, predicted = outcomes.truth[:, place], outcomes.predicted[:, place]
        where = f"{len(true)} {PART_NAMES[part]} galaxies"
        correlation, p = rank_correlation(predicted, true).value, found.p_values[place]
        if np.isnan(p):
            continue
        r2 = 1 - ((predicted - true) ** 2).mean() / true.var()
        if p > CHANCE:
            text = (
                f"As far as these {where} can tell, predictions of {name!r} know nothing of the true values: "
                f"Spearman's rank correlation is {correlation:.2f}, which chance reaches with probability "
                f"{p:.2f}."
            )
            yield Caution("grave", "Nothing was learned", text)
        elif r2 <= 0.1:
            text = (
                f"R² of {name!r} is {r2:.2f} on the {where}: always saying the mean is "
                f"{'as good' if r2 > 0 else 'better'}, though the predictions' order does know something."
            )
            yield Caution("care", "Little better than the mean", text)
