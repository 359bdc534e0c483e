"""Has a model seen these galaxies? Compares them with those that it remembers by file, by name and by picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from zoobot.errors import CatalogError
from zoobot.ranges import bounded
from zoobot.science.memory import ROLES, as_grey
from zoobot.science.reference import unit_rows
from zoobot.science.same_sky import BLOCK, SAME_SKY
from zoobot.science.skies import SAME_LIGHT, Skies, compare_skies, correlate_light

if TYPE_CHECKING:
    import numpy.typing as npt

    from zoobot.science.memory import Memory

SAME_FILE, SAME_ID, NEAR_COPY = "same file", "same id", "near copy"
HOW = (SAME_FILE, SAME_ID, NEAR_COPY)

SEEN_COLUMNS = ["id_str", "file_loc", "how", "similarity", "known_id_str", "known_file_loc", "role"]

CANDIDATES = 8
"""Remembered galaxies that each galaxy's picture is compared with"""


@dataclass(frozen=True, eq=False)
class Seen:
    """Which galaxies of a catalog a model remembers, and as what.

    Parameters
    ----------
    n
        Galaxies of the catalog.
    rows, known
        (match,) the galaxies of the catalog that are known, each once, and which remembered galaxy each is.
    how
        (match,) places in `HOW`.
    similarity
        (match,) of the pictures, as `near_duplicates` defines it: 1 for the same file, NaN where they could not be
        compared.
    roles
        (match,) places in `ROLES`.
    namesakes
        (galaxy,) those that have the name of a remembered galaxy, and are taken for others.
    n_remembered, n_pictured
        Galaxies that the model remembers, and those of them with a picture.
    """

    n: int
    rows: npt.NDArray[np.int64]
    known: npt.NDArray[np.int64]
    how: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    roles: npt.NDArray[np.int64]
    namesakes: npt.NDArray[np.int64]
    n_remembered: int
    n_pictured: int

    @property
    def learned(self) -> npt.NDArray[np.bool_]:
        """Which galaxies (galaxy,) had a part in what the model is: training or validation galaxies."""
        learned = np.zeros(self.n, bool)
        learned[self.rows[self.roles < ROLES.index("test")]] = True
        return learned

    def counts(self) -> dict[str, int]:
        """Return how many galaxies are of each part of the model's, and how many are ``new``.

        Parts are ``train``, ``val`` and ``test``.
        """
        each = np.bincount(self.roles, minlength=len(ROLES)).tolist()
        return dict(zip(ROLES, each, strict=True)) | {"new": self.n - len(self.rows)}

    def table(self, frame: pd.DataFrame, memory: Memory) -> pd.DataFrame:
        """Return the known galaxies of the catalog ``frame``, one row per galaxy, with what each is to the model.

        Returns
        -------
        DataFrame
            ``id_str``, ``file_loc``, ``how`` ('same file', 'same id', 'near copy'), ``similarity``, ``known_id_str``,
            ``known_file_loc``, ``role`` ('train', 'val', 'test').
        """
        ids, files = memory.ids, memory.file_locs
        here = frame[["id_str", "file_loc"]].iloc[self.rows].reset_index(drop=True)
        return here.assign(
            how=[HOW[place] for place in self.how],
            similarity=self.similarity.round(4),
            known_id_str=[ids[row] for row in self.known],
            known_file_loc=[files[row] for row in self.known],
            role=[ROLES[place] for place in self.roles],
        )[SEEN_COLUMNS]


