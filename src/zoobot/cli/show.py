"""How results are shown in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoobot.cli.common import console
from zoobot.terminal import make_table

if TYPE_CHECKING:
    from zoobot.finetune.metrics import Scores


def show_run(metrics: dict[str, Any], out: Path) -> None:
    """Show what a finetuning run gave, and what it took."""
    timing = metrics["timing"]
    show_scores({part: scores for part, scores in metrics.items() if part != "timing"})
    show_confusion(metrics["test"])
    show_questions(metrics["test"])
    console.print(
        f"Trained in {timing['fit_seconds']:.1f} s, of which {timing['frozen_pass_seconds']:.1f} s in the frozen part "
        f"of the encoder; {timing['total_seconds']:.1f} s from reading the catalog on; {timing['peak_memory_gb']:.1f} "
        "GB of memory at most."
    )
    show_files(out)


def show_pretraining(result: dict[str, Any], out: Path) -> None:
    """Show what a pretraining run gave, and what it took."""
    table = make_table(("validation galaxies", "loss"))
    for name, value in result["scores"].items():
        table.add_row(name, _figure(value))
    console.print(table)
    console.print(
        f"Trained on {result['images']} images in {result['seconds']:.1f} s ({result['images_per_second']:.0f} a "
        f"second) on {result['machine']}."
    )
    show_files(out)


def show_scores(metrics: dict[str, Any]) -> None:
    """Show the headline scores of each part, each with its 95% interval where it has one."""
    from zoobot.science.metric import METRICS

    own = [key for scores in metrics.values() for key, value in scores.items() if isinstance(value, int | float)]
    names = list(
        dict.fromkeys(key for key in ("n", *METRICS, *own) if any(key in scores for scores in metrics.values()))
    )
    rows = {name.replace("_", " "): [_scored(scores, scores, name) for scores in metrics.values()] for name in names}
    targets = next(iter(metrics.values())).get("targets", {})
    for target in targets if len(targets) > 1 else ():
        for name in [key for key in METRICS if key in targets[target]]:
            rows[f"{target} {name}"] = [
                _scored(scores["targets"][target], scores, name, "targets", target) for scores in metrics.values()
            ]
    table = make_table(("", *metrics))
    for name, cells in rows.items():
        table.add_row(name, *cells)
    console.print(table)
    if any(cell.endswith(")") for cells in rows.values() for cell in cells):
        console.print("In parentheses: 95% intervals of the score on very many galaxies like these.")


def _scored(values: dict[str, Any], scores: Scores, name: str, *within: str) -> str:
    """Write a score with the interval that its figure has; ``within`` says where in the figures of the part that is."""
    figures = scores.get("figures", {})
    for key in within:
        figures = figures.get(key, {})
    figure = figures.get(name, {})
    low, high = figure.get("low"), figure.get("high")
    known = "" if low is None or high is None else f" ({_figure(low, 3)} to {_figure(high, 3)})"
    return f"{_figure(values.get(name))}{known}"


def show_confusion(scores: Scores) -> None:
    """Show the confusion matrix."""
    if "confusion" not in scores:
        return
    table = make_table(("true \\ predicted", *scores["classes"]), "Test galaxies")
    for name, counts in zip(scores["classes"], scores["confusion"], strict=True):
        table.add_row(name, *map(str, counts))
    console.print(table)


def show_questions(scores: Scores) -> None:
    """Show how well each question of a decision tree is answered."""
    if "questions" not in scores:
        return
    names = ("n_asked", "loss", "skill", "fraction_mae", "fraction_bias", "accuracy")
    table = make_table(("question", *(name.replace("_", " ") for name in names), "90% cover"), "Test galaxies")
    for question, one in scores["questions"].items():
        if one["n_asked"]:
            table.add_row(question, *(_figure(one[name]) for name in names), _figure(one["coverage"]["0.9"]))
    console.print(table)


def show_files(out: Path) -> None:
    """Show what a folder holds."""
    console.print("Saved:")
    for path in sorted(out.iterdir()):
        if not path.name.startswith("."):
            console.print(f"  {path}{'/' if path.is_dir() else ''}", soft_wrap=True)


def _figure(value: float | None, digits: int = 4) -> str:
    if value is None or isinstance(value, int):
        return "-" if value is None else f"{value}"
    usual = value == 0 or 0.1 <= abs(value) < 1e7
    return f"{value:.{digits}f}" if usual else f"{value:.{digits}g}"
