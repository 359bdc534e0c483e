"""How the galaxies that were scored compare with those of training, as ``shift.json`` has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoobot.science.figure import SIGNIFICANCE
from zoobot.science.shift import FAR_SHARE, TELLABLE

if TYPE_CHECKING:
    from zoobot.report.contents import RunContents
    from zoobot.report.words import Interval

FAR = (
    "farther from its nearest training galaxy than 99% of training galaxies are from their nearest other training "
    "galaxy"
)


@dataclass(frozen=True)
class Shift:
    """The test galaxies beside others of which the model knows.

    Attributes
    ----------
    n, n_known : int
        Test galaxies, and those that they were compared with.
    n_groups, n_known_groups : int
        Independent groups among them, 0 where that is not told.
    known : str
        Which those are: 'training' or 'validation'.
    auroc, far : float
        Of a classifier that tells them apart; share of test galaxies that are far from all of them.
    auroc_interval, far_interval : tuple of float
        Their 95% intervals.
    far_expected : float or None
        Share of far galaxies to be expected, at most, of the same population; None where that is not told.
    far_means : str
        What a far galaxy is.
    told_apart, is_far : bool
        Whether either figure is beyond what is passed over.
    finetuned : bool or None
        Whether the encoder was finetuned; None where that is not known.
    """

    n: int
    n_known: int
    n_groups: int
    n_known_groups: int
    known: str
    auroc: float
    auroc_interval: Interval
    far: float
    far_interval: Interval
    far_expected: float | None
    far_means: str
    told_apart: bool
    is_far: bool
    finetuned: bool | None


def shift_of(contents: RunContents, blocks: int | None) -> Shift | None:
    """Return how test galaxies compare with known ones; None where nothing was compared."""
    saved = contents.shift
    if saved.get("auroc") is None or saved.get("far_fraction") is None:
        return None
    auroc, far = ((_number(saved, f"{name}_low"), _number(saved, f"{name}_high")) for name in ("auroc", "far"))
    tested = {name: saved.get(f"{name}_p") for name in ("auroc", "far")}
    told_apart = auroc[0] > TELLABLE if tested["auroc"] is None else float(saved["auroc"]) >= TELLABLE
    return Shift(
        n=int(saved.get("n_target") or 0),
        n_known=int(saved.get("n_reference") or 0),
        n_groups=int(saved.get("n_target_groups") or 0),
        n_known_groups=int(saved.get("n_reference_groups") or 0),
        known=str(saved.get("compared_with") or "training"),
        auroc=float(saved["auroc"]),
        auroc_interval=auroc,
        far=float(saved["far_fraction"]),
        far_interval=far,
        far_expected=saved.get("far_expected"),
        far_means=str(saved.get("far_means") or FAR),
        told_apart=told_apart and (tested["auroc"] or 0) <= SIGNIFICANCE,
        is_far=far[0] > FAR_SHARE and (tested["far"] or 0) <= SIGNIFICANCE,
        finetuned=None if blocks is None else blocks != 0,
    )


def _number(saved: dict[str, Any], name: str) -> float:
    return float("nan") if saved.get(name) is None else float(saved[name])
