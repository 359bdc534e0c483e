"""Simulated volunteers: how many there are, how they differ from each other, and their votes down a decision tree."""

import logging
from collections.abc import Sequence

import numpy as np

from zoobot.errors import TreeError
from zoobot.simulate.draws import Values
from zoobot.simulate.opinions import OPINIONS, Look, probabilities
from zoobot.simulate.surveys import Survey
from zoobot.simulate.truth import Truth
from zoobot.trees import Question, Schema

logger = logging.getLogger(__name__)

CAMPAIGNS = {
    "gz2": "sdss", "dr12": "decals", "dr8": "decals", "dr5": "decals", "cd": "hsc", "euclid": "euclid",
    "hubble": "hubble", "candels": "candels", "ukidss": "ukidss", "jwst": "jwst",
}  # fmt: skip
"""Suffix of a campaign's questions, and the survey whose galaxies it showed."""

USUAL_TREES = {"sdss": "gz2", "decals": "gz_decals_dr5", "hsc": "gz_cosmic_dawn", "euclid": "gz_euclid"}
"""The packaged tree that volunteers were asked about each survey's galaxies."""

VOLUNTEERS = {"sdss": (20.5, 3.0), "decals": (33.0, 7.0), "hsc": (36.0, 6.0), "euclid": (26.0, 5.0)}
"""Volunteers a galaxy, mean and scatter: those of Galaxy Zoo 2 in Stripe 82 (Willett et al. 2013), GZ DECaLS (Walmsley
et al. 2022), ...
"""
FEW = {"decals": 0.35}  # share of galaxies that only a few volunteers saw, as where active learning chose which to show
FEWEST, MOST = 4, 64
# median concentration of the Dirichlet distribution that each galaxy's volunteers come from, for each question
AGREEMENT = 14.0
AGREEMENT_SCATTER = 0.4


