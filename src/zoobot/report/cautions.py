"""Cautions: what a reader must know before trusting the figures, in plain language, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoobot.report.intervals import half_width, p_of_guessing, share
from zoobot.report.outcomes import Classes, Labels, Numbers, Votes
from zoobot.report.summary import PART_NAMES, vote_intervals
from zoobot.report.training_plots import PREFIX, best_epoch

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents

Gravity = Literal["grave", "care", "note"]
ORDER: tuple[Gravity, ...] = ("grave", "care", "note")

FEW = 30
"""Galaxies of a class below which its figures are coarse"""
FEW_TESTED = 100
IMBALANCE = 5
"""Times as many galaxies has the commonest class as the rarest, from which accuracy misleads"""
GUESSING = 0.05
"""p-value from which a model can't be told from one that knows nothing"""
UNLIKELY = 0.01
STILL_FALLING = 0.005
"""Share of the loss by which it fell in the last tenth of the epochs, from which training was too short"""
SHOWN = 4


@dataclass(frozen=True)
class Caution:
    """One thing to know: how grave it is, what it is in a few words, and what follows of it."""

    gravity: Gravity
    title: str
    text: str


def cautions(contents: RunContents) -> list[Caution]:
    """Give all that the run's folder gives reason to say, the gravest first."""
    found = [
        *_simulated(contents),
        *_nothing_learned(contents),
        *_training(contents),
        *_few(contents),
        *_imbalance(contents),
        *_calibration(contents),
        *_coverage(contents),
        *_disagree(contents),
        *_checks(contents),
        *_left_out(contents),
    ]
    return sorted(found, key=lambda one: ORDER.index(one.gravity))


def _simulated(contents: RunContents) -> Iterator[Caution]:
    if contents.simulated:
        text = (
            "Galaxies are drawn by a program. The figures say that the machinery works, not how well it does on real "
            "galaxies."
        )
        yield Caution("grave", "SIMULATED galaxies", text)


