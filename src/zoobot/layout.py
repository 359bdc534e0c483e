"""What commands leave in their folders.

These are names of files, the version of a run folder's format, and what tells whose a folder is. `zoobot.runs` owns the
folder, but rooms below it write parts of it (the trainer its log and checkpoints, the report its page), and pretraining
has a folder of the same kind: so the names are in the ground.
"""

import json
from pathlib import Path

RUN_FORMAT = 2
"""Of folders of runs and evaluations; those that name none are of version 1. 2: predictions are kept as arrays too"""
VERSION_KEY = "format_version"
"""Of ``about.json`` (finetune, evaluate), and of ``run.json`` (pretrain)"""

RUN_FILE = "run.json"
ABOUT_FILE = "about.json"
METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"
VAL_PREDICTIONS_FILE = "val_predictions.csv"
OUTCOMES_FILE = "outcomes.safetensors"
"""What the tables of predictions are made from: see `zoobot.science.predicted`. In ``folds/`` too"""
PARTS_FILE = "parts.csv"
GROUP_COLUMN = "galaxy_group"
"""Of ``parts.csv``: galaxies with the same value are not independent; one without a value stands alone"""
LOG_FILE = "log.csv"
LEARNING_CURVE_FILE = "learning_curve.json"
BREAKDOWN_FILE = "breakdown.csv"
SHIFT_FILE = "shift.json"
SEEN_FILE = "seen.csv"
"""Of ``zoobot evaluate``: galaxies that the model remembers, and as what"""
SEEN_PREDICTIONS_FILE = "seen_predictions.csv"
"""Of ``zoobot evaluate``: predictions of galaxies that had a part in training the model; ``predictions.csv`` has the
others
"""
REPORT_FILE = "report.html"

MODEL_FOLDER = "model"
ENCODER_FOLDER = "encoder"
CHECKPOINTS = "checkpoints"
LAST_CHECKPOINT = "last.ckpt"
PLOTS_FOLDER = "plots"
FOLDS_FOLDER = "folds"
FOLD = "fold_{}"
"""Of ``folds/``, while it is made: the folder and, with endings, the results of a fold"""
CHECKS_FOLDER = "checks"

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
PICKLED_WEIGHTS_FILE = "pytorch_model.bin"
MEMORY_FILE = "memory.safetensors"
REFERENCE_FILE = "reference.safetensors"
CARD_FILE = "README.md"
"""Of a saved model or encoder, as those before it"""

SELECTED_FILE, AUDIT_FILE, SELECTION_FILE = "selected.csv", "audit.csv", "selection.json"
COMPARISON_FILE = "comparison.json"
NEIGHBORS_FILE, EXPLAIN_FILE = "neighbors.csv", "explain.json"
CATALOG_FILE, SIMULATION_FILE = "catalog.csv", "simulation.json"

MADE = {
    "zoobot finetune": (
        MODEL_FOLDER, CHECKPOINTS, PLOTS_FOLDER, FOLDS_FOLDER, CHECKS_FOLDER, ABOUT_FILE, METRICS_FILE,
        PREDICTIONS_FILE, VAL_PREDICTIONS_FILE, OUTCOMES_FILE, PARTS_FILE, LOG_FILE, LEARNING_CURVE_FILE, SHIFT_FILE,
        REPORT_FILE,
    ),
    "zoobot pretrain": (ENCODER_FOLDER, CHECKPOINTS, LOG_FILE),
    "zoobot evaluate": (
        METRICS_FILE, PREDICTIONS_FILE, SEEN_PREDICTIONS_FILE, OUTCOMES_FILE, SEEN_FILE, PARTS_FILE, ABOUT_FILE,
        BREAKDOWN_FILE, SHIFT_FILE, CHECKS_FOLDER, REPORT_FILE,
    ),
    "zoobot select": (SELECTED_FILE, AUDIT_FILE, SELECTION_FILE, "selection.csv", "selection.png"),
    "zoobot compare": ("comparison.csv", COMPARISON_FILE, "comparison.png"),
    "zoobot explain": (NEIGHBORS_FILE, EXPLAIN_FILE, "explain_1.png"),
}  # fmt: skip
"""What each command writes into its folder; finetune and pretrain write ``run.json`` too, evaluate plots"""

