"""The facts of a run, name by name: what was trained on what, what was scored, and what it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoobot.report.sentences.table import Sentence
from zoobot.report.words import between, count, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoobot.report.findings.run import Findings

MOST_NAMES = 8
CALLED = {"val": "validation", "test": "test"}


def _setting(name: str) -> Callable[[Findings], Any]:
    """Return what reads a setting, of the run or of the saved model."""

    def read(run: Findings) -> Any:
        found = run.contents.settings.get(name)
        return run.contents.model.get("options", {}).get(name) if found is None else found

    return read


def _known(*names: str) -> Callable[[Findings], Any]:
    """Return what reads the first of several entries of ``about.json``."""
    return lambda run: next((value for name in names if (value := run.contents.about.get(name)) not in (None, "")), "")


def _labels(run: Findings) -> str:
    names = run.contents.label_cols
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _calibration(run: Findings) -> dict[str, Any]:
    """Return what speaks for the calibration, as the scores have it; empty where they don't."""
    found = run.contents.scores("test").get("calibration")
    return found if isinstance(found, dict) else {}


def _shown_labels(run: Findings) -> list[str]:
    """Return the labels, classes or questions for which the calibration is shown to help."""
    each = _calibration(run).get("labels") or _calibration(run).get("questions") or {}
    return [name for name, one in each.items() if one.get("evidence") == "shown"]


def _own_catalogs(run: Findings) -> str:
    return ", ".join(f"{CALLED[part]} galaxies are those of {path}" for part, path in run.own_catalogs.items())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _timing(name: str) -> Callable[[Findings], Any]:
    return lambda run: (run.contents.metrics.get("timing") or {}).get(name)


def _versions(run: Findings) -> str:
    named = run.contents.about.get("versions") or {}
    saved = run.contents.model.get("zoobot_version")
    return ", ".join(f"{name} {version}" for name, version in named.items()) or (f"zoobot {saved}" if saved else "")


def _images(run: Findings) -> str:
    seen = run.contents.preprocessing
    assert seen is not None  # asked by the condition
    return (
        f"{seen.image_size} pixels a side, the central {seen.exact_crop:.0%} of the image; "
        f"{count(seen.images.channels, 'channel')}; {seen.images.stretch or 'default stretch'}."
    )


