"""Calibration of predicted votes: it finds the scale that was taken away, and stays away where nothing is wrong."""

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
    assert len({*found.offset[3:]}) == 1, f"{other.text} has no bias, and needs no more than one offset"


def test_slopes_are_those_of_the_loss():
    concentrations, votes = simulated(50, seed=7)
    logs, asked = np.log(concentrations[:, :3]), votes[:, :3]
    scale, offset = vote_calibration._most_likely(logs, asked, 3)
    best = vote_calibration._losses(logs, asked, scale, offset).mean()
    for step in 0.01 * np.vstack([np.eye(4), -np.eye(4)]):
        assert vote_calibration._losses(logs, asked, scale + step[0], offset + step[1:]).mean() > best


def test_what_is_right_stays_as_it_is():
    changed = 0
    for seed in range(10):
        concentrations, votes = simulated(200, seed=seed + 20)
        changed += sum(scale != 1 for scale in fit_vote_calibration(concentrations, votes, TREE).scale)
    assert changed <= 4  # of 20: the gain must exceed its standard error


def test_few_galaxies_change_nothing():
    concentrations, votes = simulated(19, seed=5)
    found = fit_vote_calibration(concentrations**3, votes, TREE)
    assert not found.changes and found == VoteCalibration((1.0, 1.0), (0.0,) * 5, (0.0, 0.0))


def test_kept_as_json():
    found = VoteCalibration((0.5, 1.0), (0.1, 0.1, 0.1, 0.0, 0.0), (0.02, 0.0))
    assert VoteCalibration.from_dict(found.to_dict()) == found
