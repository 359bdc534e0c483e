"""Faults planted among real galaxies, and which of them the checks find.

    python benchmarks/planted_faults.py ../shared/data

Plants wrong labels (5% of spiral and elliptical), duplicates between train and test, gaps and blank images, and
shuffled labels in sdss_gz1, and puts radio and other optical images beside it; prints a table of what is found, and of
what is found wrongly.
"""

import io
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from PIL import Image, ImageOps
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoobot.data import ImageSettings, Preprocessing, read_catalog
from zoobot.predictions import feature_array, represent
from zoobot.predictions.memory import memory_of, seen_by
from zoobot.predictions.thumbnails import make_thumbnails
from zoobot.report import Checks
from zoobot.report.check_sheets import draw_checks
from zoobot.science import (
    Reference,
    image_faults,
    likely_label_errors,
    measure_shift,
    near_duplicates,
    nothing_learned,
)

TURN, MIRROR, RESCALE, RECOMPRESS, SHIFT = "turned", "mirrored and turned", "rescaled", "recompressed", "shifted"
MANNERS = (TURN, MIRROR, RESCALE, RECOMPRESS, SHIFT)


def main(
    data: Annotated[Path, typer.Argument(help="Folder with sdss_gz1, rings, gz2_votes and mirabest_fits.")],
    encoder: Annotated[str, typer.Option(help="What load_encoder takes.")] = "bundled",
    seeds: Annotated[int, typer.Option(help="How often each fault is planted anew.")] = 5,
    flipped: Annotated[float, typer.Option(help="Share of the labels that are made wrong.")] = 0.05,
    out: Annotated[Path | None, typer.Option(help="Folder for pictures of what is found among real labels.")] = None,
) -> None:
    """Plant faults, look for them, print the table."""
    sets = {name: catalog_of(data / name) for name in ("sdss_gz1", "rings", "gz2_votes", "mirabest_fits")}
    features = {name: features_of(frame, encoder) for name, frame in sets.items()}
    print("| planted | found | wrongly found |\n|---|---|---|")
    wrong_labels(sets["sdss_gz1"], features["sdss_gz1"], seeds, flipped, out)
    duplicates(sets["sdss_gz1"], features["sdss_gz1"], encoder, seeds)
    seen_galaxies(sets)
    bad_images(sets, seeds)
    shuffled_labels(sets["sdss_gz1"], features["sdss_gz1"], 100)
    shifts(sets, features)


def catalog_of(folder: Path) -> pd.DataFrame:
    """Return a set's catalogs as one, with the column ``part``."""
    parts = [
        read_catalog(folder / f"{part}.csv").assign(part=part)
        for part in ("train", "test", "unlabelled")
        if (folder / f"{part}.csv").is_file()
    ]
    return pd.concat(parts, ignore_index=True)


def features_of(frame: pd.DataFrame, encoder: str) -> np.ndarray:
    """Return the encoder's features of a catalog."""
    return feature_array(represent(frame, encoder))


