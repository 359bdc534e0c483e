"""What the ranking plots mark, against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score, recall_score
from tests.report.folders import classifier_folder

from zoobot.report.contents import read_run
from zoobot.report.outcomes import MultiLabelOutcomes
from zoobot.report.ranking_plots import CUT, events_of, ranking_plots


@pytest.mark.parametrize("names", [("smooth", "ring"), ("smooth", "ring", "merger")])
def test_the_dots_are_what_is_predicted(tmp_path, names):
    table = classifier_folder(tmp_path, names=names, images=False)
    events = events_of(read_run(tmp_path).outcomes("test"))
    for place, name in enumerate(names[-len(events.names) :]):
        true, predicted = table["true_shape"] == name, table["shape_predicted"] == name
        false, complete, pure = events.operating_point(place)
        assert complete == pytest.approx(recall_score(true, predicted))
        assert pure == pytest.approx(precision_score(true, predicted))
        assert false == pytest.approx(1 - recall_score(~true, ~predicted))
    roc, purity, _ = ranking_plots(events)
    dots = [line for line in roc.figure.axes[0].lines if line.get_marker() == "o"]
    assert len(dots) == len(events.names)
    assert [dot.get_xdata()[0] for dot in dots] == [events.operating_point(k)[0] for k in range(len(dots))]
    assert any(line.get_marker() == "o" for line in purity.figure.axes[0].lines)


def test_a_label_that_is_never_predicted_has_no_purity(tmp_path):
    rng = np.random.default_rng(0)
    truth = rng.random((50, 2)) < 0.3
    raw = np.stack([np.where(truth[:, 0], 0.8, 0.6), np.full(50, CUT - 0.1)], axis=1)
    events = events_of(MultiLabelOutcomes(["bar", "ring"], pd.DataFrame(index=range(50)), raw, None, truth, 0))
    assert events.operating_point(0) == (1.0, 1.0, pytest.approx(truth[:, 0].mean()))
    assert events.operating_point(1)[:2] == (0.0, 0.0)
    assert np.isnan(events.operating_point(1)[2])
