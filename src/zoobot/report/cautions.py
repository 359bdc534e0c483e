"""Cautions: what a reader must know before trusting the figures, in plain language, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.report.caution import SHOWN, Caution, Gravity, listed
from zoobot.report.intervals import half_width, share
from zoobot.report.learned_cautions import nothing_learned_cautions
from zoobot.report.outcomes import Classes
from zoobot.report.summary import PART_NAMES
from zoobot.report.training_plots import PREFIX, best_epoch

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents

ORDER: tuple[Gravity, ...] = ("grave", "care", "note")

FEW = 30
"""Galaxies of a class below which its figures are coarse"""
FEW_TESTED = 100
IMBALANCE = 5
"""Times as many galaxies has the commonest class as the rarest, from which accuracy misleads"""
UNLIKELY = 0.01
STILL_FALLING = 0.005
"""Share of the loss by which it fell in the last tenth of the epochs, from which training was too short"""


def cautions(contents: RunContents) -> list[Caution]:
    """Give all that the run's folder gives reason to say, the gravest first."""
    found = [
        *_simulated(contents),
        *nothing_learned_cautions(contents),
        *_training(contents),
        *_few(contents),
        *_imbalance(contents),
        *_calibration(contents),
        *_coverage(contents),
        *_disagree(contents),
        *_checks(contents),
        *_left_out(contents),
        *_catalog_notes(contents),
    ]
    return sorted(found, key=lambda one: ORDER.index(one.gravity))


def _simulated(contents: RunContents) -> Iterator[Caution]:
    if contents.simulated:
        text = (
            "Galaxies are drawn by a program. The figures say that the machinery works, not how well it does on real "
            "galaxies."
        )
        yield Caution("grave", "SIMULATED galaxies", text)


def _catalog_notes(contents: RunContents) -> Iterator[Caution]:
    """Say what was odd about the values in the catalog."""
    for note in contents.about.get("catalog_notes") or []:
        yield Caution("care", "Values in the catalog", str(note))


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
                f"The {PART_NAMES[part]} part has none of {listed(absent)}: nothing is known of them.",
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