class Volunteers:
    """Volunteers who answer the questions of a tree about galaxies of a survey.

    Of a tree with questions of one campaign, or without a campaign's suffix, all questions are answered. Of a tree that
    unites campaigns, as ``gz_evo_v2``, each galaxy gets votes for one of its survey's campaigns only: ``gz2`` for sdss;
    ``dr12``, ``dr8`` or ``dr5`` (at random) for decals; ``cd`` for hsc; ``euclid`` for euclid.

    Raises
    ------
    TreeError
        A question or an answer that is not in `OPINIONS`, or no campaign of this survey.
    """

    def __init__(self, tree: Schema, survey: Survey) -> None:
        self.tree = tree
        self.survey = survey
        stems = [_stem(question.text) for question in tree.questions]
        for question, (stem, _) in zip(tree.questions, stems, strict=True):
            _check(tree, question, stem)
        self._stems = [stem for stem, _ in stems]
        asked_by = [campaign for _, campaign in stems]
        present = sorted(set(asked_by))
        if len(present) > 1:
            own = [campaign for campaign in present if CAMPAIGNS.get(campaign) == survey.name]
            if not own:
                msg = (
                    f"Tree {tree.name!r} has questions of the campaigns {', '.join(present)}, none of which showed "
                    f"galaxies of {survey.name}. Take a tree of one campaign, or another survey."
                )
                raise TreeError(msg)
            logger.info(
                "tree %s: each galaxy of %s gets votes for one of the campaigns %s", tree.name, survey.name, own
            )
            present = own
        self._campaigns = present
        self._campaign_of = np.array([present.index(name) if name in present else -1 for name in asked_by])
        self._columns = [question.columns for question in tree.questions]
        self._order = _parents_first(tree)

    def vote(self, truth: Truth, generators: Sequence[np.random.Generator]) -> tuple[Values, Values]:
        """Return the probability of each answer, and votes, both (galaxy, answer).

        Each galaxy's volunteers agree more or less: their answers to a question have probabilities from a Dirichlet
        distribution around the first array, so that votes are Dirichlet-multinomial and more scattered than multinomial
        ones. Each volunteer goes down the tree alone: a question has as many votes as volunteers gave an answer that
        leads to it.

        Parameters
        ----------
        truth
            `zoobot.simulate.truth.true_values`.
        generators
            One per galaxy.
        """
        look = Look(truth)
        n_galaxies, n_answers = len(generators), len(self.tree.label_cols)
        answers = np.zeros((n_galaxies, n_answers))
        for number, question in enumerate(self.tree.questions):
            if self._campaign_of[number] >= 0:
                names = [answer.name for answer in question.answers]
                answers[:, self._columns[number]] = probabilities(self._stems[number], names, look)
        own = np.empty((n_galaxies, n_answers))
        choices = np.empty((n_galaxies, len(self.tree.questions), MOST), np.float32)
        present = np.empty((n_galaxies, MOST), bool)
        campaigns = np.empty(n_galaxies, int)
        for place, generator in enumerate(generators):
            campaigns[place] = generator.integers(len(self._campaigns))
            present[place] = np.arange(MOST) < self._number(generator)
            agreement = AGREEMENT * np.exp(AGREEMENT_SCATTER * generator.standard_normal())
            own[place] = generator.standard_gamma(agreement * answers[place] + 1e-9)
            generator.random(out=choices[place], dtype=np.float32)
        votes = np.zeros((n_galaxies, n_answers))
        gave = np.zeros((n_galaxies, n_answers, MOST), bool)
        for number in self._order:
            if self._campaign_of[number] < 0:
                continue
            question, columns = self.tree.questions[number], self._columns[number]
            asked = present & (campaigns == self._campaign_of[number])[:, None]
            if question.asked_after:
                parents = [self.tree.get_answer(column).index for column in question.asked_after]
                asked = asked & gave[:, parents].any(axis=1)
            ends = np.cumsum(own[:, columns], axis=1)
            ends = ends / np.maximum(ends[:, -1:], 1e-300)
            chosen = (choices[:, number, None, :] >= ends[:, :-1, None]).sum(axis=1)
            for place in range(ends.shape[1]):
                said = asked & (chosen == place)
                gave[:, columns.start + place] = said
                votes[:, columns.start + place] = said.sum(axis=1)
        return answers, votes

    def _number(self, generator: np.random.Generator) -> int:
        mean, scatter = VOLUNTEERS.get(self.survey.name, (30.0, 6.0))
        if generator.random() < FEW.get(self.survey.name, 0.0):
            mean, scatter = 6.0, 2.0
        return int(np.clip(round(mean + scatter * generator.standard_normal()), FEWEST, MOST))


def _stem(question: str) -> tuple[str, str]:
    """Return a question without its campaign's suffix, and the suffix, which may be empty."""
    stem, _, campaign = question.rpartition("-")
    return (stem, campaign) if campaign in CAMPAIGNS else (question, "")


def _check(tree: Schema, question: Question, stem: str) -> None:
    """Raise a TreeError unless the question and all its answers are in the table."""
    if stem not in OPINIONS:
        msg = (
            f"Simulated volunteers can't answer the question {question.text!r} of tree {tree.name!r}: they know "
            f"{', '.join(OPINIONS)}. Leave the question out, or give tree=None for galaxies without votes."
        )
        raise TreeError(msg)
    for answer in question.answers:
        if answer.name not in OPINIONS[stem]:
            msg = (
                f"Simulated volunteers can't give the answer {answer.name!r} to {question.text!r} of tree "
                f"{tree.name!r}: they know {', '.join(OPINIONS[stem])}. Leave the question out, or give tree=None for "
                "galaxies without votes."
            )
            raise TreeError(msg)


def _parents_first(tree: Schema) -> list[int]:
    """Return the questions' numbers, each after all that can lead to it."""
    number_of = {column: number for number, q in enumerate(tree.questions) for column in (a.text for a in q.answers)}
    waits = {number: {number_of[column] for column in q.asked_after} for number, q in enumerate(tree.questions)}
    order: list[int] = []
    while len(order) < len(waits):
        order += [number for number, parents in waits.items() if number not in order and parents <= set(order)]
    return order