@bounded()
def find_seen(
    memory: Memory,
    ids: Sequence[str],
    digests: npt.NDArray[np.uint64],
    pictures: npt.NDArray[np.uint8],
    *,
    threshold: float = SAME_SKY,
) -> Seen:
    """Return which galaxies of a catalog a model remembers.

    - *Same file*: the files' contents have the same digest.
    - *Near copy*: the pictures show the same sky, turned, mirrored, shifted or compressed anew: their similarity
      reaches ``threshold``. Compared are the remembered galaxies whose pictures' signatures are nearest (cosine), and
      those of the same name; see `near_duplicates` for both.
    - *Same id*: the name is that of a remembered galaxy, and the picture does not contradict. Names such as "1" are
      used by many catalogs: where the pictures clearly differ, in their light too (`correlate_light`), the galaxy is
      another one. Where that can't be told (there is no picture, or it is blank, or compressed out of recognition),
      most of the other namesakes decide, and the name alone where there are none.

    A galaxy that is like several is the training galaxy before the validation galaxy before the test galaxy among them.

    Parameters
    ----------
    memory
        Of the model.
    ids, digests, pictures
        Of the catalog: (galaxy,), (galaxy, 2), and (galaxy, channel, 64, 64), made as the memory's; see
        `zoobot.data.pixels.file_digests` and `near_duplicates`. A digest of 0 is not known.
    threshold
        The least similarity of the same sky.

    Raises
    ------
    CatalogError
        Another number of digests or pictures than of ids.
    """
    if not len(ids) == len(digests) == len(pictures):
        msg = (
            f"{len(ids)} ids, {len(digests)} digests and {len(pictures)} pictures were given: give one of each for a "
            "galaxy."
        )
        raise CatalogError(msg)
    named = _joined(pd.Series(list(map(str, ids))), pd.Series(memory.ids))
    own, others = Skies.of(as_grey(pictures)), Skies.of(memory.pictures)
    place = np.full(len(memory), -1)
    place[memory.pictured] = np.where(others.usable, np.arange(len(memory.pictured)), -1)
    namesakes = named.assign(picture=place[named["known"]])
    namesakes = namesakes[own.usable[named["row"]] & (namesakes["picture"] >= 0)]
    links = pd.concat(
        [
            _same_file(digests, memory),
            _near_copies(own, others, namesakes[["row", "picture"]].to_numpy(np.int64), memory.pictured, threshold),
        ]
    )
    light = correlate_light(own, others, namesakes[["row", "picture"]].to_numpy(np.int64))
    differ = named.index.isin(namesakes.index[light < SAME_LIGHT])
    links = pd.concat([links, _believed(named, differ, links)])
    links["role"] = memory.roles[links["known"].to_numpy(np.int64)].astype(np.int64)
    links = links.sort_values(["row", "role", "how", "similarity"], ascending=[True, True, True, False], kind="stable")
    best = links.drop_duplicates("row")
    places = {name: best[name].to_numpy(np.int64) for name in ("row", "known", "how", "role")}
    return Seen(
        n=len(ids),
        rows=places["row"],
        known=places["known"],
        how=places["how"],
        similarity=best["similarity"].to_numpy(np.float64),
        roles=places["role"],
        namesakes=np.setdiff1d(named["row"].to_numpy(np.int64), places["row"]),
        n_remembered=len(memory),
        n_pictured=int(others.usable.sum()),
    )


def _same_file(digests: npt.NDArray[np.uint64], memory: Memory) -> pd.DataFrame:
    """Return the links (row, known, how, similarity) of files with the same content.

    Of several, the link is that of the most telling part.
    """
    telling = np.argsort(memory.roles, kind="stable")
    content = _digest_keys(memory.digests).iloc[telling].drop_duplicates()  # many may be one placeholder
    return _joined(_digest_keys(digests), content).assign(how=HOW.index(SAME_FILE), similarity=1.0)


def _near_copies(
    own: Skies, others: Skies, namesakes: npt.NDArray[np.int64], pictured: npt.NDArray[np.int64], threshold: float
) -> pd.DataFrame:
    """Return the links of pictures of the same sky, among each picture's nearest others and ``namesakes`` (pair, 2)."""
    pairs = np.unique(np.concatenate([namesakes, _nearest(own, others)]), axis=0)
    similarity = compare_skies(own, others, pairs, threshold=threshold)
    alike = similarity >= threshold
    found = {"row": pairs[alike, 0], "known": pictured[pairs[alike, 1]], "similarity": similarity[alike]}
    return pd.DataFrame(found).assign(how=HOW.index(NEAR_COPY))


def _believed(named: pd.DataFrame, differ: npt.NDArray[np.bool_], links: pd.DataFrame) -> pd.DataFrame:
    """Return the links by name (row, known) that files and pictures confirm.

    Where more do than not, those that they leave open are returned too.
    """
    named = named.merge(links.groupby(["row", "known"], as_index=False)["similarity"].max(), how="left")
    confirmed = named["similarity"].notna()
    contradicted = ~confirmed & differ
    kept = ~contradicted if confirmed.sum() >= contradicted.sum() else confirmed
    return named[kept].assign(how=HOW.index(SAME_ID))


def _digest_keys(digests: npt.NDArray[np.uint64]) -> pd.Series[str]:
    """Return digests (galaxy, 2) as text, missing where they are not known."""
    keys = pd.Series([row.tobytes().hex() for row in np.ascontiguousarray(digests)], dtype=object)
    return keys.where(np.asarray(digests.any(axis=1)))


def _joined(here: pd.Series[str], there: pd.Series[str]) -> pd.DataFrame:
    """Return the index labels ``row`` and ``known`` of values that are the same; missing values have none."""
    sides = [
        pd.DataFrame({"value": values, name: values.index}).dropna()
        for values, name in ((here, "row"), (there, "known"))
    ]
    return sides[0].merge(sides[1], on="value")[["row", "known"]].astype(np.int64)


def _nearest(own: Skies, others: Skies) -> npt.NDArray[np.int64]:
    """Return the pairs (pair, 2) of each image's nearest others by the cosine of their signatures."""
    rows, columns = np.flatnonzero(own.usable), np.flatnonzero(others.usable)
    count = min(CANDIDATES, len(columns))
    if not count or not len(rows):
        return np.empty((0, 2), np.int64)
    known = others.signatures(columns)
    middle = known.mean(axis=0)
    known = unit_rows(known - middle)
    pairs = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        cosine = torch.from_numpy(unit_rows(own.signatures(block) - middle) @ known.T)
        nearest = columns[cosine.topk(count, dim=1).indices.numpy()]
        pairs.append(np.stack([np.repeat(block, count), nearest.ravel()], axis=1))
    return np.concatenate(pairs)
