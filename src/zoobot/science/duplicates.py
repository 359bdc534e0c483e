"""Near-duplicate images: the same sky twice, even if turned, mirrored, shifted a little, compressed anew or resized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from zoobot.errors import CatalogError, ImageError
from zoobot.ranges import bounded
from zoobot.science.reference import unit_rows
from zoobot.science.same_sky import BLOCK, SAME_SKY, THUMBNAIL, amplitudes, compare, details_of, has_details, spectra_of

if TYPE_CHECKING:
    import numpy.typing as npt

COLUMNS = ["id_str_a", "id_str_b", "part_a", "part_b", "similarity", "kind", "file_loc_a", "file_loc_b"]


@bounded()
def near_duplicates(
    frame: pd.DataFrame,
    thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    features: npt.NDArray[np.float32] | None = None,
    *,
    threshold: float = SAME_SKY,
    neighbors: int = 4,
) -> pd.DataFrame:
    """Return the pairs of images that show the same sky, the most similar first.

    Pairs across parts of a split come before all others. Candidates are each image's nearest neighbors by features
    (cosine) and by a signature of its pixels that neither turning nor mirroring nor shifting changes (the amplitude
    spectrum in polar coordinates, and of that the amplitudes along the angle). Candidates are then turned, mirrored and
    shifted onto each other (Reddy & Chatterji 1996), and compared.

    What is compared are details, not the galaxy's light: with ``G_s`` a Gaussian blur, ``d = G_0.7 I - G_2.5 I`` of the
    grey image, divided by the contrast around it, ``sqrt(G_4 d^2)`` (plus 0.3 times its median over the image). Noise,
    stars and neighbors thus weigh as much as the galaxy, so that two smooth ellipticals, or two edge-on disks, are not
    taken for one. The similarity is the correlation coefficient (Pearson) of these within a circle of 0.75 times the
    width, the greatest over turns, mirror images and shifts of up to a tenth of the width. 1: the same pixels.

    Parameters
    ----------
    frame
        One row per image: ``id_str``, ``file_loc``, and ``part`` ('train', 'val', 'test') where there are parts.
    thumbnails
        (image, channel, 64, 64), uint8 or float in [0, 1], each the whole image; see `zoobot.data.images.decode_image`.
        NaN marks an image that can't be read; it has no duplicates, and neither has one without details.
    features
        (image, feature), for more candidates; rows with NaN give none.
    threshold
        The least similarity.
    neighbors
        Candidates an image, by features and by pixels each.

    Returns
    -------
    DataFrame
        ``id_str_a``, ``id_str_b``, ``part_a``, ``part_b`` (empty without parts), ``similarity``, ``kind``: 'identical'
        (the same thumbnail), 'copy', 'rotated' or 'mirrored' (which may be rotated too), ``file_loc_a``,
        ``file_loc_b``.

    Raises
    ------
    ImageError
        Thumbnails of another size.
    CatalogError
        Another number of rows than thumbnails or features.
    """
    if thumbnails.ndim != 4 or thumbnails.shape[2:] != (THUMBNAIL, THUMBNAIL):
        msg = f"thumbnails have the shape {thumbnails.shape}: expected (image, channel, {THUMBNAIL}, {THUMBNAIL})."
        raise ImageError(msg)
    if len(frame) != len(thumbnails) or (features is not None and len(features) != len(frame)):
        counts = f"{len(thumbnails)} thumbnails{'' if features is None else f' and {len(features)} rows of features'}"
        msg = f"the table has {len(frame)} rows, but there are {counts}: give one of each an image."
        raise CatalogError(msg)
    details = details_of(thumbnails)
    usable = np.flatnonzero(has_details(details))
    details = details[usable]
    spectra = spectra_of(details)
    pairs = _neighbors(_signature(spectra), neighbors)
    if features is not None:
        pairs |= _neighbors(features[usable], neighbors)
    pairs |= _identical(thumbnails[usable])
    candidates = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    similarity, turn, mirrored = compare(details, spectra, candidates, threshold)
    found = similarity >= threshold
    a, b = usable[candidates[found, 0]], usable[candidates[found, 1]]
    return _table(frame, thumbnails, a, b, similarity[found], turn[found], mirrored[found])


@dataclass(frozen=True)
class Copies:
    """How many galaxies of a part of the split are copies of others; see `count_copies`."""

    of_learned: int
    """Galaxies with a copy in another part: scores of them are too good"""
    within: int
    """Galaxies less the different ones among them: so many add nothing, and intervals that count them are too narrow"""


def count_copies(
    ids: Sequence[str], pairs: pd.DataFrame, groups: npt.NDArray[np.int64] | None = None, *, part: str = "test"
) -> Copies:
    """Count the galaxies of one part that are copies of others, of the same part and of other parts.

    Parameters
    ----------
    ids
        (galaxy,) those of the part.
    pairs
        What `near_duplicates` gives.
    groups
        (galaxy,) codes; copies within one group are known to depend on one another, and are not counted. None: each
        stands alone.
    part
        Its name in ``pairs``.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    place = {str(name): row for row, name in enumerate(ids)}
    sides = [pairs[f"id_str_{side}"].astype(str).map(place) for side in "ab"]
    inside = [
        (pairs[f"part_{side}"].astype(str) == part) & rows.notna() for side, rows in zip("ab", sides, strict=True)
    ]
    across = {
        row for mine, other, rows in ((inside[0], "b", sides[0]), (inside[1], "a", sides[1]))
        for row in rows[mine & (pairs[f"part_{other}"].astype(str) != part)]
    }  # fmt: skip
    both = (inside[0] & inside[1]).to_numpy(bool)
    a, b = (rows[both].to_numpy(np.int64) for rows in sides)
    alone = np.arange(len(place)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = len(np.unique(alone))
    graph = csr_matrix((np.ones(len(a)), (alone[a], alone[b])), shape=(count, count))
    different = connected_components(graph, directed=False)[0]
    return Copies(len(across), count - int(different))


def _signature(spectra: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return what turns and mirroring leave of spectra: amplitudes along the angle (image, radius x frequency)."""
    flat = amplitudes(spectra)
    centered: npt.NDArray[np.float32] = flat - flat.mean(axis=0) if len(flat) else flat
    return centered


def _neighbors(features: npt.NDArray[np.float32], count: int) -> set[tuple[int, int]]:
    """Return each row's nearest others by cosine, exactly, as pairs with the lower row first."""
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    rows = unit_rows(features[known])
    count = min(count, len(rows) - 1)
    pairs: set[tuple[int, int]] = set()
    if count < 1:
        return pairs
    for start in range(0, len(rows), BLOCK):
        cosine = torch.from_numpy(rows[start : start + BLOCK] @ rows.T)
        here = torch.arange(len(cosine))
        cosine[here, here + start] = -2
        nearest = known[cosine.topk(count, dim=1).indices.numpy()]
        for row, others in zip(known[start : start + BLOCK].tolist(), nearest.tolist(), strict=True):
            pairs.update((min(row, other), max(row, other)) for other in others)
    return pairs


def _identical(thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> set[tuple[int, int]]:
    """Return images of the same pixels, each with the one before, so that none is missed however many there are."""
    last: dict[bytes, int] = {}
    pairs = set()
    for row, image in enumerate(thumbnails):
        content = image.tobytes()
        if content in last:
            pairs.add((last[content], row))
        last[content] = row
    return pairs


def _table(
    frame: pd.DataFrame,
    thumbnails: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    turn: npt.NDArray[np.float64],
    mirrored: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Return the table of pairs that `near_duplicates` promises."""
    ids, files = frame["id_str"].astype(str).to_numpy(), frame["file_loc"].astype(str).to_numpy()
    parts = frame["part"].astype(str).to_numpy() if "part" in frame else np.full(len(frame), "")
    identical = np.array(
        [np.array_equal(thumbnails[one], thumbnails[two]) for one, two in zip(a, b, strict=True)], bool
    )
    kind = np.select([identical, mirrored, np.abs(turn) > 3], ["identical", "mirrored", "rotated"], "copy")
    values = [ids[a], ids[b], parts[a], parts[b], similarity.clip(-1, 1).round(4), kind, files[a], files[b]]
    table = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
    across = table["part_a"] != table["part_b"]
    order = table.assign(across=across).sort_values(["across", "similarity"], ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
