"""The view of votes on a decision tree: each question's scores, coverage, PIT and fractions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoobot.report.findings.parts import Counted
from zoobot.report.galleries import About, Gallery, highest
from zoobot.report.outcome_tables import vote_outcomes
from zoobot.report.outcomes import VoteOutcomes
from zoobot.report.sentences import galleries, plots_other, sections
from zoobot.report.sentences.scores import is_score
from zoobot.report.sentences.table import Sentence, always
from zoobot.report.summary import Table
from zoobot.report.view import Display, View
from zoobot.report.votes import FEWEST_VOTES, question_table, saved_scores, vote_plots
from zoobot.report.words import number
from zoobot.science import score_votes
from zoobot.science.figures import vote_figures
from zoobot.science.metric import FRACTION_MAE, LOSS, SKILL
from zoobot.science.vote_scores import constant_optimism
from zoobot.trees import VotePosterior

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from zoobot.report.contents import RunContents
    from zoobot.report.findings.parts import Part
    from zoobot.report.findings.run import Findings
    from zoobot.report.galleries import Pictures
    from zoobot.report.sentences import Words
    from zoobot.report.summary import Measure
    from zoobot.report.view import Calibration
    from zoobot.science.figures import Figures
    from zoobot.science.predicted import Predicted


def _tree(run: Findings) -> str:
    tree = run.contents.tree
    return "of volunteers' questions" if tree is None else tree.name


TITLE: tuple[Sentence[Findings], ...] = (Sentence("title.tree", always, lambda run: f"Votes on the tree {_tree(run)}"),)

MEASURES: tuple[Sentence[Measure], ...] = (
    Sentence(
        "measure.skill", is_score("skill"), "1 − loss / loss of one constant prediction for all galaxies, which has 0"
    ),
    Sentence(
        "measure.loss", is_score("loss"), "mean negative log likelihood of the votes, summed over questions, in nats"
    ),
    Sentence("measure.fractions", is_score("fraction_mae"), "mean absolute error of vote fractions"),
)
"""What each score is"""


class VotesView(View):
    """Votes on a decision tree."""

    kind = "tree"
    saved_as = "FinetuneableZoobotTree"
    questions = True
    metrics = (SKILL, LOSS, FRACTION_MAE)
    headline = "skill"
    by_epoch = "fraction_mae"
    unjudged = "votes are no single label"
    title = TITLE
    measures = MEASURES
    words: ClassVar[Mapping[str, Words[Any]]] = {
        "vote_coverage": plots_other.VOTE_COVERAGE,
        "pit": plots_other.PIT,
        "fractions": plots_other.FRACTIONS,
        "questions": sections.QUESTIONS,
        "votes_highest": galleries.VOTES_HIGHEST,
        "votes_errors": galleries.VOTES_ERRORS,
    }

    def recognizes(self, contents: RunContents) -> bool:
        """Say whether there are scores of questions, or columns of volunteers."""
        return contents.has_score("questions") or any(name.endswith("_volunteers") for name in contents.columns)

    def outcomes(self, table: pd.DataFrame, contents: RunContents) -> VoteOutcomes | None:
        """Read what is believed of votes, and the votes."""
        return vote_outcomes(table, contents.tree)

    def of_arrays(self, kept: Predicted, contents: RunContents) -> VoteOutcomes | None:
        """Return what is believed of votes, and the votes; None where the folder has lost the tree, or has another."""
        answers = 0 if contents.tree is None else len(contents.tree.label_cols)
        if contents.tree is None or not kept.has_widths(answers, answers) or not (kept.values > 0).all():
            return None
        posterior = VotePosterior(contents.tree, kept.values.astype(np.float64))
        return VoteOutcomes(kept.frame, posterior, kept.labels.astype(np.float64), kept.left_out, knows_paths=True)

    def measured(self, outcomes: VoteOutcomes, groups: NDArray[np.int64] | None) -> Figures:
        """Return the figures of `zoobot.science.figures.vote_figures`."""
        optimism = constant_optimism(outcomes.posterior.tree.questions, outcomes.counts, groups)
        return vote_figures(outcomes.losses, groups, optimism=optimism)

    def counted(self, part: Part) -> list[Counted]:
        """Return the questions, with the number of galaxies that they were asked of."""
        questions = part.run.contents.scores(part.part).get("questions") or {}
        return [Counted(f"“{name}”", int(one.get("n_asked") or 0)) for name, one in questions.items()]

    def calibration(self, contents: RunContents, outcomes: VoteOutcomes | None) -> Calibration:
        """Return what the saved model has: tables show calibrated fractions alone."""
        if not contents.model:
            return super().calibration(contents, outcomes)
        return "kept" if contents.model.get("calibration") else "none"

    def shown(self, run: Findings, outcomes: VoteOutcomes) -> Display:
        """Return a table by question, what is drawn of votes, and the tree."""
        scores = saved_scores(run.contents.scores("test"), outcomes) or score_votes(outcomes.posterior, outcomes.counts)
        table = question_table(scores)
        rows = [
            [number(value) if not isinstance(value, str) else value for value in row]
            for row in table.itertuples(index=False)
        ]
        return Display(
            vote_plots(outcomes.posterior, outcomes.counts, scores),
            [Table("questions", list(table.columns), rows)],
            [str(outcomes.posterior.tree)] if outcomes.knows_paths else [],
        )

    def galleries(self, outcomes: VoteOutcomes, pictures: Pictures) -> list[Gallery]:
        """Show the highest expected fractions of each answer, and the largest errors.

        Answers are those to the questions that everybody is asked.
        """
        tree, expected = outcomes.posterior.tree, outcomes.posterior.fractions()
        found = []
        questions = (
            [question for question in tree.questions if not question.asked_after]
            if outcomes.knows_paths
            else tree.questions[:1]
        )
        for question in questions[:2]:
            columns = question.columns
            totals = outcomes.counts[:, columns].sum(axis=1)
            asked = totals > 0
            observed = outcomes.counts[:, columns] / np.where(asked, totals, 1)[:, None]
            for answer in question.answers:
                rows = highest(expected[:, answer.index], asked)
                lines = [
                    (
                        f"predicted {expected[row, answer.index]:.2f}",
                        f"votes {outcomes.counts[row, answer.index]:g}/{totals[row]:g}",
                    )
                    for row in rows
                ]
                cutouts = pictures.cutouts(outcomes.frame, rows.tolist(), lines)
                found.append(Gallery("votes_highest", cutouts, About(answer.name, question.text)))
            error = np.abs(expected[:, columns] - observed)
            worst = highest(error.max(axis=1), asked & (totals >= FEWEST_VOTES))
            lines = []
            for row in worst:
                place = int(error[row].argmax())
                answer = question.answers[place]
                lines.append(
                    (
                        f"{answer.name}: predicted {expected[row, answer.index]:.2f}",
                        f"votes {outcomes.counts[row, answer.index]:g}/{totals[row]:g}",
                    )
                )
            cutouts = pictures.cutouts(outcomes.frame, worst.tolist(), lines)
            found.append(Gallery("votes_errors", cutouts, About(question=question.text, shown=FEWEST_VOTES)))
        return found
