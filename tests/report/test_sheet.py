"""The sheet of confident predictions shows the surest galaxies of each predicted class, and says which are wrong."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.galaxies import make_catalog

from zoobot.data import Preprocessing, read_catalog
from zoobot.errors import OutputError
from zoobot.report import confident_sheet, sheet


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    make_catalog(tmp_path, n_galaxies=24)
    frame = read_catalog(tmp_path / "catalog.csv")[["id_str", "file_loc"]]
    ringed = np.linspace(0.02, 0.98, len(frame))
    predicted = (ringed > 0.5).astype(int)
    return frame.assign(ring_0=1 - ringed, ring_1=ringed, ring_predicted=predicted, true_ring=[*predicted[:-1], 0])


def test_the_surest_of_each_class(table, tmp_path, monkeypatch):
    shown = []
    real = sheet._show

    def watch(ax, galaxy, preprocessing, **what):
        shown.append((galaxy["id_str"], what["predicted"], what["truth"]))
        real(ax, galaxy, preprocessing, **what)

    monkeypatch.setattr(sheet, "_show", watch)
    path = confident_sheet(
        table, "ring", ["1", "0"], Preprocessing(image_size=32), tmp_path / "out" / "s.png", title="x"
    )
    ids = table["id_str"].tolist()
    assert shown[:8] == [(ids[-1 - k], "1", "0" if k == 0 else "1") for k in range(8)]
    assert shown[8:] == [(ids[k], "0", "0") for k in range(8)]
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 170) & (pixels[..., 1] < 80)
    assert red.sum() > 200  # the wrong one's frame


def test_where_it_cannot_be_written(table, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        confident_sheet(table, "ring", ["1", "0"], Preprocessing(image_size=32), tmp_path / "file" / "s.png", title="x")
