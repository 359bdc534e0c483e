"""A run on measurements in another unit gives the same figures, with all that its report looks at."""

import json
import math

import pandas as pd
import pytest


def figures(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    return {part: dict(flat(metrics[part])) for part in ("val", "test")}


def flat(content, path=""):
    if isinstance(content, dict | list):
        pairs = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in pairs:
            yield from flat(value, f"{path}/{key}")
    else:
        yield path, content


@pytest.fixture(scope="module")
def plain(galaxies, finetune, tmp_path_factory):
    run = tmp_path_factory.mktemp("plain") / "run"
    finetune(run, "--label", "radius", "--report")
    return run


@pytest.mark.parametrize("unit", [1e40])
def test_every_figure_of_a_run_is_the_same_in_any_unit(unit, plain, galaxies, finetune, zoobot_command, tmp_path):
    frame = pd.read_csv(galaxies / "catalog.csv")
    frame["file_loc"] = [str(galaxies / name) for name in frame["file_loc"]]
    frame.assign(radius=frame["radius"] * unit).to_csv(tmp_path / "catalog.csv", index=False)
    answer = finetune(tmp_path / "run", "--label", "radius", "--report", catalog=tmp_path / "catalog.csv")
    assert "inf" not in answer.out.split("rmse")[1][:200]
    assert len(max(answer.out.splitlines(), key=len)) < 400
    expected = figures(plain)
    for part, own in figures(tmp_path / "run").items():
        assert own.keys() == expected[part].keys()
        for name, value in own.items():
            wanted = expected[part][name]
            if isinstance(value, float) and isinstance(wanted, float):
                has_unit = math.isclose(value, wanted * unit, rel_tol=1e-3, abs_tol=0)
                assert has_unit or math.isclose(value, wanted, rel_tol=1e-3, abs_tol=1e-4), name
            else:
                assert value == wanted, name
    curve, wanted = (
        json.loads((run / "learning_curve.json").read_text())["scores"]["r2"] for run in (tmp_path / "run", plain)
    )
    for (name, value), (_, other) in zip(flat(curve), flat(wanted), strict=True):
        assert value == (pytest.approx(other, rel=1e-3) if isinstance(other, float) else other), name
    for column in ("val_rmse", "val_mae"):
        logs = [pd.read_csv(one / "log.csv")[f"finetuning/{column}"] for one in (tmp_path / "run", plain)]
        assert logs[0].tolist() == pytest.approx((logs[1] * unit).tolist(), rel=1e-3, abs=0)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Traceback" not in page
    again = zoobot_command(
        "evaluate", tmp_path / "catalog.csv", "--model", tmp_path / "run" / "model", "--out", tmp_path / "again"
    )
    assert again.code == 0, again.err
