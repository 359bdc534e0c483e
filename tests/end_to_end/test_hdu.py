"""FITS files with several images: the picture is found by name, --hdu asks for another, and the model remembers it."""

import json

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from tests.end_to_end.conftest import SHAPES, WIDTH, picture

NOISE = np.random.default_rng(0).random((WIDTH, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory):
    """Return a catalog of FITS files whose first image is a mask; their picture is called SCI, and again OTHER."""
    folder = tmp_path_factory.mktemp("hdus")
    rows = []
    for place in range(60):
        flux = 1e-3 * picture(SHAPES[place % 2], 8, place)
        mask = np.ones_like(flux)
        mask[0] = 0
        sci, other = fits.ImageHDU(flux, name="SCI"), fits.ImageHDU(flux, name="OTHER")
        hdus = [
            fits.PrimaryHDU(),
            fits.ImageHDU(mask, name="MASK"),
            sci,
            fits.ImageHDU(np.sqrt(1 + NOISE), name="WHT"),
            other,
        ]
        fits.HDUList(hdus).writeto(folder / f"{place}.fits")
        plain = fits.PrimaryHDU(flux)
        plain.writeto(folder / f"plain_{place}.fits")
        rows.append({"file_loc": f"{place}.fits", "shape": SHAPES[place % 2]})
    frame = pd.DataFrame(rows)
    frame.to_csv(folder / "several.csv", index=False)
    frame.assign(file_loc="plain_" + frame["file_loc"], id_str=frame["file_loc"].str[:-5]).to_csv(
        folder / "plain.csv", index=False
    )
    return folder


def probabilities(path):
    return pd.read_csv(path)["shape_ring"].to_numpy()


def test_every_command_reads_the_hdu_that_is_asked_for(cutouts, quick, finetune, zoobot_command, encoder, tmp_path):
    finetune(tmp_path / "plain", "--label", "shape", catalog=cutouts / "plain.csv")
    for name, options in {"found": (), "named": ("--hdu", "OTHER"), "numbered": ("--hdu", 4)}.items():
        finetune(tmp_path / name, "--label", "shape", *options, catalog=cutouts / "several.csv")
        np.testing.assert_array_equal(
            probabilities(tmp_path / name / "predictions.csv"), probabilities(tmp_path / "plain" / "predictions.csv")
        )
    saved = json.loads((tmp_path / "named" / "model" / "config.json").read_text())["preprocessing"]["images"]
    assert saved["hdu"] == "OTHER"

    def predict(run, out, *options):
        return zoobot_command(
            "predict", cutouts / "several.csv", "--model", tmp_path / run / "model", "--out", out, *options
        )

    assert predict("named", tmp_path / "named.csv").code == 0  # as in training
    assert predict("plain", tmp_path / "plain.csv", "--hdu", "OTHER").code == 0
    np.testing.assert_array_equal(probabilities(tmp_path / "named.csv"), probabilities(tmp_path / "plain.csv"))
    assert predict("plain", tmp_path / "mask.csv", "--hdu", "MASK").code == 0
    assert not np.array_equal(probabilities(tmp_path / "mask.csv"), probabilities(tmp_path / "plain.csv"))
    answer = predict("plain", tmp_path / "none.csv", "--hdu", "NONE")
    assert answer.code == 2
    assert "'NONE'" in answer.err and "SCI" in answer.err

    catalog, model = cutouts / "several.csv", tmp_path / "plain" / "model"
    scores = {}
    for hdu in ("SCI", "WHT"):
        out = tmp_path / f"evaluated_{hdu}"
        answer = zoobot_command("evaluate", catalog, "--model", model, "--hdu", hdu, "--out", out, "--no-report")
        assert answer.code == 0, answer.err
        metrics = json.loads((out / "metrics.json").read_text())
        scores[hdu] = [part["log_loss"] for part in metrics.values() if "log_loss" in part]
        explained = zoobot_command(
            "explain", catalog, "--model", model, "--hdu", hdu, "--out", tmp_path / f"explained_{hdu}", "--limit", 2
        )
        assert explained.code == 0, explained.err
        compared = zoobot_command(
            "compare", catalog, "--label", "shape", "--encoder", encoder, "--hdu", hdu, "--repeats", 2, "--folds", 2,
            "--out", tmp_path / f"compared_{hdu}",
        )  # fmt: skip
        assert compared.code == 0, compared.err
    assert scores["SCI"] != scores["WHT"]
    good, bad = (pd.read_csv(tmp_path / f"compared_{hdu}" / "comparison.csv")["mean"].max() for hdu in ("SCI", "WHT"))
    assert good > bad
