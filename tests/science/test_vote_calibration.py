"""Calibration of predicted votes: it finds the scale that was taken away, and stays away where nothing is wrong."""

import numpy as np
import pytest
from tests.science.test_vote_scores import TREE, simulated

from zoobot.science import VoteCalibration, fit_vote_calibration, score_votes
from zoobot.trees import VotePosterior


def corrected(concentrations: np.ndarray, found: VoteCalibration) -> np.ndarray:
    sizes = [3, 2]
    return np.exp(np.repeat(found.scale, sizes) * np.log(concentrations) + np.repeat(found.offset, sizes))


def test_overconfidence_is_taken_back():
    concentrations, votes = simulated(1200, seed=4)
    wrong = np.exp((np.log(concentrations) - 0.3) / 0.6)
    found = fit_vote_calibration(wrong[:600], votes[:600], TREE)
    assert found.scale == pytest.approx([0.6, 0.6], abs=0.1)
    assert found.offset == pytest.approx([0.3, 0.3], abs=0.25)
    assert min(found.gain) > 0
    before = score_votes(VotePosterior(TREE, wrong[600:]), votes[600:])
    after = score_votes(VotePosterior(TREE, corrected(wrong[600:], found)), votes[600:])
    for question in before:
        assert after[question].loss < before[question].loss


def test_what_is_right_stays_as_it_is():
    changed = 0
    for seed in range(10):
        concentrations, votes = simulated(200, seed=seed + 20)
        changed += sum(scale != 1 for scale in fit_vote_calibration(concentrations, votes, TREE).scale)
    assert changed <= 4  # of 20: the gain must exceed its standard error


def test_few_galaxies_change_nothing():
    concentrations, votes = simulated(19, seed=5)
    found = fit_vote_calibration(concentrations**3, votes, TREE)
    assert not found.changes and found == VoteCalibration((1.0, 1.0), (0.0, 0.0), (0.0, 0.0))


def test_kept_as_json():
    found = VoteCalibration((0.5, 1.0), (0.1, 0.0), (0.02, 0.0))
    assert VoteCalibration.from_dict(found.to_dict()) == found
