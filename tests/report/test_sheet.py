"""Sheets show ranked galaxies with their captions.

That of confident predictions shows the surest of each class, and which are wrong.
"""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.galaxies import make_catalog

from zoobot.data import Preprocessing, read_catalog
from zoobot.errors import OutputError
from zoobot.report import confident_sheet, sheet
from zoobot.report.sheet import Panel, draw_sheet, in_rows

SMALL = Preprocessing(image_size=32)


@pytest.fixture
def table(tmp_path) -> pd.DataFrame:
    make_catalog(tmp_path, n_galaxies=24)
    frame = read_catalog(tmp_path / "catalog.csv")[["id_str", "file_loc"]]
    ringed = np.linspace(0.02, 0.98, len(frame))
    predicted = (ringed > 0.5).astype(int)
    return frame.assign(ring_0=1 - ringed, ring_1=ringed, ring_predicted=predicted, true_ring=[*predicted[:-1], 0])


def pixels_of(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def red(pixels: np.ndarray) -> int:
    return int(((pixels[..., 0] > 170) & (pixels[..., 1] < 80) & (pixels[..., 2] < 80)).sum())


def test_the_surest_of_each_class(table, tmp_path, monkeypatch):
    shown = []
    real = sheet._show

    def watch(ax, panel, preprocessing):
        shown.append((panel.caption.split("\n")[0], panel.caption[-1], panel.wrong))
        real(ax, panel, preprocessing)

    monkeypatch.setattr(sheet, "_show", watch)
    path = confident_sheet(table, "ring", ["1", "0"], SMALL, tmp_path / "out" / "s.png", title="x")
    ids = table["id_str"].tolist()
    assert shown[:8] == [(ids[-1 - k], "0" if k == 0 else "1", k == 0) for k in range(8)]
    assert shown[8:] == [(ids[k], "0", False) for k in range(8)]
    assert red(pixels_of(path)) > 200  # the wrong one's frame


def test_any_ranked_list(table, tmp_path):
    panels = [Panel(str(file), f"{name}\nrank") for name, file in zip(table["id_str"], table["file_loc"], strict=True)]
    panels = panels[:6]
    rows = in_rows(panels, 4)
    assert [len(row) for _, row in rows] == [4, 2]
    assert [panel for _, row in rows for panel in row] == panels
    plain = pixels_of(draw_sheet(rows, SMALL, tmp_path / "plain.png", title="all"))
    heat = np.zeros((32, 32))
    heat[10:20, 10:20] = 1
    one = Panel(panels[0].file_loc, panels[0].caption, heat=heat)
    hot = pixels_of(draw_sheet([("", [one, *panels[1:4]]), *rows[1:]], SMALL, tmp_path / "hot.png", title="all"))
    assert hot.shape == plain.shape
    assert 50 < (np.abs(hot - plain).max(axis=2) > 20).sum() < 0.2 * plain[..., 0].size  # that galaxy alone changed


def test_an_image_that_cannot_be_read_leaves_an_empty_frame(table, tmp_path):
    panels = [Panel(str(tmp_path / "gone.jpg"), "gone"), Panel(str(table["file_loc"][0]), "there", wrong=True)]
    path = draw_sheet([("row", panels)], SMALL, tmp_path / "s.png", title="x")
    assert red(pixels_of(path)) > 100


def test_nothing_to_show(tmp_path):
    assert draw_sheet([], SMALL, tmp_path / "s.png", title="none").is_file()


def test_where_it_cannot_be_written(table, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="can't be written"):
        confident_sheet(table, "ring", ["1", "0"], SMALL, tmp_path / "file" / "s.png", title="x")
