"""Simulated volunteers are asked down the tree, and scatter more than a multinomial.

They are of the opinion that the galaxy suggests.
"""

import numpy as np
import pytest
from scipy.stats import beta

from zoobot import trees
from zoobot.errors import TreeError
from zoobot.simulate import SimulatedSurvey
from zoobot.simulate.surveys import SURVEYS
from zoobot.simulate.volunteers import Volunteers

SURVEY_OF = {"gz_decals": "decals", "gz_euclid": "euclid", "gz_cosmic_dawn": "hsc"}


def described(
    tree: object, survey: str = "sdss", n_galaxies: int = 400
) -> tuple[trees.Schema, dict[str, np.ndarray], np.ndarray]:
    sky = SimulatedSurvey(survey, size=32, tree=tree, seed=1, population="pretraining")  # type: ignore[arg-type]
    assert sky.tree is not None
    truth, votes = sky.describe(range(n_galaxies))
    return sky.tree, truth, votes


@pytest.mark.parametrize("name", trees.names())
def test_votes_are_whole_numbers_down_every_packaged_tree(name: str) -> None:
    tree, _, votes = described(name, SURVEY_OF.get(name, "sdss"), 60)
    assert (votes >= 0).all()
    np.testing.assert_array_equal(votes, votes.round())
    for question in tree.questions:
        asked = votes[:, question.start_index : question.end_index + 1].sum(axis=1)
        if question.asked_after:
            parents = [tree.get_answer(column).index for column in question.asked_after]
            if len(parents) == 1:
                own = votes[:, tree.get_answer(question.asked_after[0]).index]
                np.testing.assert_array_equal(asked, own)
            assert (asked <= votes[:, parents].sum(axis=1)).all()
    assert (votes.sum(axis=1) > 0).all()


def test_everybody_is_asked_the_first_question() -> None:
    tree, _, votes = described("gz2")
    first = votes[:, :3].sum(axis=1)
    odd = tree.get_question("something-odd-gz2")
    np.testing.assert_array_equal(first, votes[:, odd.start_index : odd.end_index + 1].sum(axis=1))
    assert first.min() >= 4
    assert first.mean() == pytest.approx(20.5, abs=1)
    assert first.std() > 1.5


def test_votes_scatter_more_than_a_multinomial_and_like_a_dirichlet_multinomial() -> None:
    sky = SimulatedSurvey("sdss", size=32, tree="gz2", seed=1)
    truth, _ = sky.describe([3])
    repeated = {name: np.repeat(values, 4000) for name, values in truth.items()}
    volunteers = Volunteers(trees.load("gz2"), SURVEYS["sdss"])
    answers, votes = volunteers.vote(repeated, [np.random.default_rng(k) for k in range(4000)])
    asked = votes[:, :3].sum(axis=1)
    fraction, expected = votes[:, 0] / asked, answers[0, 0]
    assert fraction.mean() == pytest.approx(expected, abs=0.01)
    multinomial = expected * (1 - expected) * (1 / asked).mean()
    assert 1.5 * multinomial < fraction.var() < 5 * multinomial
    # of a Dirichlet of concentration 14 and 20 volunteers each
    limits = beta(14 * expected, 14 * (1 - expected)).var() + multinomial * np.array([0.8, 1.2])
    assert limits[0] * 0.9 < fraction.var() < limits[1] * 1.2


def test_a_tree_of_many_campaigns_gets_votes_of_the_surveys_own() -> None:
    own = {"sdss": {"gz2"}, "decals": {"dr5", "dr8", "dr12"}, "hsc": {"cd"}, "euclid": {"euclid"}}
    for survey, campaigns in own.items():
        tree, _, votes = described("gz_evo_v2", survey, 80)
        voted = {
            question.text.rpartition("-")[2]
            for question in tree.questions
            if votes[:, question.start_index : question.end_index + 1].any()
        }
        assert voted == campaigns
        firsts = [q for q in tree.questions if q.text.startswith("smooth-or-featured")]
        campaigns_of_galaxy = sum((votes[:, q.start_index : q.end_index + 1].sum(1) > 0).astype(int) for q in firsts)
        assert (campaigns_of_galaxy == 1).all()


@pytest.mark.parametrize(
    ("answer", "quantity"),
    [
        ("smooth-or-featured_featured-or-disk", "arms"),
        ("disk-edge-on_yes", "edge_on"),
        ("has-spiral-arms_yes", "arms"),
        ("bar_strong", "bar"),
        ("bulge-size_large", "bulge_fraction"),
        ("how-rounded_round", "axis_ratio"),
        ("merging_merger", "merger"),
        ("spiral-winding_loose", "loose"),
    ],
)
def test_volunteers_see_what_is_there(answer: str, quantity: str) -> None:
    tree, truth, _ = described("gz_desi", "decals", 1000)
    probability, _ = Volunteers(tree, SURVEYS["decals"]).vote(truth, [np.random.default_rng(k) for k in range(1000)])
    column = probability[:, tree.get_answer(answer).index]
    values = truth[quantity]
    high, low = values >= np.quantile(values, 0.9), values <= np.quantile(values, 0.4)
    assert column[high].mean() > 1.5 * column[low].mean()
    np.testing.assert_allclose(probability[:, :3].sum(axis=1), 1)


def test_features_are_seen_less_where_blurred() -> None:
    tree, truth, _ = described("gz_desi", "decals", 300)
    blurred = truth | {"sharpness": truth["sharpness"] - 1.5}
    volunteers = Volunteers(tree, SURVEYS["decals"])
    sharp, soft = (volunteers.vote(t, [np.random.default_rng(0)] * 300)[0][:, 1] for t in (truth, blurred))
    assert (soft <= sharp + 1e-9).all()
    assert soft.mean() < sharp.mean() - 0.1


def test_questions_that_cannot_be_answered_are_named() -> None:
    with pytest.raises(TreeError, match="can't answer the question 'mood'"):
        SimulatedSurvey("sdss", tree=trees.Schema({"mood": ["good", "bad"]}))
    with pytest.raises(TreeError, match="can't give the answer 'maybe' to 'bar-gz2'"):
        SimulatedSurvey("sdss", tree=trees.Schema({"bar-gz2": ["yes", "maybe"]}))
    with pytest.raises(TreeError, match="none of which showed galaxies of hsc"):
        SimulatedSurvey("hsc", tree="gz_decals")


def test_vote_fractions_are_near_those_of_galaxy_zoo_2(real_data: "object") -> None:
    import pandas as pd

    real = pd.read_csv(real_data / "gz2_votes" / "train.csv")  # type: ignore[operator]
    sky = SimulatedSurvey("sdss", size=32, tree="gz2", seed=5, population="survey")
    assert sky.tree is not None
    votes = pd.DataFrame(sky.describe(range(1000))[1], columns=sky.tree.label_cols)
    for name in (
        "smooth-or-featured-gz2",
        "disk-edge-on-gz2",
        "bar-gz2",
        "something-odd-gz2",
        "how-rounded-gz2",
        "bulge-size-gz2",
    ):
        columns = [answer.text for answer in sky.tree.get_question(name).answers]
        pooled = [table[columns].sum().to_numpy() / table[columns].to_numpy().sum() for table in (real, votes)]
        np.testing.assert_allclose(pooled[1], pooled[0], atol=0.12, err_msg=name)
