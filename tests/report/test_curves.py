"""Plots of a selection and of encoders compared: they are drawn of any result, and hold its numbers."""

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.special import expit

from zoobot.report.curves import comparison_plot, selection_plot
from zoobot.science import choose_threshold, learning_curve


def drawn(plot, folder):
    """Save a plot and give how dark each of its pixels is."""
    plot.save(folder)
    return 1 - imread(folder / f"{plot.name}.png")[..., :3].mean(axis=2)


@pytest.mark.parametrize("goal", [{"purity": 0.9}, {"completeness": 0.8}, {"purity": 0.999}])
def test_selection(goal, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], 100)
    scores = expit(3 * (rng.normal(2.5 * labels, 1) - 1.2))
    targets = np.r_[scores, np.nan]
    selection = choose_threshold(scores, labels, targets, n_draws=100, **goal)
    plot = selection_plot(selection, targets, "ring = $1$ of a very long name that does not fit")
    assert drawn(plot, tmp_path).mean() > 0.01
    left, middle, right = plot.figure.axes
    assert any(line.get_xdata()[0] == selection.threshold for line in left.lines)
    purity = next(line for line in middle.lines if len(line.get_xdata()) == len(selection.curve["purity"]))
    np.testing.assert_allclose(purity.get_ydata(), selection.curve["purity"])
    assert right.patches[0].get_data().values.sum() == 200  # NaN is not counted
    assert plot.numbers["threshold"].tolist() == selection.curve["threshold"]


def test_comparison_draws_each_encoder_and_continues_only_what_is_determined(tmp_path):
    rng = np.random.default_rng(1)
    labels = np.arange(120) % 2
    good = rng.normal(0, 1, (120, 20)) + 0.6 * labels[:, None]
    options = {"n_repeats": 2, "n_draws": 40}
    curves = {
        "good": learning_curve(good, labels, **options),
        "nothing": learning_curve(rng.normal(0, 1, (120, 20)), labels, **options),
    }
    plot = comparison_plot(curves)
    assert drawn(plot, tmp_path).mean() > 0.01
    left, right = plot.figure.axes
    assert [text.get_text() for text in plot.figure.legends[0].get_texts()] == ["good", "nothing"]
    for ax, score in ((left, "balanced_accuracy"), (right, "auroc")):
        continued = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert len(continued) == sum(curve.laws[score].determined for curve in curves.values())
    assert set(plot.numbers["encoder"]) == set(curves) and len(plot.numbers) == 4 * len(curves["good"].sizes)
