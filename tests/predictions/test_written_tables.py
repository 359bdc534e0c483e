"""Tables of predictions: what is written comes back as it was, in every format, whatever the names."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from astropy.io import fits
from tests.galaxies import make_catalog, tiny_encoder

from zoobot.data import Preprocessing
from zoobot.data.tables import read_source
from zoobot.errors import OutputError
from zoobot.finetune import FinetuneableZoobotClassifier
from zoobot.predictions import predict, represent, write_table

ENDINGS = ["csv", "parquet", "fits", "hdf5"]
NAMES = ["café", "日本", "plain", "tab\\t", "C:\\new\\x41", "ß|ü"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_text_and_ids_come_back_exactly(ending: str, tmp_path: Path) -> None:
    ids = [str(2**60 + place) for place in range(len(NAMES))]
    table = pd.DataFrame(
        {"id_str": ids, "file_loc": NAMES, "spirale à bras_1": np.arange(6.0), "n": np.arange(6) + 2**60}
    )
    back = read_source(write_table(table, tmp_path / f"täble.{ending}"))[0]
    assert back.columns.tolist() == table.columns.tolist()
    assert back["id_str"].tolist() == ids
    assert back["file_loc"].tolist() == NAMES
    assert back["spirale à bras_1"].tolist() == [0, 1, 2, 3, 4, 5]
    assert [int(value) for value in back["n"]] == table["n"].tolist()


def test_fits_of_plain_text_is_left_alone(tmp_path: Path) -> None:
    table = pd.DataFrame({"id_str": ["a", "b"], "file_loc": ["C:\\new\\x41.jpg", "b.jpg"]})
    write_table(table, tmp_path / "plain.fits")
    with fits.open(tmp_path / "plain.fits") as hdus:
        assert "TXTESC" not in hdus[1].header
        assert hdus[1].data["file_loc"][0] == "C:\\new\\x41.jpg"
    assert read_source(tmp_path / "plain.fits")[0]["file_loc"][0] == "C:\\new\\x41.jpg"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, ""])
def test_missing_text_and_numbers_are_missing_again(ending: str, missing: object, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"id_str": ["a", "b"], "set": pd.Series(["x", missing], dtype=object), "n": pd.array([1, None], "Int64")}
    )
    back = read_source(write_table(table, tmp_path / f"t.{ending}"))[0]
    assert back["set"].isna().tolist() == [False, True]
    assert back["n"].isna().tolist() == [False, True]


@pytest.fixture(scope="module")
def model() -> FinetuneableZoobotClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FinetuneableZoobotClassifier(2, encoder=tiny_encoder())
    model.label_cols, model.class_names = ["größe"], ["groß", "klein"]
    model.preprocessing = Preprocessing(image_size=32)
    return model


@pytest.mark.parametrize("ending", ENDINGS)
def test_predictions_of_a_folder_with_any_name(
    ending: str, model: FinetuneableZoobotClassifier, tmp_path: Path
) -> None:
    folder = tmp_path / "Données 星系"
    make_catalog(folder, 4)
    out = folder / f"prédit.{ending}"
    table = predict(folder / "catalog.csv", model, out)
    back = read_source(out)[0]
    assert back.columns.tolist() == table.columns.tolist()
    for name in table.columns:
        kind = table[name].dtype
        assert back[name].astype(kind).tolist() == table[name].tolist(), name


@pytest.mark.parametrize(
    ("ending", "options", "words"),
    [("fits", {"n_samples": 600}, "FITS has at most 999"), ("hdf5", {"n_samples": 900}, "columns")],
)
def test_too_many_columns_are_refused_before_any_work(
    ending: str,
    options: dict[str, int],
    words: str,
    model: FinetuneableZoobotClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_catalog(tmp_path, 4)
    monkeypatch.setattr("zoobot.predictions.engine.decode_files", lambda *_, **__: pytest.fail("work was done"))
    with pytest.raises(OutputError, match=words):
        predict(tmp_path / "catalog.csv", model, tmp_path / f"p.{ending}", **options)
    assert not (tmp_path / f"p.{ending}").exists()


def test_long_class_names_are_refused_before_any_work(
    model: FinetuneableZoobotClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_catalog(tmp_path, 4)
    monkeypatch.setattr(model, "class_names", ["a", "b" * 80])
    monkeypatch.setattr("zoobot.predictions.engine.decode_files", lambda *_, **__: pytest.fail("work was done"))
    with pytest.raises(OutputError, match=r"p\.fits can't hold .*68 characters.*Write parquet or csv"):
        predict(tmp_path / "catalog.csv", model, tmp_path / "p.fits")


def test_features_too_many_for_a_format_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_catalog(tmp_path, 4)
    wide = tiny_encoder("test_resnet")
    monkeypatch.setattr("zoobot.predictions.predicting.encoder_of", lambda _: (_Wide(), None))
    with pytest.raises(OutputError, match="FITS has at most 999"):
        represent(tmp_path / "catalog.csv", wide, tmp_path / "f.fits")


class _Wide:
    num_features = 1280
    image_size = 32
    in_chans = 3


def test_nothing_is_logged_of_odd_names(
    model: FinetuneableZoobotClassifier, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        write_table(pd.DataFrame({"id_str": ["a"], "label_has [odd] 'names' | x": [1.0]}), tmp_path / "odd.fits")
    assert caplog.text == ""
    assert read_source(tmp_path / "odd.fits")[0].columns[1] == "label_has [odd] 'names' | x"
