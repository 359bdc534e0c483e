"""How well a linear probe on an encoder's features tells simulated cutouts from real ones.

It also writes contact sheets of both side by side.

    python benchmarks/simulated_versus_real.py --out /tmp/sheets

Real cutouts are those of `../shared/data` that may be looked at while calibrating: the unlabelled and training
catalogs, no test catalog. All are brought to one size and saved alike, so that the file format tells nothing. 0.5 would
be indistinguishable. The sheets show real galaxies in their left half and simulated ones in their right half.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoobot import represent
from zoobot.data.pixels import Preprocessing
from zoobot.runs import prepare_process
from zoobot.simulate import SURVEYS, SimulatedSurvey, Survey

SDSS = SURVEYS["sdss"]
REAL: dict[str, tuple[Survey, str, str]] = {
    # the cutouts of the one grow with the galaxy, those of the other don't: the simulator's sdss has both
    "sdss_gz1": (replace(SDSS, fixed_frames=(*SDSS.fixed_frames[:2], 0.0)), "survey", "unlabelled.csv"),
    "gz2_votes": (replace(SDSS, frames=(*SDSS.frames[:2], 0.0)), "survey", "train.csv"),
    "rings": (SURVEYS["decals"], "rings", "train.csv"),
}
QUALITY = 92
SHEET = 6  # cutouts along each side
CELL = 150  # pixels


def real_pictures(folder: Path, catalog: str, n_galaxies: int, size: int) -> list[Image.Image]:
    """Return real cutouts at `size` pixels."""
    files = pd.read_csv(folder / catalog)["file_loc"][:n_galaxies]
    return [Image.open(folder / file).convert("RGB").resize((size, size), Image.Resampling.LANCZOS) for file in files]


def simulated_pictures(survey: Survey, population: str, n_galaxies: int, size: int) -> list[Image.Image]:
    """Return simulated cutouts at `size` pixels."""
    sky = SimulatedSurvey(survey, size=size, seed=7, population=population)
    pictures = []
    for start in range(0, n_galaxies, 50):
        image = sky.batch(range(start, min(start + 50, n_galaxies))).image
        pictures += [Image.fromarray(one) for one in (255 * image).round().byte().permute(0, 2, 3, 1).numpy()]
    return pictures


def contact_sheet(real: list[Image.Image], simulated: list[Image.Image], file: Path) -> None:
    """Write real (left half) and simulated (right half) cutouts as one picture."""
    sheet = Image.new("RGB", (SHEET * CELL, SHEET * CELL))
    half = SHEET // 2
    for place, picture in enumerate(real[: SHEET * half]):
        sheet.paste(picture.resize((CELL, CELL)), (place % half * CELL, place // half * CELL))
    for place, picture in enumerate(simulated[: SHEET * half]):
        sheet.paste(picture.resize((CELL, CELL)), ((half + place % half) * CELL, place // half * CELL))
    sheet.save(file)


def main(
    data: Annotated[Path, typer.Option(help="Folder with the real galaxies.")] = Path("../shared/data"),
    encoder: Annotated[str, typer.Option(help="Whose features are probed.")] = "imagenet",
    n_galaxies: Annotated[int, typer.Option(help="Of each kind, at most.")] = 500,
    size: Annotated[int, typer.Option(help="Width of the cutouts in pixels.")] = 128,
    out: Annotated[Path | None, typer.Option(help="Write contact sheets here.")] = None,
) -> None:
    """Print the table."""
    prepare_process()
    print(
        f"encoder {encoder}, {size} px, {os.cpu_count()} cores\n| real set | survey | real | simulated | AUROC "
        "|\n|---|---|---|---|---|"
    )
    for name, (survey, population, catalog) in REAL.items():
        real = real_pictures(data / name, catalog, n_galaxies, size)
        simulated = simulated_pictures(survey, population, len(real), size)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            contact_sheet(real, simulated, out / f"{name}.png")
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"{place}.jpg" for place in range(len(real) + len(simulated))]
            for picture, file in zip(real + simulated, files, strict=True):
                picture.save(file, quality=QUALITY)
            table = represent(
                pd.DataFrame({"file_loc": [str(file) for file in files]}),
                encoder,
                preprocessing=Preprocessing(image_size=size, crop=1.0),
            )
        features = table.filter(like="feature_").to_numpy()
        is_simulated = np.arange(len(files)) >= len(real)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        score = cross_val_predict(probe, features, is_simulated, cv=folds, method="decision_function")
        print(
            f"| {name} | {survey.name} | {len(real)} | {len(simulated)} | {roc_auc_score(is_simulated, score):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
