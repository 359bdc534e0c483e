"""The recipe of the encoder in the package, and of the others that it is chosen from.

Nothing but this repository is needed.

    python benchmarks/pretrain_bundled.py train continued --work runs --images 256000 # interrupted: the same again goes
    on python benchmarks/pretrain_bundled.py train hybrid --work runs --images 45000 # goes on from 'continued' python
    benchmarks/transfer.py ../shared/data --encoder imagenet --encoder runs/continued/encoder --cross-validate python
    benchmarks/pretrain_bundled.py export continued --work runs --scores scores.md

``transfer.py --cross-validate`` chooses, on the train catalogs; the test catalogs are scored once, after that. Labels
of real galaxies take no part in pretraining, and no test catalog does. ``export`` writes the encoder into the package,
in float16, with its model card.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import zoobot
from zoobot.encoders import load_encoder
from zoobot.encoders.bundled import BUNDLED, export_bundled
from zoobot.layout import RUN_FILE
from zoobot.pretrain import PretrainSettings, pretrain_run
from zoobot.pretrain.model import STAGE
from zoobot.runs import prepare_process

app = typer.Typer(help=__doc__, no_args_is_help=True)


class Candidate(StrEnum):
    """What the encoder in the package is chosen from."""

    CONVNEXT = "convnext"
    """A small ConvNeXt from random weights, on simulated votes and truth"""
    CONTINUED = "continued"
    """EfficientNet-Lite0 from its ImageNet weights, on the same"""
    HYBRID = "hybrid"
    """CONTINUED, taken further with real cutouts without labels beside the simulated galaxies"""


RECIPES: dict[Candidate, dict[str, Any]] = {
    Candidate.CONVNEXT: {"architecture": "convnext_atto", "learning_rate": 1e-3, "drop_path": 0.05},
    Candidate.CONTINUED: {"encoder": "imagenet", "learning_rate": 5e-4, "lr_decay": 0.9},
    Candidate.HYBRID: {"learning_rate": 2e-4, "lr_decay": 0.9, "unlabelled_batch_size": 16},
}
COMMON: dict[str, Any] = {
    "galaxies": ("simulated",),
    "surveys": ("decals", "sdss"),
    "trees": ("gz2",),
    "image_size": 128,
}
UNLABELLED = "sdss_gz1/unlabelled.csv"


@app.command()
def train(
    candidate: Annotated[Candidate, typer.Argument(help="Which recipe.")],
    work: Annotated[Path, typer.Option(help="Folder for the runs.")],
    images: Annotated[int, typer.Option(help="Simulated galaxies to show in all.")] = 300_000,
    data: Annotated[Path, typer.Option(help="Folder with sdss_gz1/unlabelled.csv, for 'hybrid'.")] = Path(
        "../shared/data"
    ),
    seed: Annotated[int, typer.Option(help="Decides the galaxies and the first weights.")] = 0,
) -> None:
    """Pretrain one candidate, or go on with it where it was interrupted."""
    prepare_process()
    recipe = COMMON | RECIPES[candidate]
    if candidate is Candidate.HYBRID:
        first = (work / Candidate.CONTINUED / "encoder").absolute()
        recipe |= {"encoder": str(first), "unlabelled": str((data / UNLABELLED).absolute())}
    settings = PretrainSettings(
        **recipe, images=images, seed=seed, val_galaxies=512, report_images=max(images // 20, 1)
    )
    pretrain_run(settings, work / candidate, resume=True, say=print)


@app.command()
def export(
    candidate: Annotated[Candidate, typer.Argument(help="Which recipe's encoder.")],
    work: Annotated[Path, typer.Option(help="Folder of the runs.")],
    scores: Annotated[Path, typer.Option(help="What transfer.py printed, for the model card.")],
) -> None:
    """Write an encoder into the package, with what ``transfer.py`` printed in its model card."""
    encoder = load_encoder(work / candidate / "encoder")
    card = (work / candidate / "encoder" / "README.md").read_text()
    notice = (
        "\n## License\n\nIts first weights are those of EfficientNet-Lite0 trained on ImageNet (Tan & Le 2019; "
        "Copyright The TensorFlow Authors, Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0), changed "
        "by this training.\n"
        if candidate is not Candidate.CONVNEXT
        else ""
    )
    folder = Path(zoobot.__file__).parent / "encoders" / BUNDLED
    settings = json.loads((work / candidate / RUN_FILE).read_text())["settings"]
    text = f"{card}\n## On real galaxies\n\n{scores.read_text()}{notice}"
    export_bundled(encoder, folder, text, details={STAGE: settings})
    print(f"written to {folder}")


if __name__ == "__main__":
    app()
