"""``zoobot simulate``: a set that says it is simulated, that goes on where it was, and mistakes that are named."""

import pandas as pd
from PIL import Image

from zoobot import trees


def test_writes_a_set_with_the_surveys_own_votes(zoobot_command, tmp_path):
    answer = zoobot_command("simulate", tmp_path / "sky", "--galaxies", 6, "--survey", "sdss", "--size", 40, "--fits")
    assert answer.code == 0, answer.err
    assert "6 SIMULATED galaxies" in answer.out
    catalog = pd.read_csv(tmp_path / "sky" / "catalog.csv")
    assert len(catalog) == 6
    assert catalog["simulated"].all()
    assert set(trees.load("gz2").label_cols) <= set(catalog)
    with Image.open(tmp_path / "sky" / catalog["file_loc"][0]) as picture:
        assert picture.size == (40, 40)
    assert (tmp_path / "sky" / catalog["fits_loc"][5]).is_file()
    before = (tmp_path / "sky" / "catalog.csv").read_bytes()
    again = zoobot_command("simulate", tmp_path / "sky", "--galaxies", 6, "--survey", "sdss", "--size", 40, "--fits")
    assert again.code == 0, again.err
    assert (tmp_path / "sky" / "catalog.csv").read_bytes() == before


def test_a_set_without_votes(zoobot_command, tmp_path):
    answer = zoobot_command("simulate", tmp_path, "--galaxies", 2, "--survey", "euclid", "--size", 40, "--tree", "none")
    assert answer.code == 0, answer.err
    columns = pd.read_csv(tmp_path / "catalog.csv").columns
    assert all(column.startswith("true_") for column in columns[4:])


def test_mistakes_are_named(zoobot_command, tmp_path):
    for options, message in (
        (("--survey", "sloan"), "'sloan' is not one of 'sdss', 'decals', 'hsc', 'euclid'"),
        (("--tree", "gz3"), "No tree and no file called 'gz3'"),
        (("--size", 4), "--size=4 must be at least 32"),
        (("--population", "odd"), "'odd' is not one of 'survey', 'pretraining'"),
    ):
        answer = zoobot_command("simulate", tmp_path / "new", "--galaxies", 2, *options)
        assert answer.code == 2, options
        assert message in answer.err
        assert not (tmp_path / "new").exists()
