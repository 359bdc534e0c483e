"""``zoobot explain``: heat maps of galaxies, and the labelled galaxies that they look most like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from zoobot.cli.common import CatalogArgument, ModelOption, app, console, output
from zoobot.cli.options import former_names, with_options
from zoobot.settings import ExplainSettings


@app.command(
    epilog="Example: `zoobot explain survey.csv --model rings/model --out rings/explain --limit 16`",
    context_settings=former_names(ExplainSettings),
)
@with_options(ExplainSettings)
def explain(
    catalog: CatalogArgument,
    model: ModelOption,
    out: Annotated[Path, output("Folder for the pictures, explain.json and neighbors.csv.")],
    settings: ExplainSettings,
) -> None:
    """Show a heat map of each galaxy, and the labelled training galaxies nearest to it."""
    with console.status("Loading torch"):
        from zoobot.data import Preprocessing
        from zoobot.errors import OutputError
        from zoobot.files import is_folder, write_json
        from zoobot.finetune import load
        from zoobot.finetune.saving import fetch_model
        from zoobot.finishing import finishing
        from zoobot.folders import check_folder, refuse_inputs
        from zoobot.layout import EXPLAIN_FILE, NEIGHBORS_FILE
        from zoobot.places import refuse_among_images
        from zoobot.predictions import write_table
        from zoobot.predictions.explain import explain as explain_catalog
        from zoobot.report.explained import describe_maps, draw_explained
        from zoobot.runs import prepare_process
        from zoobot.science.neighbors import neighbor_table
        from zoobot.science.reference import Reference

    prepare_process()
    before = out.glob("explain_*.png") if is_folder(out, OutputError) else ()
    earlier = [*before, out / NEIGHBORS_FILE, out / EXPLAIN_FILE]
    check_folder(out, "zoobot explain", [path.name for path in earlier])
    refuse_among_images(out, catalog)
    refuse_inputs({"the catalog": catalog, "the model": model}, [out / NEIGHBORS_FILE, out / EXPLAIN_FILE])
    source = fetch_model(model)
    finetuned = load(source)
    reference = Reference.load(source)
    if reference is None:
        console.print("The model was saved without its training galaxies: no neighbors are shown.")
    options = vars(settings).copy()
    neighbors = options.pop("neighbors")
    found = explain_catalog(catalog, finetuned, **options)
    pictures = [out / f"explain_{sheet + 1}.png" for sheet in range(len(found.frame))]
    refuse_inputs({f"the image {file}": file for file in found.frame["file_loc"]}, pictures)
    sentences = describe_maps(found)
    for sentence in sentences:
        console.print(sentence)
    with finishing(out, "zoobot explain"):
        for path in earlier:
            path.unlink(missing_ok=True)
        paths = draw_explained(found, reference, finetuned.preprocessing or Preprocessing(), out, k=neighbors)
        sheets = [path.name for path in paths]
        write_json(out / EXPLAIN_FILE, found.to_dict() | {"sentences": sentences, "sheets": sheets})
        paths.append(out / EXPLAIN_FILE)
        if reference is not None:
            table = neighbor_table(reference, found.frame["id_str"].tolist(), found.features, neighbors)
            paths.append(write_table(table, out / NEIGHBORS_FILE))
    console.print("Saved:")
    for path in paths:
        console.print(f"  {path}", soft_wrap=True)
