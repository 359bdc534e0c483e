"""The view of numbers: predicted against true, residuals, what intervals cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoobot.report.findings.figures import figure
from zoobot.report.galleries import MOST_CLASSES, About, Gallery, highest
from zoobot.report.outcome_tables import number_outcomes
from zoobot.report.outcomes import NumberOutcomes
from zoobot.report.regression_plots import regression_plots
from zoobot.report.sentences import galleries, plots_other, scores
from zoobot.report.sentences.table import Sentence, always
from zoobot.report.summary import Table, with_ends
from zoobot.report.view import Display, View
from zoobot.science.figures import number_figures
from zoobot.science.metric import MAE, R2, RMSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents
    from zoobot.report.findings.run import Findings
    from zoobot.report.galleries import Pictures
    from zoobot.report.sentences import Words
    from zoobot.report.summary import Measure
    from zoobot.science.figures import Figures
    from zoobot.science.predicted import Predicted


def _targets(row: Measure) -> int:
    return len(row.run.contents.label_cols)


TITLE: tuple[Sentence[Findings], ...] = (Sentence("title.regress", always, lambda run: f"Regression of {run.labels}"),)

MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence(
        "measure.rmse",
        lambda row: row.name == "rmse" and _targets(row) == 1,
        "root mean squared error, in the label's unit",
    ),
    Sentence(
        "measure.rmse_targets",
        lambda row: row.name == "rmse" and _targets(row) > 1,
        "root mean squared error, each target's in its own unit, averaged over targets",
    ),
    Sentence(
        "measure.mae", lambda row: row.name == "mae" and _targets(row) == 1, "mean absolute error, in the label's unit"
    ),
    Sentence(
        "measure.mae_targets",
        lambda row: row.name == "mae" and _targets(row) > 1,
        "mean absolute error, each target's in its own unit, averaged over targets",
    ),
    Sentence(
        "measure.r2",
        lambda row: row.name == "r2" and _targets(row) == 1,
        "1 − mean squared error / variance of the true values; always predicting their mean gives 0",
    ),
    Sentence(
        "measure.r2_targets",
        lambda row: row.name == "r2" and _targets(row) > 1,
        "mean over targets of 1 − mean squared error / variance of the true values; always predicting their mean "
        "gives 0",
    ),
)
"""What each score is"""


class NumbersView(View):
    """Numbers."""

    kind = "regress"
    saved_as = "FinetuneableZoobotRegressor"
    numbers = True
    metrics = (RMSE, MAE, R2)
    headline = "r2"
    by_epoch = "r2"
    unjudged = ""
    title = TITLE
    measures = MEASURES
    words: ClassVar[Mapping[str, Words[Any]]] = {
        "one_to_one": plots_other.ONE_TO_ONE,
        "residuals": plots_other.RESIDUALS,
        "residual_histogram": plots_other.RESIDUAL_HISTOGRAM,
        "interval_coverage": plots_other.INTERVAL_COVERAGE,
        "targets": scores.TARGETS,
        "number_too_high": galleries.NUMBER_TOO_HIGH,
        "number_too_low": galleries.NUMBER_TOO_LOW,
        "number_highest": galleries.NUMBER_HIGHEST,
        "number_lowest": galleries.NUMBER_LOWEST,
    }

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether there are scores of targets."""
        return contents.has_score("targets")

    def outcomes(self, table: pd.DataFrame, contents: RunContents) -> NumberOutcomes | None:
        """Read predicted and true numbers, and intervals."""
        return number_outcomes(table, contents.label_cols)

    def of_arrays(self, kept: Predicted, contents: RunContents) -> NumberOutcomes | None:
        """Return predicted and true numbers, and intervals; None where they are of other targets."""
        if not kept.has_widths(len(contents.label_cols), len(contents.label_cols)):
            return None
        values, truth = kept.values.astype(np.float64), kept.labels.astype(np.float64)
        return NumberOutcomes(
            contents.label_cols, kept.frame, values, truth, kept.of("low"), kept.of("high"), kept.left_out
        )

    def measured(self, outcomes: NumberOutcomes, groups: NDArray[np.int64] | None) -> Figures:
        """Return the figures of `zoobot.science.figures.number_figures`."""
        return number_figures(outcomes.predicted, outcomes.truth, groups, names=outcomes.names)

    def tables(self, run: Findings) -> list[Table | None]:
        """Return the table by target, where there are several."""
        return [_table(run)]

    def shown(self, run: Findings, outcomes: NumberOutcomes) -> Display:
        """Draw predicted against true numbers, residuals, and what intervals cover."""
        return Display(regression_plots(outcomes, run.conformal_level, run.contents.groups("test")))

    def galleries(self, outcomes: NumberOutcomes, pictures: Pictures) -> list[Gallery]:
        """Show galaxies of each target by their error.

        They are those whose prediction is most too high and most too low, and those predicted best.
        """
        found = []
        for place, name in enumerate(outcomes.names[:MOST_CLASSES]):
            true, predicted = outcomes.truth[:, place], outcomes.predicted[:, place]
            error = predicted - true
            every = np.ones(len(true), dtype=bool)
            for kind, rows in (
                ("number_too_high", highest(error, error > 0)),
                ("number_too_low", highest(-error, error < 0)),
                ("number_highest", highest(predicted, every)),
                ("number_lowest", highest(-predicted, every)),
            ):
                lines = [(f"predicted {predicted[row]:.4g}", f"true {true[row]:.4g}") for row in rows]
                found.append(Gallery(kind, pictures.cutouts(outcomes.frame, rows.tolist(), lines), About(name)))
        return found


def _table(run: Findings) -> Table | None:
    """Return the scores of each target in the test part, with intervals, where there are several."""
    each = run.contents.scores("test").get("targets")
    if not isinstance(each, dict) or len(each) < 2:
        return None
    figures = run.figures("test").get("targets") or {}
    names, rows = ("rmse", "mae", "r2"), []
    for target, own in each.items():
        rows.append([target, *(with_ends(own.get(name), figure(figures, target, name)) for name in names)])
    reasons = {one.reason for own in figures.values() for one in own.values() if one.reason}
    return Table("targets", ["target", "RMSE", "MAE", "R²"], rows, sorted(reasons))
