"""``zoobot evaluate``: scores of a finetuned model on a labelled catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from zoobot.cli.common import CatalogArgument, ModelOption, app, console, output
from zoobot.cli.options import former_names, with_options
from zoobot.cli.show import show_confusion, show_files, show_questions, show_scores
from zoobot.settings import EvaluateSettings


@app.command(
    epilog="Example: `zoobot evaluate test.csv --model rings/model --out rings/test --by redshift`",
    context_settings=former_names(EvaluateSettings),
)
@with_options(EvaluateSettings)
def evaluate(
    catalog: CatalogArgument,
    model: ModelOption,
    settings: EvaluateSettings,
    out: Annotated[Path | None, output("Folder for metrics.json, predictions.csv and report.html.")] = None,
) -> None:
    """Score a finetuned model on the galaxies of a labelled catalog that it has not seen."""
    with console.status("Loading torch"):
        from zoobot.runs import evaluation_run, prepare_process

    prepare_process()
    metrics = evaluation_run(catalog, model, out, say=console.print, **vars(settings))
    show_scores({part: scores for part, scores in metrics.items() if part in ("test", "seen")})
    show_confusion(metrics.get("test", {}))
    show_questions(metrics.get("test", {}))
    if out is not None:
        show_files(out)