def out_of_fold(features: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return five-fold cross-validated probabilities of a regularized linear head."""
    head = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=300))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    predicted: np.ndarray = cross_val_predict(head, features, labels, cv=folds, method="predict_proba")
    return predicted


def wrong_labels(frame: pd.DataFrame, features: np.ndarray, seeds: int, share: float, out: Path | None) -> None:
    """Flip labels of spiral against elliptical, and look for them."""
    here = frame["morphology"].isin(["spiral", "elliptical"]).to_numpy() | (frame["label"] == "elliptical").to_numpy()
    galaxies, known = frame[here].reset_index(drop=True), features[here]
    true = galaxies["is_spiral"].to_numpy(int)
    names = ["elliptical", "spiral"]
    found = []
    for seed in range(seeds):
        flip = np.random.default_rng(seed).choice(len(true), round(share * len(true)), replace=False)
        given = true.copy()
        given[flip] ^= 1
        table = likely_label_errors(galaxies, out_of_fold(known, given, seed), given, names)
        hits = table["id_str"].isin(set(galaxies["id_str"].iloc[flip]))
        order = hits.to_numpy().cumsum() / np.arange(1, len(hits) + 1)
        found.append((hits.sum() / len(flip), hits.mean(), order[: len(flip) // 2][-1], len(table)))
    recall, precision, first, count = np.mean(found, axis=0)
    low, high = np.min(found, axis=0), np.max(found, axis=0)
    planted = round(share * len(true))
    print(
        f"| {planted} of {len(true)} labels flipped, {seeds} seeds | recall {recall:.2f} [{low[0]:.2f}, {high[0]:.2f}] "
        f"| precision {precision:.2f} [{low[1]:.2f}, {high[1]:.2f}] of {count:.0f} listed; of the first "
        f"{planted // 2}: {first:.2f} |"
    )
    probabilities = out_of_fold(known, true, 0)
    table = likely_label_errors(galaxies, probabilities, true, names)
    right = ((probabilities[:, 1] > 0.5) == true).mean()
    print(
        f"| none: the catalog's own labels (accuracy of the head {right:.3f}) | - | {len(table)} of {len(true)} "
        "listed |"
    )
    if out is not None:
        empty = pd.DataFrame()
        draw_checks(Checks(table, empty, empty, len(true), len(true)), Preprocessing(image_size=128), out)


def duplicates(frame: pd.DataFrame, features: np.ndarray, encoder: str, seeds: int) -> None:
    """Copy 20 training images into the test part, changed, and look for them; then all optical sets as they are."""
    preprocessing = Preprocessing(images=ImageSettings())
    thumbnails, _, _ = make_thumbnails(frame["file_loc"].tolist(), preprocessing)
    hits = others = seconds = 0.0
    lowest = 1.0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(np.flatnonzero(frame["part"] == "train"), 20, replace=False)
        folder = Path(tempfile.mkdtemp())
        rows = [
            (
                f"copy_{row}",
                str(changed(frame["file_loc"].iloc[row], MANNERS[k % len(MANNERS)], rng, folder / f"{row}.jpg")),
            )
            for k, row in enumerate(chosen)
        ]
        copies = pd.DataFrame(rows, columns=["id_str", "file_loc"]).assign(part="test")
        more, _, _ = make_thumbnails(copies["file_loc"].tolist(), preprocessing)
        both = pd.concat([frame[["id_str", "file_loc", "part"]], copies], ignore_index=True)
        start = time.perf_counter()
        table = near_duplicates(
            both, np.concatenate([thumbnails, more]), np.concatenate([features, features_of(copies, encoder)])
        )
        seconds += time.perf_counter() - start
        expected = {frozenset((frame["id_str"].iloc[row], f"copy_{row}")) for row in chosen}
        same = [frozenset(pair) in expected for pair in zip(table["id_str_a"], table["id_str_b"], strict=True)]
        hits, others = hits + sum(same), others + len(same) - sum(same)
        lowest = min([lowest, *table.loc[same, "similarity"]])
    print(
        f"| 20 copies in test of {len(both)} images ({', '.join(MANNERS)}), {seeds} seeds | {hits:.0f} of "
        f"{20 * seeds}, lowest similarity {lowest:.2f}; {seconds / seeds:.0f} s each | {others:.0f} pairs |"
    )


def seen_galaxies(sets: dict[str, pd.DataFrame]) -> None:
    """Let a model remember a set's training galaxies, and look for copies among these.

    It looks for changed copies of 200 of them, and for all other galaxies.
    """
    preprocessing = Preprocessing(images=ImageSettings())
    for name in ("sdss_gz1", "rings"):
        known = sets[name][sets[name]["part"] == "train"].reset_index(drop=True)
        memory = memory_of(known, preprocessing)
        rng = np.random.default_rng(0)
        for manner in MANNERS:
            folder = Path(tempfile.mkdtemp())
            chosen = rng.choice(len(known), 200, replace=False)
            files = [str(changed(known["file_loc"][row], manner, rng, folder / f"{row}.jpg")) for row in chosen]
            copies = pd.DataFrame({"id_str": [f"copy_{row}" for row in chosen], "file_loc": files})
            start = time.perf_counter()
            seen = seen_by(memory, copies, make_thumbnails(files, preprocessing)[0])
            right = (seen.known == chosen[seen.rows]).sum()
            print(
                f"| 200 galaxies of {len(known)} that trained ({name}), {manner}, under new names | {right} of 200, "
                f"{time.perf_counter() - start:.0f} s | {len(seen.rows) - right} taken for others |"
            )
        parts = [frame[(frame["part"] != "train") | (other != name)] for other, frame in sets.items()]
        new = pd.concat(parts, ignore_index=True)
        thumbnails, _, _ = make_thumbnails(new["file_loc"].tolist(), preprocessing)
        coinciding = new.assign(id_str=np.resize(known["id_str"], len(new)))
        for frame, names in ((new, "their own names"), (coinciding, "names of those that trained")):
            found = len(seen_by(memory, frame, thumbnails).rows)
            print(f"| none: {len(new)} others of all sets under {names} | - | {found} of {len(new)} taken for seen |")


def changed(file_loc: str, manner: str, rng: np.random.Generator, path: Path) -> Path:
    """Write an image anew, changed as a survey or a website might."""
    with Image.open(file_loc) as file:
        image = file.convert("RGB")
    width = image.width
    if manner in (TURN, MIRROR):
        image = ImageOps.mirror(image) if manner == MIRROR else image
        image = image.rotate(rng.uniform(0, 360), Image.Resampling.BICUBIC)
    elif manner == RESCALE:
        smaller = round(width * rng.uniform(0.35, 0.9))
        image = image.resize((smaller, smaller), Image.Resampling.LANCZOS)
    elif manner == SHIFT:
        by = rng.integers(-width // 20, width // 20 + 1, 2)
        image = image.transform(image.size, Image.Transform.AFFINE, (1, 0, int(by[0]), 0, 1, int(by[1])))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=int(rng.integers(30, 60)) if manner == RECOMPRESS else 90)
    path.write_bytes(content.getvalue())
    return path


def bad_images(sets: dict[str, pd.DataFrame], seeds: int) -> None:
    """Blank images and cut them, and look for that; then all sets as they are."""
    for name, frame in sets.items():
        thumbnails, errors, _ = make_thumbnails(frame["file_loc"].tolist(), Preprocessing(images=ImageSettings()))
        own = image_faults(frame, thumbnails, errors)
        rng = np.random.default_rng(0)
        cut = thumbnails.copy()
        chosen = rng.permutation(len(cut))[: 40 * seeds]
        for place, row in enumerate(chosen):
            if place % 4 == 0:
                cut[row] = rng.integers(0, 256)
            elif place % 4 == 1:
                cut[row, :, -int(rng.integers(6, 32)) :] = rng.choice([0, 128])
            elif place % 4 == 2:
                first = int(rng.integers(0, 50))
                cut[row, :, :, first : first + int(rng.integers(6, 20))] = 0
            else:
                cut[row] = np.where(cut[row].mean(0) > np.quantile(cut[row].mean(0), 0.6), 255, cut[row])
        found = image_faults(frame, cut, errors)
        kinds = ("blank", "truncated", "gap", "saturated")
        flagged = set(found["id_str"])
        shares = [
            f"{kind} {np.mean([frame['id_str'].iloc[row] in flagged for row in chosen[place::4]]):.2f}"
            for place, kind in enumerate(kinds)
        ]
        print(f"| bad images in {name} | {', '.join(shares)} | {len(own)} of {len(frame)} real images listed |")


def shuffled_labels(frame: pd.DataFrame, features: np.ndarray, seeds: int) -> None:
    """Shuffle the labels of 700 galaxies, train on 400, and ask of the others whether anything was learned."""
    labelled = np.flatnonzero(frame["is_spiral"].notna())
    some = np.random.default_rng(0).choice(labelled, 700, replace=False)
    reduced = PCA(50, random_state=0).fit_transform(features[some])
    true = frame["is_spiral"].to_numpy()[some].astype(int)
    crossed, said = [], 0

    def tested(labels: np.ndarray) -> np.ndarray:
        head = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=300))
        predicted: np.ndarray = head.fit(reduced[:400], labels[:400]).predict_proba(reduced[400:])
        return predicted

    for seed in range(seeds):
        labels = np.random.default_rng(seed).permutation(true)
        crossed.append(roc_auc_score(labels, out_of_fold(reduced, labels, seed)[:, 1]))
        said += nothing_learned(tested(labels), labels[400:]).nothing
    learned = nothing_learned(tested(true), true[400:])
    area = roc_auc_score(true[400:], tested(true)[:, 1])
    print(
        f"| labels shuffled, {seeds} times: cross-validated AUROC {np.mean(crossed):.3f} +- {np.std(crossed):.3f} | "
        f"'nothing was learned' {said} of {seeds} times | true labels: AUROC {area:.3f}, '{learned.sentence}' |"
    )


def shifts(sets: dict[str, pd.DataFrame], features: dict[str, np.ndarray]) -> None:
    """Compare training galaxies with others: of the same survey, of others, and of the radio sky."""
    print("\n| training galaxies | target | AUROC | far | expected | warned |\n|---|---|---|---|---|---|")

    def of(name: str, part: str) -> np.ndarray:
        return features[name][(sets[name]["part"] == part).to_numpy()]

    pairs = [((name, "train"), (name, "test")) for name in sets]
    pairs += [
        (("sdss_gz1", "train"), target)
        for target in (
            ("sdss_gz1", "unlabelled"),
            ("gz2_votes", "train"),
            ("rings", "train"),
            ("mirabest_fits", "train"),
        )
    ]
    pairs += [(("rings", "train"), target) for target in (("sdss_gz1", "unlabelled"), ("mirabest_fits", "train"))]
    for source, target in pairs:
        known = of(*source)
        names = [str(row) for row in range(len(known))]
        shift = measure_shift(Reference.of(known, names, names), of(*target))
        print(
            f"| {' '.join(source)} | {' '.join(target)} | {shift.auroc:.3f} [{shift.auroc_low:.3f}, "
            f"{shift.auroc_high:.3f}] | {shift.far_fraction:.3f} [{shift.far_low:.3f}, {shift.far_high:.3f}] | "
            f"{shift.far_expected:.3f} | {'yes' if shift.warning else 'no'} |"
        )
    mixed = np.concatenate([of("sdss_gz1", "test"), of("mirabest_fits", "train")[:60]])
    known = of("sdss_gz1", "train")
    names = [str(row) for row in range(len(known))]
    shift = measure_shift(Reference.of(known, names, names), mixed)
    print(
        f"| sdss_gz1 train | its test with 60 radio images | {shift.auroc:.3f} [{shift.auroc_low:.3f}, "
        f"{shift.auroc_high:.3f}] | {shift.far_fraction:.3f} [{shift.far_low:.3f}, {shift.far_high:.3f}] | "
        f"{shift.far_expected:.3f} | {'yes' if shift.warning else 'no'} |"
    )
    few_galaxies(sets, features)


def few_galaxies(sets: dict[str, pd.DataFrame], features: dict[str, np.ndarray], draws: int = 100) -> None:
    """Draw few galaxies of a survey, and compare them with others of the same survey and of other surveys.

    Galaxies of the same survey are also drawn in copies.
    """
    labelled = features["sdss_gz1"][(sets["sdss_gz1"]["part"] != "unlabelled").to_numpy()]
    print("\n| training galaxies of sdss_gz1 | targets | target | warned |\n|---|---|---|---|")
    for n_known, n_target in ((12, 50), (22, 12), (22, 50), (50, 50), (200, 50), (1000, 200)):
        for copies in (1, 3):
            warned = 0
            for seed in range(draws):
                rng = np.random.default_rng(seed)
                rows = rng.permutation(len(labelled))[: n_known + n_target]
                of = np.repeat(rows, copies)
                nearly = labelled[of] + (copies > 1) * 0.02 * labelled.std(axis=0) * rng.normal(size=labelled[of].shape)
                warned += _warned(nearly[: copies * n_known], nearly[copies * n_known :], of, copies * n_known)
            same = "same survey" if copies == 1 else f"same survey, {copies} copies of each"
            print(f"| {n_known} | {n_target} | {same} | {warned / draws:.2f} |")
        for name in ("gz2_votes", "rings", "mirabest_fits"):
            warned = 0
            for seed in range(draws):
                rng = np.random.default_rng(seed)
                known = labelled[rng.permutation(len(labelled))[:n_known]]
                target = features[name][rng.permutation(len(features[name]))[:n_target]]
                warned += _warned(known, target, np.arange(n_known + n_target), n_known)
            print(f"| {n_known} | {n_target} | {name} | {warned / draws:.2f} |")


def _warned(known: np.ndarray, target: np.ndarray, groups: np.ndarray, n_known: int) -> bool:
    """Say whether target galaxies are told from known ones, the first of those whose groups are given."""
    names = [str(row) for row in range(len(known))]
    reference = Reference.of(known, names, names, groups=groups[:n_known])
    return measure_shift(reference, target, groups=groups[n_known:]).warning is not None


if __name__ == "__main__":
    typer.run(main)