def _nothing_learned(contents: RunContents) -> Iterator[Caution]:
    """Compare with guessing, and with always saying how common each class is."""
    part = "test" if contents.outcomes("test") is not None else "val"
    outcomes = contents.outcomes(part)
    where = f"{PART_NAMES[part]} galaxies"
    if isinstance(outcomes, Classes):
        p = p_of_guessing(outcomes.raw, outcomes.truth)
        if p > GUESSING:
            area = contents.scores(part).get("auroc")
            measured = "" if area is None else f"AUROC {area:.2f}; "
            text = (
                f"As far as these {len(outcomes.truth)} {where} can tell, the probabilities know nothing of the "
                f"labels: {measured}guessing ranks them at least as well with probability {p:.2f}. Either the images "
                "don't show what is asked for, or the labels are mixed up, or there are too few."
            )
            yield Caution("grave", "Nothing was learned", text)
            return
        yield from _no_better_than_shares(outcomes, where)
    elif isinstance(outcomes, Labels):
        unknown = []
        for place, name in enumerate(outcomes.names):
            scores = np.stack([-outcomes.raw[:, place], outcomes.raw[:, place]], axis=1)
            if p_of_guessing(scores, outcomes.truth[:, place]) > GUESSING:
                unknown.append(name)
        if unknown:
            every = len(unknown) == len(outcomes.names)
            text = (
                f"For {_listed(unknown)} the {where} can't tell the probabilities from guessing (one-sided "
                f"Mann-Whitney test, p > {GUESSING})."
            )
            yield Caution(
                "grave" if every else "care", "Nothing was learned" + ("" if every else " of some labels"), text
            )
    elif isinstance(outcomes, Numbers):
        yield from _nothing_regressed(outcomes, part)
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
        text = f"{len(none)} of {len(asked)} questions are predicted no better than by a constant: {_listed(none)}."
        yield Caution("care", "Nothing was learned of some questions", text)
    narrow = []
    for name, one in asked.items():
        covered = (one.get("coverage") or {}).get("0.9")
        if covered is not None and covered < 0.9 - 3 * (0.09 / one["n_asked"]) ** 0.5:
            narrow.append(name)
    if narrow:
        text = (
            "Their 90% intervals hold fewer of the vote counts, by more than three standard errors: "
            f"{_listed(narrow)}. Don't quote intervals of these questions."
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


def _nothing_regressed(outcomes: Numbers, part: str) -> Iterator[Caution]:
    from scipy.stats import spearmanr

    for place, name in enumerate(outcomes.names):
        true, predicted = outcomes.truth[:, place], outcomes.predicted[:, place]
        where = f"{len(true)} {PART_NAMES[part]} galaxies"
        if len(true) < 3 or np.ptp(predicted) == 0 or np.ptp(true) == 0:
            continue
        found = spearmanr(predicted, true, alternative="greater")
        r2 = 1 - ((predicted - true) ** 2).mean() / true.var()
        if found.pvalue > GUESSING:
            text = (
                f"As far as these {where} can tell, predictions of {name!r} know nothing of the true values: "
                f"Spearman's rank correlation is {found.statistic:.2f}, which chance reaches with probability "
                f"{found.pvalue:.2f}."
            )
            yield Caution("grave", "Nothing was learned", text)
        elif r2 <= 0.1:
            text = (
                f"R² of {name!r} is {r2:.2f} on the {where}: always saying the mean is "
                f"{'as good' if r2 > 0 else 'better'}, though the predictions' order does know something."
            )
            yield Caution("care", "Little better than the mean", text)


def _training(contents: RunContents) -> Iterator[Caution]:
    """Say where training ended too early, or never got anywhere."""
    log = contents.log
    best = None if log is None else best_epoch(log)
    if log is None or best is None:
        return
    done, asked = int(log["epoch"].max()) + 1, contents.settings.get("epochs")
    if best == 0 and done > 1:
        text = (
            "It was lowest after the first epoch, and that epoch's model was kept: further training only fitted the "
            "training galaxies. Try a lower learning rate, or more labels."
        )
        yield Caution("care", "The validation loss never fell", text)
    elif asked is not None and done >= int(asked):
        loss = log[f"{PREFIX}val_loss"].to_numpy(float)
        lately = max(1, done // 10)
        fell = 1 - np.nanmin(loss) / np.nanmin(loss[:-lately]) if len(loss) > lately else 1.0
        gravity: Gravity = "care" if fell > STILL_FALLING else "note"
        last = "last epoch" if lately == 1 else f"last {lately} epochs"
        fall = f"in the {last} it still fell by {fell:.1%}" if fell > 0 else f"though it did not fall in the {last}"
        text = (
            f"Training stopped because {asked} epochs were asked for, not because the validation loss had stopped "
            f"falling; {fall}. Raise --epochs, or --learning-rate."
        )
        yield Caution(gravity, "Training may not have converged", text)


def _few(contents: RunContents) -> Iterator[Caution]:
    """Say where a class, or a part, has too few galaxies for its figures to be fine."""
    for part in ("val", "test"):
        confusion = contents.scores(part).get("confusion")
        own = contents.class_counts.get(part, {})
        few = {name: n for name, n in own.items() if 0 < n < FEW}
        if few:
            said = []
            for name, n in sorted(few.items(), key=lambda pair: pair[1])[:SHOWN]:
                place = contents.shown_classes.index(name) if confusion and name in contents.shown_classes else None
                hits = n / 2 if place is None or not confusion else confusion[place][place]
                said.append(
                    f"only {n} of “{name}” (the share of them that is found is known to ±{half_width(hits, n):.2f})"
                )
            more = "" if len(few) <= SHOWN else f", and {len(few) - SHOWN} more classes have fewer than {FEW}"
            role = (
                "They chose the epoch, and fitted the calibration"
                if part == "val"
                else "Half of Wilson's 95% interval; label more before quoting figures of these classes"
            )
            yield Caution(
                "care",
                f"Few {PART_NAMES[part]} galaxies",
                f"The {PART_NAMES[part]} part has {' and '.join(said)}{more}. {role}.",
            )
        absent = [name for name, n in own.items() if n == 0]
        if absent:
            yield Caution(
                "care",
                f"Classes without {PART_NAMES[part]} galaxies",
                f"The {PART_NAMES[part]} part has none of {_listed(absent)}: nothing is known of them.",
            )
    tested = contents.counts.get("test")
    if tested and tested < FEW_TESTED and contents.task == "classify":
        accuracy = contents.scores("test").get("accuracy") or 0.5
        yield Caution(
            "note",
            "A small test part",
            f"With {tested} test galaxies, accuracy is known to ±{half_width(accuracy * tested, tested):.2f}: "
            "smaller differences between models mean nothing.",
        )


def _imbalance(contents: RunContents) -> Iterator[Caution]:
    if contents.task != "classify":
        return
    counts = next(
        (contents.class_counts[part] for part in ("train", "test", "val") if part in contents.class_counts), {}
    )
    present = {name: n for name, n in counts.items() if n}
    if len(present) < 2:
        return
    most, least = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    if present[most] >= IMBALANCE * present[least]:
        constant = present[most] / sum(present.values())
        text = (
            f"“{most}” has {present[most]:,} galaxies and “{least}” {present[least]:,}. Always saying “{most}” would "
            f"be right for {constant:.0%}, so that accuracy says little: look at balanced accuracy, and at the "
            "purity and completeness of each class."
        )
        yield Caution(
            "care" if present[most] >= 2 * IMBALANCE * present[least] else "note",
            "Classes of very different size",
            text,
        )


def _calibration(contents: RunContents) -> Iterator[Caution]:
    """Compare the calibration error with what chance gives to probabilities that mean what they say."""
    from zoobot.science.reliability import calibration_scores

    outcomes, scores = contents.outcomes("test"), contents.scores("test")
    scores = scores.get("calibrated") or scores
    calibrated = "calibrated" in contents.scores("test")
    if "ece" not in scores and isinstance(outcomes, Classes):
        scores = calibration_scores(outcomes.probabilities, outcomes.truth, outcomes.names)
        calibrated = outcomes.calibrated is not None
    ece, perfect = scores.get("ece"), (scores.get("ece_perfect") or {}).get("q95")
    if ece is None or perfect is None or ece <= perfect:
        return
    text = (
        f"The expected calibration error of {'calibrated' if calibrated else 'the'} probabilities on the test "
        f"galaxies is {ece:.3f}; of probabilities that mean what they say it would be below {perfect:.3f} 19 times "
        "in 20. Trust the order of probabilities, not their values."
    )
    yield Caution("care", "Probabilities don't mean what they say", text)


def _coverage(contents: RunContents) -> Iterator[Caution]:
    """Compare what conformal sets and intervals cover with what they promise."""
    conformal = contents.scores("test").get("conformal")
    if not isinstance(conformal, dict) or conformal.get("level") is None:
        return
    each: dict[str, Any] = {
        "": conformal,
        **{name: one for key in ("labels", "targets") for name, one in (conformal.get(key) or {}).items()},
    }
    for name, one in each.items():
        expected, coverage = one.get("expected"), one.get("coverage")
        if not expected or coverage is None or expected[0] <= coverage:
            continue
        of = f" of “{name}”" if name else ""
        text = (
            f"Sets or intervals{of} that promise to hold the truth for {conformal['level']:.0%} of galaxies hold it "
            f"for {coverage:.1%} of the test galaxies; chance explains {expected[0]:.1%} at the least. Test and "
            "validation galaxies are then not of one kind."
        )
        yield Caution("care", "Conformal coverage is below its promise", text)


def _disagree(contents: RunContents) -> Iterator[Caution]:
    """Say where validation and test scores differ by more than chance."""
    from scipy.stats import fisher_exact

    tables = [confusion for part in ("val", "test") if (confusion := contents.scores(part).get("confusion"))]
    if len(tables) < 2:
        return
    hits, totals = [int(np.trace(table)) for table in tables], [int(np.sum(table)) for table in tables]
    p = float(fisher_exact([[hits[0], totals[0] - hits[0]], [hits[1], totals[1] - hits[1]]]).pvalue)
    if p < UNLIKELY:
        low, high = share(hits[1], totals[1])
        text = (
            f"Accuracy is {hits[0] / totals[0]:.2f} on validation galaxies and {hits[1] / totals[1]:.2f} ({low:.2f} "
            f"to {high:.2f}) on test galaxies; chance makes such a difference with probability {p:.1g} (Fisher's "
            "exact test). The two parts are not of one kind."
        )
        yield Caution("care", "Validation and test disagree", text)


def _checks(contents: RunContents) -> Iterator[Caution]:
    """Say what checks of the galaxies found: duplicates between parts, shift, labels that look wrong, bad images."""
    pairs = contents.checks.get("duplicates")
    if pairs is not None and {"part_a", "part_b"} <= set(pairs):
        parts = pairs[["part_a", "part_b"]].astype(str)
        across = parts["part_a"] != parts["part_b"]
        with_test = int((across & (parts == "test").any(axis=1)).sum())
        if across.any():
            text = (
                f"{int(across.sum())} pairs of near-duplicate images lie in different parts of the split, "
                f"{with_test} of them with the test part: its scores flatter. Drop one of each pair, or use "
                "--group-col."
            )
            yield Caution("care", "The same galaxies in several parts", text)
    if contents.shift.get("warning"):
        yield Caution("care", "Test and training galaxies differ", str(contents.shift["warning"]))
    for name, title, text in (
        (
            "labels",
            "Labels that look wrong",
            "labels disagree with sure predictions of models that had not seen them: some are wrong, and some galaxies "
            "are hard. They are shown below",
        ),
        ("images", "Images that look bad", "images are blank, saturated, cut off or unreadable; they are shown below"),
    ):
        if name in contents.checks:
            yield Caution("note", title, f"{len(contents.checks[name]):,} {text}.")


def _left_out(contents: RunContents) -> Iterator[Caution]:
    for line in contents.unread:
        yield Caution("note", "Left out of this report", f"{line}.")
    outcomes = contents.outcomes("test")
    if outcomes is not None and outcomes.left_out:
        yield Caution(
            "note",
            "Galaxies left out",
            f"{outcomes.left_out:,} rows of predictions.csv have no prediction (their image could not be read) or no "
            "known label; no figure counts them.",
        )
    elif outcomes is None and "test" in contents.tables:
        yield Caution(
            "note",
            "Predictions not understood",
            "predictions.csv lacks the columns that this kind of model writes, so that plots of it are left out.",
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"“{name}”" for name in names[:SHOWN]) + more
