"""Which jobs there are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from versus.galaxies import Catalogs
from versus.runs import Job
from versus.spec import Spec

BOTH = ("peer", "peer, same allocator", "ours")
ARCHITECTURES = ("convnext_nano", "efficientnet_b0")
HEAD = "head, 30 epochs"
HEAD_LONG = "head, 100 epochs"
AGAIN = ("again, another label column", "again, another seed", "again, another seed and split")
BLOCK, BLOCK_UNCACHED = "n_blocks=1", "n_blocks=1, uncached"
WHOLE = "whole network"
INPUT, MEMORY, FROZEN = "input", "memory", "frozen pass"
TIMM = "plain timm"
SCORE = "accuracy"
SCORED = ("peer, same allocator", "ours")
"""Sides whose accuracy is compared: memory settings change how long the peer takes, not what it learns"""
EXPORT = "weights for accuracy"


PEER_EPOCHS = 6
"""The peer's epochs of the head take alike long: so many are measured, and its fit of 30 or 100 is reckoned from their
mean.
"""


@dataclass(frozen=True)
class Plan:
    """All jobs, in the order that they run, and how many epochs the short and the long fit have."""

    jobs: list[Job]
    epochs: int
    long_epochs: int

    def job(self, name: str, side: str = "ours") -> Job | None:
        """Return the job of a name on a side, if it is in the plan."""
        return next((job for job in self.jobs if job.name == name and job.side == side), None)

    def chosen(self, wanted: list[str]) -> list[Job]:
        """Return the jobs whose name begins with one of the wanted ones, and what they need.

        All jobs are returned where none is given.
        """
        if any(name.startswith(SCORE) for name in wanted):
            wanted = [*wanted, EXPORT]
        return [job for job in self.jobs if not wanted or job.name.startswith(tuple(wanted))]


def make_plan(catalogs: Catalogs, work: Path, *, seeds: int, quick: bool) -> Plan:
    """Return all jobs."""
    epochs, long_epochs, few = (2, 4, 2) if quick else (30, 100, 2)
    repeats = 1 if quick else 3  # ours take seconds, where one noisy moment would count
    common: dict[str, Any] = {"folder": "", "catalog": str(catalogs.labelled), "label": catalogs.label}

    def fit(**options: Any) -> Spec:
        return Spec(task="fit", **{**common, "epochs": epochs, **options})

    def on(side: str, name: str, spec: Spec, *, memory: bool = False) -> Job:
        return Job(name=name, side=side, spec=spec, memory=memory, repeats=repeats if side == "ours" else 1)

    jobs = []
    for name in ARCHITECTURES:
        jobs.append(Job(name=f"bare {name}", spec=Spec(task="bare", folder="", architecture=name)))
    jobs += [on(side, HEAD, fit(epochs=epochs if side == "ours" else min(epochs, PEER_EPOCHS))) for side in BOTH[::-1]]
    jobs += [on("ours", HEAD_LONG, fit(epochs=long_epochs))]
    variants: tuple[dict[str, Any], ...] = (
        {"label": catalogs.other_label},
        {"seed": 43},
        {"seed": 43, "split_seed": 43},
    )
    jobs += [
        Job(name=name, spec=fit(**variant), primed=fit(predict_test=True), repeats=repeats)
        for name, variant in zip(AGAIN, variants, strict=True)
    ]
    jobs += [Job(name=BLOCK, spec=fit(trained="block"))]
    jobs += [Job(name=BLOCK_UNCACHED, spec=fit(trained="block", feature_cache=False, epochs=few))]
    jobs += [Job(name=WHOLE, side=side, spec=fit(trained="whole", epochs=few)) for side in BOTH[::-1]]
    for name in ARCHITECTURES:
        spec = Spec(task="predict_catalog", **{**common, "catalog": str(catalogs.unlabelled), "architecture": name})
        jobs += [on(side, f"predict {name}", spec) for side in BOTH[::-1]]
    jobs += [on(side, INPUT, Spec(task="input_pipeline", **common)) for side in BOTH[::-1]]
    jobs += [on("ours", FROZEN, Spec(task="frozen_pass", **common, epochs=epochs))]
    jobs += [on(side, MEMORY, fit(epochs=epochs if side == "ours" else few), memory=True) for side in BOTH[::-1]]
    jobs += [Job(name=TIMM, side="timm", spec=fit(epochs=few))]
    weights = str(work / "imagenet.pt")
    jobs += [Job(name=EXPORT, spec=Spec(task="export_encoder", folder="", encoder_file=weights))]
    for seed in range(seeds):
        parts = {part: str(path) for part, path in catalogs.rings[seed].items()}
        spec = Spec(
            task="score",
            folder="",
            label=catalogs.ring_label,
            encoder_file=weights,
            seed=seed,
            epochs=epochs,
            **parts,  # type: ignore[arg-type]
        )
        jobs += [Job(name=f"{SCORE}, seed {seed}", side=side, spec=spec) for side in SCORED]
    return Plan(jobs, epochs, long_epochs)
