"""Calibrations, whatever they were fitted to.

Probabilities stay probabilities, classes have no order, and JSON keeps them.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoobot.science.calibration import fit_scaling
from zoobot.science.scaling import scaling_from_dict

KINDS = ("temperature", "vector", "isotonic")


def predicted(seed: int, n_galaxies: int, n_classes: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (galaxy, class) that are ``sharpness`` times too confident, and classes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n_galaxies, n_classes))
    p = np.exp(sharpness * logits)
    return p / p.sum(axis=1, keepdims=True), np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)


samples = st.builds(
    predicted, st.integers(0, 10**6), st.integers(5, 200), st.integers(2, 4), st.floats(0.3, 4)
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(sample=samples)
def test_calibrated_probabilities_are_probabilities_and_survive_json(kind, sample):
    p, labels = sample
    scaling = fit_scaling(p, labels, kind)
    calibrated = scaling.apply(p)
    assert calibrated.shape == p.shape and (calibrated >= 0).all()
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, atol=1e-9)
    again = scaling_from_dict(json.loads(json.dumps(scaling.to_dict())))
    np.testing.assert_array_equal(again.apply(p), calibrated)
    if not scaling.changes:
        np.testing.assert_allclose(calibrated, p, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(sample=samples)
def test_a_temperature_keeps_the_order_of_the_classes(sample):
    p, labels = sample
    calibrated = fit_scaling(p, labels, "temperature").apply(p)
    np.testing.assert_array_equal(np.argsort(calibrated, axis=1), np.argsort(p, axis=1))


@settings(max_examples=25, deadline=None)
@given(sample=samples, place=st.integers(0, 1))
def test_a_curve_never_falls(sample, place):
    p, labels = sample
    flags = (labels == place).astype(float)[:, None]
    calibrated = fit_scaling(p[:, [place]], flags, "isotonic", multi_label=True).apply(p[:, [place]])[:, 0]
    assert (np.diff(calibrated[np.argsort(p[:, place])]) >= -1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(sample=samples, seed=st.integers(0, 100))
def test_classes_have_no_order(kind, sample, seed):
    p, labels = sample
    order = np.random.default_rng(seed).permutation(p.shape[1])
    renamed = np.argsort(order)[labels]
    calibrated = fit_scaling(p, labels, kind).apply(p)
    np.testing.assert_allclose(
        fit_scaling(p[:, order], renamed, kind).apply(p[:, order]), calibrated[:, order], atol=2e-4
    )
