"""Calibration of predicted votes: it finds the scale that was taken away, and does no harm where nothing is wrong."""

import json

import numpy as np
import pytest
from tests.science.test_vote_scores import TREE, simulated

from zoobot.science import VoteCalibration, fit_vote_calibration, score_votes, vote_calibration
from zoobot.trees import VotePosterior


def corrected(concentrations: np.ndarray, found: VoteCalibration) -> np.ndarray:
    return np.exp(np.repeat(found.scale, [3, 2]) * np.log(concentrations) + found.offset)


def test_overconfidence_is_taken_back():
    concentrations, votes = simulated(1200, seed=4)
    wrong = np.exp((np.log(concentrations) - 0.3) / 0.6)
    found = fit_vote_calibration(wrong[:600], votes[:600], TREE)
    assert found.scale == pytest.approx([0.6, 0.6], abs=0.1)
    assert found.offset == pytest.approx([0.3] * 5, abs=0.25)
    assert min(found.gain) > 0
    before = score_votes(VotePosterior(TREE, wrong[600:]), votes[600:])
    after = score_votes(VotePosterior(TREE, corrected(wrong[600:], found)), votes[600:])
    for question in before:
        assert after[question].loss < before[question].loss


def test_a_bias_is_taken_back():
    concentrations, votes = simulated(1200, seed=6)
    wrong = concentrations * [2.0, 1.0, 0.7, 1.0, 1.0]
    found = fit_vote_calibration(wrong[:600], votes[:600], TREE)
    before = score_votes(VotePosterior(TREE, wrong[600:]), votes[600:])
    after = score_votes(VotePosterior(TREE, corrected(wrong[600:], found)), votes[600:])
    biased, other = TREE.questions
    assert before[biased.text].fraction_bias > 0.05
    assert after[biased.text].fraction_bias < 0.02
    assert len({*found.offset[:3]}) == 3
    assert np.ptp(found.offset[3:]) < 0.1, f"{other.text} has no bias, and needs no more than one offset"


def test_slopes_are_those_of_the_loss():
    concentrations, votes = simulated(50, seed=7)
    logs, asked = np.log(concentrations[:, :3]), votes[:, :3]
    scale, offset = 0.7, np.array([0.3, -0.2, 0.1])
    slopes = vote_calibration._slopes(logs, asked, scale, offset)
    steps = 1e-5 * np.vstack([[1, 0, 0, 0], [0, 1, 1, 1], np.eye(4)[1:]])
    for place, step in enumerate(steps):
        up = vote_calibration._losses(logs, asked, scale + step[0], offset + step[1:])
        down = vote_calibration._losses(logs, asked, scale - step[0], offset - step[1:])
        assert (up - down) / 2e-5 == pytest.approx(slopes[:, place], abs=1e-5)


@pytest.mark.parametrize("n_galaxies", [25, 38, 100])
def test_it_does_no_harm_where_votes_are_right(n_galaxies):
    new, votes = simulated(3000, seed=99)
    logs, asked, nothing = np.log(new[:, :3]), votes[:, :3], np.zeros(3)
    cost, shown = [], 0
    for seed in range(30):
        found = fit_vote_calibration(*simulated(n_galaxies, seed=seed + 20), TREE)
        shown += found.evidence(TREE)["evidence"] == "shown"
        after = vote_calibration._losses(logs, asked, found.scale[0], np.array(found.offset[:3]))
        cost.append((after - vote_calibration._losses(logs, asked, 1.0, nothing)).mean())
    assert np.mean(cost) <= 0.003
    assert max(cost) <= 0.03
    assert shown <= 2


def test_few_galaxies_change_nothing():
    concentrations, votes = simulated(19, seed=5)
    found = fit_vote_calibration(concentrations**3, votes, TREE)
    assert not found.changes
    assert (found.scale, found.offset, found.gain, found.n) == ((1.0, 1.0), (0.0,) * 5, (0.0, 0.0), (0, 0))


def test_copies_in_groups_count_once():
    concentrations, votes = simulated(120, seed=8)
    concentrations, groups = concentrations**1.6, np.tile(np.arange(120), 3)
    once = fit_vote_calibration(concentrations, votes, TREE)
    thrice = fit_vote_calibration(np.tile(concentrations, (3, 1)), np.tile(votes, (3, 1)), TREE, groups=groups)
    assert once.changes
    assert thrice.scale == pytest.approx(once.scale, abs=1e-3)
    assert thrice.offset == pytest.approx(once.offset, abs=1e-3)
    few = np.tile(np.arange(19), 3)
    assert not fit_vote_calibration(concentrations[few], votes[few], TREE, groups=few).changes


def test_what_speaks_for_it():
    found = VoteCalibration((0.5, 1.0), (0.1, 0.1, 0.1, 0.0, 0.0), (0.02, 0.0), (0.01, 0.0), (0.03, 0.0), (90, 40))
    about = found.evidence(TREE)
    assert about["evidence"] == "shown"
    assert [one["evidence"] for one in about["questions"].values()] == ["shown", "none"]
    assert about["questions"]["shape"]["gain_high"] == 0.03


def test_kept_as_json():
    found = VoteCalibration((0.5, 1.0), (0.1, 0.1, 0.1, 0.0, 0.0), (0.02, 0.0), (0.01, 0.0), (0.03, 0.0), (90, 40))
    assert VoteCalibration.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    earlier = {"kind": "votes", "scale": [0.5, 1.0], "offset": [0.1, 0.1, 0.1, 0.0, 0.0], "gain": [0.02, 0.0]}
    again = VoteCalibration.from_dict(earlier)
    assert again.changes
    assert [one["evidence"] for one in again.evidence(TREE)["questions"].values()] == ["fitted", "none"]
