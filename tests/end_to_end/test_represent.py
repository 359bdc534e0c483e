"""`zoobot represent` writes the features that Python gives, of an encoder or of a finetuned model's."""

import numpy as np
import pandas as pd
import pytest

import zoobot
from zoobot.data import Preprocessing
from zoobot.predictions import feature_array
from zoobot.settings import ImageSettings


@pytest.mark.parametrize("ending", ["csv", "parquet", "fits", "hdf5"])
def test_features_of_an_encoder(ending, galaxies, encoder, zoobot_command, tmp_path):
    out = tmp_path / f"features.{ending}"
    answer = zoobot_command(
        "represent",
        galaxies / "catalog.csv",
        "--encoder",
        encoder,
        "--out",
        out,
        "--image-size",
        32,
        "--num-workers",
        0,
    )
    assert answer.code == 0, answer.err
    assert f"96 galaxies represented: {out}" in answer.out.replace("\n", "")
    preprocessing = Preprocessing(image_size=32)
    wanted = zoobot.represent(galaxies / "catalog.csv", encoder, preprocessing=preprocessing, num_workers=0)
    if ending in ("csv", "parquet"):
        read = {"csv": pd.read_csv, "parquet": pd.read_parquet}[ending](out)
        assert read["id_str"].astype(str).tolist() == wanted["id_str"].tolist()
        np.testing.assert_allclose(feature_array(read), feature_array(wanted), rtol=1e-5, atol=1e-6)
    assert out.is_file()


def test_a_finetuned_model_reads_images_as_in_its_training(finetune, galaxies, zoobot_command, tmp_path):
    finetune(tmp_path / "run", "--label", "ring", "--epochs", 1, "--crop", 0.6)
    model, catalog = tmp_path / "run" / "model", galaxies / "catalog.csv"
    tables = {}
    for name, options in (("as trained", ()), ("wider", ("--crop", 1.0)), ("stretched", ("--stretch", "sqrt"))):
        out = tmp_path / f"{name}.parquet"
        answer = zoobot_command("represent", catalog, "--encoder", model, "--out", out, "--num-workers", 0, *options)
        assert answer.code == 0, answer.err
        tables[name] = feature_array(pd.read_parquet(out))
    loaded = zoobot.load(model)
    assert loaded.preprocessing.crop == 0.6
    np.testing.assert_array_equal(tables["as trained"], feature_array(zoobot.represent(catalog, loaded, num_workers=0)))
    assert not np.allclose(tables["wider"], tables["as trained"])
    images = ImageSettings(stretch="sqrt")
    other = Preprocessing(image_size=loaded.preprocessing.image_size, crop=0.6, images=images)
    wanted = feature_array(zoobot.represent(catalog, loaded, preprocessing=other, num_workers=0))
    np.testing.assert_array_equal(tables["stretched"], wanted)


def test_images_that_cannot_be_read_are_skipped(galaxies, encoder, zoobot_command, tmp_path):
    frame = pd.read_csv(galaxies / "catalog.csv").head(5)
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    frame.loc[2, "file_loc"] = str(tmp_path / "nothing.jpg")
    frame.to_csv(tmp_path / "catalog.csv", index=False)
    command = ("represent", tmp_path / "catalog.csv", "--encoder", encoder, "--image-size", 32, "--num-workers", 0)
    refused = zoobot_command(*command, "--out", tmp_path / "features.csv")
    assert refused.code == 2 and "nothing.jpg" in refused.err.replace("\n", "")
    assert not (tmp_path / "features.csv").exists()
    answer = zoobot_command(*command, "--out", tmp_path / "features.csv", "--on-error", "skip")
    assert answer.code == 0
    assert "4 galaxies represented, 1 skipped" in answer.out
    assert pd.read_csv(tmp_path / "features.csv").filter(like="feature_").isna().all(axis=1).tolist() == [0, 0, 1, 0, 0]


def test_only_the_first_galaxies_are_predicted(finetune, galaxies, zoobot_command, tmp_path):
    finetune(tmp_path / "run", "--label", "ring", "--epochs", 1)
    command = (
        "predict",
        galaxies / "catalog.csv",
        "--model",
        tmp_path / "run" / "model",
        "--num-workers",
        0,
        "--device",
        "cpu",
    )
    assert zoobot_command(*command, "--out", tmp_path / "all.csv").code == 0
    answer = zoobot_command(*command, "--out", tmp_path / "first.csv", "--limit", 7)
    assert answer.code == 0 and "7 galaxies predicted" in answer.out
    every, first = (pd.read_csv(tmp_path / name) for name in ("all.csv", "first.csv"))
    pd.testing.assert_frame_equal(first, every.head(7))


@pytest.mark.parametrize("command", ["predict", "evaluate", "represent", "finetune"])
def test_a_device_that_is_not_there_is_refused(command, finetune, galaxies, encoder, zoobot_command, tmp_path):
    model, out = tmp_path / "run" / "model", tmp_path / "out"
    first = {
        "predict": ("--model", model, "--out", f"{out}.csv"),
        "represent": ("--encoder", encoder, "--out", f"{out}.csv"),
        "evaluate": ("--model", model),
        "finetune": ("--label", "ring", "--encoder", encoder, "--out", out),
    }[command]
    if "--model" in first:
        finetune(tmp_path / "run", "--label", "ring", "--epochs", 1)
    for device in ("gpu7", "cuda:99"):
        answer = zoobot_command(command, galaxies / "catalog.csv", *first, "--num-workers", 0, "--device", device)
        assert answer.code == 2
        assert f"device='{device}' is not to be had here" in answer.err.replace("\n", " ")
        assert "Traceback" not in answer.err
