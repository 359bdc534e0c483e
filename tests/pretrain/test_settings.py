"""Settings say what is wrong with them, and name their sources."""

import json

import pytest

from zoobot.errors import OptionError
from zoobot.pretrain import PretrainSettings
from zoobot.settings.pretrain import Source, absolute_source


def test_sources_pair_galaxies_with_trees():
    settings = PretrainSettings(
        galaxies=("simulated", "votes.csv", "hf:owner/set:tiny"),
        trees=("gz2", "gz_decals_dr5", "gz_evo_v2"),
        surveys=("decals", "sdss"),
        architecture="convnext_atto",
        images=100,
    )
    assert settings.sources() == [
        Source(kind="simulated", where="decals", tree="gz2"),
        Source(kind="simulated", where="sdss", tree="gz2"),
        Source(kind="catalog", where="votes.csv", tree="gz_decals_dr5"),
        Source(kind="hugging_face", where="owner/set:tiny", tree="gz_evo_v2"),
    ]
    assert (
        PretrainSettings(
            **{
                **settings.to_dict(),
                "galaxies": settings.galaxies,
                "trees": settings.trees,
                "surveys": settings.surveys,
            }
        )
        == settings
    )
    json.dumps(settings.to_dict())


def test_one_tree_serves_all_and_a_survey_may_be_named():
    settings = PretrainSettings(
        galaxies=("simulated:hsc", "simulated:sdss"), trees=("gz2",), architecture="convnext_atto", images=1
    )
    assert [(source.where, source.tree) for source in settings.sources()] == [("hsc", "gz2"), ("sdss", "gz2")]


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    assert absolute_source("votes.csv") == str(tmp_path / "votes.csv")
    assert absolute_source("hf:saved") == f"hf:{tmp_path / 'saved'}"
    assert absolute_source("hf:owner/name") == "hf:owner/name"
    assert absolute_source("simulated:sdss") == "simulated:sdss"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"architecture": None}, "exactly one of architecture"),
        ({"encoder": "imagenet"}, "exactly one of architecture"),
        ({"galaxies": ()}, "at least one source"),
        ({"galaxies": ("simulated", "a.csv", "b.csv"), "trees": ("gz2", "gz2")}, "3 sources of galaxies and 2 trees"),
        ({"surveys": ("lsst",)}, "no survey 'lsst'"),
        ({"galaxies": ("simulated", "simulated:decals")}, "simulated twice"),
        ({"galaxies": ("votes.csv",)}, "need their decision tree"),
        ({"simulated_share": 0.5}, "simulated_share"),
        ({"images": None}, "images"),
        ({"images": None, "epochs": 2.0}, "never end"),
        ({"devices": 3}, "multiple of 3"),
        ({"unlabelled": "u.csv", "unlabelled_batch_size": 1}, "at least 2"),
        ({"image_size": 8}, "image_size=8 must be at least 16"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan must be above 0"),
        ({"ema_decay": 1.0}, "ema_decay=1.0"),
        ({"crop": 1.5}, "crop=1.5"),
        ({"val_fraction": 1.0}, "val_fraction=1.0"),
    ],
)
def test_what_is_wrong_is_said(wrong, message):
    with pytest.raises(OptionError, match=message):
        PretrainSettings(**{"architecture": "convnext_atto", "images": 100, **wrong})
