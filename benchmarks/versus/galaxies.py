"""The galaxies of the benchmark: catalogs with absolute paths, written into the work folder."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

LABELLED = 500
UNLABELLED = 1000
QUICK = 64
VALIDATION = 1 / 8


@dataclass(frozen=True)
class Catalogs:
    """Paths of the catalogs, and the columns that hold labels."""

    labelled: Path
    unlabelled: Path
    rings: dict[int, dict[str, Path]]
    label: str = "is_spiral"
    other_label: str = "is_elliptical"
    ring_label: str = "ring"


def write_catalogs(data: Path, work: Path, *, seeds: int, quick: bool) -> Catalogs:
    """Write the catalogs, and read each image once so that no side pays for a cold disk.

    The speed jobs take 500 different labelled galaxies of ``sdss_gz1`` (``rings`` has too few, and repeated images
    would flatter a cache); accuracy is of ``rings``, whose train catalog is split anew into training and validation for
    each seed.
    """
    folder = work / "catalogs"
    folder.mkdir(parents=True, exist_ok=True)
    labelled = _read(data / "sdss_gz1" / "train.csv").sample(QUICK if quick else LABELLED, random_state=0)
    labelled["is_elliptical"] = (labelled["label"] == "elliptical").astype(int)
    unlabelled = _read(data / "sdss_gz1" / "unlabelled.csv").head(QUICK if quick else UNLABELLED)
    train, test = _read(data / "rings" / "train.csv"), _read(data / "rings" / "test.csv")
    rings = {}
    for seed in range(seeds):
        part, val = train_test_split(train, test_size=VALIDATION, random_state=seed, stratify=train["ring"])
        rings[seed] = {
            "train": _write(part.head(QUICK) if quick else part, folder / f"rings_{seed}_train.csv"),
            "val": _write(val, folder / f"rings_{seed}_val.csv"),
            "test": _write(test, folder / "rings_test.csv"),
        }
    for file in pd.concat([labelled, unlabelled, train, test])["file_loc"]:
        Path(file).read_bytes()
    columns = ["id_str", "file_loc", "is_spiral", "is_elliptical"]
    return Catalogs(
        labelled=_write(labelled[columns], folder / "labelled.csv"),
        unlabelled=_write(unlabelled, folder / "unlabelled.csv"),
        rings=rings,
    )


def ring_labels(catalogs: Catalogs) -> pd.Series:
    """Return the labels of the test galaxies by id_str."""
    frame = pd.read_csv(catalogs.rings[0]["test"], dtype={"id_str": str})
    return frame.set_index("id_str")[catalogs.ring_label]


def _read(catalog: Path) -> pd.DataFrame:
    frame = pd.read_csv(catalog, dtype={"id_str": str})
    frame["file_loc"] = [str(catalog.parent.resolve() / file) for file in frame["file_loc"]]
    return frame


def _write(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path
