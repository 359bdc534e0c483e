"""Words of the plots of numbers, votes, training, folds, learning curves and bins of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoobot.report.sentences.table import Sentence, Words, always

if TYPE_CHECKING:
    from zoobot.report.curve_plots import Breakdown, CurveDrawn
    from zoobot.report.extras import FoldsDrawn
    from zoobot.report.regression_plots import Scatter
    from zoobot.report.training_plots import Epochs
    from zoobot.report.votes import Fractions

ONE_TO_ONE: Words[Scatter] = Words(
    title=(Sentence("one_to_one.title", always, "Predicted against true"),),
    caption=(
        Sentence("one_to_one.points", lambda drawn: not drawn.shaded, "Each point is a test galaxy."),
        Sentence("one_to_one.shades", lambda drawn: drawn.shaded, "The shade is the number of test galaxies."),
        Sentence("one_to_one.line", always, "On the dotted line predictions are exact."),
        Sentence(
            "one_to_one.bins",
            lambda drawn: drawn.bins > 1,
            "Orange: the median prediction in bins of about equally many galaxies. A slope below 1 is usual: a model "
            "that is unsure predicts values nearer to the mean.",
        ),
        Sentence("one_to_one.one_bin", lambda drawn: drawn.bins == 1, "Orange: the median prediction of all galaxies."),
        Sentence("one_to_one.band", lambda drawn: drawn.bands, "Gray band: the conformal interval about a prediction."),
        Sentence(
            "one_to_one.left_out",
            lambda drawn: drawn.left_out,
            lambda drawn: f"{drawn.left_out} more targets are not drawn.",
        ),
    ),
)

RESIDUALS: Words[Scatter] = Words(
    title=(Sentence("residuals.title", always, "Residuals"),),
    caption=(
        Sentence("residuals.axes", always, "Predicted − true, against the prediction."),
        Sentence(
            "residuals.bins",
            lambda drawn: drawn.bins > 1,
            "Orange: median, 16th and 84th percentile in bins of about equally many galaxies; a median off the dotted "
            "line is a bias at that prediction.",
        ),
    ),
)

RESIDUAL_HISTOGRAM: Words[Scatter] = Words(
    title=(Sentence("residual_histogram.title", always, "Distribution of residuals"),),
    caption=(
        Sentence(
            "residual_histogram",
            always,
            "Distribution of predicted − true. Orange: its median and, shaded, σ(MAD) = 1.4826 times the median "
            "absolute deviation from it: the standard deviation where the distribution is normal, and hardly moved by "
            "outliers. A normal distribution has 0.3% beyond 3σ.",
        ),
    ),
)

INTERVAL_COVERAGE: Words[Scatter] = Words(
    title=(Sentence("interval_coverage.title", always, "What intervals cover"),),
    caption=(
        Sentence(
            "interval_coverage.all",
            always,
            "The share of true values in their conformal intervals. Orange: over all test galaxies, with its 95% "
            "interval.",
        ),
        Sentence(
            "interval_coverage.level",
            lambda drawn: drawn.level is not None,
            lambda drawn: f"Dotted: the promised {drawn.level or 0:.0%}.",
        ),
        Sentence(
            "interval_coverage.bins",
            lambda drawn: drawn.bins > 1,
            "Blue: by prediction. All galaxies get intervals of the same width, so that easy ones are covered more "
            "often and hard ones less.",
        ),
    ),
)

VOTE_COVERAGE: Words[Any] = Words(
    title=(Sentence("vote_coverage.title", always, "Vote counts within the predicted interval"),),
    caption=(
        Sentence(
            "vote_coverage",
            always,
            "Votes are predicted as a distribution over counts. The share of counts within their central interval "
            "should equal the interval's level, on the dotted line; below it the model is overconfident. Bars: 95% "
            "intervals (Clopper & Pearson 1934), for as many galaxies that are independent of one another.",
        ),
    ),
)

PIT: Words[Any] = Words(
    title=(Sentence("pit.title", always, "Where counts fall in their predicted distribution"),),
    caption=(
        Sentence(
            "pit",
            always,
            "Probability integral transform of the counts, spread evenly over a count's step (Czado, Gneiting & Held "
            "2009). Flat: the predicted spread is right. U-shaped: overconfident. Humped: too cautious. Sloped: "
            "biased.",
        ),
    ),
)

FRACTIONS: Words[Fractions] = Words(
    title=(Sentence("fractions.title", always, "Vote fractions, predicted and observed"),),
    caption=(
        Sentence(
            "fractions",
            always,
            lambda drawn: (
                f"Galaxies of which at least {drawn.fewest_votes} volunteers were asked the question; the area of a "
                "point grows with their number. Few volunteers scatter about the dotted line even where the "
                "prediction is exact. Bias: the mean of predicted − observed, weighted by votes."
            ),
        ),
        Sentence(
            "fractions.means",
            lambda drawn: drawn.means,
            "Orange: means in bins of about equally many galaxies, which should follow the line.",
        ),
    ),
)

LOSS: Words[Epochs] = Words(
    title=(Sentence("loss.title", always, "Loss by epoch"),),
    caption=(
        Sentence("loss", always, "The mean loss of each epoch's galaxies."),
        Sentence(
            "loss.training",
            lambda drawn: drawn.parts == {"train", "val"},
            "The training loss is taken while the weights change (and with dropout, where there is any), so that it "
            "can lie above the validation loss.",
        ),
        Sentence(
            "loss.kept",
            lambda drawn: drawn.marked and drawn.n > 1,
            "Dotted: the lowest validation loss, whose model was kept.",
        ),
        Sentence(
            "loss.reading",
            lambda drawn: drawn.parts == {"train", "val"} and drawn.n > 1,
            "A gap that grows is a sign of overfitting; a curve that still falls at the end, of training that was too "
            "short.",
        ),
    ),
)

SCORE_BY_EPOCH: Words[Epochs] = Words(
    title=(Sentence("score_by_epoch.title", always, lambda drawn: f"Validation {drawn.score} by epoch"),),
    caption=(
        Sentence(
            "score_by_epoch",
            always,
            lambda drawn: f"{drawn.score[:1].upper()}{drawn.score[1:]} of the validation galaxies after each epoch.",
        ),
        Sentence(
            "score_by_epoch.kept",
            lambda drawn: drawn.marked and drawn.n > 1,
            "The epoch was chosen by the validation loss instead, which is lowest at the dotted line.",
        ),
    ),
)

FOLDS: Words[FoldsDrawn] = Words(
    title=(Sentence("folds.title", always, "Scores of folds"),),
    caption=(
        Sentence("folds.points", always, "Points are folds, lines their means."),
        Sentence("folds.test", lambda drawn: drawn.tested, "Diamonds: the test part."),
        Sentence(
            "folds.spread",
            always,
            "The scatter of the folds shows how much a score depends on which galaxies were trained on and tested.",
        ),
    ),
)

LEARNING_CURVE: Words[CurveDrawn] = Words(
    title=(Sentence("learning_curve.title", always, lambda drawn: f"{drawn.score} against the number of labels"),),
    caption=(
        Sentence(
            "learning_curve.what",
            always,
            lambda drawn: (
                f"{drawn.score} of {drawn.head}, fitted to part of the labels and scored on galaxies that it was not "
                "fitted to."
            ),
        ),
        Sentence(
            "learning_curve.repeats",
            lambda drawn: drawn.repeats > 1,
            "Faint: repeats with other draws of the labels. Points: their means.",
        ),
        Sentence(
            "learning_curve.intervals",
            lambda drawn: drawn.intervals,
            "Bars: 95% intervals.",
        ),
        Sentence(
            "learning_curve.law",
            lambda drawn: drawn.law,
            "Orange: the power law floor + b n^−c fitted to the error, drawn to as many more labels as the sentence "
            "above is about. Dotted: the labels that are trained on now.",
        ),
        Sentence("learning_curve.no_law", lambda drawn: not drawn.law, "No power law is drawn: it is not determined."),
    ),
)

BREAKDOWN: Words[Breakdown] = Words(
    title=(Sentence("breakdown.title", always, lambda drawn: f"{drawn.score} by {drawn.column}"),),
    caption=(
        Sentence(
            "breakdown.bins",
            always,
            lambda drawn: (
                f"{drawn.score} in bins of “{drawn.column}” (numbers: bins of about equally many galaxies), with 95% "
                "intervals."
            ),
        ),
        Sentence(
            "breakdown.all",
            lambda drawn: drawn.all_galaxies,
            "Orange: all galaxies. Bins whose interval misses the orange line are harder, or easier, than the rest; "
            "of many bins some do so by chance.",
        ),
    ),
)
