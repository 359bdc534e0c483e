"""Words of the plots of classes and labels: what is drawn, and how to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoobot.report.sentences.table import Sentence, Words, always
from zoobot.report.words import count

if TYPE_CHECKING:
    from zoobot.report.classifier_plots import ConformalSets, Confusion, Histograms
    from zoobot.report.ranking_plots import Curves, Thresholds
    from zoobot.report.reliability_plots import Reliability

MOST_SHARES = 6
"""Classes whose share is told"""

CONFUSION: Words[Confusion] = Words(
    title=(Sentence("confusion.title", always, "Confusion matrix"),),
    caption=(
        Sentence(
            "confusion.axes",
            always,
            "Rows are the labels, columns the most probable class. Shading: the share of the row.",
        ),
        Sentence(
            "confusion.numbers",
            lambda drawn: drawn.numbered,
            "Each cell: galaxies, and their share of the row; on the diagonal that is the completeness of the class.",
        ),
        Sentence(
            "confusion.empty_rows",
            lambda drawn: drawn.numbered and drawn.empty_rows,
            "Rows of classes without galaxies are empty.",
        ),
        Sentence(
            "confusion.wrong",
            lambda drawn: drawn.wrong,
            "Labels are taken as the truth, which they are not always: galaxies that are predicted otherwise are "
            "shown below.",
        ),
    ),
)


def _drawn_anew(drawn: Curves) -> str:
    return "groups of galaxies" if drawn.grouped else "galaxies"


ROC: Words[Curves] = Words(
    title=(Sentence("roc.title", always, "ROC"),),
    caption=(
        Sentence(
            "roc.axes",
            lambda drawn: drawn.exclusive,
            "As the threshold on the probability falls: the share of the class that is found, against the share of "
            "all other galaxies that is wrongly taken for it.",
        ),
        Sentence(
            "roc.axes_labels",
            lambda drawn: not drawn.exclusive,
            "As the threshold on the probability falls: the share of the galaxies with the label that is found, "
            "against the share of those without that is wrongly taken for one.",
        ),
        Sentence(
            "roc.each_class",
            lambda drawn: drawn.exclusive and len(drawn.shares) > 1,
            "Each class against the rest.",
        ),
        Sentence(
            "roc.auroc",
            always,
            "AUROC is the area below: the probability that a galaxy that is so is ranked above one that is not, "
            "however common the class is. Dotted: guessing, 0.5. Dots: what is predicted.",
        ),
        Sentence(
            "roc.bands",
            lambda drawn: drawn.bands,
            lambda drawn: f"Bands: 95% of bootstrap resamples of the {_drawn_anew(drawn)}, point by point.",
        ),
        Sentence(
            "roc.intervals",
            lambda drawn: drawn.method,
            lambda drawn: f"In brackets: the 95% interval of the area ({drawn.method}).",
        ),
    ),
)


def _shares(drawn: Curves) -> str:
    told = list(drawn.shares.items())[:MOST_SHARES]
    more = "; others not told" if len(drawn.shares) > MOST_SHARES else ""
    return ", ".join(f"{name} {share:.1%}" for name, share in told) + more


PURITY: Words[Curves] = Words(
    title=(Sentence("purity.title", always, "Purity and completeness"),),
    caption=(
        Sentence(
            "purity.axes",
            always,
            "Purity: the share of the chosen galaxies that is so. Completeness: the share of the galaxies that are so "
            "which is chosen. Dots: what is predicted.",
        ),
        Sentence(
            "purity.shares",
            always,
            lambda drawn: (
                f"Dotted: the purity of choosing blindly, which is the share in this test set ({_shares(drawn)}). "
                "Where the class is rarer, purity at the same threshold is lower."
            ),
        ),
        Sentence(
            "purity.area",
            always,
            "Average precision is the mean purity over steps of completeness.",
        ),
        Sentence(
            "purity.bands",
            lambda drawn: drawn.bands,
            lambda drawn: f"Bands: 95% of bootstrap resamples of the {_drawn_anew(drawn)}, point by point.",
        ),
        Sentence(
            "purity.intervals",
            lambda drawn: drawn.method,
            lambda drawn: f"In brackets: its 95% interval ({drawn.method}).",
        ),
    ),
)

THRESHOLDS: Words[Thresholds] = Words(
    title=(Sentence("thresholds.title", always, "Where to cut"),),
    caption=(
        Sentence(
            "thresholds.axes",
            always,
            "Purity and completeness, in this test set, of the galaxies with a probability at or above the threshold, "
            "with 95% intervals.",
        ),
        Sentence(
            "thresholds.cut",
            lambda drawn: drawn.cut_is_predicted,
            "Dotted: 0.5, from which on a galaxy is predicted to be so.",
        ),
        Sentence("thresholds.half", lambda drawn: not drawn.cut_is_predicted, "Dotted: 0.5."),
        Sentence(
            "thresholds.left_out",
            lambda drawn: drawn.left_out,
            lambda drawn: f"{drawn.left_out} more are not drawn.",
        ),
        Sentence(
            "thresholds.select",
            always,
            "To choose a threshold for a survey, in which the class may be rarer than here, use “zoobot select”.",
        ),
    ),
)

HISTOGRAMS: Words[Histograms] = Words(
    title=(Sentence("histograms.title", always, "Probabilities by true class"),),
    caption=(
        Sentence(
            "histograms.calibrated",
            lambda drawn: drawn.calibrated,
            "Calibrated probabilities of the test galaxies, by what they are labelled.",
        ),
        Sentence(
            "histograms.raw",
            lambda drawn: not drawn.calibrated,
            "Probabilities of the test galaxies, by what they are labelled.",
        ),
        Sentence("histograms.overlap", always, "Where the two overlap, no threshold tells them apart."),
        Sentence(
            "histograms.logarithmic",
            lambda drawn: drawn.logarithmic == drawn.panels,
            "The vertical scale is logarithmic.",
        ),
        Sentence(
            "histograms.some_logarithmic",
            lambda drawn: 0 < drawn.logarithmic < drawn.panels,
            "The vertical scale is logarithmic where numbers of galaxies differ much.",
        ),
        Sentence(
            "histograms.left_out",
            lambda drawn: drawn.left_out,
            lambda drawn: f"{drawn.left_out} more are not drawn.",
        ),
    ),
)

RELIABILITY: Words[Reliability] = Words(
    title=(Sentence("reliability.title", always, "Do probabilities mean what they say?"),),
    caption=(
        Sentence(
            "reliability.both",
            lambda drawn: drawn.both,
            "Probabilities before and after calibration on the validation galaxies.",
        ),
        Sentence(
            "reliability.calibrated",
            lambda drawn: drawn.calibrated and not drawn.both,
            "Calibrated probabilities, which calibration changed by 0.002 at most.",
        ),
        Sentence(
            "reliability.raw",
            lambda drawn: not drawn.calibrated,
            "Probabilities as the network gives them.",
        ),
        Sentence(
            "reliability.bins",
            always,
            lambda drawn: (
                f"Mean probability, in bins of about equally many galaxies ({drawn.fewest:,} or more), against the "
                "share of the bin that is so, with 95% intervals. On the dotted line a probability of 0.7 is right 7 "
                "times in 10; below it probabilities are too high, above it too low."
            ),
        ),
        Sentence(
            "reliability.strip",
            always,
            lambda drawn: f"Below zero: how many of the {count(drawn.n, 'test galaxy')} have each probability.",
        ),
        Sentence(
            "reliability.left_out",
            lambda drawn: drawn.left_out,
            lambda drawn: f"{drawn.left_out} more are not drawn.",
        ),
    ),
)

CONFORMAL: Words[ConformalSets] = Words(
    title=(Sentence("conformal.title", always, "Conformal sets"),),
    caption=(
        Sentence("conformal.what", always, "A conformal set holds every class that the model can't rule out."),
        Sentence(
            "conformal.promise",
            lambda drawn: drawn.level is not None,
            lambda drawn: (
                f"On average over galaxies like the validation galaxies, at least {drawn.level or 0:.0%} of sets hold "
                "the true class (split conformal prediction; dotted): of all galaxies together, not of each class."
            ),
        ),
        Sentence(
            "conformal.chose_epoch",
            lambda drawn: drawn.level is not None and drawn.chose_epoch,
            "That takes validation galaxies which serve no other purpose; here they also chose the epoch.",
        ),
        Sentence(
            "conformal.left",
            always,
            "Left: the share of sets that hold the true class on test galaxies, with 95% intervals.",
        ),
        Sentence(
            "conformal.expected",
            lambda drawn: drawn.expected,
            "Shaded: where the share of all galaxies lies in 95% of cases, for so many validation and test galaxies.",
        ),
        Sentence("conformal.right", always, "Right: how many classes the sets hold; small sets say more."),
    ),
)
