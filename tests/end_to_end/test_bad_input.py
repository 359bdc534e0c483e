"""Users' mistakes on the command line: exit code 2, one message that names the culprit and the remedy, no traceback."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

import zoobot
from zoobot.errors import EncoderError, LabelError

SCRIPT = Path(sys.executable).with_name("zoobot")


@pytest.fixture(scope="module")
def table(galaxies) -> pd.DataFrame:
    """Return the catalog, with absolute paths and an id_str, to be spoiled."""
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    return frame.assign(id_str=[f"J{place:04}" for place in range(len(frame))])


@pytest.fixture
def refuses(zoobot_command, quick, tmp_path):
    """Return a function that finetunes on a table and checks that it is refused before any training.

    The refusal is in the words given.
    """

    def run(catalog, *arguments, words):
        if isinstance(catalog, pd.DataFrame):
            catalog.to_csv(tmp_path / "catalog.csv", index=False)
            catalog = tmp_path / "catalog.csv"
        answer = zoobot_command("finetune", catalog, "--out", tmp_path / "run", *quick, *arguments)
        check(answer, *words)
        assert not list((tmp_path / "run").glob("checkpoints/*.ckpt"))
        assert not (tmp_path / "run" / "log.csv").exists()
        return answer

    return run


@pytest.fixture(scope="module")
def trained(finetune, tmp_path_factory) -> Path:
    """Return the folder of a finished run on three named classes."""
    out = tmp_path_factory.mktemp("trained") / "run"
    finetune(out, "--label", "shape", "--epochs", 1)
    return out


def check(answer, *words: str) -> None:
    """Check that a command ended as it should on a user's mistake."""
    assert answer.code == 2, answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    assert answer.err.startswith("Error: ")
    for word in words:
        assert word in answer.err, answer.err


# Catalogs and labels.


def test_missing_column(refuses, table):
    refuses(table, "--label", "colour", words=["colour", "Its columns are", "shape"])


def test_no_label_at_all(refuses, table):
    refuses(table, words=["label"])


def test_missing_files_are_counted_and_the_first_five_named(refuses, table):
    table = table.copy()
    table.loc[10:16, "file_loc"] = [f"lost/{place}.jpg" for place in range(7)]
    words = ["7 of 96 image files are missing", *(f"lost/{place}.jpg" for place in range(5)), "Check file_loc"]
    answer = refuses(table, "--label", "shape", words=words)
    assert "lost/5.jpg" not in answer.err


def test_unreadable_image(refuses, table, galaxies, tmp_path):
    cut = tmp_path / "cut.jpg"
    cut.write_bytes((galaxies / "images" / "galaxy_007.jpg").read_bytes()[:300])
    table = table.copy()
    table.loc[7, "file_loc"] = str(cut)
    refuses(table, "--label", "shape", "--seed", 1, words=["cut.jpg", "1 of ", "drop their rows"])


def test_a_run_that_stopped_before_training_needs_no_overwrite(table, zoobot_command, quick, galaxies, tmp_path):
    image = tmp_path / "late.jpg"
    image.write_bytes(b"not yet")
    table = table.copy()
    table.loc[7, "file_loc"] = str(image)
    table.to_csv(tmp_path / "catalog.csv", index=False)
    command = ("finetune", tmp_path / "catalog.csv", "--out", tmp_path / "run", *quick, "--label", "ring")
    check(zoobot_command(*command), "late.jpg")
    shutil.copy(galaxies / "images" / "galaxy_007.jpg", image)
    answer = zoobot_command(*command, "--epochs", 1)
    assert answer.code == 0, answer.err


def test_repeated_id_str(refuses, table):
    table = table.assign(id_str=["J0005", *table["id_str"][1:]])
    refuses(table, "--label", "shape", words=["2 of 96 rows share their id_str", "J0005", "drop the copies"])


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("ring", np.nan, ["no label", "J0003"]),
        ("shape", None, ["no label", "J0003"]),
        ("ring", -1, ["negative class", "J0003", "-1", "counted from 0"]),
        ("ring", 0.5, ["fractional class", "J0003", "0.5", "whole numbers"]),
        ("ring", np.inf, ["infinite", "J0003"]),
    ],
)
def test_labels_that_are_no_classes(refuses, table, label, value, words):
    table = table.astype({"ring": float})
    table.loc[3, label] = value
    refuses(table, "--label", label, "--task", "classify", words=["1 of ", f"{label!r}", *words])


@pytest.mark.parametrize("labels", [{"ring": 1}, {"ring": 0}, {"shape": "disk"}])
def test_one_class_only(refuses, table, labels):
    words = ["the same label", "Two classes or more", str(next(iter(labels.values())))]
    refuses(table.assign(**labels), "--label", next(iter(labels)), words=words)


