"""Any model comes back from its file as it was: the same predictions, names, options and calibration."""

import tempfile

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.galaxies import tiny_encoder

import zoobot
from zoobot.data import Preprocessing
from zoobot.finetune import (
    FinetuneableZoobotAbstract,
    FinetuneableZoobotClassifier,
    FinetuneableZoobotRegressor,
    FinetuneableZoobotTree,
)

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
TREE = {
    "questions": {"ring": {"answers": ["yes", "no"]}, "size": {"answers": ["a", "b", "c"], "asked_after": "ring_yes"}}
}
ENCODER = {channels: tiny_encoder("test_efficientnet", channels) for channels in (1, 3)}


@st.composite
def models(draw: st.DrawFn) -> FinetuneableZoobotAbstract:
    channels, count = draw(st.sampled_from([1, 3])), draw(st.integers(2, 5))
    options = {
        "encoder": ENCODER[channels],
        "in_chans": channels,
        "n_blocks": draw(st.integers(-1, 2)),
        "head": draw(st.sampled_from(["linear", "mlp"])),
        "dropout_prob": draw(st.floats(0, 0.9)),
        "learning_rate": draw(st.floats(1e-6, 1)),
        "seed": draw(st.integers(0, 2**31)),
    }
    task = draw(st.sampled_from(["classify", "flags", "regress", "tree"]))
    if task == "tree":
        return FinetuneableZoobotTree(TREE, **options)
    columns = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    if task == "regress":
        model: FinetuneableZoobotAbstract = FinetuneableZoobotRegressor(num_targets=count, **options)
        model.label_cols = columns
    elif task == "flags":
        model = FinetuneableZoobotClassifier(count, multi_label=True, **options)
        model.label_cols = columns
    else:
        model = FinetuneableZoobotClassifier(count, **options)
        model.label_cols, model.class_names = columns[:1], draw(st.permutations([f"class {name}" for name in columns]))
    model.preprocessing = Preprocessing(image_size=32, crop=draw(st.floats(0.1, 1)))
    return model


def fit_calibration(model: FinetuneableZoobotAbstract, seed: int) -> None:
    rng = np.random.default_rng(seed)
    predictions = model.predictions(
        torch.from_numpy(rng.normal(0, 3, (60, len(model.prediction_columns()))).astype(np.float32))
    )
    flags = isinstance(model, FinetuneableZoobotClassifier) and model.multi_label
    labels = rng.integers(0, 2 if flags else predictions.shape[1], predictions.shape if flags else (60, 1))
    if isinstance(model, FinetuneableZoobotRegressor):
        labels = rng.normal(size=predictions.shape)
    model.calibrate(predictions, torch.from_numpy(labels.astype(np.float32)))


@settings(max_examples=40, deadline=None)
@given(model=models(), calibrated=st.booleans(), seed=st.integers(0, 1000))
def test_a_model_comes_back_as_it_was(model, calibrated, seed):
    if calibrated and not isinstance(model, FinetuneableZoobotTree):
        fit_calibration(model, seed)
    images = torch.rand(2, model.encoder.in_chans, 32, 32, generator=torch.Generator().manual_seed(seed))
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        again = zoobot.load(model.save(folder))
        expected, found = (one.predictions(one.eval()(images)) for one in (model, again))
    assert type(again) is type(model)
    assert torch.equal(found, expected)
    assert (again.label_cols, again.class_names) == (model.label_cols, model.class_names)
    assert (again.options, again.task_options()) == (model.options, model.task_options())
    assert again.preprocessing == model.preprocessing
    assert again.calibration_dict() == model.calibration_dict()