RESULTS = {"zoobot finetune": (MODEL_FOLDER, METRICS_FILE), "zoobot pretrain": (ENCODER_FOLDER,)}
"""What only a finished run holds"""

RESULT_NAMES = frozenset(
    {name for names in MADE.values() for name in names if name.endswith((".csv", ".json", ".html", ".safetensors"))}
    | {RUN_FILE, "audit.json", CATALOG_FILE, SIMULATION_FILE, CONFIG_FILE, WEIGHTS_FILE, MEMORY_FILE, REFERENCE_FILE}
)
"""Names that commands give to files of their results"""

TRAINING = ("zoobot finetune", "zoobot pretrain")
EARLIER, ALL_MOVED, TO_DELETE = ".earlier-run", "all-moved", ".earlier-run-to-delete"
UNFINISHED = ".unfinished"
"""Lies in a folder while its results are replaced: until it is gone, they need not be of one model."""

MARKS: dict[str, tuple[dict[str, str], ...]] = {
    "zoobot pretrain": ({RUN_FILE: "settings"},),
    "zoobot finetune": ({RUN_FILE: "catalog"},),
    "zoobot evaluate": ({ABOUT_FILE: "versions", METRICS_FILE: ""},),
    "zoobot select": ({SELECTION_FILE: "threshold"},),
    "zoobot compare": ({COMPARISON_FILE: "curves"},),
    "zoobot explain": ({NEIGHBORS_FILE: "neighbor"}, {EXPLAIN_FILE: "maps"}),
    "zoobot simulate": ({SIMULATION_FILE: "survey"},),
    "a saved model": ({CONFIG_FILE: "", WEIGHTS_FILE: ""}, {CONFIG_FILE: "", PICKLED_WEIGHTS_FILE: ""}),
}
"""Files by which it is known what wrote a folder, all of one of these sets, with an entry or a column that each holds
"""


def kinds(folder: Path, own: str = "") -> list[str]:
    """Return what wrote the files of a folder: ``zoobot finetune``, for instance; several where several wrote there.

    Parameters
    ----------
    folder
        The folder, which need not exist.
    own
        Who asks: a damaged ``run.json`` is left to the command to judge.
    """
    found = [
        kind
        for kind, sets in MARKS.items()
        if any(all(_holds(folder, *one) for one in marks.items()) for marks in sets)
    ]
    if found and found[0] in TRAINING:
        return found[:1]  # a run has the files of an evaluation too
    if (folder / EARLIER / RUN_FILE).is_file():  # a run was killed while it was moved aside
        return kinds(folder / EARLIER, own)
    if (folder / CHECKPOINTS).is_dir() or _is_damaged(folder / RUN_FILE):
        return [own if own in TRAINING else TRAINING[0]]
    begun = folder / UNFINISHED
    if begun.is_file():
        text = begun.read_text(errors="replace")
        return [kind for kind in MARKS if kind in text] or [own]
    return found


def _holds(folder: Path, name: str, entry: str) -> bool:
    """Tell whether a file is there and, where an entry (of JSON) or a column (of csv) is named, holds it."""
    path = folder / name
    if not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8") as file:
            return not entry or entry in (
                json.load(file) if path.suffix == ".json" else file.readline().strip().split(",")
            )
    except (OSError, ValueError, RecursionError, TypeError):
        return False


def _is_damaged(record: Path) -> bool:
    """Tell whether a run's record is there, but can't be read: whether it was one is left to the command to judge."""
    if not record.is_file():
        return False
    try:
        return not isinstance(json.loads(record.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, RecursionError):
        return True
