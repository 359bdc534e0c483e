"""Small pictures of three kinds of galaxy, a tiny encoder, and a quick run of finetune."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from astropy.io import fits
from PIL import Image
from tests.conftest import Answer
from timm.models import save_for_hf

N_GALAXIES = 96  # 67 of them train: worker processes decode from 64 images on
WIDTH = 40
SHAPES = ("disk", "ring", "bar")

TREE = """
questions:
  feature: {answers: [ringed, barred, smooth]}
  size: {answers: [large, small], asked_after: feature_smooth}
"""


def picture(shape: str, radius: float, seed: int) -> np.ndarray:
    """Return flux float32 (WIDTH, WIDTH) in [0, 1]: a disk, a disk with a ring about it, or a bar at some angle."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:WIDTH, :WIDTH] - (WIDTH - 1) / 2
    distance = np.hypot(x, y)
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    flux = {
        "disk": np.exp(-0.5 * (distance / radius) ** 2),
        "ring": np.exp(-0.5 * (distance / 2) ** 2) + np.exp(-0.5 * ((distance - radius) / 1.2) ** 2),
        "bar": np.exp(-0.5 * (along / radius) ** 2 - 0.5 * (across / 1.2) ** 2),
    }[shape]
    return np.clip(flux + rng.normal(0, 0.03, flux.shape), 0, 1).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Compute in one thread, here and in subprocesses: networks this small lose by sharing, and cores may be busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def galaxies(tmp_path_factory) -> Path:
    """Return a folder with ``catalog.csv`` and its pictures.

    It has shape (names), ring (0/1), radius, votes, and several labels.
    """
    folder = tmp_path_factory.mktemp("galaxies")
    (folder / "images").mkdir()
    (folder / "tree.yaml").write_text(TREE)
    rows = []
    rng = np.random.default_rng(0)
    for place in range(N_GALAXIES):
        shape, radius = SHAPES[place % 3], float(rng.uniform(4, 10))
        name = f"images/galaxy_{place:03}.jpg"
        pixels = (255 * picture(shape, radius, place)).astype(np.uint8)
        Image.fromarray(np.stack([pixels] * 3, axis=-1)).save(folder / name, quality=95)
        votes = rng.multinomial(20, [0.8 if shape == kind else 0.1 for kind in ("ring", "bar", "disk")])
        large = rng.binomial(votes[2], 0.9 if radius > 7 else 0.1)
        rows.append(
            {
                "file_loc": name, "shape": shape, "ring": int(shape == "ring"), "radius": round(radius, 3),
                "has_ring": int(shape == "ring"), "is_large": int(radius > 7),
                "feature_ringed": votes[0], "feature_barred": votes[1], "feature_smooth": votes[2],
                "size_large": large, "size_small": votes[2] - large,
            }
        )  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "catalog.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def cutouts(tmp_path_factory) -> Path:
    """Return a folder of FITS cutouts with one subfolder a class."""
    folder = tmp_path_factory.mktemp("cutouts")
    for place in range(24):
        shape = SHAPES[place % 2]
        (folder / shape).mkdir(exist_ok=True)
        flux = 1e-3 * picture(shape, 8, 1000 + place)
        fits.PrimaryHDU(flux).writeto(folder / shape / f"{shape}_{place:02}.fits")
    return folder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> Path:
    """Return a tiny encoder with batch norms, saved by timm."""
    folder = tmp_path_factory.mktemp("encoder")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_for_hf(timm.create_model("test_efficientnet", num_classes=0), str(folder))
    return folder


@pytest.fixture(scope="session")
def quick(encoder) -> list[object]:
    """Return options that make a run short; those that follow them count."""
    options = {"encoder": encoder, "image-size": 32, "epochs": 4, "learning-rate": 0.01, "num-workers": 0}
    return ["--no-report", *(part for name, value in options.items() for part in (f"--{name}", value))]


@pytest.fixture(scope="session")
def finetune(galaxies, quick, zoobot_command) -> Callable[..., Answer]:
    """Return a function that finetunes on the pictures into ``out``, quickly.

    It fails the test where it doesn't succeed.
    """

    def run(out: Path, *arguments: object, catalog: Path = galaxies / "catalog.csv") -> Answer:
        answer = zoobot_command("finetune", catalog, "--out", out, *quick, *arguments)
        assert answer.code == 0, answer.out + answer.err
        return answer

    return run
