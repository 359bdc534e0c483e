"""What a range allows, up to its ends, works."""

import pytest
from tests.end_to_end.options import arguments

LARGEST_SEED = 2**32 - 1

CASES = [
    ("finetune", {"seed": LARGEST_SEED, "folds": 2}),
    ("finetune", {"batch_size": 65_536, "learning_rate": 1e-300}),
    ("finetune", {"image_size": 8, "ema_decay": 0.9999999}),
    ("compare", {"seed": LARGEST_SEED, "more": 10**9}),
    ("compare", {"folds": 100}),
    ("select", {"seed": LARGEST_SEED, "completeness": 1e-12, "audit": 1_000_000}),
    ("select", {"completeness": 0.999999, "confidence": 1 - 1e-12, "prevalence": 1e-12}),
    ("explain", {"neighbors": 1000}),
    ("predict", {"level": 1e-12, "min_asked": 1, "n_samples": 1000}),
    ("predict", {"level": 1 - 1e-12}),
    ("simulate", {"seed": LARGEST_SEED, "first": 10**12}),
    ("pretrain", {"seed": LARGEST_SEED, "warmup_steps": 10**12, "report_images": 10**12, "save_steps": 10**12}),
    ("pretrain", {"jitter": 5, "clip": 1e-300, "lr_decay": 1e-300, "votes_weight": 1e6, "truth_weight": 1e6,
        "save_minutes": 0}),
]  # fmt: skip


@pytest.fixture(scope="module")
def run(finetune, tmp_path_factory):
    out = tmp_path_factory.mktemp("ends") / "run"
    finetune(out, "--label", "ring", "--epochs", 1)
    return out


@pytest.mark.parametrize(
    ("command", "changed"), CASES, ids=[f"{command} {' '.join(changed)}" for command, changed in CASES]
)
def test_ends_of_ranges_work(command, changed, run, galaxies, encoder, zoobot_command, tmp_path):
    known = {"catalog": galaxies / "catalog.csv", "run": run, "encoder": encoder, "out": tmp_path / "out"}
    answer = zoobot_command(*arguments(command, known, **changed))
    assert answer.code == 0, answer.err