def test_more_classes_than_num_classes(table, encoder):
    three = table.assign(kind=np.arange(len(table)) % 3)
    datamodule = zoobot.GalaxyDataModule(["kind"], three, image_size=32)
    datamodule.read_catalogs()
    model = zoobot.FinetuneableZoobotClassifier(2, name=str(encoder))
    with pytest.raises(LabelError, match=r"(?s)above 1 \(num_classes=2\).*Set num_classes=3"):
        model.learn_from(datamodule)


def test_too_few_rows_to_split(refuses, table):
    refuses(table[:2], "--label", "shape", words=["2 galaxies are too few", "3 parts", "Label more"])


def test_too_few_rows_of_a_class(refuses, table):
    table = table.copy()
    table.loc[5, "shape"] = "merger"
    refuses(table, "--label", "shape", words=["'merger'", "it has 1 in all", "Label more"])


def test_empty_catalog(refuses, table, tmp_path):
    refuses(table[:0], "--label", "shape", words=["has no rows", "catalog.csv"])
    (tmp_path / "nothing.csv").write_text("")
    refuses(tmp_path / "nothing.csv", "--label", "shape", words=["has no rows", "nothing.csv"])


def test_no_such_catalog(refuses, tmp_path):
    refuses(tmp_path / "absent.csv", "--label", "shape", words=["absent.csv", "Give the path"])


@pytest.mark.parametrize("column", ["file_loc", "id_str"])
def test_label_that_names_the_galaxy(refuses, table, column):
    refuses(table, "--label", column, words=[repr(column), "Rename it in the catalog"])


def test_catalog_without_file_loc(refuses, table):
    refuses(table.rename(columns={"file_loc": "path"}), "--label", "shape", words=["no column file_loc", "path"])


def test_names_where_numbers_are_wanted(refuses, table):
    refuses(table, "--label", "shape", "--task", "regress", words=["'shape'", "names", "Regressor takes numbers"])
    table = table.assign(is_large=np.where(table["is_large"] == 1, "yes", "no"))
    refuses(table, "--label", "ring", "--label", "is_large", words=["'is_large'", "names", "takes 0 and 1"])


def test_separate_test_catalog_without_the_label(refuses, table, tmp_path):
    table[60:].drop(columns="shape").to_csv(tmp_path / "test.csv", index=False)
    refuses(table[:60], "--label", "shape", "--test", tmp_path / "test.csv", words=["shape"])


def test_trees(refuses, table, galaxies):
    refuses(table, "--task", "tree", words=["--tree", "gz2"])
    refuses(table, "--tree", "gz22", words=["'gz22'", "Did you mean 'gz2'"])
    refuses(table.drop(columns="size_small"), "--tree", galaxies / "tree.yaml", words=["size_small"])


# Encoders, options and places to write.


def test_wrong_number_of_channels(refuses, table, galaxies, encoder):
    refuses(table, "--label", "shape", "--channels", 2, words=["2", "channels"])
    datamodule = zoobot.GalaxyDataModule(["shape"], table, channels=1)
    datamodule.read_catalogs()
    model = zoobot.FinetuneableZoobotClassifier(3, name=str(encoder))
    with pytest.raises(EncoderError, match=r"1 channels and the encoder takes 3.*in_chans=1"):
        model.learn_from(datamodule)


def test_cubes_with_too_few_bands_for_the_model(trained, zoobot_command, tmp_path):
    flux = np.random.default_rng(0).normal(size=(2, 20, 20)).astype(np.float32)
    fits.PrimaryHDU(flux).writeto(tmp_path / "two_bands.fits")
    command = ("predict", tmp_path, "--model", trained / "model", "--out", tmp_path / "p.csv")
    check(zoobot_command(*command), "two_bands.fits", "2", "3")


def test_unknown_encoder(refuses, table):
    refuses(table, "--label", "shape", "--encoder", "resnet5000", words=["resnet5000", "did you mean", "hf_hub:owner"])
    refuses(table, "--label", "shape", "--encoder", "no/such/folder", words=["no/such/folder", "check the path"])


def test_more_blocks_than_there_are(refuses, table):
    refuses(table, "--label", "shape", "--blocks", 99, words=["n_blocks=99", "blocks", "choose from 0"])


def test_a_size_that_the_encoder_does_not_take(refuses, table):
    options = ("--encoder", "test_vit3", "--no-pretrained", "--image-size", 48)
    refuses(table, "--label", "shape", *options, words=["48", "160", "test_vit3"])


