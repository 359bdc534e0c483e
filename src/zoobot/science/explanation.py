"""Heat maps of galaxies, as `zoobot.predictions.explain` makes them and `zoobot.report.draw_explained` draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from zoobot.science.masking import MaskComparison
from zoobot.settings import MapKind

Hiding = Literal["blur", "edge color"]


@dataclass(frozen=True)
class Explanation:
    """What a model says of galaxies, heat maps of that, and what hiding the hottest quarter of the maps does to it."""

    frame: pd.DataFrame
    """``id_str``, ``file_loc``, and the model's predictions, as `zoobot.predict` gives them"""
    views: npt.NDArray[np.float32]
    """(galaxy, channel, height, width) in [0, 1]: what the encoder saw"""
    heat: npt.NDArray[np.float32] | None
    """(galaxy, height, width) in [0, 1]: 1 is where most speaks for the target, all 0 where nothing does; None if not
    asked for
    """
    targets: list[str]
    """(galaxy,) the column that each map explains"""
    features: npt.NDArray[np.float32]
    """(galaxy, feature)"""
    maps: MapKind | None = None
    """What the maps are"""
    cells: tuple[int, int] | None = None
    """Rows and columns of cells that a map has"""
    falls: npt.NDArray[np.float32] | None = None
    """Of occlusion, (galaxy, row, column): by how much the score falls where a cell is hidden, below 0 where it rises
    """
    largest: npt.NDArray[np.float32] | None = None
    """(galaxy,) the largest value of each map before it was divided by it; of occlusion, by how much the score falls
    there
    """
    score: str = ""
    """What falls, in words"""
    quarters: Mapping[Hiding, npt.NDArray[np.float64]] = field(default_factory=dict)
    """By the way of hiding, (galaxy, 3): by how much it falls where the hottest quarter, the central one and random
    places are hidden
    """
    comparisons: Mapping[Hiding, MaskComparison] = field(default_factory=dict)
    """By the way of hiding, the means of that and their differences"""

    def to_dict(self) -> dict[str, Any]:
        """Return what the maps are, and what was measured of them, as JSON can hold it."""
        galaxies = [
            {"id_str": name, "target": target}
            for name, target in zip(self.frame["id_str"].tolist(), self.targets, strict=True)
        ]
        if self.falls is not None:
            for galaxy, falls in zip(galaxies, self.falls, strict=True):
                galaxy["falls"] = [[float(f"{one:.4g}") for one in row] for row in falls.tolist()]
        return {
            "maps": self.maps,
            "cells": self.cells,
            "score": self.score,
            "hidden_quarters": {hiding: found.to_dict() for hiding, found in self.comparisons.items()},
            "galaxies": galaxies,
        }
