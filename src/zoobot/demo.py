"""The demonstration: a finetuning run, start to end, on galaxies that the package simulates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zoobot.encoders.bundled import BUNDLED
from zoobot.errors import OutputError
from zoobot.files import read_json
from zoobot.folders import check_folder
from zoobot.layout import CATALOG_FILE, MADE, RUN_FILE
from zoobot.report import confident_sheet
from zoobot.runs import Run, RunSettings, finetune_with
from zoobot.simulate import rings

N_GALAXIES = 400
SHEET = "most_confident.png"


def run_demo(out: Path, *, say: Callable[[str], object]) -> Run:
    """Simulate ringed and ringless galaxies in ``out/simulated_galaxies`` and learn to tell them apart.

    The head is trained on the encoder that comes with the package, which learned from simulated galaxies too, though
    not from these. The scores say that the machinery works, not how well it does on real galaxies. The test galaxies
    that the model is most confident of are shown in ``out/most_confident.png``.
    """
    say("Simulated galaxies: the scores below say that the machinery works, not how well it does on real ones.")
    galaxies = out / "simulated_galaxies"
    _refuse_other_runs(out, galaxies)
    if not (galaxies / CATALOG_FILE).is_file():
        rings(galaxies, N_GALAXIES)
    settings = RunSettings(
        catalog=str((galaxies / CATALOG_FILE).absolute()), label_cols=("ring",), encoder=BUNDLED, learning_rate=1e-3
    )
    run = finetune_with(settings, out, overwrite=True, say=say)
    preprocessing = run.model.preprocessing
    assert preprocessing is not None  # it was trained with a GalaxyDataModule
    title = "Simulated test galaxies that the model is most confident of (1: ringed, 0: not; red: wrong)"
    confident_sheet(run.predictions, "ring", ["1", "0"], preprocessing, out / SHEET, title=title)
    return run


def _refuse_other_runs(out: Path, galaxies: Path) -> None:
    """Refuse a folder that holds a run on other galaxies, or another command's results."""
    check_folder(out, "zoobot finetune")
    record = out / RUN_FILE
    if not record.is_file():
        check_folder(out, "zoobot finetune", () if galaxies.is_dir() else MADE["zoobot finetune"])
        return
    catalog = read_json(record, OutputError, "Choose another --out.").get("catalog")
    if Path(str(catalog)).parent.name != galaxies.name:
        msg = (
            f"{out} holds a run of zoobot finetune on {catalog}, which the demonstration would delete. Choose another "
            "--out."
        )
        raise OutputError(msg)
