"""The plan: every galaxy in its turn, the same whatever the number of processes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobot.pretrain.plan import Plan, make_plan, warmup_steps


def plan(**options: object) -> Plan:
    usual = {
        "batch_size": 12, "n_simulated": 6, "n_surveys": 2, "n_real": 17, "n_unlabelled": 9, "unlabelled_batch_size": 4,
        "images": 600, "report_images": 200, "seed": 3,
    }  # fmt: skip
    return Plan(**usual | options)  # type: ignore[arg-type]


@given(step=st.integers(0, 10**6), processes=st.sampled_from([1, 2, 4]))
def test_processes_share_a_step(step, processes):
    whole = plan().step(step)
    shares = [plan().step(step, rank, processes) for rank in range(processes)]
    for name in ("simulated", "surveys"):
        together = np.concatenate([getattr(share, name) for share in shares])
        assert sorted(together) == sorted(getattr(whole, name))
    for name in ("real", "unlabelled"):
        mine = getattr(whole, name)
        together = [
            pair
            for share in shares
            for pair in zip(getattr(share, name).rows, getattr(share, name).passes, strict=True)
        ]
        assert sorted(together) == sorted(zip(mine.rows, mine.passes, strict=True))


def test_simulated_galaxies_never_repeat_and_surveys_are_even():
    steps = [plan().step(step) for step in range(50)]
    np.testing.assert_array_equal(np.concatenate([step.simulated for step in steps]), np.arange(300))
    for step in steps:
        assert np.bincount(step.surveys).tolist() == [3, 3]


def test_real_galaxies_come_once_a_pass_in_new_orders():
    steps = [plan().step(step) for step in range(17)]
    rows = np.concatenate([step.real.rows for step in steps]).reshape(6, 17)
    passes = np.concatenate([step.real.passes for step in steps]).reshape(6, 17)
    for place in range(6):
        assert sorted(rows[place]) == list(range(17))
        assert set(passes[place]) == {place}
    assert len({tuple(order) for order in rows}) == 6
    assert not np.array_equal(rows, np.concatenate([plan(seed=4).step(s).real.rows for s in range(17)]).reshape(6, 17))


def test_labelled_and_unlabelled_orders_differ():
    both = plan(n_real=9, batch_size=10, n_simulated=6)
    assert not np.array_equal(both.step(0).real.rows, both.step(0).unlabelled.rows)


@given(st.integers(1, 10**7), st.integers(1, 512), st.integers(1, 10**7))
def test_epochs_are_equal_and_hold_all_images(images, batch_size, report_images):
    made = plan(images=images, batch_size=batch_size, report_images=report_images)
    assert made.steps == made.epochs * made.steps_per_epoch
    assert images <= made.steps * batch_size < images + batch_size * (made.epochs + 1)
    assert made.epochs >= 1


@pytest.mark.parametrize(("n_real", "share", "n_simulated"), [(0, None, 8), (100, None, 4), (100, 0.25, 2)])
def test_share_of_simulated_galaxies(quick, n_real, share, n_simulated):
    real = {"galaxies": ("simulated", "votes.csv"), "simulated_share": share} if n_real else {}
    assert make_plan(quick(**real), n_real, 0).n_simulated == n_simulated


def test_epochs_count_real_galaxies(quick):
    settings = quick(galaxies=("simulated", "votes.csv"), epochs=3.0)
    made = make_plan(settings, 100, 0)
    shown = np.concatenate([made.step(step).real.passes for step in range(made.steps)])
    assert np.bincount(shown)[:3].tolist() == [100, 100, 100]
    assert len(shown) < 3 * 100 + made.batch_size * made.epochs
    assert warmup_steps(quick(warmup_steps=None), made) == made.steps // 20