def test_folder_that_can_not_be_written(table, zoobot_command, quick, trained, galaxies, tmp_path):
    (tmp_path / "file").write_text("in the way")
    where = tmp_path / "file" / "run"
    command = ("finetune", galaxies / "catalog.csv", "--label", "shape", *quick, "--out", where)
    said = f"{tmp_path / 'file'} is a file, expected a folder"
    check(zoobot_command(*command), said)
    answer = zoobot_command("evaluate", galaxies / "catalog.csv", "--model", trained / "model", "--out", where)
    check(answer, said)
    predict = ("predict", galaxies / "images", "--model", trained / "model", "--out")
    check(zoobot_command(*predict, where / "p.csv"), str(where), "can't be written")


def test_unknown_kind_of_table_to_write(trained, zoobot_command, galaxies, tmp_path):
    answer = zoobot_command("predict", galaxies / "images", "--model", trained / "model", "--out", tmp_path / "p.xlsx")
    check(answer, "p.xlsx", ".parquet")


# Saved models.


def predict_with(model, zoobot_command, galaxies, tmp_path):
    return zoobot_command("predict", galaxies / "images", "--model", model, "--out", tmp_path / "p.csv")


def test_model_of_a_newer_version(trained, zoobot_command, galaxies, tmp_path):
    shutil.copytree(trained / "model", tmp_path / "newer")
    config = json.loads((tmp_path / "newer" / "config.json").read_text())
    config["format_version"] += 1
    (tmp_path / "newer" / "config.json").write_text(json.dumps(config))
    check(predict_with(tmp_path / "newer", zoobot_command, galaxies, tmp_path), "newer zoobot", "pip install -U")


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_checkpoint(trained, zoobot_command, galaxies, tmp_path, share):
    whole = (trained / "checkpoints" / "last.ckpt").read_bytes()
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes(whole[: int(share * len(whole))])
    check(predict_with(cut, zoobot_command, galaxies, tmp_path), "cut.ckpt", "damaged", "again")


def test_truncated_weights(trained, zoobot_command, galaxies, tmp_path):
    shutil.copytree(trained / "model", tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    check(predict_with(tmp_path / "cut", zoobot_command, galaxies, tmp_path), "model.safetensors", "cut short")


def test_no_such_model(trained, zoobot_command, galaxies, encoder, tmp_path):
    check(predict_with(tmp_path / "absent", zoobot_command, galaxies, tmp_path), "absent", "check the path")
    check(predict_with(trained, zoobot_command, galaxies, tmp_path), "no config.json", "model")
    check(predict_with(encoder, zoobot_command, galaxies, tmp_path), str(encoder), "not a saved zoobot model")


def test_evaluate_without_the_labels(trained, zoobot_command, galaxies, table, tmp_path):
    evaluate = ("evaluate", tmp_path / "catalog.csv", "--model", trained / "model")
    table.drop(columns="shape").to_csv(tmp_path / "catalog.csv", index=False)
    check(zoobot_command(*evaluate), "shape")
    table.assign(shape=["merger", *table["shape"][1:]]).to_csv(tmp_path / "catalog.csv", index=False)
    check(zoobot_command(*evaluate), "merger", "'bar', 'disk', 'ring'")


def test_every_image_unreadable(trained, zoobot_command, tmp_path):
    for place in range(7):
        (tmp_path / f"{place}.jpg").write_bytes(b"no picture")
    command = ("predict", tmp_path, "--model", trained / "model", "--out", tmp_path / "p.csv", "--on-error", "skip")
    check(zoobot_command(*command), "7 of 7 images can't be read", "0.jpg", "4.jpg")


# As the script, in a process of its own.


def test_no_network(galaxies, tmp_path):
    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        environment = os.environ | {
            "HF_ENDPOINT": f"http://127.0.0.1:{reserved.getsockname()[1]}", "HF_HOME": str(tmp_path / "home"),
        }  # fmt: skip
        environment.pop("HF_HUB_OFFLINE", None)
        options = ["--label", "shape", "--encoder", "hf_hub:someone/encoder", "--out", tmp_path / "run"]
        done = run_script("finetune", galaxies / "catalog.csv", *options, env=environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("Error: the weights of 'hf_hub:someone/encoder' are not here")
    assert "connect once" in done.stderr
    assert not (tmp_path / "run").exists()


def test_debug_shows_the_traceback(tmp_path):
    done = run_script("finetune", tmp_path / "absent.csv", "--label", "ring", "--out", tmp_path / "run", "--debug")
    assert done.returncode not in (0, 2)
    assert "Traceback" in done.stderr
    assert "zoobot.errors.CatalogError: there is no catalog at" in done.stderr


def run_script(*arguments, env=None):
    command = [SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)