FACTS: tuple[tuple[str, tuple[Sentence[Findings], ...]], ...] = (
    ("Labels", (Sentence("facts.labels", lambda run: run.contents.label_cols, _labels),)),
    (
        "Catalog",
        (
            Sentence(
                "facts.catalog",
                lambda run: run.contents.settings.get("catalog") or run.contents.about.get("catalog"),
                lambda run: str(run.contents.settings.get("catalog") or run.contents.about.get("catalog")),
            ),
        ),
    ),
    ("Model", (Sentence("facts.model", _known("model"), lambda run: str(run.contents.about["model"])),)),
    (
        "Split",
        (
            Sentence(
                "facts.one_catalog",
                lambda run: run.finetuned and not run.own_catalogs,
                "The catalog was split into training, validation and test parts",
            ),
            Sentence(
                "facts.two_catalogs",
                lambda run: run.finetuned and len(run.split_into) == 2,
                lambda run: (
                    f"{_sentence(_own_catalogs(run))}; the catalog was split into training and "
                    f"{CALLED[run.split_into[1]]} parts"
                ),
            ),
            Sentence(
                "facts.three_catalogs",
                lambda run: run.finetuned and len(run.split_into) == 1,
                lambda run: f"All galaxies of the catalog were trained on; {_own_catalogs(run)}.",
            ),
            Sentence(
                "facts.stratified",
                lambda run: run.finetuned and len(run.split_into) > 1 and run.view.exclusive,
                "at random, class by class.",
            ),
            Sentence(
                "facts.random",
                lambda run: run.finetuned and len(run.split_into) > 1 and not run.view.exclusive,
                "at random.",
            ),
            Sentence(
                "facts.grouped",
                lambda run: run.finetuned and run.group_col,
                lambda run: f"Rows with the same {run.group_col} were kept in one part.",
            ),
        ),
    ),
    ("Encoder", (Sentence("facts.encoder", lambda run: run.encoder, lambda run: f"{run.encoder}"),)),
    (
        "Trained",
        (
            Sentence("facts.head", lambda run: run.blocks == 0, "The head alone."),
            Sentence("facts.top_block", lambda run: run.blocks == 1, "The head and the top block of the encoder."),
            Sentence(
                "facts.top_blocks",
                lambda run: (run.blocks or 0) > 1,
                lambda run: f"The head and the top {run.blocks} blocks of the encoder.",
            ),
            Sentence("facts.all_blocks", lambda run: run.blocks == -1, "The head and the whole encoder."),
            Sentence(
                "facts.learning_rate",
                _setting("learning_rate"),
                lambda run: f"Learning rate {_setting('learning_rate')(run):g}.",
            ),
            Sentence(
                "facts.batches",
                _setting("batch_size"),
                lambda run: f"Batches of {count(_setting('batch_size')(run), 'galaxy')}.",
            ),
        ),
    ),
    ("Images", (Sentence("facts.images", lambda run: run.contents.preprocessing is not None, _images),)),
    (
        "Epochs",
        (
            Sentence(
                "facts.epochs",
                lambda run: run.training and run.training.asked is None,
                lambda run: f"{count(run.training.done, 'epoch')}." if run.training else "",
            ),
            Sentence(
                "facts.epochs_of",
                lambda run: run.training and run.training.asked is not None,
                lambda run: f"{run.training.done} of at most {run.training.asked}." if run.training else "",
            ),
            Sentence(
                "facts.epoch_kept",
                lambda run: run.chose_epoch,
                lambda run: (
                    f"Kept: epoch {run.training.best + 1}, with the lowest validation loss." if run.training else ""
                ),
            ),
        ),
    ),
    (
        "Calibration",
        (
            Sentence(
                "facts.calibration_kept",
                lambda run: run.calibrated,
                "A calibration was fitted to the validation part.",
            ),
            Sentence(
                "facts.calibration_shown",
                lambda run: (
                    run.calibrated and _calibration(run).get("evidence") == "shown" and "gain" in _calibration(run)
                ),
                lambda run: (
                    "It lowers the log loss of validation galaxies that it was not fitted to by "
                    f"{_calibration(run)['gain']:.3f} nats (95% interval "
                    f"{between((_calibration(run)['gain_low'], _calibration(run)['gain_high']))})."
                ),
            ),
            Sentence(
                "facts.calibration_fitted",
                lambda run: run.calibrated and _calibration(run).get("evidence") == "fitted",
                "Whether it helps can't be told from so few galaxies.",
            ),
            Sentence(
                "facts.calibration_labels",
                lambda run: run.calibrated and _shown_labels(run),
                lambda run: f"It is shown to help for {listed(_shown_labels(run))}.",
            ),
            Sentence(
                "facts.calibration_rejected",
                lambda run: run.calibration == "rejected",
                "The validation part gave no reason for one: probabilities are as the network gives them.",
            ),
        ),
    ),
    (
        "Seed",
        (
            Sentence(
                "facts.seed", lambda run: _setting("seed")(run) is not None, lambda run: f"{_setting('seed')(run)}"
            ),
        ),
    ),
    ("Command", (Sentence("facts.command", _known("command"), lambda run: str(run.contents.about["command"])),)),
    ("Started", (Sentence("facts.started", _known("started"), lambda run: str(run.contents.about["started"])),)),
    ("Machine", (Sentence("facts.machine", _known("machine"), lambda run: str(run.contents.about["machine"])),)),
    (
        "Took",
        (
            Sentence(
                "facts.took",
                _timing("before_report_seconds"),
                lambda run: (
                    f"{_timing('before_report_seconds')(run):.0f} s from reading the catalog up to this report."
                ),
            ),
            Sentence(
                "facts.took_training",
                _timing("fit_seconds"),
                lambda run: f"Training the model took {_timing('fit_seconds')(run):.0f} s.",
            ),
            Sentence(
                "facts.memory",
                _timing("peak_memory_gb"),
                lambda run: f"At most {_timing('peak_memory_gb')(run):.1f} GB of memory.",
            ),
        ),
    ),
    ("Versions", (Sentence("facts.versions", _versions, _versions),)),
)
