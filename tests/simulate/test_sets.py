"""Simulated sets on disk are complete or resumed alike, repeatable, disjoint, and marked as simulated.

They are learnable but not trivially so.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from zoobot import read_image, simulate, trees
from zoobot.errors import OptionError, OutputError

SIZE = 48
KILLED = """
import os, signal, sys
from zoobot import simulate
from zoobot.simulate import sets
written = []
write_whole = sets.write_whole
def dies_at_the_40th(path, content):
    written.append(path)
    if len(written) == 40:
        path.with_name(f".{path.name}.1.part").write_bytes(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    write_whole(path, content)
sets.write_whole = dies_at_the_40th
simulate.write_set(sys.argv[1], 70, survey="sdss", tree="gz2", seed=2, size=32)
"""


def pixels(catalog: pd.DataFrame) -> np.ndarray:
    return np.stack([np.asarray(Image.open(file)) for file in catalog["file_loc"]])


def test_set_has_votes_and_the_truth(tmp_path: Path) -> None:
    catalog = simulate.write_set(tmp_path, 20, survey="decals", tree="gz_decals_dr5", seed=1, size=SIZE)
    columns = trees.load("gz_decals_dr5").label_cols
    assert set(columns) <= set(catalog)
    assert catalog[columns].dtypes.map(lambda kind: kind.kind == "i").all()
    assert catalog["simulated"].all()
    assert catalog["id_str"].iloc[0] == "sim_decals_000001"
    assert (catalog["survey"] == "decals").all()
    batch = simulate.SimulatedSurvey("decals", tree="gz_decals_dr5", seed=1, size=SIZE, population="survey").batch(
        range(1, 21)
    )
    np.testing.assert_allclose(catalog["true_bulge_fraction"], batch.truth["bulge_fraction"])
    np.testing.assert_array_equal(catalog[columns].to_numpy(), batch.votes)
    shown = (255 * batch.image).permute(0, 2, 3, 1).numpy()
    assert np.abs(pixels(catalog) - shown).mean() < 2.5  # but for JPEG
    written = pd.read_csv(tmp_path / "catalog.csv")
    assert [str(tmp_path / file) for file in written["file_loc"]] == catalog["file_loc"].tolist()
    pd.testing.assert_frame_equal(written.drop(columns="file_loc"), catalog.drop(columns="file_loc"), check_dtype=False)


def test_a_killed_run_goes_on_to_the_same_set(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "killed")], check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "catalog.csv").exists()
    written = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "killed" / "images").glob("sim*.jpg")}
    assert 30 < len(written) < 70
    options = {"survey": "sdss", "tree": "gz2", "seed": 2, "size": 32}
    resumed = simulate.write_set(tmp_path / "killed", 70, **options)  # type: ignore[arg-type]
    whole = simulate.write_set(tmp_path / "whole", 70, **options)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(resumed.drop(columns="file_loc"), whole.drop(columns="file_loc"))
    assert (tmp_path / "killed" / "catalog.csv").read_bytes() == (tmp_path / "whole" / "catalog.csv").read_bytes()
    for file in resumed["file_loc"]:
        assert Path(file).read_bytes() == (tmp_path / "whole" / "images" / Path(file).name).read_bytes()
    first = sorted(written)[:32]  # the batch that was complete is not drawn again
    assert all((tmp_path / "killed" / "images" / name).stat().st_mtime_ns == written[name] for name in first)


def test_fits_cubes_carry_unit_bands_and_scale_and_read_back(tmp_path: Path) -> None:
    catalog = simulate.write_set(tmp_path, 3, survey="euclid", tree=None, size=40, fits=True)
    sky = simulate.SimulatedSurvey("euclid", size=40, population="survey")
    flux = sky.batch(range(1, 4), flux=True).flux
    assert flux is not None
    for place, row in catalog.iterrows():
        header = fits.getheader(row["fits_loc"])
        assert header["BUNIT"] == "nanomaggy"
        assert [header[f"BAND{number}"] for number in (1, 2, 3)] == list(simulate.SURVEYS["euclid"].bands)
        assert header["PIXSCALE"] == pytest.approx(row["true_width"] / 40)
        assert header["SIMULATD"]
        cube = fits.getdata(row["fits_loc"])[:, ::-1]
        np.testing.assert_allclose(cube, flux[place], rtol=1e-6)  # type: ignore[index]
        read = read_image(row["fits_loc"])
        assert read.shape[-2:] == (40, 40) or read.shape[:2] == (40, 40)
        assert np.isfinite(read).all()


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    simulate.write_set(tmp_path, 2, survey="sdss", size=SIZE)
    with pytest.raises(OptionError, match="other settings .*seed 0, now 5.*or another folder"):
        simulate.write_set(tmp_path, 2, survey="sdss", size=SIZE, seed=5)
    with pytest.raises(OptionError, match="another tree"):
        simulate.write_set(tmp_path, 2, survey="sdss", size=SIZE, tree=None)


def test_rings_are_labelled_and_say_simulated(tmp_path: Path) -> None:
    catalog = simulate.rings(tmp_path / "set", 11, size=SIZE)
    assert catalog["ring"].tolist() == [0, 1] * 5 + [0]
    assert catalog["ring"].dtype.kind == "i"
    assert catalog["simulated"].all()
    assert catalog["id_str"].iloc[0] == "sim_rings_000001"
    assert catalog["id_str"].is_unique
    assert ((catalog["ring_radius"] > 0) == (catalog["ring"] == 1)).all()
    assert catalog["ring_radius"].max() < 0.5
    assert pixels(catalog).shape == (11, SIZE, SIZE, 3)


def test_same_seed_same_pixels_other_seed_others(tmp_path: Path) -> None:
    first, again, other = (
        simulate.rings(tmp_path / name, 9, seed=seed, size=SIZE) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    np.testing.assert_array_equal(pixels(first), pixels(again))
    pd.testing.assert_frame_equal(first.drop(columns="file_loc"), again.drop(columns="file_loc"))
    assert not any((a == b).all() for a, b in zip(pixels(first), pixels(other), strict=True))


def test_a_galaxy_is_the_same_in_any_set_of_its_seed(tmp_path: Path) -> None:
    whole = simulate.rings(tmp_path / "whole", 12, size=SIZE)
    rest = simulate.rings(tmp_path / "rest", 7, size=SIZE, first=6)
    columns = [column for column in whole if column != "file_loc"]
    pd.testing.assert_frame_equal(whole[columns].iloc[5:].reset_index(drop=True), rest[columns])
    assert np.abs(pixels(whole)[5:].astype(int) - pixels(rest).astype(int)).mean() < 0.1
    assert set(whole["id_str"][:5]).isdisjoint(rest["id_str"])


@pytest.mark.parametrize("option", [{"n_galaxies": 0}, {"seed": -1}, {"size": 8}, {"first": 0}])
def test_numbers_out_of_range_are_named(tmp_path: Path, option: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(option))}={next(iter(option.values()))} must be at least"):
        simulate.rings(tmp_path, **option)


def test_a_file_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        simulate.rings(tmp_path / "file", 2, size=SIZE)


def brightness_features(images: np.ndarray) -> np.ndarray:
    """Return what needs no look at the shape: mean, scatter and percentiles of each color."""
    flat = images.reshape(len(images), -1, 3).astype(float)
    features = np.concatenate([flat.mean(1), flat.std(1), *np.percentile(flat, [50, 90, 97, 99.5], axis=1)], axis=1)
    return (features - features.mean(0)) / features.std(0)


def test_brightness_and_color_alone_hardly_tell_rings(tmp_path: Path) -> None:
    catalog = simulate.rings(tmp_path, 240, size=SIZE)
    features, rings = brightness_features(pixels(catalog)), catalog["ring"].to_numpy()
    model = LogisticRegression(C=0.1, max_iter=1000).fit(features[:160], rings[:160])
    assert roc_auc_score(rings[160:], model.decision_function(features[160:])) < 0.75


@pytest.mark.parametrize(
    ("survey", "folder", "catalog"), [("decals", "rings", "train.csv"), ("sdss", "sdss_gz1", "unlabelled.csv")]
)
def test_as_bright_and_colorful_as_real_ones(real_data: Path, survey: str, folder: str, catalog: str) -> None:
    files = pd.read_csv(real_data / folder / catalog)["file_loc"][:120]
    real = np.stack(
        [np.asarray(Image.open(real_data / folder / file).convert("RGB").resize((64, 64))) for file in files]
    )
    population = "rings" if survey == "decals" else "survey"
    sky = simulate.SimulatedSurvey(survey, size=64, population=population)  # type: ignore[arg-type]
    image = sky.batch(range(120)).image
    simulated = 255 * image.permute(0, 2, 3, 1).numpy()
    axis = np.arange(64) - 31.5
    radii = np.hypot(axis[:, None], axis[None, :])
    for inner, outer in ((0, 2), (3, 5), (6, 8), (24, 32)):
        ring = (radii >= inner) & (radii < outer)
        levels = [np.median(images[:, ring].mean(1), axis=0) for images in (real, simulated)]
        assert levels[1] == pytest.approx(levels[0], rel=0.35, abs=4), f"{inner} to {outer} pixels from the center"
