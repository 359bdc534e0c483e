"""Survey edges: every command that reads images names the fill values and their share, once."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from tests.galaxies import make_catalog

from zoobot import GalaxyDataModule
from zoobot.finetune import load
from zoobot.predictions import evaluate, predict, represent

FILLS = {"NaN": np.nan, "0": 0.0, "-9999": -9999.0, "-9.22337e+18": -(2.0**63), "-1.6e+30": -1.6e30, "1e+20": 1e20}
N = 72


@pytest.fixture(scope="module")
def edges(tmp_path_factory):
    """Return a function that makes a catalog of FITS galaxies, two of which have a fill.

    It is in 10 and 25% of their pixels.
    """

    def make(value: float, n: int = N):
        folder = tmp_path_factory.mktemp("edges")
        frame = make_catalog(folder, n, fits=True)
        for place, columns in ((0, 4), (n - 1, 10)):
            path = folder / frame["file_loc"][place]
            flux = fits.getdata(path).astype(np.float32)
            flux[:, :columns] = value
            fits.writeto(path, flux, overwrite=True)
        return folder

    return make


@pytest.fixture(scope="module")
def trained(edges, finetune):
    """Return a run with a report on galaxies with -9999 at the edge, and what its command wrote."""
    folder = edges(-9999.0)
    answer = finetune(folder / "run", "--label", "label", "--epochs", 1, "--report", catalog=folder / "catalog.csv")
    return folder, answer


def said(value: str, n: int = N) -> str:
    return f"2 of {n} images have pixels without data: {value} in 2 (up to 25% of an image)."


def words(answer) -> str:
    return " ".join((answer.out + answer.err).split())


def test_finetune_report_and_check_say_it_once(trained, finetune, zoobot_command):
    folder, answer = trained
    assert words(answer).count("images have pixels without data") == 1
    assert said("-9999") in words(answer)
    assert said("-9999") in " ".join((folder / "run" / "report.html").read_text().split())
    answer = zoobot_command("check", folder / "run", "--num-workers", 0)
    assert answer.code == 0, answer.err
    assert words(answer).count(said("-9999")) == 1
    for more in ((), ("--folds", 2)):
        out = folder / f"unreported{len(more)}"
        answer = finetune(out, "--label", "label", "--epochs", 1, *more, catalog=folder / "catalog.csv")
        assert words(answer).count("images have pixels without data") == 1
        assert said("-9999") in words(answer)


@pytest.mark.parametrize("name", FILLS)
def test_predict_and_evaluate_name_each_fill(name, edges, trained, zoobot_command, tmp_path):
    folder, n = edges(FILLS[name], 12), 12
    model = trained[0] / "run" / "model"
    for command in (
        ("predict", folder / "catalog.csv", "--model", model, "--out", tmp_path / "p.csv"),
        ("predict", folder / "catalog.csv", "--model", model, "--model", model, "--out", tmp_path / "p.csv"),
        ("evaluate", folder / "catalog.csv", "--model", model, "--out", tmp_path / "scored"),
        ("evaluate", folder / "catalog.csv", "--model", model, "--no-report"),
    ):
        answer = zoobot_command(*command, "--num-workers", 0)
        assert answer.code == 0, answer.err
        assert words(answer).count("images have pixels without data") == 1
        assert said(name, n) in words(answer)


@pytest.mark.parametrize("workers", [0, 2])
def test_in_python_too(workers, edges, trained, caplog):
    folder, model = edges(0.0), load(trained[0] / "run" / "model")
    for work in (
        lambda: predict(folder / "catalog.csv", model, num_workers=workers),
        lambda: evaluate(folder / "catalog.csv", model, num_workers=workers),
        lambda: represent(folder / "catalog.csv", model, num_workers=workers),
    ):
        caplog.clear()
        work()
        assert caplog.text.count("images have pixels without data") == 1
        assert said("0") in caplog.text
    datamodule = GalaxyDataModule("label", folder / "catalog.csv", image_size=32, num_workers=workers)
    datamodule.setup()
    assert [note for note in datamodule.notes if "without data" in note] == [
        said("0") + " They do not count for the contrast of the rest."
    ]


def test_whole_images_get_no_word(trained, zoobot_command, tmp_path):
    frame = make_catalog(tmp_path, 12, fits=True)
    answer = zoobot_command(
        "predict", tmp_path / "catalog.csv", "--model", trained[0] / "run" / "model", "--out", tmp_path / "p.csv"
    )
    assert answer.code == 0, answer.err
    assert len(pd.read_csv(tmp_path / "p.csv")) == len(frame)
    assert "without data" not in words(answer)
