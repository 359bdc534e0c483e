"""Features of each galaxy, as a pretrained or finetuned encoder sees it: for clustering, similarity search, plots.

python examples/get_representations.py galaxies.csv --out results/representations.parquet
"""

from pathlib import Path

import numpy as np
import typer

import zoobot


def main(
    catalog: Path,
    encoder: str = "hf_hub:mwalmsley/zoobot-encoder-convnext_nano",
    out: Path = Path("results/representations.parquet"),
    batch_size: int = 64,
    similar_to: str | None = None,
) -> None:
    # The catalog needs no labels, and may be a folder of images. `encoder` may also be the folder of a finetuned model:
    # its images are then read and scaled as in its training.
    # The ending of `out` says the format: csv, parquet, FITS or hdf5.
    table = zoobot.represent(catalog, encoder, save_loc=out, batch_size=batch_size, on_error="skip")
    readable = table[table["error"] == ""]
    features = readable.filter(like="feature_").to_numpy()
    print(f"{len(readable)} of {len(table)} galaxies, {features.shape[1]} features each: {out}")

    # Galaxies that look alike have features that point in the same direction: which are nearest to this one?
    if similar_to is not None:
        directions = features - features.mean(axis=0)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        here = readable["id_str"].tolist().index(similar_to)
        similarity = directions @ directions[here]
        ranked = readable[["id_str", "file_loc"]].assign(similarity=similarity)
        print(ranked.sort_values("similarity", ascending=False).head(10).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
